"""Remove job sets, with all that is kept of them on this machine: none whose jobs may run on."""

import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from qjobs import disk, spans
from qjobs.engine.address import Target
from qjobs.engine.asking import polls_s
from qjobs.engine.cancel import NotAsked, cancel, stoppable
from qjobs.engine.report import FINAL
from qjobs.engine.sending.sessions import close_left
from qjobs.engine.status import status
from qjobs.engine.workspace import Workspace
from qjobs.errors import (
    AuthError,
    NotFound,
    OnlyHere,
    ProviderError,
    QjobsError,
    StateDamaged,
    StateUnwritable,
    Unfinished,
)
from qjobs.model import (
    Accepted,
    Attempt,
    Attempted,
    Dropped,
    Finished,
    Job,
    JobSet,
    JobStatus,
    Planned,
)
from qjobs.store import once, removal
from qjobs.store.folder import SetFolder

if TYPE_CHECKING:
    from qjobs.contract import Provider

_STOPPING_S = 10.0
"""For so long jobs that were asked to stop are looked at again."""


class Removal(NamedTuple):
    """What became of the wish to remove a set: it is gone, unless something `keeps` it.

    `size_bytes` is the room that this freed; of a set that stays, that it takes. Of one that is
    gone, `problem` tells what could not be removed, and `lost` are the jobs whose results could be
    had only once.
    """

    job_set: JobSet
    size_bytes: int
    keeps: QjobsError | None = None
    problem: str = ""
    lost: tuple[int, ...] = ()


def remove(workspace: Workspace, target: Target, *, force: bool = False) -> Removal:
    """Remove a set, its results, and what its provider keeps of it here.

    It stays if a job of it may run or be submitted, or while another process submits it. With
    `force` its jobs are cancelled first; it stays if one cannot be, or nobody can tell. Without,
    it also stays if it has results that can be had only once, or its provider cannot be asked.
    """
    folder = target.folder
    try:
        _check_known(folder)
        if force and (stoppable(target) or _unwanted(folder.jobs())):
            _stop(workspace, target)
        close_left(workspace, folder)
        provider, problem = _checked(workspace, target, force=force)
        lost = () if provider is None else _given_once(folder, provider)
        return _remove(folder, provider, problem)._replace(lost=lost)
    except QjobsError as error:
        return _kept(folder, error)


def foresee(workspace: Workspace, target: Target, *, force: bool = False) -> Removal:
    """What `remove` would make of a set, as things are; jobs are not cancelled."""
    folder = target.folder
    try:
        _check_known(folder)
        if not (force and (stoppable(target) or _unwanted(folder.jobs()))):
            _checked(workspace, target, force=force)
        return Removal(folder.job_set, used_bytes(folder))
    except QjobsError as error:
        return _kept(folder, error)


def _checked(workspace: Workspace, target: Target, *, force: bool) -> "tuple[Provider | None, str]":
    """The provider of a set that may go, or why it cannot be had. Raises what keeps the set."""
    provider, problem = _provider(workspace, target.folder.job_set, force=force)
    _check_ended(workspace, target, force=force)
    if provider is not None and not force and (once_only := _given_once(target.folder, provider)):
        set_id = target.folder.job_set.set_id
        raise OnlyHere(
            f"the results of {set_id}/{spans.written(spans.runs_of(once_only))} can be had only "
            "once, and would be lost",
            hint=f"to keep them: qjobs result {set_id} --out {set_id}.jsonl; to remove them all "
            f"the same: qjobs rm --force {set_id}",
        )
    return provider, problem


def _kept(folder: SetFolder, error: QjobsError) -> Removal:
    if not folder.state_path.exists():
        error = NotFound(f"{folder.job_set.set_id} was just removed by another process")
    return Removal(folder.job_set, used_bytes(folder), keeps=error)


def _remove(folder: SetFolder, provider: "Provider | None", problem: str) -> Removal:
    """Remove a set whose jobs have ended, as far as anybody knows; as far as is recorded it must.

    What the provider keeps goes once nobody sees the set any more; if that cannot be, the state is
    left, so that `gc` can tell it again.
    """
    job_set, jobs = folder.job_set, folder.jobs()
    with removal.taken_away(folder, lambda: _check_recorded(folder)) as removed:
        freed_bytes = 0
        if provider is not None:
            job_ids = [job_id for job in jobs for job_id in job.job_ids]
            try:
                freed_bytes = forget(provider, job_set, job_ids)
            except QjobsError as error:
                problem = error.message
        freed_bytes += forget_elsewhere(job_set.set_id)
        try:
            freed_bytes += removed.delete(but_the_state=bool(problem))
        except StateUnwritable as error:  # nobody sees it all the same
            problem = error.message
    return Removal(job_set, freed_bytes, problem=problem)


def forget(provider: "Provider", job_set: JobSet, job_ids: Sequence[str]) -> int:
    """Have a provider forget the jobs of a set; how many bytes that freed. Raises ProviderError."""
    # Imported here, as the provider is by now.
    from qjobs.contract import Forgets

    return provider.forget(job_set.tag, job_ids) if isinstance(provider, Forgets) else 0


def forget_elsewhere(set_id: str) -> int:
    """Remove results that were kept outside for want of room; the bytes that this freed."""
    freed_bytes = 0
    for path in once.kept_elsewhere(f"qjobs-{set_id}", once.places()):
        try:
            freed_bytes += disk.remove(path)
        except OSError:
            continue  # it is somebody else's by now
    return freed_bytes


def _check_known(folder: SetFolder) -> None:
    """Raise BeingSubmitted, or StateDamaged or StateTooNew if the file may not tell all jobs."""
    try:
        folder.check_sendable()
    except StateDamaged as error:
        what = error.message.removesuffix(": nothing is sent")
        raise StateDamaged(f"{what}; the set stays", hint=error.hint) from error
    with folder.claim_submission():
        pass


def _provider(
    workspace: Workspace, job_set: JobSet, *, force: bool
) -> "tuple[Provider | None, str]":
    """The provider, or why it cannot be had, which is borne with `force`."""
    try:
        return workspace.provider_at(job_set.destination), ""
    except QjobsError as error:
        if force:
            return None, error.message
        if isinstance(error, AuthError):
            raise
        raise ProviderError(
            f"what {job_set.provider} keeps of {job_set.set_id} cannot be removed: {error.message}",
            hint=f"mend that; or, to remove the rest: qjobs rm --force {job_set.set_id}",
        ) from error


def _stop(workspace: Workspace, target: Target) -> None:
    """Cancel the jobs, and see that they end. Raises Unfinished if one may run on."""
    job_set = target.folder.job_set
    set_id = job_set.set_id
    lost = [job.index for job in target.folder.jobs() if isinstance(job.state, Attempted)]
    for report in cancel(workspace, target):
        if not report.stopped:
            raise Unfinished(
                f"{set_id}/{report.index} could not be stopped: {report.outcome.value}",
                hint=f"qjobs status {set_id}",
            )
        if report.outcome is NotAsked.DROPPED and report.index in lost:
            raise Unfinished(
                f"{set_id}/{report.index} may run: whether {job_set.provider} accepted it cannot "
                f"be learnt from here; look there for the tag {report.tag}",
                hint=f"once no job of it runs: qjobs rm --force {set_id}",
            )
    until, waiting = time.monotonic() + _STOPPING_S, threading.Event()
    while any(job.pending for job in status(workspace, target).jobs):
        if time.monotonic() > until:
            break
        pause_s, _ = polls_s(workspace.provider_at(job_set.destination), job_set.backend)
        waiting.wait(pause_s)


def _check_ended(workspace: Workspace, target: Target, *, force: bool) -> None:
    """Raise Unfinished if a job of the set may run on, or is still to be submitted."""
    folder = target.folder
    set_id = folder.job_set.set_id
    report = status(workspace, target)
    if report.denied:
        raise report.denied
    open_jobs = [job for job in report.jobs if job.state not in FINAL]
    if open_jobs:
        states = [job.state.value for job in open_jobs]
        counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
        why = next((f": {job.message}" for job in open_jobs if job.message), "")
        verb = "resume" if any(job.unsent for job in open_jobs) else "wait"
        stop = "" if force else f"; or, to stop them first: qjobs rm --force {set_id}"
        raise Unfinished(
            f"{set_id} has unfinished jobs: {counts}{why}",
            hint=report.away.hint if report.away else f"qjobs {verb} {set_id}{stop}",
        )
    jobs = folder.jobs()
    dropped = [job.state.tag for job in jobs if isinstance(job.state, Dropped) and job.state.tag]
    if dropped and not force:
        raise Unfinished(
            f"{set_id} has a job that was dropped, and may run: look at {folder.job_set.provider} "
            f"for the tag {dropped[0]}",
            hint=f"once no job of it runs: qjobs rm --force {set_id}",
        )
    if unwanted := _unwanted(jobs):
        provider = workspace.provider_at(folder.job_set.destination)
        said = provider.statuses(unwanted, backend=folder.job_set.backend)
        live = [job_id for job_id in unwanted if not said.get(job_id, JobStatus.UNKNOWN).final]
        if live:
            raise Unfinished(
                f"{set_id} has duplicates of jobs that may run: {' '.join(live)}",
                hint=f"qjobs cancel --duplicates {set_id}",
            )


def _unwanted(jobs: Sequence[Job]) -> list[str]:
    """The ids of further provider jobs, of which nobody has recorded the end."""
    return [job_id for job in jobs for job_id in job.unwanted]


def _given_once(folder: SetFolder, provider: "Provider") -> tuple[int, ...]:
    """The jobs with results that nobody can have a second time."""
    # Imported here, as the provider is by now.
    from qjobs.contract import GivesOnce

    job_set = folder.job_set
    if not isinstance(provider, GivesOnce):
        return ()
    if not provider.gives_once(backend=job_set.backend, options=job_set.options):
        return ()
    return tuple(job.index for job in folder.jobs() if any(map(_gave, job.attempts)))


def _gave(attempt: Attempt) -> bool:
    """Whether an attempt came to results, which are not known to be gone."""
    done = isinstance(attempt.state, Finished) and attempt.state.status is JobStatus.DONE
    return done and not (attempt.failed and attempt.failed.gone)


def _check_recorded(folder: SetFolder) -> None:
    """Raise Unfinished if somebody has begun something since."""
    open_jobs = [
        job for job in folder.jobs() if isinstance(job.state, Planned | Attempted | Accepted)
    ]
    if open_jobs:
        set_id = folder.job_set.set_id
        raise Unfinished(
            f"{set_id}/{open_jobs[0].index} is not on record as finished",
            hint=f"qjobs status {set_id}",
        )


def used_bytes(folder: SetFolder) -> int:
    """The room that the folder of a set takes."""
    return disk.used_bytes(folder.state_path.parent)
