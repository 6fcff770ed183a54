"""Moments become shares of a width. Long times in which nothing happened are cut out."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

from qjobs.render.text import duration

_BREAK_AT = 0.5
"""A time in which nothing happened is cut out if it is longer than this share of all others."""
_BREAK = 0.06
"""Share of the width that is left of it."""
_BREAKS = 0.3
"""Share of the width that is left of all such times."""
_TICKS = 5
_LEAST_S = 0.001
_STEPS_S = (
    *(base * power for power in (0.001, 0.01, 0.1, 1) for base in (1, 2, 5)),
    10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 4 * 3600, 6 * 3600, 12 * 3600,
    *(days * 86400 for days in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10_000)),
)  # fmt: skip
_APART = 0.12
"""Share of the width that the name of a tick takes."""


class Mark(NamedTuple):
    """A place on the axis, as a share of the width, and its name."""

    at: float
    name: str


class Scale:
    """Seconds become shares of the width. Long times in which nothing happened are cut out."""

    def __init__(self, spans: Iterable[tuple[float, float]]) -> None:
        busy = _merged([(0.0, 0.0), *spans], 0.0)
        limit = _BREAK_AT * max(sum(end - start for start, end in busy), _LEAST_S)
        pieces = _merged(busy, limit)
        shown = max(sum(end - start for start, end in pieces), _LEAST_S)
        gap = min(_BREAK, _BREAKS / max(1, len(pieces) - 1))
        width = 1 - gap * (len(pieces) - 1)
        self._pieces: list[tuple[float, float, float, float]] = []  # in seconds, then in shares
        at = 0.0
        for start, end in pieces:
            share = width * (end - start) / shown
            self._pieces.append((start, end, at, share))
            at += share + gap
        self.breaks = tuple(
            Mark(at + share + gap / 2, duration(later - end))
            for (_, end, at, share), (later, *_) in pairwise(self._pieces)
        )

    def share(self, moment: float) -> float:
        """Where a moment is that is in one of the spans."""
        which = bisect_right(self._pieces, moment, key=lambda piece: piece[0]) - 1
        start, end, at, share = self._pieces[max(0, which)]
        return at + share * (min(moment, end) - start) / ((end - start) or 1)

    def ticks(self) -> Iterator[Mark]:
        """Places with their times, far enough apart for their names."""
        whole = sum(end - start for start, end, _, _ in self._pieces)
        step = next((step for step in _STEPS_S if step * _TICKS >= whole), _STEPS_S[-1])
        last = -1.0
        for start, end, _, _ in self._pieces:
            for number in range(int((end - start) // step) + 1):
                at = self.share(start + number * step)
                if at - last >= _APART:
                    last = at
                    # Behind a break, time is told from there on.
                    more = "+" if start and number else ""
                    moment = number * step if more else start + number * step
                    yield Mark(at, more + _written(moment))


def _written(seconds: float) -> str:
    """A time on the axis."""
    return f"{seconds:.4g} s" if seconds < 60 else duration(seconds)


def _merged(spans: Iterable[tuple[float, float]], apart: float) -> list[tuple[float, float]]:
    """The spans with those as one that are no further apart."""
    merged: list[tuple[float, float]] = []
    for start, end in sorted(spans):
        if merged and start - merged[-1][1] <= apart:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged
