"""Everything that went wrong with the jobs of a set, wherever it went wrong."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import assert_never

from qjobs.engine.address import Target
from qjobs.engine.report import SetReport, how_dropped, how_unknown
from qjobs.engine.set.origins import Origins
from qjobs.errors import StateDamaged
from qjobs.model import (
    Accepted,
    Attempt,
    Attempted,
    Dropped,
    Failed,
    Finished,
    Job,
    JobStatus,
    Planned,
    Refused,
    Slice,
    Source,
)

_AGAIN = "qjobs retry runs its circuits again, and they cost again"


class Origin(StrEnum):
    """Where a failure happened."""

    SUBMIT = "submit"  # the provider took no job
    LOST = "lost"  # nobody knows whether the provider took a job
    RUN = "run"  # the job ended without a result, or there is none any more
    CIRCUIT = "circuit"  # the job ended well, but not for this circuit
    CANCEL = "cancel"  # somebody cancelled it


@dataclass(frozen=True, slots=True)
class Failure:
    """One failure. `slice` holds the circuits concerned; `job_id` is empty if nothing was sent.

    `files` are those of the circuits: the first and the last one if there are several, none if
    they are not known.
    """

    job: int
    attempt: int
    slice: Slice
    origin: Origin
    message: str
    job_id: str = ""
    files: tuple[str, ...] = ()


def failures(target: Target, report: SetReport, *, all_attempts: bool = False) -> Iterator[Failure]:
    """The failures of the target's jobs in order; only those of each newest attempt by default.

    Among these are the circuits that gave nothing in jobs that are done, unless newer jobs run
    them; with `all_attempts` they are there, too.
    """
    jobs = target.folder.jobs()
    sources: Sequence[Source] = ()
    with suppress(StateDamaged):  # which other verbs tell; what went wrong is known without them
        sources = target.folder.sources()
    origins = Origins(sources, target.folder.job_set)
    for failure in _failures(target, report, jobs, all_attempts=all_attempts):
        yield replace(failure, files=origins.span(failure.slice))


def _failures(
    target: Target, report: SetReport, jobs: Sequence[Job], *, all_attempts: bool
) -> Iterator[Failure]:
    for shown in report.jobs:
        job = jobs[shown.index]
        for attempt in job.attempts if all_attempts else job.attempts[-1:]:
            failure = _failure(job, attempt)
            if failure is not None:
                yield failure
            elif attempt.failed and isinstance(attempt.state, Finished):
                runs = attempt.failed.circuits if all_attempts else shown.failed
                yield from _failed_circuits(target, job, attempt, attempt.state.job_id, runs)


def _failure(job: Job, attempt: Attempt) -> Failure | None:
    part = job.slice_of(attempt)
    match attempt.state:
        case Refused(message):
            return Failure(job.index, attempt.number, part, Origin.SUBMIT, message)
        case Attempted(_, _, reason) if reason:
            message = how_unknown(attempt, attempt.state)
            return Failure(job.index, attempt.number, part, Origin.LOST, message)
        case Finished(job_id, JobStatus.ERROR, message):
            return Failure(job.index, attempt.number, part, Origin.RUN, message, job_id)
        case Finished(job_id, JobStatus.CANCELLED, message):
            message = message or "cancelled"
            return Failure(job.index, attempt.number, part, Origin.CANCEL, message, job_id)
        case Dropped(tag):
            return Failure(job.index, attempt.number, part, Origin.CANCEL, how_dropped(tag))
        case Planned() | Attempted() | Accepted() | Finished():
            return None
        case unexpected:
            assert_never(unexpected)


def _failed_circuits(
    target: Target, job: Job, attempt: Attempt, job_id: str, runs: Sequence[Slice]
) -> Iterator[Failure]:
    """The circuits of these runs, each with its reason, as far as that is known here.

    Where the results are gone, that is the reason of a run as a whole.
    """
    known = attempt.failed or Failed()
    if known.gone:
        again = "" if target.folder.job_set.recovered else f"; {_AGAIN}"
        for run in runs:
            reason = f"{known.reason}{again}"
            yield Failure(job.index, attempt.number, run, Origin.RUN, reason, job_id)
        return
    reasons = {known.circuits[0].start_index: known.reason} if known.circuits else {}
    kept = target.folder.results
    if runs and kept.has(job.index, attempt.number):
        results = kept.read(job.index, attempt.number).circuits()
        start = job.slice_of(attempt).start_index
        reasons = {i: result.message for i, result in enumerate(results, start) if result.failed}
    for run in runs:
        for index in range(run.start_index, run.end_index + 1):
            reason = reasons.get(index, "its reason is with the results, which are not here")
            yield Failure(
                job.index, attempt.number, Slice(index, 1), Origin.CIRCUIT, reason, job_id
            )
