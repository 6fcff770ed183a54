"""Circuits, and QPY files of them, that the tests share."""

import io
from collections.abc import Sequence

from qiskit import QuantumCircuit, qpy, transpile
from qiskit.circuit import (
    AncillaRegister,
    ClassicalRegister,
    Clbit,
    Gate,
    Parameter,
    ParameterVector,
    QuantumRegister,
    Qubit,
)
from qiskit.circuit.classical import expr, types
from qiskit.circuit.library import PauliEvolutionGate, UnitaryGate
from qiskit.quantum_info import Clifford, SparsePauliOp


def ghz(qubits: int, name: str = "ghz") -> QuantumCircuit:
    circuit = QuantumCircuit(qubits, qubits, name=name)
    circuit.h(0)
    for qubit in range(qubits - 1):
        circuit.cx(qubit, qubit + 1)
    circuit.measure(range(qubits), range(qubits))
    return circuit


def dump(circuits: Sequence[QuantumCircuit], version: int = 18) -> bytes:
    buffer = io.BytesIO()
    qpy.dump(circuits, buffer, version=version)
    return buffer.getvalue()


def load(data: bytes) -> list[QuantumCircuit]:
    return list(qpy.load(io.BytesIO(data)))


def edge_circuits() -> list[QuantumCircuit]:
    """One circuit for each part of a QPY record, as far as all versions since 14 have them."""
    return [
        ghz(2, "αβ"),
        _with_control_flow(),
        _with_parameters(),
        _with_custom_gates(),
        _with_objects(),
        _with_registers(),
        _with_layout(),
        QuantumCircuit(name="nothing"),
        _with_stretch(),
    ]


def _with_control_flow() -> QuantumCircuit:
    circuit = QuantumCircuit(2, 2, metadata={"a": [1, "β"]})
    flag = circuit.add_var("flag", expr.lift(True))
    circuit.add_var("number", expr.lift(5, types.Uint(8)))
    with circuit.if_test(expr.logic_and(flag, circuit.clbits[0])):
        circuit.x(0)
    with circuit.while_loop((circuit.clbits[1], 1)):
        circuit.measure(1, 1)
    with circuit.switch(circuit.clbits[0]) as case, case(0):
        circuit.x(0)
    with circuit.for_loop(range(3)):
        circuit.h(0)
    return circuit


def _with_parameters() -> QuantumCircuit:
    vector = ParameterVector("p", 5)
    circuit = QuantumCircuit(3, global_phase=vector[4])
    circuit.rx(vector[0], 0)
    circuit.ry(vector[1] + 2 * vector[2], 1)
    circuit.rz(Parameter("ζ").sin(), 2)
    return circuit


def _with_custom_gates() -> QuantumCircuit:
    definition = QuantumCircuit(2, name="mine")
    definition.h(0)
    definition.cx(0, 1)
    gate = definition.to_gate()
    circuit = QuantumCircuit(3)
    circuit.append(gate, [0, 1])
    circuit.append(gate.control(1), [0, 1, 2])
    circuit.append(gate.inverse(), [1, 2])
    circuit.append(gate.control(1, annotated=True), [0, 1, 2])
    circuit.append(Gate("opaque", 2, [0.1]), [0, 2])
    return circuit


def _with_objects() -> QuantumCircuit:
    bell = QuantumCircuit(2)
    bell.h(0)
    bell.cx(0, 1)
    circuit = QuantumCircuit(2)
    circuit.append(PauliEvolutionGate(SparsePauliOp(["XX", "ZZ"]), time=1.2), [0, 1])
    circuit.append(Clifford(bell), [0, 1])
    circuit.append(UnitaryGate([[0, 1], [1, 0]]), [0])
    circuit.initialize([1, 0], 0)
    return circuit


def _with_registers() -> QuantumCircuit:
    first = QuantumRegister(3, "a")
    shared = QuantumRegister(bits=[first[2], first[0]], name="shared")
    circuit = QuantumCircuit(
        [Qubit()], first, AncillaRegister(2, "anc"), shared, [Clbit()], ClassicalRegister(2, "c")
    )
    circuit.ccx(0, 1, 2, ctrl_state=1)
    circuit.delay(100, 0, "ns")
    circuit.barrier(label="wall")
    return circuit


def _with_layout() -> QuantumCircuit:
    return transpile(
        ghz(3),
        coupling_map=[[qubit, qubit + 1] for qubit in range(6)],
        basis_gates=["rz", "sx", "cx"],
        seed_transpiler=1,
    )


def _with_stretch() -> QuantumCircuit:
    circuit = QuantumCircuit(1, 1)
    circuit.delay(circuit.add_stretch("s"), 0)
    with circuit.box():
        circuit.x(0)
    circuit.measure(0, 0)
    return circuit
