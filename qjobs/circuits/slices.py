"""A slice of a set's circuits, as a provider gets it: bytes by position, decoded on demand."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from qjobs.circuits import codec, outcomes, qpy
from qjobs.circuits.layout import Layout
from qjobs.circuits.sweep import Pub, Sweep, columns
from qjobs.model import Slice
from qjobs.results import CircuitResult

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

    from qjobs.circuits.observables import Observable


class Unread(NamedTuple):
    """A circuit that Qiskit cannot read, which counts `rows` times."""

    circuit: codec.UnreadRecord
    rows: int

    def failed(self, shots: int) -> CircuitResult:
        """The outcome for each of the circuits."""
        return outcomes.failed(Layout(self.circuit.clbits, ()), shots, self.circuit.why)


@dataclass(frozen=True, slots=True)
class CircuitSlice:
    """The circuits of `slice` in the QPY container at `path`.

    With a `sweep` each circuit of the container counts once a row, its rows together.
    `observables` is the file of those whose expectation values are asked for, if any are.
    `note` is a further label for the job, of less than 80 letters, digits and dots, from which
    the set can be pieced together again. A provider that has no place for it leaves it out.
    `first` is the number that messages have for the first circuit of the container. `name` is what
    the user would call the job, and `tags` are those that the user gave its set: labels for
    people, where a provider has a place for them. `labels` are the tags and the name of the set,
    for a provider that has a place for tags only. `session` is the id of the session that the job
    is to join, which the provider has opened; empty if there is none.
    """

    path: Path
    slice: Slice
    sweep: Sweep | None = None
    observables: Path | None = None
    note: str = ""
    first: int = 0
    name: str = ""
    tags: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    session: str = ""

    @property
    def records(self) -> Slice:
        """The circuits of the container that the slice touches."""
        if self.sweep is None:
            return self.slice
        first = self.slice.start_index // self.sweep.rows
        return Slice(first, self.slice.end_index // self.sweep.rows - first + 1)

    def read_observables(self) -> "Sequence[Observable]":
        """The observables; none if there is no file of them. Raises InputError."""
        # Imported here: few sets have any.
        from qjobs.circuits.observables import read_observables

        return () if self.observables is None else read_observables(str(self.observables))

    def qpy(self) -> bytes:
        """The circuits it touches as a QPY file: byte copying, no decoding, no Qiskit.

        Their parameters are not bound. Raises InputError if the container is gone or damaged.
        """
        with qpy.Container.open(self.path) as container:
            return container.cut(self.records)

    def circuits(self) -> "list[QuantumCircuit]":
        """The circuits themselves, in order, with their parameters bound.

        Qiskit must have been imported on the main thread. Raises as `pubs`.
        """
        return [circuit for pub in self.pubs() for circuit in pub.bound()]

    def pubs(self) -> Iterator[Pub]:
        """The circuits, each with all of its values at once; together they are the slice.

        Raises InputError: UnreadableCircuit, if Qiskit cannot read one of them.
        """
        decoded = codec.decode(self.qpy(), start_index=self.records.start_index)
        yield from map(self._pub, decoded, count(self.records.start_index))

    def pubs_or_reasons(self) -> "Iterator[Pub | Unread]":
        """Like `pubs`, with an `Unread` for each circuit that Qiskit cannot read."""
        for index, circuit in enumerate(codec.decode_each(self.qpy()), self.records.start_index):
            if isinstance(circuit, codec.UnreadRecord):
                yield Unread(circuit, self._rows(index).experiments_count)
            else:
                yield self._pub(circuit, index)

    def _pub(self, circuit: "QuantumCircuit", index: int) -> Pub:
        if self.sweep is None:
            return Pub(circuit, None)
        values = self.sweep.values(self._rows(index))
        return Pub(circuit, values[:, columns(circuit, self.sweep.names)])

    def _rows(self, index: int) -> Slice:
        """The rows of values that a circuit of the container has in this slice."""
        if self.sweep is None:
            return Slice(0, 1)
        rows = self.sweep.rows
        first = max(self.slice.start_index, index * rows)
        end = min(self.slice.end_index + 1, (index + 1) * rows)
        return Slice(first - index * rows, end - first)
