"""Worker processes: that they do not outlive who started them, and what they ended of."""

import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # <sys/prctl.h>


def die_with(parent: int) -> bool:
    """Have the kernel end this process when its parent ends, where the kernel can do that.

    To the kernel the parent is the thread that started this process. Elsewhere it ends after
    what it has, for there is nobody left to give it more. False if the process of the id
    `parent` was gone before the kernel could be asked.
    """
    if sys.platform == "linux":
        # Imported here: only worker processes need it.
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    return os.getppid() == parent


def ending(code: int) -> str:
    """What a process of this return code ended of, as `subprocess` gives it."""
    if code < 0:
        return f"was killed by signal {-code} ({signal.strsignal(-code)})"
    return f"ended with exit code {code}"


def death(code: int) -> str:
    """As `ending`, with the usual reason where a worker was killed by SIGKILL."""
    if code == -signal.SIGKILL:
        return "was killed by signal 9 (SIGKILL): out of memory?"
    return ending(code)
