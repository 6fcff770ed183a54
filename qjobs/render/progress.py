"""Feedback on stderr: on a terminal what is waited for and how far it is, calm lines elsewhere.

Whatever asks somebody is covered: `wait_for` shows that an answer takes its time, `progress` how
far something has come.
"""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple, Protocol

from qjobs import paths
from qjobs.render.line import LINE
from qjobs.render.output import Output
from qjobs.render.text import clean, elapsed, time_left

_WIDEST_BAR = 30
_NARROWEST_BAR = 8
_SHORTEST_NOTE = 20  # to which one is cut
_FRAMES_A_SECOND = 10
_BETWEEN = "  "


class Share(NamedTuple):
    """How many of all there are."""

    done: int
    total: int

    def __str__(self) -> str:
        return f"{self.done}/{self.total}"


class Meter(Protocol):
    """Shows how far something has come. May be called from any thread."""

    def show(
        self,
        done: int,
        total: int,
        note: str = "",
        *,
        circuits: Share | None = None,
        left_s: float | None = None,
    ) -> None:
        """Show `done` of `total`, and in `note` what is being waited for.

        Where they are known, also how many `circuits` that is, and the time that is left.
        """


class _Lines:
    """Each new note once, on a line of its own."""

    def __init__(self, output: Output, title: str) -> None:
        self._output = output
        self._title = title
        self._lock = threading.Lock()
        self._last = ""

    def show(
        self,
        done: int,  # noqa: ARG002 - a Meter
        total: int,  # noqa: ARG002
        note: str = "",
        *,
        circuits: Share | None = None,  # noqa: ARG002
        left_s: float | None = None,  # noqa: ARG002
    ) -> None:
        with self._lock:
            if note and note != self._last:
                self._last = note
                self._output.note(f"{self._title}: {note}")


class _Reached(NamedTuple):
    """What a bar shows, all of one moment."""

    jobs: Share | None = None
    circuits: Share | None = None
    left_s: float | None = None
    note: str = ""


class _Marks(NamedTuple):
    """What a terminal can show, and in which colours."""

    frames: str
    full: str
    rest: str
    cut: str
    green: str = ""
    dim: str = ""
    plain: str = ""

    @classmethod
    def of_stderr(cls) -> "_Marks":
        """As it is encoded, and as the user wants it."""
        colours = ("\x1b[32m", "\x1b[2m", "\x1b[0m") if paths.wants_colour() else ()
        fine = cls("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", "━", "━" if colours else "╌", "…", *colours)
        try:
            "".join(fine).encode(sys.stderr.encoding)
        except (UnicodeError, TypeError):
            return cls("|/-\\", "#", "-", ".", *colours)
        return fine


class Shown:
    """What the line shows: what is waited for and for how long, and a bar where there is one."""

    def __init__(self, title: str = "", unit: str = "", waits_for: str = "") -> None:
        self.waits_for = waits_for
        self._title = title
        self._unit = unit
        self._reached = _Reached()
        self._marks = _Marks.of_stderr()
        self._started_s = time.monotonic()

    def show(
        self,
        done: int,
        total: int,
        note: str = "",
        *,
        circuits: Share | None = None,
        left_s: float | None = None,
    ) -> None:
        """Be a Meter."""
        self._reached = _Reached(Share(done, total), circuits, left_s, clean(note))

    def wait_for(self, what: str, *, anew: bool) -> None:
        """Say that `what` is waited for; what was before that is over if it is `anew`."""
        self.waits_for = what
        if anew and not self._title:
            self._started_s = time.monotonic()

    def __call__(self, width: int) -> str:
        """The line in so many columns: what matters most comes first, the rest where it fits."""
        marks = self._marks
        jobs, circuits, left_s, note = self._reached
        lasted_s = time.monotonic() - self._started_s
        frame = marks.frames[int(lasted_s * _FRAMES_A_SECOND) % len(marks.frames)]
        passed = elapsed(lasted_s)
        if left_s is not None:
            passed += f", {time_left(left_s)}"
        if jobs is None and self._title:
            note = self.waits_for
        parts = [self._title or self.waits_for, f"{jobs} {self._unit}" if jobs else "", passed]
        parts = [*filter(None, parts)]
        room = width - 1 - len(f"{frame} {_BETWEEN.join(parts)}")
        if room < 0:
            return f"{frame} {_BETWEEN.join(parts)}"[: width - 1]
        if circuits and room > len(of_circuits := f"{_BETWEEN}{circuits} circuits"):
            parts.insert(-1, of_circuits.strip())
            room -= len(of_circuits)
        least_bar = _NARROWEST_BAR + len(_BETWEEN) if jobs else 0
        if room - least_bar - len(_BETWEEN) < min(len(note), _SHORTEST_NOTE):
            note = ""
        if jobs and room >= least_bar:
            beside = len(note) + 2 * len(_BETWEEN)
            cells = min(_WIDEST_BAR, max(_NARROWEST_BAR, room - beside), room - len(_BETWEEN))
            parts.insert(1, self._bar(circuits or jobs, cells))
            room -= cells + len(_BETWEEN)
        room -= len(_BETWEEN)
        if note:
            cut = note if len(note) <= room else note[: room - 1] + marks.cut
            parts.append(f"{marks.dim}{cut}{marks.plain}")
        return f"{marks.green}{frame}{marks.plain} {_BETWEEN.join(parts)}"

    def _bar(self, share: Share, cells: int) -> str:
        marks = self._marks
        full = cells * share.done // max(1, share.total)
        return (
            f"{marks.green}{marks.full * full}{marks.plain}"
            f"{marks.dim}{marks.rest * (cells - full)}{marks.plain}"
        )


@contextmanager
def progress(output: Output, title: str, *, unit: str = "jobs") -> Iterator[Meter]:
    """A meter for as long as the block lasts; it counts things of a `unit`."""
    if not _has_line(output):
        yield _Lines(output, title)
        return
    shown = Shown(title, unit)
    LINE.show(shown, stays=True)
    try:
        yield shown
    finally:
        LINE.take_away()


def wait_for(output: Output, what: str) -> None:
    """Show that `what` is waited for, unless it is over soon, until there is something to write.

    Where there is a meter, it says so as long as it has nothing better to say.
    """
    if not _has_line(output):
        return
    shown = LINE.drawing
    if isinstance(shown, Shown):
        shown.wait_for(what, anew=LINE.go_on())
    else:
        LINE.show(Shown(waits_for=what))


def _has_line(output: Output) -> bool:
    return output.shows_progress and not paths.is_dumb_terminal()
