"""Remove job sets, with all that is kept of them on this machine: none whose jobs may run on."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from qjobs import disk, spans
from qjobs.engine.address import Target
from qjobs.engine.cancel import stoppable
from qjobs.engine.keeping import (
    check_ended,
    check_known,
    check_recorded,
    given_once,
    stop,
    unwanted,
)
from qjobs.engine.sending.sessions import close_left
from qjobs.engine.workspace import Workspace
from qjobs.errors import (
    AuthError,
    NotFound,
    OnlyHere,
    ProviderError,
    QjobsError,
    StateUnwritable,
)
from qjobs.model import JobSet
from qjobs.store import once, removal
from qjobs.store.folder import SetFolder

if TYPE_CHECKING:
    from qjobs.contract import Provider


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
        check_known(workspace, folder)
        if force and (stoppable(target) or unwanted(folder.jobs())):
            stop(workspace, target)
        close_left(workspace, folder)
        provider, problem = _checked(workspace, target, force=force)
        lost = () if provider is None else given_once(folder, provider)
        return _remove(folder, provider, problem)._replace(lost=lost)
    except QjobsError as error:
        return _kept(folder, error)


def foresee(workspace: Workspace, target: Target, *, force: bool = False) -> Removal:
    """What `remove` would make of a set, as things are; jobs are not cancelled."""
    folder = target.folder
    try:
        check_known(workspace, folder)
        if not (force and (stoppable(target) or unwanted(folder.jobs()))):
            _checked(workspace, target, force=force)
        return Removal(folder.job_set, used_bytes(folder))
    except QjobsError as error:
        return _kept(folder, error)


def _checked(workspace: Workspace, target: Target, *, force: bool) -> "tuple[Provider | None, str]":
    """The provider of a set that may go, or why it cannot be had. Raises what keeps the set."""
    provider, problem = _provider(workspace, target.folder.job_set, force=force)
    check_ended(workspace, target, force=force)
    if provider is not None and not force and (once_only := given_once(target.folder, provider)):
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
    with removal.taken_away(folder, lambda: check_recorded(folder)) as removed:
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


def used_bytes(folder: SetFolder) -> int:
    """The room that the folder of a set takes."""
    return disk.used_bytes(folder.state_path.parent)
