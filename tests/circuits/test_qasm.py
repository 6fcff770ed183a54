import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit, qasm2, qasm3
from support.sample_circuits import ghz

from qjobs.circuits import straight
from qjobs.circuits.qasm import parse
from qjobs.circuits.sniff import Format
from qjobs.errors import InputError, Place

HEAD2 = 'OPENQASM 2.0;\ninclude "qelib1.inc";\n'
HEAD3 = 'OPENQASM 3.0;\ninclude "stdgates.inc";\n'


def parse2(text: str, path: str = "dir/file.qasm", folder: Path | None = None) -> QuantumCircuit:
    return parse(text.encode(), Format.QASM2, path, folder=folder)


def parse3(text: str, path: str = "dir/file.qasm", folder: Path | None = None) -> QuantumCircuit:
    return parse(text.encode(), Format.QASM3, path, folder=folder)


def test_a_circuit_is_named_after_its_file() -> None:
    assert parse2(qasm2.dumps(ghz(2)), "a/b.c.qasm").name == "b.c"
    assert parse3(qasm3.dumps(ghz(2)), "x.qasm3.gz").name == "x"
    assert parse3(qasm3.dumps(ghz(2)), "x.QASM.XZ").name == "x"
    assert parse2(qasm2.dumps(ghz(2)), "-").name == "-"
    assert parse2(qasm2.dumps(ghz(2)), "a/caf\udce9.qasm").name == "caf\ufffd"


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
        (HEAD3 + "qubit[2] q;\nU(0, 0, 0) qq[0];", "dir/file.qasm:4:12: Undefined symbol 'qq'."),
        (HEAD3 + "qubit[2] q;\n  reset qq[0];", "dir/file.qasm:4:9: Undefined symbol 'qq'."),
        (HEAD3 + "qubit[2] q;\n  reset qq;", "dir/file.qasm:4:9: Undefined symbol 'qq'."),
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
    with pytest.raises(InputError, match=r"f\.qasm:2:1: this is not UTF-8"):
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
        with pytest.raises(InputError, match=r"dir/file\.qasm:3:1: .* outside of the folder"):
            parser(head + include + "qubit q;", folder=folder)


def test_an_include_that_is_missing_or_cannot_be_is_told_with_its_line(tmp_path: Path) -> None:
    text = HEAD2 + '\n  include "gone.inc";'
    with pytest.raises(
        InputError, match=r"dir/file\.qasm:4:3: cannot include 'gone\.inc': No such"
    ):
        parse2(text, folder=tmp_path)
    with pytest.raises(InputError, match="cannot be included from standard input"):
        parse2(text, folder=None)


def test_only_a_file_can_be_included(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "folder"):
        with pytest.raises(InputError, match=rf":3:1: '{name}' is not a file"):
            parse2(HEAD2 + f"include '{name}';", folder=tmp_path)


def test_the_includes_of_a_program_are_counted(tmp_path: Path) -> None:
    for index in range(12):
        again = f"include '{index + 1}.inc';\n" * 2
        (tmp_path / f"{index}.inc").write_text(again if index < 11 else "")
    with pytest.raises(InputError, match="the program has more than 1000 includes"):
        parse2(HEAD2 + "include '0.inc';", folder=tmp_path)


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


def test_slashes_in_the_name_of_an_include_are_no_comment(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.inc").write_text("gate mine a { x a; }")
    text = HEAD2 + 'include "sub//a.inc"; qreg q[1]; mine q[0];'
    assert parse2(text, folder=tmp_path).count_ops() == {"mine": 1}


@pytest.mark.parametrize("quote", ["'", '"'])
def test_an_include_may_be_in_quotes_of_either_kind(tmp_path: Path, quote: str) -> None:
    (tmp_path / "mine.inc").write_text("gate mine a { x a; }")
    own = 'include "mine.inc"; mine q[0]; h q[0];'
    for text, parser in ((HEAD2 + "qreg q[1];", parse2), (HEAD3 + "qubit[1] q;", parse3)):
        circuit = parser((text + own).replace('"', quote), folder=tmp_path)
        assert circuit.count_ops() == {"mine": 1, "h": 1}


def test_the_gates_of_the_other_version_are_looked_for_in_the_folder(tmp_path: Path) -> None:
    text = 'OPENQASM 3.0;\ninclude "qelib1.inc";\nqubit[1] q;\nmine q[0];'
    with pytest.raises(InputError, match=r":2:1: cannot include 'qelib1\.inc'") as caught:
        parse3(text, folder=tmp_path)
    assert "stdgates.inc" in caught.value.hint
    (tmp_path / "qelib1.inc").write_text("gate mine a { U(0, 0, 0) a; }")
    assert parse3(text, folder=tmp_path).count_ops() == {"mine": 1}


def test_what_an_included_file_includes_is_called_by_its_own_name(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "gates.inc").write_text('\n  include "sub/more.inc";\n')
    (tmp_path / "sub" / "more.inc").write_text("\n gate a q { nope q; }")
    with pytest.raises(InputError) as caught:
        parse2(HEAD2 + 'include "sub/gates.inc";', folder=tmp_path)
    assert caught.value.place == Place("dir/sub/more.inc", 2, 13)
    assert caught.value.text.endswith("(included by dir/file.qasm)")
    (tmp_path / "sub" / "more.inc").write_bytes(b"\n\n \xff")
    with pytest.raises(InputError) as caught:
        parse2(HEAD2 + 'include "sub/gates.inc";', folder=tmp_path)
    assert caught.value.place == Place("dir/sub/more.inc", 3, 2)
    assert caught.value.text.endswith("byte 0xff (included by dir/file.qasm)")


# Where something is wrong. The place is counted here in the text as it was written.

ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32")
BEFORE = st.lists(
    st.sampled_from(
        [
            *("\n", " ", "\t", "// it's include 'no.inc';\n", "x q[0];", "barrier q;\n"),
            *("include 'one.inc';", 'include "two.inc" ;', 'include\n  "two.inc";'),
            'include "sub//three.inc";',
        ]
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([Format.QASM2, Format.QASM3, Format.QASM]),
    BEFORE,
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(ENCODINGS),
    st.sampled_from(["", "// caf\u00e9 \u4e2d\U0001f600\n", "/* \u4e2d\U0001f600 */ "]),
)
def test_a_fault_has_its_line_and_column_in_the_file_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory,
    format_: Format,
    before: list[str],
    line_end: str,
    encoding: str,
    comment: str,
) -> None:
    folder = tmp_path_factory.mktemp("included")
    (folder / "sub").mkdir()
    (folder / "one.inc").write_text("x q[0];")
    (folder / "two.inc").write_text("x q[0];\r\n\n// end\n")
    (folder / "sub" / "three.inc").write_text("include 'one.inc';\r")
    as_2 = format_ is Format.QASM2 or (format_ is Format.QASM and "/*" not in comment)
    if as_2 and "/*" in comment:  # which OpenQASM 2 has not
        comment = ""
    head = (HEAD2 + "qreg q[2];\n") if as_2 else (HEAD3 + "qubit[2] q;\n")
    if format_ is Format.QASM:
        head = head.partition("\n")[2]
    text = (head + "".join(before) + comment + "nope q[0];\n").replace("\n", line_end)
    at = text.index("nope")
    line = text[:at].count(line_end) + 1
    column = at - (text[:at].rfind(line_end) + len(line_end)) + 1
    with pytest.raises(InputError, match="'nope' is not defined") as caught:
        parse(text.encode(encoding), format_, "dir/file.qasm", folder=folder)
    assert caught.value.place == Place("dir/file.qasm", line, column)
    assert caught.value.message.startswith(f"dir/file.qasm:{line}:{column}: ")


# Programs that do not say their version.

BODY2 = HEAD2.partition("\n")[2] + "qreg q[2];\ncreg c[2];\nh q[0];\nmeasure q -> c;\n"
BODY3 = HEAD3.partition("\n")[2] + "qubit[2] q;\nbit[2] c;\nh q[0];\nc = measure q;\n"


def parse_any(text: str) -> QuantumCircuit:
    return parse(text.encode(), Format.QASM, "dir/file.qasm", folder=None)


def test_a_program_without_a_version_is_read_as_either_one() -> None:
    assert parse_any(BODY2) == qasm2.loads("OPENQASM 2.0;\n" + BODY2)
    assert parse_any(BODY3) == qasm3.loads("OPENQASM 3.0;\n" + BODY3)
    assert parse_any("U(0, 0, 0) $0;") == qasm3.loads("OPENQASM 3.0;U(0, 0, 0) $0;")


def test_a_version_far_down_is_found() -> None:
    assert parse_any("/* " + "x" * 10**5 + " */\nOPENQASM 3.0;\n" + BODY3).num_qubits == 2
    with pytest.raises(InputError, match=r"file\.qasm:2:10: it is written in OpenQASM 9"):
        parse_any("// x\nOPENQASM 9;\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BODY2 + "nope q[0];", "dir/file.qasm:6:1: 'nope' is not defined in this scope"),
        (BODY3 + "nope q[0];", "dir/file.qasm:6:1: gate 'nope' is not defined."),
        ("qubit q; // qreg\nnope q;", "dir/file.qasm:2:1: gate 'nope' is not defined."),
        # Nothing tells which it is: that is shown which came further.
        ("gate a q {}\na $0;\nb $0;", "dir/file.qasm:3:1: gate 'b' is not defined."),
        ("gate a q { U(0, 0, 0) q; }\na q[0];", "dir/file.qasm:2:3: 'q' is not defined"),
        ("gate a q { U(0, 0, 0) q; }", "dir/file.qasm describes no circuit"),
    ],
)
def test_of_two_messages_the_more_telling_one_is_shown(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_any(text)
    assert caught.value.message.startswith(message)


# Bytes that are no text.


@pytest.mark.parametrize("format_", [Format.QASM2, Format.QASM3])
def test_bytes_that_are_not_utf_8_may_stand_in_comments(tmp_path: Path, format_: Format) -> None:
    head, body = (HEAD2, "qreg q[1];") if format_ is Format.QASM2 else (HEAD3, "qubit[1] q;")
    (tmp_path / "a.inc").write_bytes(b"// \xe9t\xe9\n")
    text = f"{head}// \u00e9\xff\ninclude 'a.inc';{body}  // na\u00efve".encode("latin-1")
    assert parse(text, format_, "f.qasm", folder=tmp_path).num_qubits == 1
    with pytest.raises(InputError) as caught:
        parse(text + b"\n  h\xe9 q[0];", format_, "f.qasm", folder=tmp_path)
    assert caught.value.place == Place("f.qasm", 5, 4)
    assert caught.value.text == "this is not UTF-8 text: byte 0xe9"


def test_text_cut_off_within_a_character_is_told() -> None:
    data = (HEAD2 + "qreg q[1];\n").encode("utf-16-le")
    with pytest.raises(InputError, match=r"^f\.qasm:4: this is not UTF-16-LE text"):
        parse(data + b"x", Format.QASM2, "f.qasm", folder=None)


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
    assert straight.parse(text.replace('"', "'")) == quick


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
