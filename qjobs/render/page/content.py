"""What stands on the page of some sets, as values: no markup, no colours."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import NamedTuple

from qjobs import spans
from qjobs.engine.error import Failure
from qjobs.engine.report import FINAL, SetReport, State
from qjobs.model import Job, JobSet, Source
from qjobs.pictures.picture import Panel
from qjobs.render.failures import FailureGroup, grouped
from qjobs.render.page.circuits import Table
from qjobs.render.page.commands import Command, commands
from qjobs.render.page.drawn import Drawing, draw
from qjobs.render.page.provenance import Fact, facts
from qjobs.render.page.timeline import KIND_OF, Timeline, timeline
from qjobs.render.summaries import next_in_line
from qjobs.render.text import ago, duration, until

MOST_GROUPS = 50
"""Groups of failures that are shown of one set."""


class Segment(NamedTuple):
    """A part of the bar over all jobs: its share, and that of what comes before."""

    kind: str
    name: str
    number: int
    share: float
    before: float


class Figure(NamedTuple):
    """A number that one looks for first, and what it says more exactly."""

    name: str
    value: str
    more: str = ""


class SetPart(NamedTuple):
    """What the page says of one set."""

    plan: JobSet
    state: State
    kind: str
    moving: bool
    problems: tuple[str, ...]
    segments: tuple[Segment, ...]
    figures: tuple[Figure, ...]
    facts: tuple[Fact, ...]
    sources: tuple[Source, ...]
    timeline: Timeline | None
    failures: tuple[FailureGroup, ...]
    failures_left: int
    next_step: str
    drawings: tuple[Drawing, ...]
    notes: tuple[str, ...]
    table: Table
    commands: tuple[Command, ...]

    @property
    def title(self) -> str:
        """The name of the set, or its id."""
        return self.plan.name or self.plan.set_id


class Page(NamedTuple):
    """All of the page. It was `made` at that time; nobody makes it anew if `every_s` is None."""

    sets: tuple[SetPart, ...]
    made: datetime
    version: str
    every_s: float | None = None

    @property
    def moving(self) -> bool:
        """Whether something may still happen to a job."""
        return any(part.moving for part in self.sets)

    @property
    def kind(self) -> str:
        """How all sets together are: what still moves comes before what went wrong."""
        kinds = {part.kind for part in self.sets}
        return next((kind for kind in _LOUDEST if kind in kinds), "done")


_FRESH = timedelta(seconds=5)
_LOUDEST = ("running", "waiting", "unknown", "failed", "cancelled", "done")


def set_part(
    report: SetReport,
    jobs: Sequence[Job],
    now: datetime,
    *,
    sources: Sequence[Source],
    labels: Sequence[str],
    failures: Iterable[Failure],
    next_step: str,
    table: Table,
    panels: Sequence[Panel] = (),
    notes: Sequence[str] = (),
) -> SetPart:
    """The part of one set, whose `jobs` are all of it, from what is known of it `now`.

    `next_step` says how to go on after the failures. The `panels` are pictures of its results,
    the `notes` what is to be known of these.
    """
    plan = report.job_set
    drawings = draw(panels)
    left = len(panels) - len(drawings)
    groups = grouped((plan, failure) for failure in failures)
    return SetPart(
        plan=plan,
        state=report.state,
        kind=KIND_OF[report.state],
        moving=any(job.state not in FINAL for job in report.jobs),
        problems=(*report.problems, *_doubts(report, now)),
        segments=tuple(_segments(report)),
        figures=tuple(_figures(report, now)),
        facts=facts(report, labels),
        sources=tuple(sources),
        timeline=timeline(plan.created, jobs, report.jobs, now),
        failures=tuple(groups[:MOST_GROUPS]),
        failures_left=max(0, len(groups) - MOST_GROUPS),
        next_step=next_step,
        drawings=drawings,
        notes=(*notes, *([f"{left:,} more pictures: too large for a page"] if left else [])),
        table=table,
        commands=tuple(commands(plan, sources)),
    )


def _doubts(report: SetReport, now: datetime) -> Iterable[str]:
    """What makes the page say less than it seems to."""
    as_of = report.as_of
    if as_of and now - as_of > _FRESH:
        yield f"jobs that have not ended are shown as they were {ago(as_of, now)}: nobody was asked"


def _segments(report: SetReport) -> Iterable[Segment]:
    """The jobs by what became of them: the good ones first, then the others."""
    counts: dict[tuple[str, str], int] = {}
    for job in report.jobs:
        partly = job.state is State.DONE and job.failed
        name = "done in part" if partly else job.state.value
        kind = "failed" if partly else KIND_OF[job.state]
        counts[kind, name] = counts.get((kind, name), 0) + 1
    before = 0
    for kind, name in sorted(counts, key=lambda key: (_BAR.index(key[0]), key[1])):
        number = counts[kind, name]
        total = len(report.jobs)
        yield Segment(kind, name, number, number / total, before / total)
        before += number


_BAR = ("done", "failed", "cancelled", "unknown", "running", "waiting")


def _figures(report: SetReport, now: datetime) -> Iterable[Figure]:
    plan = report.job_set
    own = [(job, spans.size(job.parts)) for job in report.jobs]
    asked = sum(size for _, size in own)
    done = sum(size for job, size in own if job.state is State.DONE) - report.failed_circuits
    yield Figure("circuits done", f"{done:,}", f"of {asked:,}")
    ended = sum(job.state in FINAL for job in report.jobs)
    yield Figure("jobs ended", f"{ended:,}", f"of {len(report.jobs):,}")
    precision = plan.options.precision
    if precision is None:
        yield Figure("shots", f"{plan.options.shots:,}")
    else:
        yield Figure("precision", f"{precision:g}")
    yield from _times(report)
    first = next_in_line(report.jobs)
    if first and (first.estimated_start or (first.queue_position or 0) > 1):
        place = "" if first.queue_position is None else f"{first.queue_position:,}"
        start = until(first.estimated_start, now) if first.estimated_start else ""
        yield Figure("place in the queue", place or start, start and place and f"starts {start}")
    finished = report.finished
    if finished or any(job.state not in FINAL for job in report.jobs):
        whole = max(timedelta(), (finished or now) - plan.created).total_seconds()
        yield Figure("in all", duration(whole), "" if finished else "so far")


def _times(report: SetReport) -> Iterable[Figure]:
    """How long jobs waited and ran; where nobody knows when they began, both together."""
    waited = [seconds for job in report.jobs if (seconds := job.waited_s(None)) is not None]
    ran = [seconds for job in report.jobs if (seconds := job.ran_s(None)) is not None]
    for name, times in (("median wait", waited), ("median run", ran)):
        if times:
            yield Figure(name, duration(median(times)))
    lasted = [
        (job.finished - job.submitted).total_seconds()
        for job in report.jobs
        if job.submitted and job.finished
    ]
    if lasted and not ran:
        yield Figure("median time of a job", duration(median(lasted)))
