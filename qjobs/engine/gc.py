"""Remove what no set needs any more: what the dead have left, and what nobody can ask for."""

from collections.abc import Iterator, Sequence

from qjobs import disk
from qjobs.engine.du import Copies
from qjobs.engine.remove import forget, forget_elsewhere
from qjobs.engine.workspace import Workspace
from qjobs.errors import QjobsError, UnknownBackend
from qjobs.store import leftovers, removal
from qjobs.store.leftovers import Kind, Leftover
from qjobs.tags import set_id as set_id_of


def collect(
    workspace: Workspace, problems: list[str], *, dry_run: bool = False
) -> Iterator[Leftover]:
    """Remove it, each thing as it is removed, and note `problems` with what could not be.

    With `dry_run` nothing is. Raises StateError.
    """
    yield from _removals(workspace, problems, dry_run=dry_run)
    yield from leftovers.take(workspace.store, dry_run=dry_run)
    yield from _orphans(workspace, problems, dry_run=dry_run)


def _removals(workspace: Workspace, problems: list[str], *, dry_run: bool) -> Iterator[Leftover]:
    """Go on where somebody died who removed a set, or could not remove all that there was of it."""
    for removed in removal.begun(workspace.store.sets):
        with removed.held() as ours:
            if not ours:
                continue
            size_bytes = disk.used_bytes(removed.folder)
            try:
                if not dry_run:
                    size_bytes = _finish(workspace, removed)
            except QjobsError as error:
                problems.append(f"{removed.folder}: {error.message}")
                continue
            yield Leftover(Kind.REMOVED, str(removed.folder), size_bytes)


def _finish(workspace: Workspace, removed: removal.Removed) -> int:
    freed_bytes = 0
    if told := removed.told():
        job_set, job_ids = told
        freed_bytes = forget(workspace.provider_at(job_set.destination), job_set, job_ids)
        freed_bytes += forget_elsewhere(job_set.set_id)
    return freed_bytes + removed.delete()


def _orphans(workspace: Workspace, problems: list[str], *, dry_run: bool) -> Iterator[Leftover]:
    """Have providers forget what is spare of sets that are not here."""
    copies = Copies(workspace)
    for name in _providers(workspace):
        kept = copies.at(name) or {}
        # Asked after that: a set that was made since has nothing there that was told.
        here = set(workspace.store.ids())
        for tag, one in kept.items():
            set_id = set_id_of(tag)
            if not set_id or set_id in here or not one.spare:
                continue
            size_bytes = one.size_bytes
            try:
                if not dry_run:
                    size_bytes = _forgotten(workspace, name, tag)
            except QjobsError as error:
                problems.append(error.message)
                continue
            yield Leftover(Kind.ORPHAN, f"{name} {tag}", size_bytes)
    problems += copies.problems


def _forgotten(workspace: Workspace, name: str, tag: str) -> int:
    from qjobs.contract import Forgets

    provider = workspace.load_provider(name)
    return provider.forget(tag, ()) if isinstance(provider, Forgets) else 0


def _providers(workspace: Workspace) -> Sequence[str]:
    """The names of providers that have a folder here."""
    home, sets = workspace.store.home, workspace.store.sets
    found = []
    for path in sorted(home.iterdir()) if home.is_dir() else ():
        if path.is_dir() and path != sets and not path.name.startswith("."):
            try:
                workspace.load_provider(path.name)
            except UnknownBackend:
                continue  # a folder of the user's
            except QjobsError:
                pass  # which is said when it is asked
            found.append(path.name)
    return found
