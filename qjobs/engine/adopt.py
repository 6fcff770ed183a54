"""Attach to jobs of unknown fate the provider jobs that they are: found by a person, or a tag."""

from contextlib import suppress
from typing import assert_never

from qjobs.engine.address import Target
from qjobs.engine.asking import away
from qjobs.engine.sending.adopting import Adopter
from qjobs.engine.sending.lookup import Found, look_up
from qjobs.engine.workspace import Workspace
from qjobs.errors import NotFound, StateError, UsageError
from qjobs.model import Accepted, Attempted, Dropped, Finished, Job, JobStatus, Planned, Refused
from qjobs.store.folder import SetFolder


def adopt(workspace: Workspace, target: Target, job_id: str) -> str:
    """Record that the provider has the target's one job as `job_id`; again is no error.

    Returns why the job may run on, if it was cancelled while it was submitted and cannot be
    stopped. Raises UsageError if it is not one job, or waits for no id, or if the id is that of
    another; NotFound if the provider does not know it; ProviderError if it cannot be asked;
    StateError, among others if another process is submitting the set.
    """
    folder, job_set = target.folder, target.folder.job_set
    index = _only(target)
    _check_id(job_id)
    owners = _owners(workspace, job_set.provider, job_id)
    if owners == [(job_set.set_id, index)]:
        return ""
    if owners:
        owner = "{}/{}".format(*owners[0])
        raise UsageError(
            f"{job_id} is that of {owner} already", hint=f"qjobs status --jobs {owner}"
        )
    provider = workspace.provider_at(job_set.destination)
    with folder.claim_submission(), folder.journal() as journal:
        job = journal.job(index)
        _check_waits(job, f"{job_set.set_id}/{index}")
        number = job.attempt.number
        if gone := away(provider, job_set):
            raise NotFound(f"{gone.who} can ask for the job {job_id}", hint=gone.hint)
        known = provider.statuses([job_id], backend=job_set.backend)
        if known.get(job_id, JobStatus.UNKNOWN) is JobStatus.UNKNOWN:
            raise NotFound(
                f"{job_set.provider} does not know the job {job_id}; nothing was changed",
                hint=f"look there for the job with the tag {job_set.job_tag(index, number)}",
            )
        adopter = Adopter(job_set, journal, provider, workspace.clock)
        adopter.accepted(index, number, [job_id])
        return adopter.stop_withdrawn(index)


def adopt_found(workspace: Workspace, folder: SetFolder) -> list[str]:
    """Record what came of calls whose answer was lost, as far as there are jobs of them by now.

    Nothing is sent, and what is not found stays unknown. Returns what may run on although it was
    cancelled. Raises ProviderError if the provider cannot be had, and StateError.
    """
    lost = [job.index for job in folder.jobs() if isinstance(job.state, Attempted)]
    if not lost or folder.being_submitted():
        return []
    provider = workspace.provider_at(folder.job_set.destination)
    problems = []
    with folder.claim_submission(), folder.journal() as journal:
        adopter = Adopter(folder.job_set, journal, provider, workspace.clock)
        for job in map(journal.job, lost):
            if not isinstance(job.state, Attempted):
                continue
            found = look_up(provider, folder.job_set, job.state, workspace.clock())
            if isinstance(found, Found) and found.job_ids:
                adopter.found(job.index, job.attempt.number, found.job_ids)
                problems.append(adopter.stop_withdrawn(job.index))
    return [*filter(None, problems)]


def _only(target: Target) -> int:
    jobs = target.jobs
    if len(jobs) != 1:
        set_id = target.folder.job_set.set_id
        raise UsageError(
            f"of which of {len(jobs)} jobs is it?", hint=f"qjobs adopt {set_id}/{jobs[0]} JOB_ID"
        )
    return jobs[0]


def _check_id(job_id: str) -> None:
    if not job_id.isprintable() or " " in job_id:
        raise UsageError(f"{job_id!r} is no job id", hint="give it as the provider shows it")


def _check_waits(job: Job, address: str) -> None:
    """Raise UsageError unless it is unknown which provider job the newest attempt came to."""
    match job.state:
        case Attempted() | Refused():
            return
        case Dropped(tag) if tag:
            return
        case Planned() | Dropped() | Accepted() | Finished():
            raise UsageError(
                f"{address} waits for no job id: what became of its attempt "
                f"{job.attempt.number} is known",
                hint=f"qjobs status --jobs {address}",
            )
        case unexpected:
            assert_never(unexpected)


def _owners(workspace: Workspace, provider: str, job_id: str) -> list[tuple[str, int]]:
    """The set and the index of every job, at that provider, that has the id."""
    found = []
    for set_id in workspace.store.mentioning(job_id):
        with suppress(StateError, NotFound):  # a broken set hides no other
            folder = workspace.store.open(set_id)
            if folder.job_set.provider == provider:
                found += [(set_id, job.index) for job in folder.jobs() if job_id in job.job_ids]
    return found
