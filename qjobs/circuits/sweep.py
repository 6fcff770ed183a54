"""Rows of parameter values on disk: each circuit of a set runs once with every row."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from qjobs.errors import InputError
from qjobs.model import Slice

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray
    from qiskit import QuantumCircuit


class Sweep(NamedTuple):
    """The table of float64 at `path`, in NumPy's .npy format: `rows` times `names`."""

    path: Path
    names: tuple[str, ...]
    rows: int

    def values(self, part: Slice) -> "NDArray[float64]":
        """Some rows: an array of shape (`part.experiments_count`, names).

        Only these are read. Raises InputError if the file is gone or is not that table.
        """
        import numpy as np

        try:
            table = np.load(self.path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, OverflowError, TypeError, MemoryError) as error:
            raise InputError(f"cannot read the parameter values {self.path}: {error}") from error
        if table.shape != (self.rows, len(self.names)) or table.dtype != np.float64:
            raise InputError(f"{self.path} is not the table of values that was submitted")
        return np.array(table[part.start_index : part.end_index + 1])


class Pub(NamedTuple):
    """A circuit and the values of its parameters: one row a run, columns as `parameters`.

    `values` is None for a circuit that runs once, as it is.
    """

    circuit: "QuantumCircuit"
    values: "NDArray[float64] | None"

    def bound(self) -> "list[QuantumCircuit]":
        """The circuits with their values in place, one a row."""
        if self.values is None:
            return [self.circuit]
        return [self.circuit.assign_parameters(row) for row in self.values]


def columns(circuit: "QuantumCircuit", names: tuple[str, ...]) -> list[int]:
    """Which columns of a table of these names hold the circuit's parameters, in their order.

    Raises InputError if it has a parameter without a column.
    """
    places = {name: place for place, name in enumerate(names)}
    missing = [p.name for p in circuit.parameters if p.name not in places]
    if missing:
        raise InputError(
            f"circuit {circuit.name!r} has parameters without values: {', '.join(missing[:5])}"
        )
    return [places[parameter.name] for parameter in circuit.parameters]
