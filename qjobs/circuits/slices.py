"""A slice of a set's circuits, as a provider gets it: bytes by position, decoded on demand."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from qjobs.circuits import qpy
from qjobs.model import Slice

if TYPE_CHECKING:
    from qiskit import QuantumCircuit


@dataclass(frozen=True, slots=True)
class CircuitSlice:
    """The circuits of `slice` in the QPY container at `path`."""

    path: Path
    slice: Slice

    def qpy(self) -> bytes:
        """The slice as a QPY file of its own: byte copying, no decoding, no Qiskit.

        Raises InputError if the container is gone or damaged.
        """
        with qpy.Container.open(self.path) as container:
            return container.cut(self.slice)

    def circuits(self) -> "list[QuantumCircuit]":
        """The circuits themselves, in order. Qiskit must have been imported on the main thread."""
        return qpy.decode(self.qpy())
