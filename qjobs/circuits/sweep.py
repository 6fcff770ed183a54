"""Rows of parameter values on disk: each circuit of a set runs once with every row."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from qjobs.errors import InputError
from qjobs.model import Slice

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray
    from qiskit import QuantumCircuit
    from qiskit.circuit import Parameter


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
        return [assigned(self.circuit, row) for row in self.values]


def assigned(
    circuit: "QuantumCircuit", values: "Mapping[Parameter, float] | Sequence[float]"
) -> "QuantumCircuit":
    """A copy of the circuit with these values of its parameters, by parameter or in their order.

    It shares nothing with the circuit or with other copies: what Qiskit's own gives shares the
    gates in blocks of control flow, and has the values that were assigned last.
    """
    own = _with_own_blocks(circuit)
    own.assign_parameters(values, inplace=True)
    return own


def _with_own_blocks(circuit: "QuantumCircuit") -> "QuantumCircuit":
    from qiskit.circuit.controlflow import CONTROL_FLOW_OP_NAMES

    own: QuantumCircuit = circuit.copy()
    if not CONTROL_FLOW_OP_NAMES.isdisjoint(circuit.count_ops()):
        own.data = [
            instruction.replace(
                operation=instruction.operation.replace_blocks(map(_with_own_blocks, blocks))
            )
            if instruction.is_control_flow() and (blocks := instruction.operation.blocks)
            else instruction
            for instruction in own.data
        ]
    return own


def with_bound_phase(circuit: "QuantumCircuit") -> "QuantumCircuit":
    """The circuit, its global phase 0 if that has parameters: no count or value depends on it."""
    from qiskit.circuit import ParameterExpression

    phase = circuit.global_phase
    if not (isinstance(phase, ParameterExpression) and phase.parameters):
        return circuit
    same: QuantumCircuit = circuit.copy()
    same.global_phase = 0
    return same


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
