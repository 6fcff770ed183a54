"""Our parent, as we see it in a child process of ours: requests come in, answers go out.

Libraries print, from Python, C and Rust, when they are imported, while they work and when they
end; so may what a user has Python do at its start. So the answers never go through stdout: they
have a pipe of their own, whose number is the last argument of the child's command.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from qjobs.children import frames
from qjobs.children.frames import Frame

THREADED = frozenset({"RAYON", "OMP", "OPENBLAS", "MKL"})
"""Libraries below ours that start a thread for each core, unless `<NAME>_NUM_THREADS` says less."""

_PR_SET_PDEATHSIG = 1  # <sys/prctl.h>


class Parent:
    """What it asks, and how it is answered, by any thread.

    Neither way can be reached by what else reads or prints in this process, or by others that it
    starts.
    """

    def __init__(self, answers: int) -> None:
        """`answers` is the last argument of this process's command."""
        os.set_inheritable(answers, False)  # noqa: FBT003 - takes no keyword
        self._requests = os.fdopen(os.dup(0), "rb")
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        self._answers = os.fdopen(answers, "wb")
        self._writing = threading.Lock()

    def requests(self) -> Iterator[Frame]:
        """The requests, as they come, until there are no more."""
        while (request := frames.read(self._requests)) is not None:
            yield request

    def answer(self, fields: Mapping[str, Any], body: bytes = b"") -> None:
        """Send an answer. Nobody may be left to hear it."""
        data = frames.encode(fields, body)
        with self._writing, suppress(BrokenPipeError):
            self._answers.write(data)
            self._answers.flush()


def begin(
    arguments: Sequence[str], *, threaded: Iterable[str] = THREADED
) -> tuple[list[str], Parent]:
    """Begin as a child that `Child.of` started: its own arguments, and its parent.

    It ends with its parent and leaves Ctrl-C to it, and the libraries that are `threaded` leave the
    other cores to its siblings. Call it before these are loaded.
    """
    *own, parent, answers = arguments
    if not _end_with_parent(int(parent)):
        os._exit(0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for library in threaded:
        os.putenv(f"{library}_NUM_THREADS", "1")
    return own, Parent(int(answers))


def _end_with_parent(parent: int) -> bool:
    """Have the kernel end this process when its parent ends, where the kernel can do that.

    To the kernel the parent is the thread that started this process. Elsewhere it ends after
    what it has, for there is nobody left to give it more. False if the process of the id
    `parent` was gone before the kernel could be asked.
    """
    if sys.platform == "linux":
        # Imported here: only those processes need it.
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    return os.getppid() == parent
