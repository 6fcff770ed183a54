"""The circuits of a set by their names, as far as its container has them."""

from collections.abc import Mapping
from contextlib import suppress
from operator import index as index_
from typing import TYPE_CHECKING, SupportsIndex

from qjobs.circuits import qpy
from qjobs.engine.result import job_finder
from qjobs.errors import InputError
from qjobs.managed.errors import JobManagerJobNotFound
from qjobs.managed.warning import warn
from qjobs.model import Slice
from qjobs.store.folder import SetFolder

if TYPE_CHECKING:
    from qiskit import QuantumCircuit


class CircuitNames:
    """The names of the circuits of a set. The container is read when they are asked for."""

    def __init__(self, folder: SetFolder) -> None:
        self._folder = folder
        self._places: Mapping[str, tuple[int, bool]] | None = None

    def of(self, part: Slice) -> list[str]:
        """The names of a slice's circuits; `circuit-<index>` where the circuits are gone."""
        bindings = self._folder.job_set.bindings
        part = self._folder.job_set.stored(part)
        first, last = part.start_index // bindings, part.end_index // bindings
        try:
            with qpy.Container.open(self._folder.circuits_path) as container:
                found = container.names(Slice(first, last - first + 1))
        except InputError:
            found = [f"circuit-{record}" for record in range(first, last + 1)]
        return [
            found[index // bindings - first]
            for index in range(part.start_index, part.end_index + 1)
        ]

    def locate(self, circuit: "int | str | QuantumCircuit") -> tuple[int, int]:
        """The job of a circuit, and the circuit's position there. See `index`."""
        index = self.index(circuit)
        parts = self._folder.parts
        job = job_finder((job, part) for job, own in enumerate(parts) for part in own)(index)
        return job, index - self._folder.slices[job].start_index

    def index(self, circuit: "int | str | QuantumCircuit") -> int:
        """The index of a circuit.

        A circuit is given by its index, by its name, or as it is, which means by its name; the
        first of several is taken, with a warning. Raises JobManagerJobNotFound.
        """
        job_set = self._folder.job_set
        name = named(circuit)
        if isinstance(name, str):
            record, several = self._all_places().get(name, (-1, False))
            index = job_set.start_index + record * job_set.bindings
            if record >= 0 and (several or job_set.bindings > 1):
                warn(f"several circuits are named {name!r}: the first is taken, circuit {index}")
        else:
            index = name
        if index not in job_set.indices:
            raise JobManagerJobNotFound(
                f"there is no circuit {name!r} in the job set {job_set.set_id}",
                hint=f"they are numbered from {job_set.start_index} to {job_set.indices.stop - 1}",
            )
        return index

    def _all_places(self) -> Mapping[str, tuple[int, bool]]:
        """Map each name to its first circuit in the container, and whether there is another."""
        if self._places is None:
            found: dict[str, tuple[int, bool]] = {}
            records = 0
            with (
                suppress(InputError),
                qpy.Container.open(self._folder.circuits_path) as container,
            ):
                records = len(container)
                whole = Slice(0, records)
                for record, name in enumerate(container.names(whole)):
                    found[name] = (found[name][0], True) if name in found else (record, False)
            self._places = found
        return self._places


def named(circuit: "SupportsIndex | str | QuantumCircuit") -> int | str:
    """The index or the name that a circuit is looked up by."""
    if isinstance(circuit, str):
        return circuit
    name = getattr(circuit, "name", None)
    return name if isinstance(name, str) else index_(circuit)
