"""Cancel jobs: what was not sent never will be, what was sent is asked to stop."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from qjobs.engine.address import Target
from qjobs.engine.workspace import Workspace
from qjobs.errors import NotNow
from qjobs.facts import Fact, FactKind
from qjobs.model import Accepted, Attempted, Dropped, Finished, Job, Planned, Refused, Slice
from qjobs.store.journal import Journal

if TYPE_CHECKING:
    from qjobs.providers.interface import CancelOutcome, Provider


class Cancellation(StrEnum):
    """What became of the wish to cancel one job."""

    CANCELLED = "cancelled"
    REQUESTED = "requested"
    ALREADY_FINAL = "already final"
    NOT_SUPPORTED = "not supported"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class CancelReport:
    """The outcome for one job. `job_id` is empty for a job that was never sent.

    `duplicate` says that it is a provider job with the tag of another, which nobody asked for.
    """

    index: int
    slice: Slice
    outcome: Cancellation
    job_id: str = ""
    duplicate: bool = False

    @property
    def stopped(self) -> bool:
        """Whether the job will not run on, or a request to stop it was taken."""
        return self.outcome in (
            Cancellation.CANCELLED,
            Cancellation.REQUESTED,
            Cancellation.ALREADY_FINAL,
        )


def cancel(workspace: Workspace, target: Target) -> tuple[CancelReport, ...]:
    """Cancel the target's jobs; one outcome each, in order. Doing it twice is no error.

    Jobs that were not sent are dropped first, so that a submission under way in another
    process sends no more of them. Raises ProviderError if the provider cannot be asked; the
    dropped jobs stay dropped.
    """
    job_set = target.folder.job_set
    with target.folder.journal() as journal:
        jobs = target.chosen(journal.jobs())
        _drop(workspace, journal, jobs)
        jobs = [journal.job(job.index) for job in jobs]
        if any(isinstance(job.state, Attempted | Accepted) for job in jobs):
            provider = workspace.provider_of(job_set)
            _adopt(workspace, journal, provider, jobs, backend=job_set.backend)
            jobs = [journal.job(job.index) for job in jobs]
            ids = [job.state.job_id for job in jobs if isinstance(job.state, Accepted)]
            outcomes = provider.cancel(ids, backend=job_set.backend) if ids else {}
        else:
            outcomes = {}
    return tuple(CancelReport(job.index, job.slice, *_outcome(job, outcomes)) for job in jobs)


def cancel_duplicates(workspace: Workspace, target: Target) -> tuple[CancelReport, ...]:
    """Ask for the duplicates of the target's jobs to be stopped, and for nothing else.

    One outcome each, in order; none if there are none. Doing it twice is no error. Raises
    ProviderError if the provider cannot be asked.
    """
    job_set = target.folder.job_set
    found = {
        job_id: job for job in target.chosen(target.folder.jobs()) for job_id in job.duplicates
    }
    if not found:
        return ()
    outcomes = workspace.provider_of(job_set).cancel(list(found), backend=job_set.backend)
    return tuple(
        CancelReport(job.index, job.slice, _asked(job_id, outcomes), job_id, duplicate=True)
        for job_id, job in found.items()
    )


def _drop(workspace: Workspace, journal: Journal, jobs: Sequence[Job]) -> None:
    facts = [
        Fact(job.index, job.attempt.number, workspace.clock(), FactKind.DROPPED, "cancelled")
        for job in jobs
        if isinstance(job.state, Planned)
    ]
    if facts:
        journal.append(*facts)


def _adopt(
    workspace: Workspace,
    journal: Journal,
    provider: "Provider",
    jobs: Sequence[Job],
    *,
    backend: str,
) -> None:
    """Give jobs of unknown fate the ids that the provider knows for their tags.

    Those that may be too new to be found stay unknown.
    """
    for job in jobs:
        if isinstance(job.state, Attempted):
            try:
                found = provider.find(job.state.tag, backend=backend)
            except NotNow as error:
                if error.retry_after_s is None:
                    raise
                continue
            for job_id in found:
                number = job.attempt.number
                journal.append(
                    Fact(job.index, number, workspace.clock(), FactKind.ACCEPTED, job_id)
                )


def _outcome(job: Job, outcomes: "Mapping[str, CancelOutcome]") -> tuple[Cancellation, str]:
    match job.state:
        case Dropped():
            return Cancellation.CANCELLED, ""
        case Refused():
            return Cancellation.ALREADY_FINAL, ""
        case Finished(job_id):
            return Cancellation.ALREADY_FINAL, job_id
        case Accepted(job_id):
            return _asked(job_id, outcomes), job_id
        case Planned() | Attempted():
            return Cancellation.UNKNOWN, ""


def _asked(job_id: str, outcomes: "Mapping[str, CancelOutcome]") -> Cancellation:
    """What the provider said of a job, if it did."""
    said = outcomes.get(job_id)
    return Cancellation.UNKNOWN if said is None else Cancellation(said.value)
