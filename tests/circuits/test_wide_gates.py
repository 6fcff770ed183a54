"""Definitions of gates with many parameters are the same as Qiskit's own."""

import random
import re
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit import QuantumCircuit, qasm2

from qjobs.circuits import wide_gates

HEADER = 'OPENQASM 2.0;\ninclude "qelib1.inc";\n'
STATEMENTS = (
    "rz({}) a;",
    "u3({} / 3, -sin({}) * pi, {} ^ 2 + 1e-3) b;",
    "cu1({} - {}) b, a; // a comment; with more of them;",
    "small({}) a, b;",
    "cx a, b;",
    "barrier a,\nb;",
)
SMALL = "gate small(p0) a, b { rx(p0 / 7) b; cx a, b; }\n"

loads = partial(
    qasm2.loads,
    include_path=(),
    custom_instructions=qasm2.LEGACY_CUSTOM_INSTRUCTIONS,
    custom_classical=qasm2.LEGACY_CUSTOM_CLASSICAL,
)


def spelt_out(circuit: QuantumCircuit) -> list[object]:
    """What a circuit consists of, in order and with the bits of every number, at any depth."""
    found: list[object] = []
    for instruction in circuit.data:
        operation = instruction.operation
        inside: list[object] = []
        if instruction.is_control_flow():
            inside = [spelt_out(block) for block in operation.blocks]
        elif type(operation).__module__ == "qiskit.qasm2.parse":
            inside = spelt_out(operation.definition)
        bits = [circuit.find_bit(bit).index for bit in (*instruction.qubits, *instruction.clbits)]
        numbers = [] if instruction.is_control_flow() else [repr(p) for p in operation.params]
        found.append((operation.name, numbers, bits, inside))
    return found


def program(parameters: int, statements: int, seed: int) -> str:
    """A program whose gate `wide` is used plainly, within another gate and under a condition."""
    rng = random.Random(seed)
    names = [f"p{index}" for index in range(parameters)]
    body = "\n".join(
        text.format(*rng.choices(names, k=text.count("{}")))
        for text in rng.choices(STATEMENTS, k=statements)
    )
    numbers = ", ".join(f"{rng.uniform(-4, 4)!r}" for _ in names)
    return (
        f"{HEADER}{SMALL}gate wide({', '.join(names)}) a, b {{\n{body}\n}}\n"
        f"gate outer({', '.join(names)}) part, c {{ wide({', '.join(names)}) c, part; x c; }}\n"
        f"qreg q[3];\ncreg c[2];\nwide({numbers}) q[2], q[0];\nouter({numbers}) q[1], q[2];\n"
        f"if (c == 1) wide({numbers}) q[0], q[1];\nmeasure q[0] -> c[1];\n"
    )


@given(st.integers(65, 120), st.integers(0, 60), st.integers(0, 1 << 30))
def test_a_wide_gate_is_what_qiskit_makes_of_it(wide: int, statements: int, seed: int) -> None:
    text = program(wide, statements, seed)
    assert spelt_out(wide_gates.load(text, loads)) == spelt_out(loads(text))


def test_few_numbers_go_to_each_statement_of_a_wide_gate() -> None:
    seen = []

    def watched(text: str) -> QuantumCircuit:
        seen.append(text)
        return loads(text)

    parameters = 2500
    wide_gates.load(program(parameters, parameters, seed=1), watched)
    first, last = seen
    heads = {text: re.findall(r"gate \w+\(([^)]*)\)[^{]*\{([^}]*)\}", text) for text in seen}
    given_to = {
        text: sum(len(names.split(",")) * body.count(";") for names, body in found)
        for text, found in heads.items()
    }
    assert given_to[first] > parameters**2
    assert given_to[last] < parameters**2 / 10


def test_what_is_wrong_is_told_as_it_was_written() -> None:
    text = program(100, 50, seed=2).replace("measure q[0]", "measure r[0]")
    with pytest.raises(qasm2.QASM2ParseError, match=f"<input>:{text.count(chr(10))},"):
        wide_gates.load(text, loads)
