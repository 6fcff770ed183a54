"""A slice of a set's circuits, as a provider gets it: bytes by position, decoded on demand."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from qjobs.circuits import qpy
from qjobs.circuits.sweep import Pub, Sweep, columns
from qjobs.model import Slice

if TYPE_CHECKING:
    from qiskit import QuantumCircuit


@dataclass(frozen=True, slots=True)
class CircuitSlice:
    """The circuits of `slice` in the QPY container at `path`.

    With a `sweep` each circuit of the container counts once a row, its rows together.
    `observables` is the file of those whose expectation values are asked for, if any are.
    `note` is a further label for the job, of less than 80 letters, digits and dots, from which
    the set can be pieced together again. A provider that has no place for it leaves it out.
    `first` is the number that messages have for the first circuit of the container.
    """

    path: Path
    slice: Slice
    sweep: Sweep | None = None
    observables: Path | None = None
    note: str = ""
    first: int = 0

    @property
    def records(self) -> Slice:
        """The circuits of the container that the slice touches."""
        if self.sweep is None:
            return self.slice
        first = self.slice.start_index // self.sweep.rows
        return Slice(first, self.slice.end_index // self.sweep.rows - first + 1)

    def qpy(self) -> bytes:
        """The circuits it touches as a QPY file: byte copying, no decoding, no Qiskit.

        Their parameters are not bound. Raises InputError if the container is gone or damaged.
        """
        with qpy.Container.open(self.path) as container:
            return container.cut(self.records)

    def circuits(self) -> "list[QuantumCircuit]":
        """The circuits themselves, in order, with their parameters bound.

        Qiskit must have been imported on the main thread. Raises InputError.
        """
        return [circuit for pub in self.pubs() for circuit in pub.bound()]

    def pubs(self) -> Iterator[Pub]:
        """The circuits, each with all of its values at once; together they are the slice."""
        decoded = qpy.decode(self.qpy())
        if self.sweep is None:
            yield from (Pub(circuit, None) for circuit in decoded)
            return
        rows = self.sweep.rows
        for index, circuit in enumerate(decoded, start=self.records.start_index):
            first = max(self.slice.start_index, index * rows)
            end = min(self.slice.end_index + 1, (index + 1) * rows)
            values = self.sweep.values(Slice(first - index * rows, end - first))
            yield Pub(circuit, values[:, columns(circuit, self.sweep.names)])
