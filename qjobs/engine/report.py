"""The state of jobs and sets at one moment, in the words that programs rely on."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, assert_never

from qjobs import spans
from qjobs.errors import AuthError
from qjobs.model import (
    Accepted,
    Attempt,
    Attempted,
    Dropped,
    Failed,
    Finished,
    Job,
    JobSet,
    JobStatus,
    Planned,
    Refused,
    Session,
    Slice,
)

if TYPE_CHECKING:
    # Nothing but a name here: a set that is at its end needs no provider.
    from qjobs.contract import Away, JobTimes


class State(StrEnum):
    """The state of a job as shown, in the order in which jobs usually pass through."""

    PLANNED = "planned"
    UNKNOWN = "unknown"
    REFUSED = "refused"
    INITIALIZING = "initializing"
    QUEUED = "queued"
    VALIDATING = "validating"
    RUNNING = "running"
    DONE = "done"
    ERROR = "error"
    CANCELLED = "cancelled"


FAILED = (State.REFUSED, State.ERROR, State.CANCELLED)
"""States of a job that will give no results unless it is retried."""

FINAL = (State.DONE, *FAILED)
"""States of a job that has come to its end."""

WAITING = (State.INITIALIZING, State.QUEUED, State.VALIDATING)
"""States of a job that is with its provider, and does not run yet."""

_PENDING = (*WAITING, State.RUNNING)

_LOUDEST_FIRST = (
    State.RUNNING,
    State.VALIDATING,
    State.QUEUED,
    State.INITIALIZING,
    State.UNKNOWN,
    State.PLANNED,
    State.ERROR,
    State.REFUSED,
    State.CANCELLED,
)


@dataclass(frozen=True, slots=True)
class JobReport:
    """One managed job as shown. `job_id` is empty while the provider has given none.

    `duplicates` are ids of provider jobs nobody asked for, of all attempts. `retried` are
    circuits of the slice that newer jobs have, `failed` those of the others, and of the ones that
    were asked about, that gave nothing although the job is done; `looked_into` says that
    somebody has told which these are, `gone` that the provider has no results of it any more.
    Nobody here can ask for a job that is `out_of_reach`. The times are those of the attempt, the
    place in the queue (1 is next) that of a job which waits, `circuits_run` how many circuits have
    been run of one that runs, all as far as they are known.
    """

    index: int
    slice: Slice
    attempt: int
    state: State
    job_id: str = ""
    message: str = ""
    duplicates: tuple[str, ...] = ()
    retried: tuple[Slice, ...] = ()
    failed: tuple[Slice, ...] = ()
    looked_into: bool = False
    gone: bool = False
    out_of_reach: bool = False
    submitted: datetime | None = None
    started: datetime | None = None
    finished: datetime | None = None
    queue_position: int | None = None
    estimated_start: datetime | None = None
    circuits_run: int | None = None

    def waited_s(self, now: datetime | None) -> float | None:
        """For how many seconds it waited to run, or has by `now`, if nothing is known of later.

        None where nobody knows when it began to wait, or to run.
        """
        return _seconds(self.submitted, self.started or (now if self.state in WAITING else None))

    def ran_s(self, now: datetime | None) -> float | None:
        """For how many seconds it ran, or has by `now`; None where nobody knows."""
        end = now if self.state is State.RUNNING else self.finished
        return _seconds(self.started, end)

    @property
    def parts(self) -> tuple[Slice, ...]:
        """The circuits that are its own: its slice, but for those that newer jobs have."""
        return spans.left(self.slice, self.retried)

    @property
    def went_wrong(self) -> bool:
        """Whether it gave no results, or not of all circuits, and will not unless it is retried."""
        return self.state in FAILED or bool(self.failed)

    @property
    def unsent(self) -> bool:
        """Whether only `resume` brings it on, unless somebody is submitting it right now."""
        return self.state is State.PLANNED or (self.state is State.UNKNOWN and not self.job_id)

    @property
    def pending(self) -> bool:
        """Whether it goes on by itself; so may one of which the provider says nothing we know."""
        if self.out_of_reach:
            return False
        return self.state in _PENDING or (self.state is State.UNKNOWN and self.job_id != "")


class SetReport(NamedTuple):
    """A job set as shown: its plan, the jobs asked about, and what could not be learnt.

    `finds` is False where the provider can never tell what became of jobs of unknown fate.
    `denied` is why the provider does not answer whoever asks, which no waiting mends, and `away`
    who else can ask for what is out of reach, and submit what is not sent. `sessions` are those
    that were opened for the set, by what is recorded. The provider was `asked` then; None if
    nobody was, for jobs that have all ended, or because only what is on record was wanted.
    """

    job_set: JobSet
    jobs: tuple[JobReport, ...]
    problems: tuple[str, ...] = ()
    finds: bool = True
    denied: AuthError | None = None
    sessions: tuple[Session, ...] = ()
    away: "Away | None" = None
    asked: datetime | None = None

    @property
    def as_of(self) -> datetime | None:
        """When jobs that have not ended were last known to be as shown; None if all have ended."""
        open_ = [job.submitted for job in self.jobs if job.pending and job.submitted]
        return (self.asked or min(open_)) if open_ else None

    @property
    def stale(self) -> bool:
        """Whether nobody was asked for jobs that may have come to their end since."""
        return self.asked is None and self.as_of is not None

    @property
    def unknown(self) -> tuple[int, ...]:
        """The jobs of which nobody knows whether they were accepted, by their indices."""
        return tuple(
            job.index for job in self.jobs if job.state is State.UNKNOWN and not job.job_id
        )

    @property
    def counts(self) -> Mapping[State, int]:
        """How many jobs are in each state; they add up to the number of jobs."""
        counts = dict.fromkeys(State, 0)
        for job in self.jobs:
            counts[job.state] += 1
        return counts

    @property
    def finished(self) -> datetime | None:
        """When the last job came to its end; None while there is one that has not."""
        ends = [job.finished for job in self.jobs if job.state in FINAL and job.finished]
        return max(ends) if ends and len(ends) == len(self.jobs) else None

    @property
    def failed_circuits(self) -> int:
        """How many circuits gave nothing in jobs that are done."""
        return sum(spans.size(job.failed) for job in self.jobs)

    @property
    def state(self) -> State:
        """One word for the whole: what still moves comes before what went wrong.

        Circuits that failed in jobs that are done are an error.
        """
        counts = self.counts
        for state in _LOUDEST_FIRST:
            if counts[state] or (state is State.ERROR and self.failed_circuits):
                return state
        return State.DONE


def _seconds(start: datetime | None, end: datetime | None) -> float | None:
    """From one to the other, if both are known; the clocks of two machines may differ."""
    return None if start is None or end is None else max(0.0, (end - start).total_seconds())


def report_jobs(
    jobs: Iterable[Job],
    live: Mapping[str, JobStatus] | None,
    unreachable: str = "",
    *,
    circuits: Sequence[int] | None = None,
    away: bool = False,
    times: "Mapping[str, JobTimes] | None" = None,
) -> tuple[JobReport, ...]:
    """The jobs as shown, in order, with what the provider has just said of accepted ones.

    `live` None means that nobody was asked: an accepted job is shown as queued, which it once
    was. `unreachable` is why the provider could not be asked, if it could not. Of circuits that
    failed only these `circuits` count, ascending; None are all. What is unknown to a provider that
    is `away` is out of reach. `times` are what it tells of those that go on.
    """
    runs = None if circuits is None else _runs(circuits)
    reports = tuple(_report_job(job, live, unreachable, runs, away=away) for job in jobs)
    return (
        tuple(with_times(report, times.get(report.job_id)) for report in reports)
        if times
        else reports
    )


def with_times(report: JobReport, times: "JobTimes | None") -> JobReport:
    """The report of a job that goes on with what its provider knows of when."""
    if times is None or not report.pending:
        return report
    waits = report.state in WAITING
    return replace(
        report,
        started=(times.started or report.started) if report.state is State.RUNNING else None,
        queue_position=times.queue_position if waits else None,
        estimated_start=times.estimated_start if waits else None,
    )


def _runs(circuits: Sequence[int]) -> tuple[Slice, ...]:
    if isinstance(circuits, range):
        return (Slice(circuits.start, len(circuits)),) if circuits else ()
    return spans.runs_of(circuits)


def _report_job(
    job: Job,
    live: Mapping[str, JobStatus] | None,
    unreachable: str,
    asked: tuple[Slice, ...] | None,
    *,
    away: bool,
) -> JobReport:
    attempt = job.attempt
    failed: tuple[Slice, ...] = ()
    job_id = message = ""
    state: State
    match attempt.state:
        case Planned():
            state = State.PLANNED
        case Dropped(tag):
            state, message = State.CANCELLED, how_dropped(tag)
        case Attempted():
            state, message = State.UNKNOWN, how_unknown(attempt, attempt.state)
        case Refused(message):
            state = State.REFUSED
        case Accepted(job_id):
            if live is None:
                state = State.QUEUED
            else:
                state = State[live.get(job_id, JobStatus.UNKNOWN).name]
                if state is State.UNKNOWN:
                    message = unreachable or "the provider does not know this job, or how it is"
        case Finished(job_id, status, message):
            state = State[status.name]
            if attempt.failed and status is JobStatus.DONE:
                failed = spans.without(attempt.failed.circuits, job.retried)
                failed = failed if asked is None else spans.within(failed, asked)
                message = message or _shortfall(job.slice, failed, attempt.failed)
        case _:
            assert_never(attempt.state)
    return JobReport(
        job.index, job.slice, attempt.number, state, job_id, message, job.duplicates,
        job.retried, failed, attempt.failed is not None,
        bool(attempt.failed and attempt.failed.gone),
        out_of_reach=away and state is State.UNKNOWN and job_id != "",
        submitted=attempt.submitted, started=attempt.started, finished=attempt.finished,
    )  # fmt: skip


def how_unknown(attempt: Attempt, state: Attempted) -> str:
    """The message for a job of unknown fate."""
    fate = "no answer to the submission yet"
    if state.reason:
        fate = f"it may or may not have been accepted: {state.reason}"
    wish = "; cancelled: what was accepted is to be stopped" if attempt.withdrawn else ""
    return f"{fate} (tag {state.tag}){wish}"


def how_dropped(tag: str) -> str:
    """The message for a job that was cancelled without an id, with the tag of its call, if any."""
    if tag:
        return f"cancelled; if the provider accepted it, it has the tag {tag}, and may run"
    return "cancelled before it was sent"


def _shortfall(part: Slice, failed: Sequence[Slice], known: Failed) -> str:
    """The message for a job that is done, but not with all circuits."""
    if not failed or known.gone:
        return known.reason if failed else ""
    first = known.circuits[0].start_index
    told = known.reason and failed[0].start_index == first
    reason = f": circuit {first}: {known.reason}" if told else ""
    what = "circuit" if part.experiments_count == 1 else "circuits"
    return f"{spans.size(failed)} of {part.experiments_count} {what} failed{reason}"
