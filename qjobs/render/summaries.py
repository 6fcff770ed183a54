"""Short words for sets and results, the same in every shape of output."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from math import inf

from qjobs import spans as runs
from qjobs.engine.report import JobReport, SetReport, State
from qjobs.model import JobSet, RunOptions, Scalar
from qjobs.order import Order
from qjobs.render.text import ago, clean, count, until

SIGNS = {
    State.PLANNED: "·",
    State.UNKNOWN: "?",
    State.REFUSED: "✗",
    State.INITIALIZING: "○",
    State.QUEUED: "○",
    State.VALIDATING: "○",
    State.RUNNING: "●",
    State.DONE: "✓",
    State.ERROR: "✗",
    State.CANCELLED: "■",
}
"""For each state a sign, so that it is seen without colours."""


def set_title(plan: JobSet) -> str:
    """The name, if it has one, and the id of a set."""
    return f"{clean(plan.name)}  {plan.set_id}" if plan.name else plan.set_id


def effort(options: RunOptions) -> str:
    """What is asked of each circuit: `1024 shots`, or `precision 0.01`."""
    if options.precision is not None:
        return f"precision {options.precision:g}"
    return count(options.shots, "shot")


def summary(report: SetReport) -> str:
    """How many jobs are in each state, such as `2 done, 1 running`, and what is amiss in them."""
    shown = [f"{number} {state.value}" for state, number in report.counts.items() if number]
    failed = report.failed_circuits
    more = [f"{count(failed, 'circuit')} failed"] if failed else []
    return ", ".join([*reversed(shown), *more]) or "no jobs"


def place_in_line(jobs: Iterable[JobReport], now: datetime) -> str:
    """Where the waiting job stands whose turn comes first, and when it may begin, if known."""
    job = next_in_line(jobs)
    if job is None:
        return ""
    place = f"is number {job.queue_position} in the queue" if job.queue_position else ""
    starts = f"may start {until(job.estimated_start, now)}" if job.estimated_start else ""
    return f"job {job.index} {', '.join(filter(None, [place, starts]))}"


def age(report: SetReport, now: datetime) -> str:
    """How old it is what is said of a set that nobody was asked about; empty if it is not."""
    return f", as of {ago(report.as_of, now)}" if report.stale and report.as_of else ""


def next_in_line(jobs: Iterable[JobReport]) -> JobReport | None:
    """The waiting job whose turn comes first, of those whose place or time somebody knows."""
    told = [job for job in jobs if job.queue_position or job.estimated_start]
    far = datetime.max.replace(tzinfo=UTC)
    return min(
        told,
        key=lambda job: (job.queue_position or inf, job.estimated_start or far, job.index),
        default=None,
    )


def done_circuits(report: SetReport) -> str:
    """How many circuits have come to a result, as far as is known, of all: `600/900 circuits`."""
    own = [(job, runs.size(job.parts)) for job in report.jobs]
    done = sum(size for job, size in own if job.state is State.DONE) - report.failed_circuits
    return f"{done}/{sum(size for _, size in own)} circuits"


def most_frequent(counts: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    """The outcomes by falling counts, equal ones in the order of their bits."""
    return sorted(counts, key=lambda item: (-item[1], item[0]))


def ranked(
    counts: Mapping[str, int], top: int | None, order: Order = Order.COUNT
) -> list[tuple[str, int]]:
    """The `top` most frequent outcomes (None: all), by their counts or by their bits."""
    found = most_frequent(counts.items())[:top]
    return sorted(found) if order is Order.OUTCOME else found


def assignments(options: Mapping[str, Scalar], between: str) -> str:
    """The options of a backend as `--option` takes them: `mode=batch private=true`."""
    return between.join(
        f"{name}={str(value).lower() if isinstance(value, bool) else value}"
        for name, value in options.items()
    )


def spans(numbers: Iterable[int]) -> str:
    """Numbers as ascending inclusive ranges, as addresses have them: `0-3,7`."""
    ranges: list[list[int]] = []
    for number in sorted(set(numbers)):
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in ranges)
