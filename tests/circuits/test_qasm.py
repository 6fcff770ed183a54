from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit, qasm2, qasm3
from sample_circuits import ghz

from qjobs.circuits import straight
from qjobs.circuits.qasm import parse
from qjobs.circuits.sniff import Format
from qjobs.errors import InputError

HEAD2 = 'OPENQASM 2.0;\ninclude "qelib1.inc";\n'
HEAD3 = 'OPENQASM 3.0;\ninclude "stdgates.inc";\n'


def parse2(text: str, path: str = "dir/file.qasm", folder: Path | None = None) -> QuantumCircuit:
    return parse(text.encode(), Format.QASM2, path, folder=folder)


def parse3(text: str, path: str = "dir/file.qasm", folder: Path | None = None) -> QuantumCircuit:
    return parse(text.encode(), Format.QASM3, path, folder=folder)


def test_a_circuit_is_named_after_its_file() -> None:
    assert parse2(qasm2.dumps(ghz(2)), "a/b.c.qasm").name == "b.c"
    assert parse3(qasm3.dumps(ghz(2)), "x.qasm3.gz").name == "x"
    assert parse2(qasm2.dumps(ghz(2)), "-").name == "-"


def test_what_qiskit_writes_is_read_back() -> None:
    circuit = QuantumCircuit(3, 3)
    circuit.sx(0)
    circuit.cp(0.5, 0, 1)
    circuit.rzz(0.25, 1, 2)
    circuit.rxx(0.5, 0, 2)
    circuit.measure(range(3), range(3))
    assert parse2(qasm2.dumps(circuit)) == circuit


@pytest.mark.parametrize("text", ["OPENQASM 2.0;", HEAD2, HEAD2 + "creg c[2];", "// nothing"])
def test_a_program_without_qubits_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"dir/file\.qasm describes no circuit"):
        parse2(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD2 + "qreg q[2];\n  foo q[0];", "dir/file.qasm:4:3: 'foo' is not defined"),
        (HEAD2 + "qreg q[2]", "dir/file.qasm:3:1: unexpected end-of-file"),
        (HEAD2 + "qreg q[2];\nh q[5];", "dir/file.qasm:4:5: index 5"),
    ],
)
def test_a_fault_in_openqasm_2_is_told_with_its_place(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse2(text)
    assert caught.value.message.startswith(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD3 + "qubit[2] q;\n  foo q[0];", "dir/file.qasm:4:3: gate 'foo' is not defined"),
        (HEAD3 + "qubit[2 q;", "dir/file.qasm:3:9: cannot be understood at 'q'"),
        (HEAD3 + "qubit[2] q", "dir/file.qasm:3:11: cannot be understood at '<EOF>'"),
        (HEAD3 + "qubit[2] q; \0", "dir/file.qasm:3:13: token recognition error"),
        (HEAD3 + "qubit[2] q;\ncx q[0], q[0];", "dir/file.qasm:4:1: duplicate"),
        (HEAD3 + "qubit[2] q;\n  cx q[0];", "dir/file.qasm:4:3: The amount of qubit"),
        (HEAD3 + "qubit[2] q;\nh /**/ r[0];", "dir/file.qasm:4:8: Undefined symbol 'r'"),
        (HEAD3 + "qubit[1] x;\nh x[0];", "dir/file.qasm:3:1: Symbol 'x' already"),
    ],
)
def test_a_fault_in_openqasm_3_is_told_with_its_place(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse3(text)
    assert caught.value.message.startswith(message)


def test_what_is_not_text_is_refused_with_its_line() -> None:
    with pytest.raises(InputError, match=r"f\.qasm:2: this is not UTF-8"):
        parse(b"OPENQASM 2.0;\n\xff", Format.QASM2, "f.qasm", folder=None)


# Includes.


def test_an_include_beside_the_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "gates.inc").write_text('include "sub/more.inc";\n')
    (tmp_path / "sub" / "more.inc").write_text("gate mine a { x a; }\n")
    text = HEAD2 + 'include "sub/gates.inc"; qreg q[1];\nmine q[0];\n'
    assert parse2(text, folder=tmp_path).count_ops() == {"mine": 1}
    text = HEAD3 + 'include "sub/gates.inc"; qubit[1] q;\nmine q[0];\n'
    assert parse3(text, folder=tmp_path).count_ops() == {"mine": 1}


def test_a_fault_in_or_behind_an_include_has_its_own_place(tmp_path: Path) -> None:
    (tmp_path / "bad.inc").write_text("gate a q {}\n\ngate b q { nope q; }\n")
    (tmp_path / "good.inc").write_text("gate a q {}\n\n\n")
    with pytest.raises(InputError, match=r"^dir/bad\.inc:3:12: 'nope'"):
        parse2(HEAD2 + 'include "bad.inc";\nqreg q[1];', folder=tmp_path)
    with pytest.raises(InputError, match=r"^dir/file\.qasm:5:1: 'nope'"):
        parse2(HEAD2 + 'include "good.inc";\nqreg q[1];\nnope q[0];', folder=tmp_path)


@pytest.mark.parametrize("name", ["../secret.inc", "{outside}", "link.inc", "sub/../../secret.inc"])
def test_an_include_outside_of_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    secret = tmp_path / "secret.inc"
    secret.write_text("gate mine a { x a; }")
    folder = tmp_path / "in"
    (folder / "sub").mkdir(parents=True)
    (folder / "link.inc").symlink_to(secret)
    include = f'include "{name.format(outside=secret)}";\n'
    for parser, head in ((parse2, HEAD2), (parse3, HEAD3)):
        with pytest.raises(InputError, match=r"dir/file\.qasm:3: .* outside of the folder"):
            parser(head + include + "qubit q;", folder=folder)


def test_an_include_that_is_missing_or_cannot_be_is_told_with_its_line(tmp_path: Path) -> None:
    text = HEAD2 + '\n  include "gone.inc";'
    with pytest.raises(InputError, match=r"dir/file\.qasm:4: cannot include 'gone\.inc': No such"):
        parse2(text, folder=tmp_path)
    with pytest.raises(InputError, match="cannot be included from standard input"):
        parse2(text, folder=None)


def test_an_include_of_itself_ends(tmp_path: Path) -> None:
    (tmp_path / "a.inc").write_text('include "a.inc";')
    with pytest.raises(InputError, match="nested more than 16 deep"):
        parse2(HEAD2 + 'include "a.inc";', folder=tmp_path)


def test_includes_that_double_each_other_are_bounded(tmp_path: Path) -> None:
    for index in range(14):
        again = f'include "{index + 1}.inc";\n' * 8
        (tmp_path / f"{index}.inc").write_text(again if index < 13 else "// " + "x" * 2**24)
    with pytest.raises(InputError, match="exceed the limit"):
        parse2(HEAD2 + 'include "0.inc";', folder=tmp_path)


def test_an_include_in_a_comment_is_none() -> None:
    text = HEAD3 + '// include "a.inc";\n/*\ninclude "b.inc";*/\nqubit[1] q;\n'
    assert parse3(text).num_qubits == 1


# The Rust parser of OpenQASM 3 and the full one.

NUMBERS = st.one_of(
    st.sampled_from(["0", "1", "2.", ".25", "1e-3", "2E+1", "0.0", "100", "3.141592653589793"]),
    st.integers(0, 10**6).map(str),
    st.floats(0, 100, allow_nan=False).map(repr),
)
ANGLES = st.one_of(
    st.tuples(st.sampled_from(["", "-", "- "]), NUMBERS).map("".join),
    st.builds(
        "{}{}pi{}".format,
        st.sampled_from(["", "-"]),
        st.one_of(st.just(""), NUMBERS.map("{}*".format), NUMBERS.map("{} * ".format)),
        st.one_of(st.just(""), st.sampled_from(["/2", " / 3", "/4.0", "/7", "/1.5"])),
    ),
)
WIDTHS = {
    **dict.fromkeys(("cp", "cphase", "crx", "cry", "crz", "cu"), 2),
    **dict.fromkeys(("cx", "CX", "cy", "cz", "ch", "swap"), 2),
    **dict.fromkeys(("ccx", "cswap"), 3),
}
QUBITS = [f"q[{index}]" for index in range(3)] + [f"long_name[{index}]" for index in range(2)]


@st.composite
def gates(draw: st.DrawFn) -> str:
    gate = draw(st.sampled_from(sorted(straight.PARAMETERS)))
    qubits = draw(st.permutations(QUBITS))[: WIDTHS.get(gate, 1)]
    angles = [draw(ANGLES) for _ in range(straight.PARAMETERS[gate])]
    return gate + (f"({', '.join(angles)})" if angles else "") + f" {', '.join(qubits)}"


STATEMENTS = st.one_of(
    gates(),
    gates(),
    st.sampled_from(QUBITS).map("c[1] = measure {}".format),
    st.permutations(QUBITS).map(lambda qubits: f"barrier {','.join(qubits[:2])}"),
)
DECLARATIONS = st.permutations(["qubit[3] q", "bit[2] c", "qubit[2] long_name", "bit[1] d"])


@settings(max_examples=25, deadline=None)
@given(DECLARATIONS, st.lists(STATEMENTS, max_size=8))
def test_straight_line_programs_are_the_same_to_both_parsers(
    declarations: list[str], statements: list[str]
) -> None:
    text = HEAD3 + ";\n".join([*declarations, *statements]) + ";\n"
    quick = straight.parse(text)
    assert quick is not None
    assert quick == qasm3.loads(text)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.one_of(
            STATEMENTS,
            st.sampled_from(
                [
                    "cx q[0], q[0]",
                    "h q[7]",
                    "h q[0], q[1]",
                    "bit[2] q",
                    "id q[0]",
                    "reset q[0]",
                    "rz(1/2) q[0]",
                    "rz(--1) q[0]",
                    "rz() q[0]",
                    "x() q[0]",
                    "rz(pi/0) q[0]",
                    "c[0] = measure c[1]",
                    "qubit[2] im",
                    "gphase(1)",
                    "h c[0]",
                    "x q",
                    "",
                ]
            ),
        ),
        max_size=4,
    )
)
def test_what_the_quick_parser_takes_the_full_one_takes(statements: list[str]) -> None:
    text = HEAD3 + ";\n".join(["qubit[3] q", "qubit[2] long_name", "bit[2] c", *statements]) + ";"
    quick = straight.parse(text)
    if quick is not None:
        assert quick == qasm3.loads(text)


@pytest.mark.parametrize("name", ["x", "pi", "im", "durationof", "sizeof", "Q", "_q", "E", "dt"])
@pytest.mark.parametrize(
    "body",
    [
        "qubit[2] {};\nh {}[0];",
        "qubit[2] q;\nbit[2] {};\n{}[0] = measure q[0];",
        "qubit[2] q;\nh {}[0]; barrier {}[0];",
        "qubit[1] {};\nbit[1] {};",
    ],
)
def test_a_name_means_the_same_to_both_parsers(name: str, body: str) -> None:
    text = HEAD3 + body.replace("{}", name)
    quick = straight.parse(text)
    assert quick is None or quick == qasm3.loads(text)


@pytest.mark.parametrize("blank", ["\v", "\f", "//c\rh q[1];", "\r\n", "\t", "\u00a0", "\x1c"])
def test_a_blank_means_the_same_to_both_parsers(blank: str) -> None:
    text = HEAD3 + f"qubit[2] q;\n{blank}h q[0];\n"
    quick = straight.parse(text)
    assert quick is None or quick == qasm3.loads(text)


@pytest.mark.parametrize(
    "body",
    [
        "qubit[1] q; U(0, 0, 1) q[0];",
        "qubit[1] q; bit[1] c; if (c[0]) x q[0];",
        "qubit[2] q; ctrl @ x q[0], q[1];",
        "gate g a { x a; } qubit[1] q; g q[0];",
        "qubit[1] q; id q[0];",
    ],
)
def test_everything_else_is_left_to_the_full_parser(body: str) -> None:
    assert straight.parse(HEAD3 + body) is None
    assert parse3(HEAD3 + body) == qasm3.loads(HEAD3 + body)
