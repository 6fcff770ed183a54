"""A few lines that stand for more than a machine can hold are refused in no time."""

import os
from pathlib import Path

import pytest
from qiskit import QuantumCircuit

from qjobs.circuits import extent
from qjobs.circuits.qasm import parse
from qjobs.circuits.qpy import MAX_BITS
from qjobs.circuits.sniff import Format
from qjobs.errors import InputError

HEAD2 = 'OPENQASM 2.0;\ninclude "qelib1.inc";\n'
HEAD3 = 'OPENQASM 3.0;\ninclude "stdgates.inc";\n'


def read(text: str, folder: Path | None = None) -> QuantumCircuit:
    format_ = Format.QASM2 if text.startswith(HEAD2) else Format.QASM3
    return parse(text.encode(), format_, "file.qasm", folder=folder)


@pytest.mark.parametrize(
    "text",
    [
        HEAD2 + "qreg q[2000000000];",
        HEAD2 + "creg c[2000000000];",
        HEAD2 + f"qreg q[{MAX_BITS}]; creg c[1];",
        HEAD2 + "".join(f"qreg q{index}[1000];" for index in range(1001)),
        HEAD2 + "qreg // a\n q [ // b\n 2000000000 ];",
        HEAD2 + f"qreg q[{'9' * 5000}];",
        HEAD2 + f"qreg q[{'0' * 5000}2000000];",
        HEAD3 + "qubit[2000000000] q;",
        HEAD3 + "qubit[2_000_000_000] q; x q;",
        HEAD3 + "qubit[0x7fffffff] q;",
        HEAD3 + "qubit[1000 * 1000 * 1000 + 1] q;",
        HEAD3 + "qubit[-(-2000000000)] q;",
        HEAD3 + "qubit[2] q; bit[2000000000] c;",
        HEAD3 + "qreg q[2000000000];",
        HEAD3 + "creg q[2000000000];",
        HEAD3 + "x $2000000000;",
        HEAD3 + "barrier $3, $2000000000;",
        HEAD3 + "".join(f"qubit[999999] q{index};\n" for index in range(200)),
    ],
)
def test_bits_without_number_are_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"^file\.qasm: it declares more than 1000000 bits$"):
        read(text)


def tenfold(depth: int) -> str:
    uses = "".join(f"gate g{level + 1} a {{ {f'g{level} a; ' * 10}}}\n" for level in range(depth))
    return f"gate g0 a {{ x a; }}\n{uses}"


@pytest.mark.parametrize(
    "text",
    [
        HEAD2 + tenfold(6) + "qreg q[1]; g6 q[0];",
        HEAD2 + tenfold(60) + "qreg q[1]; creg c[1]; if (c == 1) g60 q[0];",
        HEAD3 + tenfold(6) + "qubit[1] q; g6 q[0];",
        HEAD3 + tenfold(60) + "qubit[1] q; bit[1] c; if (c[0]) { x q[0]; } else { g60 q[0]; }",
        HEAD3 + "qubit q; for int i in [0:1000000000] { x q; }",
        HEAD3 + "qubit q; for int i in [1000000000:-1:0] { rx(i) q; }",
        HEAD3 + "qubit q; box { for uint i in [0:1000] { while (true) {"
        " for uint j in {1, 2, 3} { for int k in [1:2:1000] { x q; } } } } }",
    ],
)
def test_gates_and_loops_without_number_are_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"^file\.qasm: its gates and loops stand for more than"):
        read(text)


@pytest.mark.parametrize(
    "text",
    [
        HEAD2 + "// qreg q[2000000000];\nqreg q[2];\ncreg c[1];",
        HEAD2 + "qreg q[500];\ngate myreg a { x a; }\n" + "myreg q[499];\n" * 2500,
        HEAD2 + f"// reg{' //' * 60} x\nqreg q[2];",
        HEAD2 + tenfold(3) + "qreg q[1]; g3 q[0];",
        HEAD3 + "/* qubit[2000000000] q; */ qubit[2] q;",
        HEAD3 + tenfold(2) + "qubit[1] q; g2 q[0];",
        HEAD3 + "qubit q; for int i in [0:999] { rx(i) q; }",
        HEAD3 + "qubit q; for int i in [5:1] { rx(i) q; }",
    ],
)
def test_what_a_machine_can_hold_is_read(text: str) -> None:
    assert read(text).num_qubits


def test_a_large_program_may_stand_for_more() -> None:
    gate = f"gate many a {{ {'x a; ' * 99} }}\nqreg q[1];\n"
    extent.check_gates(HEAD2 + gate + "many q[0];\n" * 20_000)
    gate = f"gate more a {{ {'x a; ' * 300} }}\nqreg q[1];\n"
    extent.check_gates(HEAD2 + gate + "more q[0];\n" * 3000)
    with pytest.raises(extent.Excessive):
        extent.check_gates(HEAD2 + gate + "more q[0];\n" * 4000)


@pytest.mark.parametrize("head", [HEAD2, HEAD3])
def test_includes_without_number_are_refused(tmp_path: Path, head: str) -> None:
    for index in range(15):
        (tmp_path / f"{index}.inc").write_text(f'include "{index + 1}.inc";\n' * 2)
    (tmp_path / "15.inc").write_text("// nothing\n")
    with pytest.raises(
        InputError, match=r"\d+\.inc:[12]:1: the program has more than 1000 includes"
    ):
        read(head + 'include "0.inc";\n', tmp_path)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.inc")
    with pytest.raises(InputError, match=r"file\.qasm:3:1: 'pipe\.inc' is not a file"):
        read(HEAD2 + 'include "pipe.inc";\n', tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        HEAD3 + "qubit q;\nrx(" + "(" * 1000 + "1" + ")" * 1000 + ") q;",
        HEAD3 + "qubit q; bit c;\n" + "if (c) {" * 1000 + "x q;" + "}" * 1000,
        HEAD2
        + "gate g0 a { x a; }\n"
        + "".join(f"gate g{index + 1} a {{ g{index} a; }}\n" for index in range(5000))
        + "qreg q[1];\ng5000 q[0];",
    ],
)
def test_what_is_nested_too_deeply_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"^file\.qasm.*nested (too deeply|more than 200 deep)"):
        read(text)
