"""Cancel jobs: what was not sent never will be, what was sent is asked to stop."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from qjobs.engine.address import Target
from qjobs.engine.reconcile import learn
from qjobs.engine.unknown import Found, NotYet, Unclear, look_up
from qjobs.engine.workspace import Workspace
from qjobs.errors import BeingSubmitted, ProviderError, StateDamaged, UsageError
from qjobs.facts import Fact, FactKind
from qjobs.model import Accepted, Attempted, Dropped, Finished, Job, Planned, Refused, Slice
from qjobs.store.folder import SetFolder
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


def check_own(target: Target) -> None:
    """Raise UsageError if jobs of the target's set are somebody else's, as far as is known."""
    job_set = target.folder.job_set
    if job_set.owner:
        raise UsageError(
            f"jobs of {job_set.set_id} are of {job_set.owner}",
            hint=f"if they may be stopped: qjobs cancel --others {job_set.set_id}",
        )


def stoppable(target: Target) -> list[int]:
    """Those of the target's jobs that, by what is known, have not come to their end."""
    return [
        job.index
        for job in target.chosen(target.folder.jobs())
        if isinstance(job.state, Planned | Attempted | Accepted)
    ]


def cancel(
    workspace: Workspace, target: Target, *, others: bool = False
) -> tuple[CancelReport, ...]:
    """Cancel the target's jobs; one outcome each, in order. Doing it twice is no error.

    Jobs that were not sent, as far as the provider knows, are dropped first, so that a submission
    under way in another process sends no more of them. Jobs of unknown fate are looked up, unless
    another process is submitting the set. Raises ProviderError if the provider cannot be asked;
    the dropped jobs stay dropped. Raises UsageError for jobs of somebody else, unless `others`.
    """
    if not others:
        check_own(target)
    job_set = target.folder.job_set
    with target.folder.journal() as journal:
        if any(isinstance(job.state, Planned) for job in target.chosen(journal.jobs())):
            _learn(workspace, target.folder, journal)
        jobs = target.chosen(journal.jobs())
        _drop(workspace, journal, jobs)
        jobs = [journal.job(job.index) for job in jobs]
        if any(isinstance(job.state, Attempted | Accepted) for job in jobs):
            provider = workspace.provider_of(job_set)
            if any(isinstance(job.state, Attempted) for job in jobs):
                _settle(workspace, target.folder, journal, provider, jobs)
                jobs = [journal.job(job.index) for job in jobs]
            ids = [job.state.job_id for job in jobs if isinstance(job.state, Accepted)]
            outcomes = provider.cancel(ids, backend=job_set.backend) if ids else {}
        else:
            outcomes = {}
    return tuple(CancelReport(job.index, job.slice, *_outcome(job, outcomes)) for job in jobs)


def cancel_duplicates(
    workspace: Workspace, target: Target, *, others: bool = False
) -> tuple[CancelReport, ...]:
    """Ask for the duplicates of the target's jobs to be stopped, and for nothing else.

    One outcome each, in order; none if there are none. Doing it twice is no error. Raises
    ProviderError if the provider cannot be asked.
    """
    if not others:
        check_own(target)
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


def _learn(workspace: Workspace, folder: SetFolder, journal: Journal) -> None:
    """What the state calls planned may run all the same, where it is an older copy.

    Nothing is sent here: if that cannot be learnt, what is known is cancelled. Whoever is
    submitting the set knows it, and is not to send more of it meanwhile.
    """
    if folder.compared or folder.being_submitted():
        return
    with suppress(ProviderError, UsageError, StateDamaged, BeingSubmitted):
        provider = workspace.provider_of(folder.job_set)
        with folder.claim_submission():
            learn(folder, provider, journal, clock=workspace.clock)


def _drop(workspace: Workspace, journal: Journal, jobs: Sequence[Job]) -> None:
    facts = [
        Fact(job.index, job.attempt.number, workspace.clock(), FactKind.DROPPED, "cancelled")
        for job in jobs
        if isinstance(job.state, Planned)
    ]
    if facts:
        journal.append(*facts)


def _settle(
    workspace: Workspace, folder: SetFolder, journal: Journal, provider: "Provider", jobs: list[Job]
) -> None:
    """Learn what became of jobs of unknown fate: adopt those that there are, drop the others.

    Those of which the provider cannot be sure stay as they are; and so do all while another
    process is submitting the set: it has calls in flight, and records their ends itself.
    """

    def record(job: Job, kind: FactKind, value: str) -> None:
        journal.append(Fact(job.index, job.attempt.number, workspace.clock(), kind, value))

    with suppress(BeingSubmitted), folder.claim_submission():
        for job in jobs:
            if not isinstance(job.state, Attempted):
                continue
            match look_up(provider, folder.job_set, job.state, workspace.clock()):
                case Found([]):
                    record(job, FactKind.DEFERRED, "no job carries the tag")
                    record(job, FactKind.DROPPED, "cancelled")
                case Found(job_ids):
                    for job_id in job_ids:
                        record(job, FactKind.ACCEPTED, job_id)
                case NotYet() | Unclear():
                    pass


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
