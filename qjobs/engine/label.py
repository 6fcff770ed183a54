"""Give job sets other names and tags: the only words of a set that change."""

from collections.abc import Sequence

from qjobs.engine.address import Target, check_name
from qjobs.engine.workspace import Workspace
from qjobs.errors import UsageError
from qjobs.store.folder import SetFolder


def rename(workspace: Workspace, target: Target, name: str) -> None:
    """Give a set another name, which no other has.

    Raises UsageError for a name that cannot be, or is taken, and StateError; then nothing has
    changed.
    """
    check_name(name)
    set_id = target.folder.job_set.set_id
    with workspace.store.exclusively():
        if workspace.store.has(name):
            raise UsageError(f"{name!r} is the id of a set, so no name")
        for header in workspace.store.listing().headers:
            if header.name == name and header.set_id != set_id:
                raise UsageError(
                    f"the set {header.set_id} is called {name!r}",
                    hint=f"take another name, or first: qjobs rename {header.set_id} NAME",
                )
        _label(target.folder, name=name)


def tag(
    workspace: Workspace, target: Target, *, add: Sequence[str] = (), remove: Sequence[str] = ()
) -> tuple[str, ...]:
    """Add tags to those of a set, then remove some; the ones that it did not have.

    Raises StateError; then nothing has changed.
    """
    with workspace.store.exclusively():
        target.folder.refresh()
        before = target.folder.job_set.tags
        wanted = [tag for tag in dict.fromkeys((*before, *add)) if tag not in remove]
        if tuple(wanted) != before:
            _label(target.folder, tags=wanted)
    return tuple(tag for tag in remove if tag not in (*before, *add))


def _label(
    folder: SetFolder, *, name: str | None = None, tags: Sequence[str] | None = None
) -> None:
    with folder.journal() as journal:
        journal.label(name=name, tags=tags)
    folder.refresh()
