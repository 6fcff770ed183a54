"""Everything that went wrong with the jobs of a set, wherever it went wrong."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum

from qjobs.engine.address import Target
from qjobs.engine.origins import Origins
from qjobs.engine.report import JobReport, SetReport, State
from qjobs.errors import StateDamaged
from qjobs.model import Attempt, Dropped, Finished, Job, JobStatus, Refused, Slice, Source


class Origin(StrEnum):
    """Where a failure happened."""

    SUBMIT = "submit"  # the provider took no job
    RUN = "run"  # the job ended without a result
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
    """The failures of the target's jobs in order; only those of each newest attempt by default."""
    jobs = target.folder.jobs()
    sources: Sequence[Source] = ()
    with suppress(StateDamaged):  # which other verbs tell; what went wrong is known without them
        sources = target.folder.sources()
    origins = Origins(sources, target.folder.job_set.bindings)
    for failure in _failures(target, report, jobs, all_attempts=all_attempts):
        yield replace(failure, files=origins.span(failure.slice))


def _failures(
    target: Target, report: SetReport, jobs: Sequence[Job], *, all_attempts: bool
) -> Iterator[Failure]:
    for shown in report.jobs:
        job = jobs[shown.index]
        attempts = job.attempts if all_attempts else job.attempts[-1:]
        for attempt in attempts:
            failure = _failure(job, attempt)
            if failure is not None:
                yield failure
        if shown.state is State.DONE:
            yield from _failed_circuits(target, shown)


def _failure(job: Job, attempt: Attempt) -> Failure | None:
    part = job.slice_of(attempt)
    match attempt.state:
        case Refused(message):
            return Failure(job.index, attempt.number, part, Origin.SUBMIT, message)
        case Finished(job_id, JobStatus.ERROR, message):
            return Failure(job.index, attempt.number, part, Origin.RUN, message, job_id)
        case Finished(job_id, JobStatus.CANCELLED, message):
            message = message or "cancelled"
            return Failure(job.index, attempt.number, part, Origin.CANCEL, message, job_id)
        case Dropped():
            message = "cancelled before it was sent"
            return Failure(job.index, attempt.number, part, Origin.CANCEL, message)
        case _:
            return None


def _failed_circuits(target: Target, job: JobReport) -> Iterator[Failure]:
    """Circuits that gave nothing in a job that is done, if its results are kept here."""
    kept = target.folder.results
    if not kept.has(job.index, job.attempt):
        return
    results = kept.read(job.index, job.attempt).circuits()
    for index, circuit in enumerate(results, start=job.slice.start_index):
        if circuit.failed:
            yield Failure(
                job.index, job.attempt, Slice(index, 1), Origin.CIRCUIT, circuit.message, job.job_id
            )
