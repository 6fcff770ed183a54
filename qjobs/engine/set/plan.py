"""Cut a set's circuits into slices that the backend takes."""

from collections.abc import Callable, Iterator

from qjobs.contract import Limits
from qjobs.errors import UsageError
from qjobs.model import Slice

MOST_BINDINGS_A_JOB = 10_000
"""Circuits of a sweep that go into one job, unless the user says otherwise.

A few bytes submit any number of them, but a job's results are fetched, checked and kept as one
file: 10,000 are about a megabyte for a few outcomes each. And what is lost with a job is run again.
"""


def plan_slices(
    circuits: int,
    *,
    shots: int,
    limits: Limits,
    per_job: int | None,
    size_bytes: Callable[[Slice], int],
    excess: Callable[[Slice], str] = lambda _: "",
    sweep: bool = False,
    start_index: int = 0,
) -> tuple[Slice, ...]:
    """Cut `circuits` circuits from `start_index` on into slices, in order, within the limits.

    `per_job` is the user's wish for circuits a job; over a limit it is an error, never
    quietly lowered. Without it the backend says into how many jobs it likes a set cut.
    `size_bytes` tells how large a slice is to send; in a `sweep` that says nothing of how much
    comes back, so there `MOST_BINDINGS_A_JOB` hold, too. `excess` says which further limit a
    slice is over, if any. Both count circuits from 0. Raises UsageError where one circuit alone
    is over a limit.
    """
    most = _most_circuits(shots, limits)
    if per_job is None:
        per_job = min(most or circuits, -(-circuits // max(1, limits.jobs_wanted)))
        if sweep:
            per_job = min(per_job, MOST_BINDINGS_A_JOB)
    elif per_job < 1:
        raise UsageError(f"--per-job must be at least 1, not {per_job}")
    elif most is not None and per_job > most:
        raise UsageError(
            f"--per-job {per_job} is more than the backend takes in one job: "
            f"{most} circuits of {shots} shots",
            hint=f"use --per-job {most} or less",
        )

    def too_large(part: Slice) -> str:
        part = Slice(part.start_index - start_index, part.experiments_count)
        if limits.size_bytes is not None and size_bytes(part) > limits.size_bytes:
            return f"it has more than {limits.size_bytes} bytes"
        return excess(part)

    return tuple(_cut(start_index, start_index + circuits, per_job, too_large))


def _most_circuits(shots: int, limits: Limits) -> int | None:
    most = limits.circuits
    if limits.executions is not None:
        by_executions = limits.executions // shots
        if by_executions < 1:
            raise UsageError(
                f"{shots} shots of one circuit are more than the backend takes in one job: "
                f"{limits.executions} executions",
                hint=f"use --shots {limits.executions} or less",
            )
        most = by_executions if most is None else min(most, by_executions)
    return most


def _cut(start: int, end: int, per_job: int, too_large: Callable[[Slice], str]) -> Iterator[Slice]:
    while start < end:
        count = _fitting(start, min(per_job, end - start), too_large)
        yield Slice(start, count)
        start += count


def _fitting(start: int, count: int, too_large: Callable[[Slice], str]) -> int:
    """The most circuits from `start`, at most `count`, that fit; by bisection."""
    if not too_large(Slice(start, count)):
        return count
    if why := too_large(Slice(start, 1)):
        raise UsageError(f"circuit {start} alone is too large for one job of the backend: {why}")
    fits, over = 1, count
    while over - fits > 1:
        middle = (fits + over) // 2
        if too_large(Slice(start, middle)):
            over = middle
        else:
            fits = middle
    return fits
