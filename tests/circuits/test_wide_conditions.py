"""Conditions on numbers of more than 63 bits are kept, and mean what they meant."""

import random

import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit_aer import AerSimulator
from support.sample_circuits import dump, load

from qjobs.circuits import codec
from qjobs.circuits.qasm import parse
from qjobs.circuits.sniff import Format
from qjobs.circuits.wide_conditions import MOST, narrow


def flips_if(stored: int, number: int, *, size: int, head: str, flip: str) -> str:
    """A program that stores a number in a register and flips a bit if it is the other one."""
    sets = "".join(f"x q[{bit}];\n" for bit in range(size) if stored >> bit & 1)
    return head.format(size=size) + sets + flip.format(number=number)


HEAD2 = (
    'OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[{size}];\nqreg target[1];\n'
    "creg c[{size}];\ncreg d[1];\n"
)
FLIP2 = "measure q -> c;\nif (c == {number}) x target[0];\nmeasure target -> d;\n"
HEAD3 = (
    'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[{size}] q;\nqubit[1] target;\n'
    "bit[{size}] c;\nbit[1] d;\nbit[1] e;\n"
)
FLIP3 = (
    "c = measure q;\nif (!e[0]) {{\n"
    "if (c == {number}) {{ x target[0]; }} else {{ y target[0]; x target[0]; }}\n}}\n"
    "d = measure target;\n"
)


@pytest.mark.parametrize(
    ("format_", "head", "flip"), [(Format.QASM2, HEAD2, FLIP2), (Format.QASM3, HEAD3, FLIP3)]
)
@pytest.mark.parametrize("size", [64, 65, 70, 129])
def test_a_gate_is_applied_exactly_if_the_register_is_the_number(
    format_: Format, head: str, flip: str, size: int
) -> None:
    chosen = random.Random(size)
    number = chosen.getrandbits(size) | 1 << (size - 1)
    near = [number ^ 1 << chosen.randrange(size) for _ in range(3)]
    for stored in (number, number ^ 1, number ^ 1 << 63, *near):
        text = flips_if(stored, number, size=size, head=head, flip=flip)
        circuit = parse(text.encode(), format_, "a.qasm", folder=None)
        assert narrow(circuit) is not circuit
        (kept,) = load(codec.encode([circuit]))
        counts = AerSimulator(method="stabilizer").run(kept, shots=2).result().get_counts()
        bits = {key.replace(" ", "")[-size - 1] for key in counts}
        assert bits == {"1" if stored == number else "0"}


def test_a_loop_and_a_block_inside_of_it_are_narrowed() -> None:
    register = ClassicalRegister(70, "c")
    circuit = QuantumCircuit(QuantumRegister(1, "q"), register, global_phase=0.5, name="mine")
    with circuit.while_loop((register, MOST + 1)), circuit.if_test((register, 2**69)):
        circuit.x(0)
    (kept,) = load(dump([narrow(circuit)]))
    assert (kept.name, kept.global_phase, kept.qregs, kept.cregs) == (
        *("mine", 0.5),
        *(circuit.qregs, circuit.cregs),
    )
    (loop,) = kept.data
    assert loop.operation.name == "while_loop"
    assert [each.operation.name for each in loop.operation.blocks[0].data] == ["if_else"]


def test_a_circuit_without_such_a_condition_stays_as_it_is() -> None:
    register = ClassicalRegister(70, "c")
    circuit = QuantumCircuit(QuantumRegister(1, "q"), register)
    with circuit.if_test((register, MOST)):
        circuit.x(0)
    assert narrow(circuit) is circuit
