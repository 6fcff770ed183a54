"""Circuits looked at by worker processes, some at a time; none of them can harm the one that asks.

What a process dies of is found by looking at the circuits one by one.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from qjobs import pool
from qjobs.children.child import Died
from qjobs.circuits import bounds
from qjobs.circuits.anatomy import Anatomy
from qjobs.circuits.process import Process, Processes
from qjobs.circuits.qpy import Container
from qjobs.circuits.sniff import Format
from qjobs.model import Slice

_A_PROCESS = 2000  # circuits: about as many as are decoded while another one starts
_MOST_PROCESSES = 16
WINDOW = 300
WINDOW_BYTES = 16 << 20
MOST_DEATHS = 20
"""After so many the circuits of a window that kills are not looked at one by one any more."""


class Window(NamedTuple):
    """Some circuits that follow one another in a QPY container."""

    path: Path
    part: Slice

    def split(self, count: int) -> "tuple[Window, Window | None]":
        """Its first `count` circuits and, if there are more, the others."""
        start, size = self.part.start_index, self.part.experiments_count
        rest = self._replace(part=Slice(start + count, size - count)) if count < size else None
        return self._replace(part=Slice(start, count)), rest

    def singly(self) -> "Iterator[Window]":
        """A window for each circuit."""
        for index in range(self.part.start_index, self.part.end_index + 1):
            yield Window(self.path, Slice(index, 1))


def windows(path: Path) -> Iterator[Window]:
    """All circuits of a container. Raises InputError."""
    with Container.open(path) as container:
        for part in container.runs(circuits=WINDOW, size_bytes=WINDOW_BYTES):
            yield Window(path, part)


class Lookers(Processes):
    """Processes that look at so many circuits."""

    def __init__(self, circuits: int) -> None:
        processes = min(pool.usable_cores(), _MOST_PROCESSES, 1 + circuits // _A_PROCESS)
        super().__init__(processes)
        self._memory_bytes = bounds.memory_bytes(processes)
        self._deaths = 0

    def look(self, windows: Iterable[Window]) -> Iterator[tuple[Window, list[Anatomy]]]:
        """What each circuit is made of, in order; few windows are in memory at a time."""
        idle = deque(range(len(self._all)))
        asked: deque[tuple[int, Window]] = deque()
        for window in windows:
            if not idle:
                at, first = asked.popleft()
                idle.append(at)
                yield first, self._answer(at, first)
            at = idle.popleft()
            self._ask(at, window)
            asked.append((at, window))
        for at, window in asked:
            yield window, self._answer(at, window)

    def _ask(self, at: int, window: Window) -> None:
        self._all[at].child.send(
            {
                "look_at": str(window.path),
                "start_index": window.part.start_index,
                "experiments_count": window.part.experiments_count,
            }
        )

    def _answer(self, at: int, window: Window) -> list[Anatomy]:
        limit_s = bounds.FILE_S + bounds.BYTE_S[Format.QPY] * WINDOW_BYTES
        try:
            message: Any = self._all[at].child.answer(limit_s=limit_s).fields
        except Died as death:
            return self._one_by_one(at, window, death)
        if "error" in message:
            return [Anatomy(name, why=message["error"]) for name in _names(window)]
        return [Anatomy.sent(fields) for fields in message["circuits"]]

    def _one_by_one(self, at: int, window: Window, death: Died) -> list[Anatomy]:
        """Have another process in the place of one that died, and find what it died of."""
        self._all[at].child.end()
        self._all[at] = Process(self._memory_bytes)
        self._all[at].greet()
        self._deaths += 1
        if window.part.experiments_count == 1 or self._deaths > MOST_DEATHS:
            why = f"the process that read it {death}"
            return [Anatomy(name, why=why) for name in _names(window)]
        found: list[Anatomy] = []
        for single in window.singly():
            self._ask(at, single)
            found += self._answer(at, single)
        return found


def _names(window: Window) -> Sequence[str]:
    with Container.open(window.path) as container:
        return container.names(window.part)
