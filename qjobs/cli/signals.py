"""Ctrl-C and SIGTERM: the first asks for an orderly stop, the second leaves at once."""

import _thread
import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Self

from qjobs.errors import ExitCode
from qjobs.render.line import LINE
from qjobs.render.output import say_from_signal_handler

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_FULL_PIPE_S = 10.0  # for a message to leave, where nobody reads what this process says


class Interruption:
    """While the block lasts, a signal sets `stop` and says `message`; a second one exits.

    `undo` is what a process has to do to the terminal before it ends without unwinding.
    """

    def __init__(self, message: str) -> None:
        self.stop = threading.Event()
        self.exit_code = ExitCode.OK  # of the signal that came, if one did
        self.left = False  # by a key of the user's, not by a signal
        self.undo: Callable[[], object] = LINE.erase_at_once
        self._message = message
        self._said = threading.Event()
        self._before = {number: signal.getsignal(number) for number in _SIGNALS}

    def __enter__(self) -> Self:
        for number in _SIGNALS:
            signal.signal(number, self._handle)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.exit_code:
            self._said.wait(_FULL_PIPE_S)  # a process that ends takes its threads along
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def leave(self) -> None:
        """Do as a signal does, for a user who asks for it by other means: nothing went wrong."""
        if self.left:
            self.undo()
            os._exit(ExitCode.OK)
        self.left = True
        self.stop.set()

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self.exit_code:
            # What was recorded is on the disk; what was not is found by its tag.
            self.undo()
            os._exit(128 + number)
        self.exit_code = ExitCode(128 + number)
        # This runs in the midst of the main thread, which may hold the lock that `set` takes.
        _thread.start_new_thread(self._stop, ())

    def _stop(self) -> None:
        self.stop.set()
        try:
            say_from_signal_handler(self._message)  # only now is it true
        finally:
            self._said.set()


def exit_on_sigterm() -> None:
    """Let SIGTERM unwind the program as Ctrl-C does, so that drafts are cleared away."""

    def leave(_number: int, _frame: FrameType | None) -> None:
        sys.exit(ExitCode.TERMINATED)

    signal.signal(signal.SIGTERM, leave)
