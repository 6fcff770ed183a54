"""Rows of a sweep are circuits of their own, whatever Qiskit shares or forgets."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import AnnotatedOperation, InverseModifier, Parameter
from qiskit.circuit.library import CPhaseGate, MCPhaseGate, PauliEvolutionGate, RZGate
from qiskit.quantum_info import SparsePauliOp

from qjobs.circuits import codec
from qjobs.circuits.placing import bare
from qjobs.circuits.sweep import Pub

A = Parameter("a")
ROWS = np.array([[0.1], [0.2], [0.3]])


def custom(name: str = "custom") -> Any:
    body = QuantumCircuit(1, name=name)
    body.rz(A, 0)
    return body.to_gate()


def at_the_top(circuit: QuantumCircuit, operation: Any) -> None:
    circuit.append(operation, range(operation.num_qubits))


def in_a_block(circuit: QuantumCircuit, operation: Any) -> None:
    with circuit.if_test((0, 1)):
        circuit.append(operation, range(operation.num_qubits))


def in_two_blocks(circuit: QuantumCircuit, operation: Any) -> None:
    with circuit.for_loop(range(2)), circuit.if_test((0, 1)):
        circuit.append(operation, range(operation.num_qubits))


def value(circuit: QuantumCircuit) -> float:
    """The angle of the only gate."""
    operation = circuit.data[0].operation
    while blocks := getattr(operation, "blocks", ()):
        operation = blocks[0].data[0].operation
    if operation.name == "custom":
        operation = operation.definition.data[0].operation
    return float(operation.params[0])


@pytest.mark.parametrize("place", [at_the_top, in_a_block, in_two_blocks])
@pytest.mark.parametrize(
    "operation",
    [
        custom(),
        CPhaseGate(A),
        CPhaseGate(A, ctrl_state=0),
        MCPhaseGate(A, 2),
        PauliEvolutionGate(SparsePauliOp("X"), A),
        AnnotatedOperation(RZGate(A), InverseModifier()),
    ],
)
def test_each_row_keeps_its_own_values(
    place: Callable[[QuantumCircuit, Any], None], operation: Any
) -> None:
    circuit = QuantumCircuit(3, 1)
    place(circuit, operation.copy())
    (read,) = codec.decode(codec.encode([circuit]))
    assert read.parameters == circuit.parameters

    rows = Pub(read, ROWS).bound()

    assert [value(row) for row in rows] == [0.1, 0.2, 0.3]
    assert read.parameters == circuit.parameters
    assert [value(row) for row in Pub(read, ROWS[::-1]).bound()] == [0.3, 0.2, 0.1]


def test_annotated_operations_in_gates_of_ones_own_keep_their_parameters() -> None:
    body = QuantumCircuit(1, name="custom")
    body.append(AnnotatedOperation(RZGate(A), InverseModifier()), [0])
    circuit = QuantumCircuit(1)
    circuit.append(body.to_instruction(), [0])
    (read,) = codec.decode(codec.encode([circuit]))

    assert [value(row) for row in Pub(read, ROWS).bound()] == [0.1, 0.2, 0.3]


def test_a_bare_circuit_keeps_the_measurements_that_something_depends_on() -> None:
    circuit = QuantumCircuit(3, 3)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(1)
    circuit.barrier()
    circuit.measure([0, 1, 2], [2, 1, 1])
    circuit.barrier()

    left = bare(circuit)

    assert [instruction.name for instruction in left.data] == ["measure", "if_else"]
    assert left.cregs == circuit.cregs


def test_a_bare_circuit_has_neither_the_registers_of_what_is_gone_nor_a_layout() -> None:
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.measure_all()

    left = bare(circuit)

    assert [instruction.name for instruction in left.data] == ["h"]
    assert left.num_clbits == 0
    assert left.layout is None
