"""Bad input gives one clear message and the right exit code, and leaves the state as it was."""

import json

import pytest
from schemas import validate


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
    "name that reads as an id": (["submit", "bell.qpy", "-n", "abcd"], 2, "abcd"),
    "too many circuits a job": (
        ["submit", *["bell.qpy"] * 3, "-b", "fake:circuits=2", "--per-job", "3"], 2, "--per-job 3",
    ),
    "unknown set": (["status", "nothing"], 3, "nothing"),
    "near name": (["status", "ghx"], 3, "ghz"),
    "ambiguous set": (["status", "twin"], 3, "2 job sets"),
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
    set_id = qjobs("submit", bell, "-b", "fake:delay=60").out.strip()
    state = home / "sets" / set_id / "state.toml"
    state.write_bytes(state.read_bytes().replace(b"format = 1", b"format = 99", 1))
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


def test_skipped_files_are_named(qjobs, prepared, bell):
    ended = qjobs("submit", bell, "broken.qasm", "-b", "fake:", "--skip-invalid")
    assert ended.code == 0
    assert "warning: left out: broken.qasm:4" in ended.err


def test_circuits_without_a_measurement_are_named(qjobs, home, tmp_path):
    (tmp_path / "quiet.qasm").write_text("OPENQASM 2.0;\nqreg q[1];\n")
    ended = qjobs("submit", "quiet.qasm", "-b", "fake:")
    assert ended.code == 0
    assert "warning: without a measurement there are no counts: circuit 0" in ended.err
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
