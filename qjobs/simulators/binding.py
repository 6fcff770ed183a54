"""Which circuits of a sweep Aer binds the parameters of, and which have them put in before.

Aer takes a circuit and all rows of its parameters' values at once (`parameter_binds`), which
saves up to half of the time of a small one. But it leaves the parameters of most controlled
gates at 0 without a word, writes zeros into others for good, and gives each row the global phase
of the one before.

Loads Qiskit: for worker processes only.
"""

from collections.abc import Iterator

from qiskit import QuantumCircuit
from qiskit.circuit import CircuitInstruction, ParameterExpression

from qjobs.circuits.sweep import with_bound_phase
from qjobs.simulators import saving

BOUND_BY_AER = frozenset(
    {"p", "r", "rx", "rxx", "ry", "ryy", "rz", "rzx", "rzz", "u", "u1", "u2", "u3"}
)
"""Qiskit's gates whose parameters Aer binds as it should; a test goes through all there are."""


def for_aer(circuit: QuantumCircuit) -> QuantumCircuit | None:
    """The circuit as Aer binds all of its parameters; None if it cannot be trusted to."""
    if not all(map(_is_bound_by_aer, _instructions(circuit))):
        return None
    same = with_bound_phase(circuit)
    return None if same is not circuit and saving.saves_a_state(circuit) else same


def _is_bound_by_aer(instruction: CircuitInstruction) -> bool:
    if instruction.is_standard_gate() and instruction.name in BOUND_BY_AER:
        return True
    return not any(map(_is_free, instruction.params))


def _is_free(parameter: object) -> bool:
    return isinstance(parameter, ParameterExpression) and bool(parameter.parameters)


def _instructions(circuit: QuantumCircuit) -> Iterator[CircuitInstruction]:
    """All of them, with those of the blocks of control flow: Aer writes these out one by one."""
    for instruction in circuit.data:
        yield instruction
        for block in instruction.operation.blocks if instruction.is_control_flow() else ():
            yield from _instructions(block)
