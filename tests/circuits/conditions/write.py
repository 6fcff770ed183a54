"""Writes `FILE.qpy.gz`: circuits with conditions on instructions, and what each must give.

    python write.py FILE.qpy.gz [QPY_VERSION]

It runs with Qiskit before 2.0 only, from 0.23 on. Each circuit gives the one outcome that is its
metadata `expected`, worked out by hand.
"""
# mypy: ignore-errors

import gzip
import io
import sys
from pathlib import Path

from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, qpy
from qiskit.circuit import Clbit, Qubit

X = [[0, 1], [1, 0]]


def measured(qubits, clbits, *ones):
    """A circuit with the first of these qubits measured to be 1, and 1 on the others."""
    circuit = QuantumCircuit(qubits, clbits)
    circuit.x(list(ones))
    circuit.measure(ones[0], ones[0])
    return circuit


def on_a_bit():
    circuit = measured(2, 2, 0)
    circuit.x(1).c_if(circuit.clbits[0], 1)
    circuit.measure(1, 1)
    return circuit, "11"


def on_a_bit_that_is_0():
    circuit = measured(2, 2, 0)
    circuit.x(1).c_if(circuit.clbits[0], 0)
    circuit.measure(1, 1)
    return circuit, "01"


def on_a_register():
    circuit = measured(2, 2, 1)
    circuit.cx(1, 0).c_if(circuit.cregs[0], 2)
    circuit.measure(0, 0)
    return circuit, "11"


def on_loose_bits():
    circuit = QuantumCircuit([Qubit() for _ in range(3)], [Clbit() for _ in range(3)])
    circuit.x(2)
    circuit.measure(2, 2)
    circuit.x(1).c_if(circuit.clbits[2], 1)
    circuit.measure(1, 1)
    circuit.cx(1, 0).c_if(circuit.clbits[1], 1)
    circuit.measure(0, 0)
    return circuit, "111"


def on_two_registers():
    a, b, e = ClassicalRegister(2, "a"), ClassicalRegister(2, "b"), ClassicalRegister(1, "e")
    circuit = QuantumCircuit(QuantumRegister(3, "q"), a, b, e)
    circuit.x(2)
    circuit.measure(2, a[1])
    circuit.x(1).c_if(a, 2)
    circuit.measure(1, b[0])
    circuit.swap(1, 0).c_if(b, 1)
    circuit.measure(0, e[0])
    return circuit, "1 01 10"


def controlled_on_0():
    circuit = measured(2, 2, 0)
    circuit.reset(0)
    circuit.cx(0, 1, ctrl_state=0).c_if(circuit.clbits[0], 1)
    circuit.measure(1, 1)
    return circuit, "11"


def controlled_by_many():
    circuit = measured(4, 4, 3, 1, 2)
    circuit.mcx([1, 2, 3], 0).c_if(circuit.clbits[3], 1)
    circuit.measure([0, 1, 2], [0, 1, 2])
    return circuit, "1111"


def own_gate():
    definition = QuantumCircuit(2, name="mine")
    definition.x(0)
    definition.cx(0, 1)
    circuit = measured(3, 3, 2)
    circuit.append(definition.to_gate(), [1, 0]).c_if(circuit.clbits[2], 1)
    circuit.append(definition.to_gate(), [1, 0]).c_if(circuit.clbits[2], 0)
    circuit.cx(1, 0)
    circuit.measure([0, 1], [0, 1])
    return circuit, "110"


def own_gate_controlled():
    definition = QuantumCircuit(1, name="mine")
    definition.x(0)
    circuit = measured(3, 3, 2, 1)
    circuit.append(definition.to_gate().control(1), [1, 0]).c_if(circuit.clbits[2], 1)
    circuit.measure([0, 1], [0, 1])
    return circuit, "111"


def within_a_definition():
    inner = QuantumCircuit(QuantumRegister(2), ClassicalRegister(2, "d"), name="inner")
    inner.x(1).c_if(inner.cregs[0], 2)
    inner.x(0).c_if(inner.cregs[0], 3)
    circuit = measured(3, 3, 1)
    circuit.append(inner.to_instruction(), [0, 2], [2, 1])
    circuit.measure(0, 0)
    circuit.measure(2, 2)
    return circuit, "110"


def within_two_definitions():
    inner = QuantumCircuit(QuantumRegister(2), ClassicalRegister(1, "d"), name="inner")
    inner.x(1).c_if(inner.clbits[0], 1)
    inner.measure(1, 0)
    outer = QuantumCircuit(QuantumRegister(2), ClassicalRegister(1, "d"), name="outer")
    outer.append(inner.to_instruction(), [1, 0], [0])
    registers = ClassicalRegister(1, "z"), ClassicalRegister(2, "y")
    circuit = QuantumCircuit(QuantumRegister(2), *registers)
    circuit.x(0)
    circuit.measure(0, 1)
    circuit.append(outer.to_instruction(), [1, 0], [1])
    circuit.measure(1, 2)
    return circuit, "11 0"


def measurement():
    circuit = measured(2, 2, 0, 1)
    circuit.measure(1, 1).c_if(circuit.clbits[0], 1)
    return circuit, "11"


def no_measurement():
    circuit = QuantumCircuit(2, 2)
    circuit.x(1)
    circuit.measure(0, 0)
    circuit.measure(1, 1).c_if(circuit.clbits[0], 1)
    return circuit, "00"


def reset():
    circuit = measured(2, 2, 0, 1)
    circuit.reset(1).c_if(circuit.clbits[0], 1)
    circuit.measure(1, 1)
    return circuit, "01"


def initialize():
    circuit = measured(2, 2, 0)
    circuit.initialize([0, 1], 1).c_if(circuit.clbits[0], 1)
    circuit.measure(1, 1)
    return circuit, "11"


def unitary():
    circuit = measured(2, 2, 0)
    circuit.unitary(X, [1]).c_if(circuit.cregs[0], 1)
    circuit.measure(1, 1)
    return circuit, "11"


def angle():
    circuit = measured(2, 2, 0)
    circuit.rx(3.141592653589793, 1).c_if(circuit.cregs[0], 1)
    circuit.measure(1, 1)
    return circuit, "11"


def within_if():
    circuit = measured(3, 3, 0)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(1)
        circuit.measure(1, 1)
        circuit.cx(1, 2).c_if(circuit.clbits[1], 1)
    circuit.measure(2, 2)
    return circuit, "111"


def within_for():
    circuit = measured(3, 3, 0)
    with circuit.for_loop(range(3)):
        circuit.x(1).c_if(circuit.clbits[0], 1)
    circuit.measure(1, 1)
    return circuit, "011"


def leaving_a_loop():
    circuit = measured(3, 3, 0)
    with circuit.for_loop(range(3)):
        circuit.x(1)
        circuit.break_loop().c_if(0, 1)
        circuit.x(2)
    circuit.measure([1, 2], [1, 2])
    return circuit, "011"


def within_while():
    circuit = measured(3, 3, 0)
    with circuit.while_loop((circuit.clbits[0], 1)):
        circuit.x(1).c_if(circuit.clbits[0], 1)
        circuit.x(0).c_if(circuit.clbits[0], 1)
        circuit.measure(0, 0)
    circuit.measure(1, 1)
    return circuit, "010"


def within_switch():
    circuit = measured(3, 3, 0)
    with circuit.switch(circuit.cregs[0]) as case:
        with case(1):
            circuit.x(1).c_if(circuit.clbits[0], 1)
        with case(case.DEFAULT):
            circuit.x(2).c_if(circuit.clbits[0], 0)
    circuit.measure([1, 2], [1, 2])
    return circuit, "011"


ALL = (
    on_a_bit, on_a_bit_that_is_0, on_a_register, on_loose_bits, on_two_registers, controlled_on_0,
    controlled_by_many, own_gate, own_gate_controlled, within_a_definition, within_two_definitions,
    measurement, no_measurement, reset, initialize, unitary, angle, within_if, within_for,
    leaving_a_loop, within_while, within_switch,
)  # fmt: skip


def main(path, version=None):
    """Write the file."""
    circuits = []
    for build in ALL:
        if build is within_switch and not hasattr(QuantumCircuit, "switch"):
            continue
        circuit, expected = build()
        circuit.name, circuit.metadata = build.__name__, {"expected": expected}
        circuits.append(circuit)
    buffer = io.BytesIO()
    qpy.dump(circuits, buffer, **({"version": int(version)} if version else {}))
    Path(path).write_bytes(gzip.compress(buffer.getvalue(), mtime=0))


if __name__ == "__main__":
    main(*sys.argv[1:])
