"""The screen of `watch`: it takes the whole terminal, and gives it back whatever happens."""

import os
import select
import signal
import sys
import termios
import threading
import tty
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from types import FrameType, TracebackType
from typing import Any, Self

from rich.console import Group
from rich.live import Live

from qjobs.engine.pace import Pace
from qjobs.engine.report import SetReport
from qjobs.render.tables import console
from qjobs.render.watched import Watched, screen_lines

_FRAMES_A_SECOND = 4
_LOOK_S = 0.2
_NORMAL = b"\x1b[?1049l\x1b[?25h"  # leave the alternate screen, show the cursor


class Screen:
    """Shows sets until the block ends. Keys: `q` calls `on_leave`, which may be twice.

    `restore` is for a process that ends without unwinding. Ctrl-Z gives the terminal back, and
    takes it again.
    """

    def __init__(self, *, clock: Callable[[], datetime], on_leave: Callable[[], None]) -> None:
        self._clock = clock
        self._on_leave = on_leave
        self._sets: list[Watched] = []
        self._looked: datetime | None = None
        self._paces: dict[str, Pace] = {}
        self.problems: list[str] = []
        self._left = False
        self._console = console()
        self._over = threading.Event()
        self._keys = _keyboard()
        self._modes: list[Any] | None = None
        self._stopped_before: Any = None
        self._live = Live(
            console=self._console, screen=True, auto_refresh=True, redirect_stdout=False,
            refresh_per_second=_FRAMES_A_SECOND, get_renderable=self._frame,
        )  # fmt: skip

    def __enter__(self) -> Self:
        try:
            self._take_keys()
            self._live.start(refresh=True)
            self._stopped_before = signal.signal(signal.SIGTSTP, self._pause)
            if self._keys is not None:
                threading.Thread(target=self._read_keys, daemon=True).start()
        except BaseException:
            self._leave()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._leave()

    def show(self, reports: Sequence[SetReport]) -> None:
        """Show how sets are from now on."""
        self._sets = [
            Watched(
                report,
                self._paces.setdefault(report.job_set.set_id, Pace()).look([report]),
            )
            for report in reports
        ]
        self._looked = self._clock()

    def warn(self, problem: str) -> None:
        """Show what could not be learnt, the latest ones."""
        self.problems.append(problem)

    def restore(self) -> None:
        """Give the terminal back, at any moment."""
        with suppress(OSError, ValueError):
            os.write(self._console.file.fileno(), _NORMAL)
        self._give_keys_back()

    def _frame(self) -> Group:
        width, height = self._console.size
        keys = "q or Ctrl-C" if self._keys is not None else "Ctrl-C"
        leaving = f"{keys} leaves; the jobs go on"
        if self._left:
            leaving = "leaving: waiting for an answer; q again leaves at once"
        return Group(
            *screen_lines(
                self._sets, width=width, height=height, now=self._clock(), looked=self._looked,
                problems=self.problems, leaving=leaving,
            )
        )  # fmt: skip

    def _leave(self) -> None:
        self._over.set()
        if self._stopped_before is not None:
            signal.signal(signal.SIGTSTP, self._stopped_before)
        try:
            self._live.stop()
        finally:
            self._give_keys_back()

    def _pause(self, _number: int, _frame: FrameType | None) -> None:
        self._live.stop()
        self._give_keys_back()
        os.kill(os.getpid(), signal.SIGSTOP)
        self._take_keys()
        self._live.start(refresh=True)

    # Keys come one by one and are not shown; signals are still made of them.

    def _take_keys(self) -> None:
        if self._keys is not None:
            self._modes = termios.tcgetattr(self._keys)
            tty.setcbreak(self._keys, termios.TCSANOW)

    def _give_keys_back(self) -> None:
        if self._keys is not None and self._modes is not None:
            with suppress(termios.error):
                termios.tcsetattr(self._keys, termios.TCSANOW, self._modes)

    def _read_keys(self) -> None:
        assert self._keys is not None
        while not self._over.is_set():
            ready, _, _ = select.select([self._keys], [], [], _LOOK_S)
            if not ready or self._over.is_set():
                continue
            try:
                key = os.read(self._keys, 1)
            except OSError:
                return
            if not key:
                return
            if key in b"qQ":
                self._left = True
                self._on_leave()


def _keyboard() -> int | None:
    """The descriptor of the user's keyboard; addresses may come from standard input."""
    if sys.stdin is not None and sys.stdin.isatty():
        return sys.stdin.fileno()
    try:
        return os.open("/dev/tty", os.O_RDONLY)
    except OSError:
        return None
