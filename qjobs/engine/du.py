"""How much room job sets take on this machine, and for what."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from qjobs import disk
from qjobs.engine.workspace import Workspace
from qjobs.errors import NotFound, QjobsError, StateError
from qjobs.model import JobSet
from qjobs.store.folder import CIRCUITS, OBSERVABLES, PARAMETERS, RESULTS, SOURCES

if TYPE_CHECKING:
    from qjobs.contract import Kept

_GIVEN = (CIRCUITS, PARAMETERS, OBSERVABLES, SOURCES)


class Usage(NamedTuple):
    """The room that a set takes, in bytes: its circuits, results, state, and the provider's copies.

    `provider_bytes` is None where the provider cannot be asked. Of a set that cannot be read only
    the id is known besides.
    """

    set_id: str
    job_set: JobSet | None
    circuits_bytes: int
    results_bytes: int
    state_bytes: int
    provider_bytes: int | None

    @property
    def total_bytes(self) -> int:
        """All of it."""
        own = self.circuits_bytes + self.results_bytes + self.state_bytes
        return own + (self.provider_bytes or 0)


class Copies:
    """What providers keep of job sets, each asked once. `problems` are of those that cannot be."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._kept: dict[str, Mapping[str, Kept] | None] = {}
        self.problems: list[str] = []

    def of(self, job_set: JobSet) -> int | None:
        """How many bytes are kept of a set; None if that cannot be told."""
        kept = self.at(job_set.provider)
        if kept is None:
            return None
        return kept[job_set.tag].size_bytes if job_set.tag in kept else 0

    def at(self, name: str) -> "Mapping[str, Kept] | None":
        """All that a provider keeps; None if it cannot be asked."""
        # Imported here: whoever only removes a set knows its provider.
        from qjobs.contract import Forgets

        if name not in self._kept:
            try:
                provider = self._workspace.load_provider(name)
                self._kept[name] = provider.kept() if isinstance(provider, Forgets) else {}
            except QjobsError as error:
                self._kept[name] = None
                self.problems.append(f"what {name} keeps cannot be told: {error.message}")
        return self._kept[name]


def measure(workspace: Workspace, set_ids: Sequence[str], copies: Copies) -> list[Usage]:
    """The room that sets take, the largest first."""
    found = [_measure(workspace, set_id, copies) for set_id in set_ids]
    return sorted(found, key=lambda usage: (-usage.total_bytes, usage.set_id))


def _measure(workspace: Workspace, set_id: str, copies: Copies) -> Usage:
    folder = workspace.store.sets / set_id
    used = {name: disk.used_bytes(folder / name) for name in (*_GIVEN, RESULTS)}
    try:
        job_set = workspace.store.open(set_id).job_set
    except (NotFound, StateError):
        job_set = None
    results_bytes = used.pop(RESULTS)
    circuits_bytes = sum(used.values())
    return Usage(
        set_id,
        job_set,
        circuits_bytes,
        results_bytes,
        disk.used_bytes(folder) - circuits_bytes - results_bytes,
        None if job_set is None else copies.of(job_set),
    )
