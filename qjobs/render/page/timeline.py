"""When the attempts at a set's jobs waited and ran, as shares of the width of a picture."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from typing import NamedTuple

from qjobs.engine.report import FINAL, JobReport, State
from qjobs.model import Attempt, Attempted, Dropped, Finished, Job, Refused
from qjobs.render.text import duration

MOST_LANES = 400
"""Jobs that are drawn one by one; of more, only how many were in each state."""

KINDS = ("done", "failed", "cancelled", "unknown", "running", "sent", "waiting")
"""What a job can be at a moment. It is `sent` where nobody knows whether it waited or ran."""

_COLUMNS = 240
"""Places at which jobs are counted."""
_HEIGHT = 1000
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


class Bar(NamedTuple):
    """A part of an attempt at a job, in seconds since the set was made, or in shares of the width.

    In its course the job is `kind`; `then` is what it is afterwards, and how the bar is drawn.
    """

    start: float
    end: float
    kind: str
    then: str


class Lane(NamedTuple):
    """The bars of one job, and what there is to say of its attempts in words."""

    job: int
    bars: tuple[Bar, ...]
    words: str


class Mark(NamedTuple):
    """A place on the axis, as a share of the width, and its name."""

    at: float
    name: str


class Layer(NamedTuple):
    """How many jobs are of one kind: an area in a picture of 1000 by 1000, from left to right."""

    kind: str
    path: str


class Timeline(NamedTuple):
    """The jobs of a set in time. `breaks` are where time was cut out, each with how much.

    There are no `lanes` where there are too many jobs.
    """

    jobs: int
    lanes: tuple[Lane, ...]
    layers: tuple[Layer, ...]
    kinds: tuple[str, ...]
    ticks: tuple[Mark, ...]
    breaks: tuple[Mark, ...]


def timeline(
    created: datetime, jobs: Sequence[Job], reports: Sequence[JobReport], now: datetime
) -> Timeline | None:
    """The timeline of the jobs that were reported of; None where nothing is known to have begun.

    `jobs` are all of the set, by their indices. What has not ended lasts until `now`.
    """
    lanes = [_lane(jobs[report.index], report, created, now) for report in reports]
    lanes = [lane for lane in lanes if lane.bars]
    if not lanes:
        return None
    scale = Scale((bar.start, bar.end) for lane in lanes for bar in lane.bars)
    placed = tuple(
        lane._replace(
            bars=tuple(
                bar._replace(start=scale.share(bar.start), end=scale.share(bar.end))
                for bar in lane.bars
            )
        )
        for lane in lanes
    )
    layers = tuple(_layers(placed, len(reports)))
    drawn = {bar.then for lane in placed for bar in lane.bars} | {layer.kind for layer in layers}
    return Timeline(
        len(reports),
        placed if len(placed) <= MOST_LANES else (),
        layers,
        tuple(kind for kind in KINDS if kind in drawn),
        tuple(scale.ticks()),
        scale.breaks,
    )


def _lane(job: Job, report: JobReport, created: datetime, now: datetime) -> Lane:
    bars: list[Bar] = []
    words = []
    for attempt in job.attempts:
        newest = attempt is job.attempt
        state = report.state if newest else _state(attempt)
        began = _began(attempt)
        if began is None or state is None:
            continue
        ended = attempt.finished or (now if newest else began)
        start, end = ((moment - created).total_seconds() for moment in (began, ended))
        started = report.started if newest else attempt.started
        begun = None if started is None else (started - created).total_seconds()
        found = _bars(start, max(start, end), begun, state)
        bars += found
        lasted = "".join(
            f", {_COURSE.get(bar.kind, bar.kind)} for {duration(bar.end - bar.start)}"
            for bar in found
            if bar.end > bar.start
        )
        words.append(f"attempt {attempt.number}: {state.value}{lasted}")
    return Lane(job.index, tuple(bars), "; ".join(words))


def _began(attempt: Attempt) -> datetime | None:
    """When an attempt came to the provider, as far as that is known."""
    match attempt.state:
        case Attempted(_, at, _):
            return at
        case Refused() | Dropped():
            return attempt.finished
        case _:
            return attempt.submitted


def _state(attempt: Attempt) -> State | None:
    """How an attempt ended that is not the newest; None if nobody knows."""
    match attempt.state:
        case Finished(_, status, _):
            return State[status.name]
        case Refused():
            return State.REFUSED
        case Dropped():
            return State.CANCELLED
        case _:
            return None


def _bars(start: float, end: float, started: float | None, state: State) -> list[Bar]:
    then = KIND_OF[state]
    if started is not None:
        started = min(max(start, started), end)
        return [Bar(start, started, "waiting", "waiting"), Bar(started, end, "running", then)]
    return [Bar(start, end, "sent" if state in FINAL else then, then)]


KIND_OF = {
    State.PLANNED: "waiting",
    State.UNKNOWN: "unknown",
    State.REFUSED: "failed",
    State.INITIALIZING: "waiting",
    State.QUEUED: "waiting",
    State.VALIDATING: "waiting",
    State.RUNNING: "running",
    State.DONE: "done",
    State.ERROR: "failed",
    State.CANCELLED: "cancelled",
}


_COURSE = {"sent": "waited and ran", "waiting": "waited", "running": "ran"}


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


def _layers(lanes: Sequence[Lane], jobs: int) -> Iterator[Layer]:
    """How many of all `jobs` are of each kind, one layer upon the other."""
    changes: list[tuple[float, int, str]] = []
    for number, lane in enumerate(lanes):
        for bar in lane.bars:
            changes += [(bar.start, number, bar.kind), (bar.end, number, bar.then)]
    changes.sort(key=lambda change: change[0])
    now: dict[int, str] = {}
    counts = dict.fromkeys(KINDS, 0)
    columns: list[tuple[int, ...]] = []
    at = 0
    for column in range(_COLUMNS + 1):
        while at < len(changes) and changes[at][0] * _COLUMNS <= column:
            _, number, kind = changes[at]
            if number in now:
                counts[now[number]] -= 1
            now[number] = kind
            counts[kind] += 1
            at += 1
        columns.append(tuple(counts.values()))
    below = [0] * len(columns)
    for number, kind in enumerate(KINDS):
        above = [low + column[number] for low, column in zip(below, columns, strict=True)]
        if above != below:
            yield Layer(kind, _area(above, below, jobs))
        below = above


def _area(above: Sequence[int], below: Sequence[int], most: int) -> str:
    upper = list(_points(above, most))
    lower = list(_points(below, most))
    return "M" + " ".join(f"{x},{y}" for x, y in (*upper, *reversed(lower))) + "Z"


def _points(heights: Sequence[int], most: int) -> Iterator[tuple[int, int]]:
    """The line over the columns, without those where it goes on as it was."""
    last = len(heights) - 1
    for column, height in enumerate(heights):
        same = 0 < column < last and heights[column - 1] == height == heights[column + 1]
        if not same:
            yield _HEIGHT * column // last, _HEIGHT - _HEIGHT * height // max(1, most)
