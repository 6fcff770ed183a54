"""A process that must not outlive the one that started it."""

import os
import sys

_PR_SET_PDEATHSIG = 1  # <sys/prctl.h>


def die_with(parent: int) -> bool:
    """Have the kernel end this process when its parent ends, where the kernel can do that.

    To the kernel the parent is the thread that started this process. Elsewhere it ends after
    what it has, for there is nobody left to give it more. False if the process of the id
    `parent` was gone before the kernel could be asked.
    """
    if sys.platform == "linux":
        # Imported here: only worker processes need them.
        import ctypes
        import signal

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    return os.getppid() == parent
