"""Where data goes: stdout, which is ours alone once the code of others is about to be loaded.

A plug-in, or a client below one, prints when it likes: from Python or C, in a call, in a thread,
in a program that it starts, when Python ends. From then on all of that goes to stderr, and data
to a descriptor that nobody else knows.
"""

import fcntl
import os
import sys
from io import TextIOWrapper
from typing import TextIO

from qjobs.render.line import LINE

_FIRST_FREE = 3  # behind stdin, stdout and stderr


class Data:
    """The stream for data of this process."""

    def __init__(self) -> None:
        self._is_command = False
        self._apart: TextIO | None = None

    @property
    def stream(self) -> TextIO:
        """The one to write to now."""
        LINE.give_way()
        return self._apart or sys.stdout

    def claim(self) -> None:
        """The whole process is a command of ours, so that its stdout is ours to move."""
        self._is_command = True

    def keep_apart(self) -> None:
        """Have whatever others print go to stderr from now on, to the end of the process."""
        ours = sys.stdout
        if not (self._is_command and self._apart is None and isinstance(ours, TextIOWrapper)):
            return
        ours.flush()
        descriptor = ours.fileno()
        self._apart = os.fdopen(
            fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _FIRST_FREE),
            "w",
            encoding=ours.encoding,
            errors=ours.errors,
            newline="\n",
            buffering=1 if ours.line_buffering else -1,
        )
        printed = os.open(os.devnull, os.O_WRONLY) if sys.stderr is None else 2
        os.dup2(printed, descriptor)
        sys.stdout = sys.stderr or os.fdopen(printed, "w")


DATA = Data()
