"""`submit --dry-run` as a linter: all that is wrong with the files, for people and for programs."""

import json
import os
import re

import pytest
from support.hints import BELL, FAKE

BAD = {
    "cxx.qasm": (BELL.replace("\ncx", "\n\tcxx"), ":6:2: 'cxx' is not defined in this scope"),
    "three.qasm": ("OPENQASM 3.0;\nqubit q;\n/* é漢 */ foo q;\n", ":3:10: gate 'foo' is not"),
    "empty.qasm": ("", ": is empty"),
}
DRY = ("submit", "--dry-run", *FAKE)


@pytest.fixture
def files(home, tmp_path):
    for name, (text, _) in BAD.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "bell.qasm").write_text(BELL)
    return tmp_path


def results(sarif):
    """What a log in SARIF says of each finding; the log has what the standard asks for."""
    log = json.loads(sarif)
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("/sarif-2.1.0.json")
    (run,) = log["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert run["tool"]["driver"]["name"] == "qjobs"
    assert run["columnKind"] == "unicodeCodePoints"
    found = []
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in ("error", "warning")
        assert result["message"]["text"]
        (location,) = result["locations"] or [None]
        physical = location and location["physicalLocation"]
        region = (physical or {}).get("region", {})
        assert set(region) <= {"startLine", "startColumn"}
        assert all(number >= 1 for number in region.values())
        uri = physical and physical["artifactLocation"]["uri"]
        found.append((uri, *region.values(), result["level"], result["message"]["text"]))
    return found


@pytest.mark.slow
def test_all_files_that_cannot_be_read_are_listed_with_their_lines_and_counted(qjobs, files):
    ended = qjobs(*DRY, "nowhere.qasm", *BAD, "bell.qasm")
    assert (ended.code, ended.out) == (5, "")
    lines = ended.err.splitlines()
    assert lines[0].startswith("nowhere.qasm: there is no file")
    for name, (_, said) in BAD.items():
        (at,) = [at for at, line in enumerate(lines) if line.startswith(f"{name}{said}")]
        if re.match(r":\d", said):
            assert (
                lines[at + 1 : at + 3]
                == {
                    "cxx.qasm": ["    6 |     cxx q[0],q[1];", "      |     ^"],
                    "three.qasm": ["    3 | /* é漢 */ foo q;", "      |           ^"],
                }[name]
            )
    assert lines[-2:] == [
        "error: 3 of 4 files cannot be read; 1 name without a file",
        "hint: --skip-invalid leaves such files out",
    ]


@pytest.mark.slow
def test_what_is_wrong_with_the_others_does_not_wait_until_one_is_mended(qjobs, files):
    from qiskit import QuantumCircuit

    from qjobs.circuits import codec

    circuits = [QuantumCircuit(1, 1, name=name) for name in ("good", "bad")]
    for circuit in circuits:
        (circuit.sx if circuit.name == "bad" else circuit.x)(0)
    data = codec.encode(circuits).replace(b"SXGate", b"NoGate")
    (files / "spoilt.qpy").write_bytes(data)
    (files / "bare.qasm").write_text(BELL.replace("measure q -> c;", ""))
    given = ("cxx.qasm", "bell.qasm", "spoilt.qpy", "bare.qasm")
    ended = qjobs(*DRY, *given, "--strict", "--format", "github")
    assert ended.code == 5
    first, second, third = ended.out.splitlines()
    assert first.startswith("::error file=cxx.qasm,line=6,")
    assert second.startswith("::error file=spoilt.qpy,title=qjobs::circuit 1 (bad): ")
    assert third.startswith("::error title=qjobs::without a measurement there are no counts")
    assert "error: 1 of 4 files cannot be read; 1 of 4 circuits cannot be read; " in ended.err


@pytest.mark.slow
def test_one_file_is_listed_as_many_are(qjobs, files):
    ended = qjobs(*DRY, "cxx.qasm")
    assert ended.code == 5
    assert ended.err.splitlines() == [
        "cxx.qasm:6:2: 'cxx' is not defined in this scope",
        "    6 |     cxx q[0],q[1];",
        "      |     ^",
        "error: 1 of 1 file cannot be read",
    ]


@pytest.mark.slow
def test_standard_input_and_packed_files_have_their_lines_too(qjobs, files, monkeypatch):
    import gzip
    import io
    import sys

    (files / "cxx.qasm.gz").write_bytes(gzip.compress(BAD["cxx.qasm"][0].encode()))
    stream = io.TextIOWrapper(io.BytesIO(BAD["cxx.qasm"][0].encode("utf-16")))
    monkeypatch.setattr(sys, "stdin", stream)
    err = qjobs(*DRY, "-", "cxx.qasm.gz").err
    assert err.count("    6 |     cxx q[0],q[1];\n      |     ^\n") == 2


@pytest.mark.slow
def test_values_of_parameters_are_looked_at_as_circuits_are(qjobs, files):
    (files / "theta.csv").write_text("a,b\n1,2\n3,x\n")
    words = (*DRY, "--parameters", "theta.csv", "bell.qasm")
    said = ["theta.csv:3:3: 'x' for b is not a finite number", "    3 | 3,x", "      |   ^"]
    assert qjobs(*words).err.splitlines() == [*said, "error: theta.csv cannot be read"]
    assert qjobs(*words, "empty.qasm").err.splitlines() == [
        "empty.qasm: is empty", *said,
        "error: theta.csv cannot be read; 1 of 2 files cannot be read",
    ]  # fmt: skip


@pytest.mark.slow
def test_github_gets_annotations_on_the_lines_of_the_files(qjobs, files, monkeypatch):
    monkeypatch.setenv("GITHUB_WORKSPACE", str(files.parent))
    ended = qjobs(*DRY, *BAD, "bell.qasm", "--format", "github")
    assert ended.code == 5
    here = files.name
    assert ended.out.splitlines() == [
        f"::error file={here}/cxx.qasm,line=6,col=2,title=qjobs::{BAD['cxx.qasm'][1][6:]}",
        f"::error file={here}/three.qasm,line=3,col=10,title=qjobs::gate 'foo' is not defined.",
        f"::error file={here}/empty.qasm,title=qjobs::is empty",
    ]
    assert "error: 3 of 4 files cannot be read" in ended.err  # and in the log there is the rest


def test_github_gets_ten_annotations_at_most_and_the_number_of_the_others(qjobs, files):
    names = [f"e{number}.qasm" for number in range(12)]
    for name in names:
        (files / name).write_text("")
    ended = qjobs(*DRY, *names, "--format", "github")
    lines = ended.out.splitlines()
    assert len(lines) == 10
    assert lines[-1] == "::error title=qjobs::and 3 more: see the log of this step"
    assert all(f"{name}: is empty" in ended.err for name in names)
    assert len(qjobs(*DRY, *names[:10], "--format", "github").out.splitlines()) == 10


@pytest.mark.slow
def test_what_a_file_is_called_is_no_command_to_github(qjobs, files):
    names = ["::error::x,y%.qasm", "a##[group]b.qasm"]
    for name in names:
        (files / name).write_text("")
    ended = qjobs(*DRY, *names, "--format", "github")
    assert ended.out.splitlines()[0] == (
        "::error file=%3A%3Aerror%3A%3Ax%2Cy%25.qasm,title=qjobs::is empty"
    )
    assert not re.search(r"^\s*::|##\[", ended.err, re.MULTILINE)


def test_circuits_without_a_measurement_are_warnings(qjobs, files):
    from qiskit import QuantumCircuit

    from qjobs.circuits import codec

    (files / "bare.qpy").write_bytes(codec.encode([QuantumCircuit(1)] * 40))
    ended = qjobs(*DRY, "bare.qpy", "--format", "github")
    assert ended.code == 0
    lines = ended.out.splitlines()
    assert all(
        line.startswith("::warning file=bare.qpy,title=qjobs::circuit") for line in lines[:-1]
    )
    assert lines[-1] == "::warning title=qjobs::35 more circuits without a measurement"
    assert ended.err.endswith("1 file, 40 circuits in 4 jobs for fake\n")


@pytest.mark.slow
def test_sarif_has_the_same_findings(qjobs, files):
    ended = qjobs(*DRY, *BAD, "bell.qasm", "--format", "sarif")
    assert ended.code == 5
    assert results(ended.out) == [
        ("cxx.qasm", 6, 2, "error", "'cxx' is not defined in this scope"),
        ("three.qasm", 3, 10, "error", "gate 'foo' is not defined."),
        ("empty.qasm", "error", "is empty"),
    ]
    left_out = qjobs(*DRY, "empty.qasm", "bell.qasm", "--skip-invalid", "--format", "sarif")
    assert left_out.code == 0
    assert results(left_out.out) == [("empty.qasm", "warning", "is empty")]
    assert results(qjobs(*DRY, "bell.qasm", "--format", "sarif").out) == []


def test_sarif_has_paths_as_uris_relative_to_the_checkout(
    qjobs, files, tmp_path_factory, monkeypatch
):
    outside = tmp_path_factory.mktemp("outside") / "e.qasm"
    odd = os.fsdecode(b"sub/a b\xff%\xc3\xa9.qasm")
    (files / "sub").mkdir()
    for name in (str(outside), odd):
        (files / name).write_text("")
    monkeypatch.setenv("CI_PROJECT_DIR", str(files / "sub"))
    (first, *_), (second, *_) = results(qjobs(*DRY, str(outside), odd, "--format", "sarif").out)
    assert (first, second) == (outside.as_uri(), "a%20b%FF%25%C3%A9.qasm")


def test_sarif_is_bounded(qjobs, files):
    (files / "many").mkdir()
    for number in range(5002):
        (files / "many" / f"{number}.qasm").touch()
    out = qjobs(*DRY, "many", "--format", "sarif").out
    assert len(results(out)) == 5000
    (told,) = json.loads(out)["runs"][0]["invocations"][0]["toolExecutionNotifications"]
    assert told["message"]["text"] == "2 findings left out"


def test_programs_get_the_error_as_json_with_all_files(qjobs, files):
    ended = qjobs(*DRY, "empty.qasm", "nowhere.qasm", "--json")
    assert [file["path"] for file in json.loads(ended.err)["unreadable"]] == [
        "nowhere.qasm", "empty.qasm",
    ]  # fmt: skip


def test_only_a_dry_run_has_formats_of_findings(qjobs, files):
    ended = qjobs("submit", "bell.qasm", *FAKE, "--format", "sarif")
    assert ended.code == 2
    (more,) = re.findall("hint: add (--.*)", ended.err)
    assert qjobs("submit", "bell.qasm", *FAKE, "--format", "sarif", more).code == 0
    assert "'sarif'." in qjobs("submit", "bell.qasm", "--format", "sarf").err
    assert qjobs("status", "--format", "sarif").code == 2
