"""`--junitxml`: what became of each circuit, as CI systems read it."""

import json
import os
import tracemalloc
from pathlib import Path

import pytest
from support import junit
from support.hints import SWEPT

from qjobs.circuits import codec

FILE = "out/junit.xml"
TO = ("--junitxml", FILE)


@pytest.fixture
def several(home, tmp_path):
    from qiskit import QuantumCircuit

    circuits = [QuantumCircuit(1, 1, name=name) for name in ("a", "b", "a")]
    for circuit in circuits:
        circuit.measure(0, 0)
    (tmp_path / "several.qpy").write_bytes(codec.encode(circuits))
    return "several.qpy"


def test_a_set_is_a_suite_and_a_circuit_a_case(qjobs, bell, several):
    ended = qjobs("run", bell, several, "-b", "fake", "-n", "ghz", *TO)
    assert ended.code == 0
    assert junit.read(FILE) == [
        junit.Suite("ghz", "fake:", [
            junit.Case("bell", bell, "passed"),
            junit.Case("a #0", several, "passed"),
            junit.Case("b #1", several, "passed"),
            junit.Case("a #2", several, "passed"),
        ]),
    ]  # fmt: skip


@pytest.mark.parametrize("verb", ["run", "wait", "result", "error"])
def test_failures_and_errors_are_told_apart(qjobs, bell, verb):
    words = [*[bell] * 8, "-b", "fake:refuse=1,fail=1,blank_circuits=7,connections=1"]
    words += ["--per-job", "2"]
    if verb == "run":
        assert qjobs("run", *words, *TO).code == 6
    else:
        qjobs("submit", *words)
        assert qjobs(verb, *TO).code == (0 if verb == "error" else 6)
    (suite,) = junit.read(FILE)
    assert [case.outcome for case in suite.cases] == [
        "error", "error", "failure", "failure", "passed", "passed", "passed", "failure",
    ]  # fmt: skip
    assert [case.name for case in suite.cases] == [f"bell #{index}" for index in range(8)]
    assert [suite.cases[at].type for at in (0, 2, 7)] == ["refused", "error", "circuit"]
    assert suite.cases[0].message == "the job was refused (refuse)"
    assert "as its script says" in suite.cases[2].message
    assert suite.cases[7].message


def test_what_was_cancelled_is_skipped(qjobs, bell):
    qjobs("submit", bell, bell, "-b", "fake:delay=999")
    qjobs("cancel")
    assert qjobs("wait", *TO).code == 6
    (suite,) = junit.read(FILE)
    assert {case.outcome for case in suite.cases} == {"skipped"}


def test_what_is_not_finished_is_no_success(qjobs, bell):
    qjobs("submit", bell, "-b", "fake:delay=999")
    assert qjobs("wait", "--timeout", "0", *TO).code == 124
    (case,) = junit.read(FILE)[0].cases
    assert (case.outcome, case.type) == ("error", "running")
    assert qjobs("result", *TO).code == 8
    assert junit.read(FILE)[0].cases[0].outcome == "error"


def test_what_nobody_may_run_is_an_error(qjobs, bell):
    assert qjobs("run", bell, "-b", "fake:auth=no", *TO).code == 4
    (case,) = junit.read(FILE)[0].cases
    assert (case.outcome, case.type) == ("error", "planned")


def test_several_sets_and_parts_of_them_are_suites(qjobs, bell):
    for name in ("one", "two"):
        qjobs("submit", *[bell] * 5, "-b", "fake", "-n", name, "--wait")
    assert qjobs("wait", "two", "one:1-2", *TO).code == 0
    assert [(suite.name, len(suite.cases)) for suite in junit.read(FILE)] == [
        ("two", 5), ("one", 2),
    ]  # fmt: skip


@pytest.mark.slow
def test_a_row_of_a_sweep_is_a_case(qjobs, home, tmp_path):
    (tmp_path / "swept.qasm").write_text(SWEPT)
    (tmp_path / "turn.csv").write_text("turn\n0\n1\n")
    qjobs("run", "swept.qasm", "--parameters", "turn.csv", "-b", "fake", *TO)
    assert [case.name for case in junit.read(FILE)[0].cases] == ["swept row 0", "swept row 1"]


def test_characters_that_xml_cannot_hold_are_escaped(qjobs, home, tmp_path):
    from qiskit import QuantumCircuit

    circuit = QuantumCircuit(1, 1, name='<a> & "b"\x00\x1b[1m\n]]>\ufffe')
    circuit.measure(0, 0)
    file = os.fsdecode(b"\xff\x01&.qpy")
    (tmp_path / file).write_bytes(codec.encode([circuit]))
    assert qjobs("run", file, "-b", "fake", "-n", "ok", *TO).code == 0
    (case,) = junit.read(FILE)[0].cases
    assert case.name == '<a> & "b"\\x00\\x1b[1m\\n]]>\\ufffe'
    assert case.classname == "\\xff\\x01&.qpy"


def test_the_file_takes_its_place_only_when_it_is_whole(qjobs, home, bell):
    Path("out").mkdir()
    Path(FILE).write_text("before")
    qjobs("submit", bell, bell, "-b", "fake:blank_circuits=1", "--per-job", "2", "--wait")
    (kept,) = (home / "sets").glob("*/results/*")
    kept.write_bytes(kept.read_bytes()[:-9])
    assert qjobs("error", *TO).code == 9
    assert Path(FILE).read_text() == "before"
    assert [*Path("out").iterdir()] == [Path(FILE)]


@pytest.mark.parametrize("place", ["", "folder", "bell.qpy/junit.xml", "bell.qpy/a/b.xml"])
def test_what_is_no_file_is_refused_before_anything_is_sent(qjobs, home, bell, tmp_path, place):
    (tmp_path / "folder").mkdir()
    assert qjobs("run", bell, "-b", "fake", "--junitxml", place).code == 2
    assert json.loads(qjobs("list", "--json").out)["sets"] == []


@pytest.mark.slow
def test_a_hundred_thousand_circuits_take_no_memory(qjobs, home, tmp_path):
    from qiskit import QuantumCircuit

    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    (tmp_path / "many.qpy").write_bytes(codec.encode([circuit] * 20_000))
    qjobs("submit", *["many.qpy"] * 5, "-b", "fake", "--wait", "-q")
    tracemalloc.start()
    try:
        assert qjobs("wait", *TO).code == 0
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 15_000_000  # a row alone takes 300 bytes
    (suite,) = junit.read(FILE)
    assert len(suite.cases) == 100_000
