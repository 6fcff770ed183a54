"""When the attempts at a set's jobs waited and ran, as shares of the width of a picture."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from qjobs.engine.report import FINAL, JobReport, State
from qjobs.model import Attempt, Attempted, Dropped, Finished, Job, Refused
from qjobs.render.page.scale import Mark, Scale
from qjobs.render.text import duration

MOST_LANES = 400
"""Jobs that are drawn one by one; of more, only how many were in each state."""

KINDS = ("done", "failed", "cancelled", "unknown", "running", "sent", "waiting")
"""What a job can be at a moment. It is `sent` where nobody knows whether it waited or ran."""

_MOST_ATTEMPTS = 50
_COLUMNS = 240
"""Places at which jobs are counted."""
_HEIGHT = 1000


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
    told = any(attempt.started for job in jobs for attempt in job.attempts)
    lanes = [_lane(jobs[report.index], report, created, now, told=told) for report in reports]
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


def _lane(job: Job, report: JobReport, created: datetime, now: datetime, *, told: bool) -> Lane:
    """The bars of one job; `told` says that the provider tells when jobs begin to run."""
    bars: list[Bar] = []
    words = []
    for attempt in job.attempts[-_MOST_ATTEMPTS:]:
        newest = attempt is job.attempt
        state = report.state if newest else _state(attempt)
        began = _began(attempt)
        if began is None or state is None:
            continue
        ended = attempt.finished or (now if newest else began)
        start, end = ((moment - created).total_seconds() for moment in (began, ended))
        started = report.started if newest else attempt.started
        begun = None if started is None else (started - created).total_seconds()
        if told and begun is None and state in FINAL:
            begun = max(start, end)  # it never ran
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
