"""Progress on stderr: a bar on a terminal, calm lines elsewhere."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from qjobs.render.output import Output
from qjobs.render.text import clean

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class Meter(Protocol):
    """Shows how far something has come. May be called from any thread."""

    def show(self, done: int, total: int, note: str = "") -> None:
        """Show `done` of `total`, and in `note` what is being waited for."""


class _Lines:
    """Each new note once, on a line of its own."""

    def __init__(self, output: Output, title: str) -> None:
        self._output = output
        self._title = title
        self._lock = threading.Lock()
        self._last = ""

    def show(self, done: int, total: int, note: str = "") -> None:  # noqa: ARG002 - a Meter
        with self._lock:
            if note and note != self._last:
                self._last = note
                self._output.note(f"{self._title}: {note}")


class _Bar:
    def __init__(self, progress: "Progress", task: "TaskID") -> None:
        self._progress = progress
        self._task = task

    def show(self, done: int, total: int, note: str = "") -> None:
        self._progress.update(self._task, completed=done, total=total, note=clean(note))


@contextmanager
def progress(output: Output, title: str) -> Iterator[Meter]:
    """A meter for as long as the block lasts."""
    if not output.shows_progress:
        yield _Lines(output, title)
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    console = Console(stderr=True, markup=False, highlight=False, emoji=False)
    if console.is_dumb_terminal:
        yield _Lines(output, title)
        return
    columns = (
        SpinnerColumn(style="green"),
        TextColumn(title, markup=False),
        # Rich's own bar is red until it is full, as if something were wrong.
        BarColumn(bar_width=30, complete_style="green", pulse_style="green"),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}", markup=False),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        yield _Bar(bar, bar.add_task(title, total=None, note=""))
