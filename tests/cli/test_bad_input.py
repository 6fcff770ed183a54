"""Bad input gives one clear message and the right exit code, and leaves the state as it was."""

import json
import re

import pytest
from support.schemas import validate

from qjobs.circuits import codec


def snapshot(folder):
    """Every file below a folder with its content; locks are no state."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".lock"
    }


BIG = "9" * 5000
CASES = {
    "missing file": (["submit", "nowhere.qasm"], 5, "nowhere.qasm"),
    "empty file": (["submit", "empty.qasm"], 5, "empty.qasm"),
    "folder without circuits": (["submit", "folder"], 5, "folder"),
    "truncated QPY": (["submit", "cut.qpy"], 5, "cut.qpy"),
    "QASM that does not parse": (["submit", "broken.qasm"], 5, "broken.qasm:4"),
    "no file at all": (["submit"], 2, "no circuit files"),
    "no shots": (["submit", "bell.qpy", "--shots", "0"], 2, "--shots"),
    "negative shots": (["submit", "bell.qpy", "--shots", "-5"], 2, "--shots"),
    "shots that are no number": (["submit", "bell.qpy", "--shots", "many"], 2, "many"),
    "unknown provider": (["submit", "bell.qpy", "-b", "fkae:"], 2, "fake"),
    "unknown backend": (["submit", "bell.qpy", "-b", "fake:delya=1"], 2, "delay"),
    "option without a value": (["submit", "bell.qpy", "--option", "seed"], 2, "KEY=VALUE"),
    "name that reads as an address": (["submit", "bell.qpy", "-n", "latest"], 2, "latest"),
    "too many circuits a job": (
        ["submit", *["bell.qpy"] * 3, "-b", "fake:circuits=2", "--per-job", "3"], 2, "--per-job 3",
    ),
    "unknown set": (["status", "nothing"], 3, "nothing"),
    "near name": (["status", "ghx"], 3, "ghz"),
    "unknown job": (["status", "ghz/9"], 3, "job 9"),
    "bad address": (["status", "ghz:a-b"], 2, "a-b"),
    "a circuit without an end": (["status", f"ghz:{BIG}"], 2, "cannot read"),
    "a range without an end": (["status", f"ghz:0-{BIG}"], 2, "cannot read"),
    "a step without an end": (["status", f"ghz:0-0:{BIG}"], 2, "cannot read"),
    "a job without an end": (["status", f"ghz/{BIG}"], 2, "cannot read"),
    "a float for a circuit": (["status", "ghz:1e99"], 2, "1e99"),
    "digits of another script": (["status", "ghz:\u0663"], 2, "\u0663"),
    "a set far back": (["status", f"@{BIG}"], 3, "no job set"),
    "an option without an end": (["submit", "bell.qpy", "--option", f"a={BIG}"], 2, "too large"),
    "an infinite option": (["submit", "bell.qpy", "--option", "a=1e999"], 2, "too large"),
    "shots without an end": (["submit", "bell.qpy", "--shots", BIG], 2, "--shots"),
    "bad duration": (["wait", "--timeout", "soon"], 2, "soon"),
    "unknown format": (["status", "--format", "xml"], 2, "xml"),
    "unknown verb": (["stauts"], 2, "status"),
    "unknown option": (["status", "--jbos"], 2, "--jbos"),
    "unknown suffix": (["result", "ghz", "--partial", "--out", "counts.xyz"], 2, "counts.xyz"),
    "unknown schema": (["schema", "nothing"], 2, "status"),
}  # fmt: skip


@pytest.fixture
def prepared(qjobs, bell, home, tmp_path):
    (tmp_path / "empty.qasm").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "broken.qasm").write_text(
        'OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[1];\nhh q;\n'
    )
    for name in ("ghz", "twin", "twin"):
        assert qjobs("submit", bell, "-b", "fake:", "-n", name).code == 0
    whole = next(home.glob("sets/*/circuits.qpy")).read_bytes()
    (tmp_path / "cut.qpy").write_bytes(whole[: len(whole) * 2 // 3])
    return home


@pytest.mark.parametrize("case", CASES)
def test_one_clear_message(qjobs, prepared, case):
    arguments, code, named = CASES[case]
    if arguments[0] == "submit" and "-b" not in arguments:
        arguments = [*arguments, "-b", "fake:"]
    before = snapshot(prepared / "sets")
    ended = qjobs(*arguments)
    assert (ended.code, ended.out) == (code, "")
    assert named in ended.err
    assert ended.err.startswith("error: ")
    assert len(ended.err.splitlines()) <= 3
    assert "Traceback" not in ended.err
    assert snapshot(prepared / "sets") == before
    # The same as JSON.
    if case not in ("unknown schema", "unknown suffix"):  # where --json would change the case
        ended = qjobs(*arguments, "--json")
        error = json.loads(ended.err)
        validate(error, "error")
        assert error["exit"] == ended.code == code


def test_a_damaged_state_file_is_named_and_left_alone(qjobs, prepared):
    state = next(prepared.glob("sets/*/state.toml"))
    state.write_bytes(state.read_bytes().replace(b"shots = 1024", b"shots = many"))
    before = state.read_bytes()
    for verb in ("status", "result", "cancel", "resume", "retry", "error", "show", "wait"):
        ended = qjobs(verb, state.parent.name)
        assert (ended.code, ended.out) == (9, ""), (verb, ended)
        assert "state.toml" in ended.err
        assert "hint:" in ended.err or ":" in ended.err
        assert len(ended.err.splitlines()) <= 3
    assert state.read_bytes() == before
    listed = qjobs("list", "-q")
    assert listed.code == 0
    assert len(listed.out.splitlines()) == 2
    assert "state.toml" in listed.err


def test_a_state_from_a_newer_qjobs_can_be_read_and_not_written(qjobs, bell, home):
    set_id = qjobs("submit", bell, "-b", "fake:delay=3600").out.strip()
    state = home / "sets" / set_id / "state.toml"
    state.write_bytes(state.read_bytes().replace(b"format = 2", b"format = 99", 1))
    before = state.read_bytes()
    ended = qjobs("status")
    assert ended.code == 0
    assert ended.out.startswith(set_id)
    assert "warning:" in ended.err
    assert qjobs("cancel").code == 9
    assert state.read_bytes() == before


def test_a_state_folder_that_cannot_be_one_is_said(qjobs, bell, home):
    home.write_text("a file where a folder should be")
    ended = qjobs("submit", bell, "-b", "fake:")
    assert (ended.code, ended.out) == (9, "")
    assert str(home) in ended.err
    assert len(ended.err.splitlines()) <= 3


def unreadable(path, line, column, message):
    return {"file": path, "line": line, "column": column, "message": message, "path": path}


@pytest.fixture
def many(prepared, tmp_path):
    """A folder of 60 good files and 43 bad ones; the bad ones as lines, and as JSON."""
    folder = tmp_path / "many"
    folder.mkdir()
    good = 'OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[1];\ncreg c[1];\nmeasure q -> c;\n'
    for index in range(60):
        (folder / f"good{index}.qasm").write_text(good)
    expected = []
    for index in range(13):
        (folder / f"a\x1b{index}.qasm").write_text("[]")
        is_json = "is neither QPY nor OpenQASM, but JSON"
        expected.append(unreadable(f"many/a\x1b{index}.qasm", None, None, is_json))
    for index in range(30):
        (folder / f"b{index}.qasm").write_text(f"{good}\n  nope{index} q;")
        not_defined = f"'nope{index}' is not defined in this scope"
        expected.append(unreadable(f"many/b{index}.qasm", 7, 3, not_defined))
    lines = [
        f"many/a\\x1b{index}.qasm: is neither QPY nor OpenQASM, but JSON" for index in range(13)
    ] + [
        f"many/b{index}.qasm:7:3: 'nope{index}' is not defined in this scope" for index in range(30)
    ]
    return lines, expected


def test_all_files_that_cannot_be_read_are_named_then_counted(qjobs, many):
    lines, expected = many
    ended = qjobs("submit", "many", "-b", "fake:")
    assert (ended.code, ended.out) == (5, "")
    assert ended.err.splitlines() == [
        *lines,
        "error: 43 of 103 files cannot be read",
        "hint: --skip-invalid leaves such files out",
    ]
    ended = qjobs("submit", "many", "-b", "fake:", "--json")
    error = json.loads(ended.err)
    validate(error, "error")
    assert error["unreadable"] == expected
    assert error["message"] == "43 of 103 files cannot be read"


def test_all_files_left_out_are_named_and_kept_for_good(qjobs, many):
    lines, expected = many
    ended = qjobs("submit", "many", "-b", "fake:", "--skip-invalid", "-n", "most")
    assert ended.code == 0
    assert ended.err.splitlines() == [*lines, "warning: left out 43 of 103 files"]

    shown = qjobs("show", "most")
    assert [row.split("\t")[1] for row in shown.out.splitlines() if "left out" in row] == lines
    assert "skipped\t43 files\n" in shown.out
    document = qjobs("show", "most", "--json").document("set")
    assert (document["skipped"], document["skipped_count"]) == (expected, 43)
    table = qjobs("show", "most", "--format", "table").out
    assert lines[0].split(": ")[0] in table
    assert "... 23 more" in table

    planned = qjobs("submit", "many", "-b", "fake:", "--skip-invalid", "--dry-run", "--json")
    plan = planned.document("plan")
    assert plan["skipped"] == expected
    assert [source["path"] for source in plan["sources"]] == [
        f"many/good{index}.qasm" for index in range(60)
    ]
    for number, line in enumerate(planned.err.splitlines()[:-1]):
        warning = json.loads(line)
        validate(warning, "warning")
        assert warning["line"] == expected[number]["line"]
        assert warning["path"] == expected[number]["path"]
    assert json.loads(planned.err.splitlines()[-1])["message"] == "left out 43 of 103 files"

    submitted = qjobs("submit", "many", "-b", "fake:", "--skip-invalid", "--json")
    assert submitted.document("set")["skipped"] == expected


def test_circuits_without_a_measurement_are_named(qjobs, home, bell, tmp_path):
    (tmp_path / "quiet.qasm").write_text("OPENQASM 2.0;\nqreg q[1];\n")
    ended = qjobs("submit", "quiet.qasm", "-b", "fake:")
    assert ended.code == 0
    assert "warning: without a measurement there are no counts: circuit 0\n" in ended.err
    ended = qjobs("submit", bell, "quiet.qasm", "quiet.qasm", "-b", "fake:")
    assert "no counts: circuits 1 (quiet.qasm), 2 (quiet.qasm)\n" in ended.err
    assert qjobs("submit", "quiet.qasm", "-b", "fake:", "--strict").code == 5


def test_a_fault_of_ours_is_one_line_and_a_traceback_only_if_wanted(qjobs, bell, home, monkeypatch):
    qjobs("submit", bell, "-b", "fake:")
    # A process without standard input is one thing that nobody has foreseen.
    monkeypatch.setattr("sys.stdin", None)
    ended = qjobs("status", "-")
    assert ended.code == 1
    assert ended.err.startswith("error: ")
    assert "QJOBS_DEBUG=1" in ended.err
    assert "Traceback" not in ended.err
    monkeypatch.setenv("QJOBS_DEBUG", "1")
    assert "Traceback" in qjobs("status", "-").err


def test_a_limit_and_a_time_without_an_end_are_as_good_as_none(qjobs, bell, home):
    qjobs("submit", bell, "-b", "fake:")
    assert qjobs("list", "--limit", "9" * 30).code == 0
    assert qjobs("wait", "--timeout", BIG, "--poll", BIG).code == 0


def test_hostile_names_are_printed_as_they_are_and_never_obeyed(qjobs, home, tmp_path):
    name = "a[/x]\x1b[31m\tb.qasm"
    (tmp_path / "a[").mkdir()
    (tmp_path / name).touch()
    ended = qjobs("submit", name, "-b", "fake:")
    assert "\x1b" not in ended.err
    assert "a[/x]" in ended.err
    assert "\\x1b[31m\\tb.qasm" in ended.err.replace("\\\\", "\\")


def test_a_damaged_set_that_is_the_only_one_is_not_taken_for_none(qjobs, bell, home):
    qjobs("submit", bell, "-b", "fake:")
    (state,) = home.glob("sets/*/state.toml")
    state.write_bytes(b"")
    ended = qjobs("status")
    assert ended.code == 9
    assert f"{state}:1" in ended.err


@pytest.mark.parametrize("verb", ["status", "resume", "cancel"])
def test_every_verb_says_that_it_found_a_torn_tail(qjobs, bell, home, verb):
    qjobs("submit", bell, "-b", "fake:", "--wait")
    (state,) = home.glob("sets/*/state.toml")
    state.write_bytes(state.read_bytes() + b"[[fact]]\njob =")
    ended = qjobs(verb)
    assert ended.code == 0
    assert "unfinished fact" in ended.err


@pytest.mark.parametrize(
    "words", [["--shots", "9" * 20], ["--seed", "9" * 20], ["--option", f"a={'9' * 20}"]]
)
def test_numbers_that_not_every_reader_of_toml_knows_are_refused(qjobs, bell, home, words):
    ended = qjobs("submit", bell, "-b", "fake:", *words)
    assert ended.code == 2
    assert "9" * 20 in ended.err
    assert not home.exists()


@pytest.fixture
def spoilt(home, tmp_path):
    """A file of three circuits, the second of which Qiskit cannot read."""
    from qiskit import QuantumCircuit

    circuits = [QuantumCircuit(1, 1, name=name) for name in ("good", "bad", "better")]
    for circuit in circuits:
        (circuit.sx if circuit.name == "bad" else circuit.x)(0)
        circuit.measure(0, 0)
    path = tmp_path / "spoilt.qpy"
    path.write_bytes(codec.encode(circuits).replace(b"SXGate", b"NoGate"))
    return path


@pytest.mark.slow
def test_a_dry_run_names_circuits_that_cannot_be_read(qjobs, spoilt):
    ended = qjobs("submit", str(spoilt), "-b", "fake:", "--dry-run")
    assert (ended.code, ended.out) == (5, "")
    first, error, hint = ended.err.splitlines()
    assert first.startswith(f"{spoilt}: circuit 1 (bad): Qiskit cannot read")
    assert "NoGate" in first
    assert error == "error: 1 of 3 circuits cannot be read"
    (option,) = re.findall(r"(--[a-z-]+) shows the plan", hint)
    ended = qjobs("submit", str(spoilt), "-b", "fake:", "--dry-run", option)
    assert ended.code == 0
    assert f"warning: will fail: {spoilt}: circuit 1 (bad): " in ended.err
    assert ended.out


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["local:aer", "local:basic_simulator"])
def test_a_circuit_that_cannot_be_read_fails_alone(qjobs, spoilt, backend):
    qjobs("submit", str(spoilt), "-b", backend, "--per-job", "3", "--wait")
    found = json.loads(qjobs("result", "--json").out)["circuits"]
    assert [circuit["counts"] for circuit in found] == [{"1": 1024}, None, {"1": 1024}]
    assert "Qiskit cannot read" in qjobs("error").out
