"""Cancel jobs: what was not sent never will be, what was sent is asked to stop."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias, assert_never

from qjobs.contract import CancelOutcome
from qjobs.engine.address import Target
from qjobs.engine.sending.sessions import close_left
from qjobs.engine.status import status
from qjobs.engine.workspace import Workspace
from qjobs.errors import UsageError
from qjobs.facts import Fact, FactKind
from qjobs.model import Accepted, Attempted, Dropped, Finished, Job, Planned, Refused, Slice
from qjobs.store.journal import Journal

if TYPE_CHECKING:
    from qjobs.contract import Provider


class NotAsked(StrEnum):
    """The outcome of cancelling a job of which no provider said anything."""

    UNKNOWN = "unknown"
    DROPPED = "dropped"  # it may run, if it was accepted: nobody can tell


Cancellation: TypeAlias = CancelOutcome | NotAsked
"""What became of the wish to cancel one job."""

_ENDED = (CancelOutcome.CANCELLED, CancelOutcome.ALREADY_FINAL)


@dataclass(frozen=True, slots=True)
class CancelReport:
    """The outcome for one job. `job_id` is empty for a job that was never sent.

    `duplicate` says that it is a further provider job of the same circuits, which nobody asked
    for. `tag` is that of a call of which it is not known whether it came to a job.
    """

    index: int
    slice: Slice
    outcome: Cancellation
    job_id: str = ""
    duplicate: bool = False
    tag: str = ""

    @property
    def stopped(self) -> bool:
        """Whether it will not run on, as far as that is in anybody's power."""
        return self.outcome in (
            CancelOutcome.CANCELLED,
            CancelOutcome.REQUESTED,
            CancelOutcome.ALREADY_FINAL,
            NotAsked.DROPPED,
        )

    @property
    def in_flight(self) -> bool:
        """Whether the call is under way: whoever makes it stops what comes of it."""
        return self.outcome is CancelOutcome.REQUESTED and not self.job_id


def check_own(target: Target) -> None:
    """Raise UsageError if jobs of the target's set are somebody else's, as far as is known."""
    job_set = target.folder.job_set
    if job_set.owner:
        raise UsageError(
            f"jobs of {job_set.set_id} are of {job_set.owner}",
            hint=f"if they may be stopped: qjobs cancel --others {job_set.set_id}",
        )


def stoppable(target: Target) -> list[int]:
    """The jobs of the target that are not known to have ended."""
    return [
        job.index
        for job in target.chosen(target.folder.jobs())
        if isinstance(job.state, Planned | Attempted | Accepted)
    ]


def cancel(
    workspace: Workspace, target: Target, *, others: bool = False
) -> tuple[CancelReport, ...]:
    """Cancel the target's jobs; their outcomes in order, duplicates after their jobs.

    Jobs that were not sent, as far as the provider knows, are dropped first, so that a submission
    under way in another process sends no more of them, and what it has in flight is withdrawn: it
    stops that as soon as it was accepted. Other jobs of unknown fate are looked up; where the
    provider can never tell, they are dropped, and may run. Sessions that a process has left open
    when it died are closed. Doing it twice is no error. Raises ProviderError if the provider cannot
    be asked; the dropped jobs stay dropped. How those ended that run no
    more is recorded. Raises UsageError for jobs of somebody else, unless `others`.
    """
    if not others:
        check_own(target)
    job_set = target.folder.job_set
    outcomes: Mapping[str, CancelOutcome] = {}
    in_flight = False
    with target.folder.journal() as journal:
        if stoppable(target):
            # Imported here: with all it needs that takes 4 ms, and what has ended needs none of it.
            from qjobs.engine.sending.unsettled import compare

            compare(workspace, target.folder, journal)
        _withdraw(workspace, journal, target.chosen(journal.jobs()))
        jobs = target.chosen(journal.jobs())
        if any(isinstance(job.state, Attempted | Accepted) or job.unwanted for job in jobs):
            provider = workspace.provider_at(job_set.destination)
            if any(isinstance(job.state, Attempted) for job in jobs):
                from qjobs.engine.sending.unsettled import settle

                in_flight = not settle(workspace, target.folder, journal, provider, jobs)
                jobs = [journal.job(job.index) for job in jobs]
            ids = [job_id for job in jobs for job_id in _live(job)]
            if ids:
                outcomes = provider.cancel(ids, backend=job_set.backend)
            _end_earlier(workspace, journal, provider, job_set.backend, jobs)
    if any(outcome in _ENDED for outcome in outcomes.values()):
        # One more question in bulk, so that no view has them wait for ever.
        status(workspace, target)
    close_left(workspace, target.folder)
    return tuple(report for job in jobs for report in _reports(job, outcomes, in_flight=in_flight))


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
    found = {job_id: job for job in target.chosen(target.folder.jobs()) for job_id in job.unwanted}
    if not found:
        return ()
    outcomes = workspace.provider_at(job_set.destination).cancel(
        list(found), backend=job_set.backend
    )
    return tuple(
        CancelReport(job.index, job.slice, _asked(job_id, outcomes), job_id, duplicate=True)
        for job_id, job in found.items()
    )


def _withdraw(workspace: Workspace, journal: Journal, jobs: Sequence[Job]) -> None:
    """Drop what was not sent, and leave word for whoever has a call of the others in flight.

    Which of the two it is may change at any moment: the journal takes what fits.
    """
    now = workspace.clock()
    journal.append(
        *(
            Fact(job.index, job.attempt.number, now, kind, "cancelled")
            for job in jobs
            if isinstance(job.state, Planned | Attempted) and not job.attempt.withdrawn
            for kind in (FactKind.DROPPED, FactKind.WITHDRAWN)
        )
    )


def _end_earlier(
    workspace: Workspace, journal: Journal, provider: "Provider", backend: str, jobs: Sequence[Job]
) -> None:
    """Record how earlier attempts have ended: nobody else asks, and until then nothing is sent."""
    alive = {
        attempt.state.job_id: (job.index, attempt.number)
        for job in jobs
        for attempt in job.attempts[:-1]
        if isinstance(attempt.state, Accepted)
    }
    said = provider.statuses(list(alive), backend=backend) if alive else {}
    ends = [(alive[job_id], status) for job_id, status in said.items() if status.final]
    if ends:
        at = workspace.clock()
        journal.append(*(Fact(*which, at, FactKind.FINISHED, status) for which, status in ends))


def _live(job: Job) -> list[str]:
    """The ids of all provider jobs of a job that may run, its own first."""
    own = [job.state.job_id] if isinstance(job.state, Accepted) else []
    return [*own, *job.unwanted]


def _reports(
    job: Job, outcomes: Mapping[str, CancelOutcome], *, in_flight: bool
) -> Iterator[CancelReport]:
    match job.state:
        case Dropped(tag) if tag:
            yield CancelReport(job.index, job.slice, NotAsked.DROPPED, tag=tag)
        case Attempted(tag) if in_flight and job.attempt.withdrawn:
            yield CancelReport(job.index, job.slice, CancelOutcome.REQUESTED, tag=tag)
        case Planned() | Dropped() | Attempted() | Refused() | Accepted() | Finished():
            yield CancelReport(job.index, job.slice, *_outcome(job, outcomes))
        case unexpected:
            assert_never(unexpected)
    for job_id in job.unwanted:
        outcome = _asked(job_id, outcomes)
        yield CancelReport(job.index, job.slice, outcome, job_id, duplicate=True)


def _outcome(job: Job, outcomes: Mapping[str, CancelOutcome]) -> tuple[Cancellation, str]:
    match job.state:
        case Dropped():
            return CancelOutcome.CANCELLED, ""
        case Refused():
            return CancelOutcome.ALREADY_FINAL, ""
        case Finished(job_id):
            return CancelOutcome.ALREADY_FINAL, job_id
        case Accepted(job_id):
            return _asked(job_id, outcomes), job_id
        case Planned() | Attempted():
            return NotAsked.UNKNOWN, ""


def _asked(job_id: str, outcomes: Mapping[str, CancelOutcome]) -> Cancellation:
    """The provider's answer for one job, if it gave one."""
    return outcomes.get(job_id, NotAsked.UNKNOWN)
