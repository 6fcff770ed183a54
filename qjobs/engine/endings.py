"""The facts that record how jobs ended, and when."""

from datetime import datetime
from typing import TYPE_CHECKING

from qjobs.facts import Fact, FactKind, shortened
from qjobs.failed import pieces
from qjobs.model import Failed, Job, JobStatus

if TYPE_CHECKING:
    from qjobs.contract import JobTimes

_YEARS = range(1970, 9999)
"""Of times from outside that can be."""


def ending_facts(
    job: Job, said: JobStatus, message: str, times: "JobTimes | None", now: datetime
) -> list[Fact]:
    """The facts that record how a job's newest attempt ended, by the provider's word.

    Where that does not say when, it is taken to have ended `now`.
    """
    started, ended = (times.started, times.ended) if times else (None, None)
    at = _sane(ended) or now
    end = Fact(job.index, job.attempt.number, at, FactKind.FINISHED, said.value, shortened(message))
    return [*ran_facts(job, started), end]


def ran_facts(job: Job, started: datetime | None) -> list[Fact]:
    """The fact that records when a job's newest attempt began to run, if that is known."""
    if (at := _sane(started)) is None:
        return []
    return [Fact(job.index, job.attempt.number, at, FactKind.STARTED, "")]


def failed_facts(job: Job, failed: Failed, at: datetime) -> list[Fact]:
    """The facts that record which circuits of a job's newest attempt failed.

    That there are none is worth a fact where one had to look: nobody has to do so again.
    """
    return [
        Fact(job.index, job.attempt.number, at, FactKind.FAILED, piece, shortened(failed.reason))
        for piece in pieces(failed)
    ]


def _sane(moment: datetime | None) -> datetime | None:
    """A time from outside, if it is one that can be recorded."""
    if moment is None or moment.tzinfo is None or moment.year not in _YEARS:
        return None
    return moment
