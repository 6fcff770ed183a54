"""How a child process of ours answers: on a pipe that nothing else in it can print on.

Libraries print, from Python, C and Rust, when they are imported, while they work and when they
end; so may what a user has Python do at its start. So the answers never go through stdout: they
have a pipe of their own, whose number is the last argument of the child's command.
"""

import fcntl
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    import subprocess

_FIRST_FREE = 3  # behind stdin, stdout and stderr


def start(
    command: Sequence[str], *, printed: int, **options: Any
) -> "tuple[subprocess.Popen[bytes], BinaryIO]":
    """Start a process that gets requests on its stdin; it, and the pipe of its answers.

    `printed` is where its stdout and stderr go: a descriptor, or `subprocess.DEVNULL`. The
    options are those of `Popen`. Raises OSError.
    """
    # Imported here: the child, which has this module too, starts nothing.
    import subprocess

    answers, theirs = os.pipe()
    # Where our own stdout is closed, a pipe may get its number, which the child's stdout takes.
    end = fcntl.fcntl(theirs, fcntl.F_DUPFD_CLOEXEC, _FIRST_FREE)
    os.close(theirs)
    try:
        process = subprocess.Popen(
            [*command, str(end)],
            stdin=subprocess.PIPE,
            stdout=printed,
            stderr=printed,
            pass_fds=(end,),
            **options,
        )
    except BaseException:
        os.close(answers)
        raise
    finally:
        os.close(end)
    return process, os.fdopen(answers, "rb")


def take(answers: int) -> tuple[BinaryIO, BinaryIO]:
    """In a process that `start` started: its requests, and its answers on that descriptor.

    Neither can be reached by what else reads or prints there, or by processes that it starts.
    """
    os.set_inheritable(answers, False)  # noqa: FBT003 - takes no keyword
    requests = os.fdopen(os.dup(0), "rb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return requests, os.fdopen(answers, "wb")
