"""Cancel jobs: what was not sent never will be, what was sent is asked to stop."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from qjobs.engine.address import Target
from qjobs.engine.workspace import Workspace
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
    """The outcome for one job. `job_id` is empty for a job that was never sent."""

    index: int
    slice: Slice
    outcome: Cancellation
    job_id: str = ""

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
        _drop(workspace, journal, target.jobs)
        jobs = [journal.job(index) for index in target.jobs]
        if any(isinstance(job.state, Attempted | Accepted) for job in jobs):
            provider = workspace.load_provider(job_set.provider)
            _adopt(workspace, journal, provider, jobs, backend=job_set.backend)
            jobs = [journal.job(index) for index in target.jobs]
            ids = [job.state.job_id for job in jobs if isinstance(job.state, Accepted)]
            outcomes = provider.cancel(ids, backend=job_set.backend) if ids else {}
        else:
            outcomes = {}
    return tuple(CancelReport(job.index, job.slice, *_outcome(job, outcomes)) for job in jobs)


def _drop(workspace: Workspace, journal: Journal, jobs: Sequence[int]) -> None:
    facts = [
        Fact(index, job.attempt.number, workspace.clock(), FactKind.DROPPED, "cancelled")
        for index, job in ((index, journal.job(index)) for index in jobs)
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
    """Give jobs of unknown fate the ids that the provider knows for their tags."""
    for job in jobs:
        if isinstance(job.state, Attempted):
            for job_id in provider.find(job.state.tag, backend=backend):
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
            if job_id in outcomes:
                return Cancellation(outcomes[job_id].value), job_id
            return Cancellation.UNKNOWN, job_id
        case Planned() | Attempted():
            return Cancellation.UNKNOWN, ""
