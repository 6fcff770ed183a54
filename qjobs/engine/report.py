"""What can be said of jobs and sets at one moment, in the words that programs rely on."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, assert_never

from qjobs.model import (
    Accepted,
    Attempted,
    Dropped,
    Finished,
    Job,
    JobSet,
    JobStatus,
    Planned,
    Refused,
    Slice,
)


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

_PENDING = (State.INITIALIZING, State.QUEUED, State.VALIDATING, State.RUNNING)

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

    `duplicates` are ids of provider jobs nobody asked for, of all attempts.
    """

    index: int
    slice: Slice
    attempt: int
    state: State
    job_id: str = ""
    message: str = ""
    duplicates: tuple[str, ...] = ()

    @property
    def unsent(self) -> bool:
        """Whether only `resume` brings it on, unless somebody is submitting it right now."""
        return self.state is State.PLANNED or (self.state is State.UNKNOWN and not self.job_id)

    @property
    def pending(self) -> bool:
        """Whether it goes on by itself; so may one of which the provider says nothing we know."""
        return self.state in _PENDING or (self.state is State.UNKNOWN and self.job_id != "")


class SetReport(NamedTuple):
    """A job set as shown: its plan, the jobs asked about, and what could not be learnt."""

    job_set: JobSet
    jobs: tuple[JobReport, ...]
    problems: tuple[str, ...] = ()

    @property
    def counts(self) -> Mapping[State, int]:
        """How many jobs are in each state; they add up to the number of jobs."""
        counts = dict.fromkeys(State, 0)
        for job in self.jobs:
            counts[job.state] += 1
        return counts

    @property
    def state(self) -> State:
        """One word for the whole: what still moves comes before what went wrong."""
        counts = self.counts
        for state in _LOUDEST_FIRST:
            if counts[state]:
                return state
        return State.DONE


def report_jobs(
    jobs: Iterable[Job], live: Mapping[str, JobStatus] | None, unreachable: str = ""
) -> tuple[JobReport, ...]:
    """The jobs as shown, in order, with what the provider has just said of accepted ones.

    `live` None means that nobody was asked: an accepted job is shown as queued, which it once
    was. `unreachable` is why the provider could not be asked, if it could not.
    """
    return tuple(_report_job(job, live, unreachable) for job in jobs)


def _report_job(job: Job, live: Mapping[str, JobStatus] | None, unreachable: str) -> JobReport:
    attempt = job.attempt
    job_id = message = ""
    state: State
    match attempt.state:
        case Planned():
            state = State.PLANNED
        case Dropped():
            state, message = State.CANCELLED, "cancelled before it was sent"
        case Attempted():
            state, message = State.UNKNOWN, "no answer to the submission yet"
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
        case _:
            assert_never(attempt.state)
    return JobReport(job.index, job.slice, attempt.number, state, job_id, message, job.duplicates)
