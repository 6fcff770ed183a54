"""Hints about circuits, values and observables: what could not be read can be, once mended so."""

import os
from importlib.metadata import requires
from pathlib import Path

import numpy as np
import pytest
from qiskit import QuantumCircuit, qpy
from qiskit.circuit import Parameter
from support.hints import BELL, FAKE, SWEPT, Qjobs, good, hint_of, the

from qjobs.circuits import inputs


@pytest.fixture
def files(home: Path, bell: str, tmp_path: Path) -> Path:
    """A folder, the present one, with good circuits."""
    (tmp_path / "bell.qasm").write_text(BELL)
    return tmp_path


def dump(path: Path, *, name: str = "mended", **how: int) -> None:
    """Write a file as a user does who was told to."""
    circuit = QuantumCircuit(1, 1, name=name)
    circuit.sx(0)
    circuit.measure(0, 0)
    with path.open("wb") as file:
        qpy.dump(circuit, file, **how)


# OpenQASM


def test_bytes_that_are_not_utf_8(qjobs: Qjobs, files: Path) -> None:
    text = BELL.replace("q[", "\u00e9[")
    (files / "a.qasm").write_text(text, "latin-1")
    encoding = the("^save it as (.*)$", hint_of(qjobs("submit", "a.qasm", *FAKE)))
    (files / "a.qasm").write_text(text, encoding)
    # OpenQASM 2 has no such names: the parser says so, and not that it cannot read the bytes.
    ended = qjobs("submit", "a.qasm", *FAKE)
    assert "UTF-8" not in ended.err
    (files / "a.qasm").write_text(f"// caf\u00e9\n{SWEPT.replace('q;', chr(233) + ';')}", encoding)
    assert "UTF-8" not in qjobs("submit", "a.qasm", *FAKE).err


@pytest.mark.parametrize("version", ["2.0", "3.0"])
def test_the_gates_of_another_version(qjobs: Qjobs, files: Path, version: str) -> None:
    other = {"2.0": "stdgates.inc", "3.0": "qelib1.inc"}[version]
    lines = [f"OPENQASM {version};", f'include "{other}";', "qreg q[1];", "creg c[1];"]
    (files / "a.qasm").write_text("\n".join([*lines, "x q[0];", ""]))
    its_own = the(r"it is (\S+)$", hint_of(qjobs("submit", "a.qasm", *FAKE)))
    (files / "a.qasm").write_text((files / "a.qasm").read_text().replace(other, its_own))
    good(qjobs, "submit", "a.qasm", *FAKE)


# QPY


def test_a_file_that_is_cut_short(qjobs: Qjobs, files: Path) -> None:
    path = files / "bell.qpy"
    path.write_bytes(path.read_bytes()[:-9])
    assert the("write it again with (.*)$", hint_of(qjobs("submit", "bell.qpy", *FAKE))) == (
        f"{qpy.__name__}.{qpy.dump.__name__}"
    )
    dump(path)
    good(qjobs, "submit", "bell.qpy", *FAKE)


def test_a_file_of_a_newer_qiskit(qjobs: Qjobs, files: Path) -> None:
    path = files / "bell.qpy"
    path.write_bytes(b"QISKIT\x63" + path.read_bytes()[7:])
    ended = qjobs("submit", "bell.qpy", *FAKE)
    word = the(r"qiskit\.qpy\.dump\((\w+)=", hint_of(ended))
    dump(path, **{word: int(the("reads up to ([0-9]+)", ended.err))})
    good(qjobs, "submit", "bell.qpy", *FAKE)


HOOK = """
import os, sys

looking = False

def end(event, arguments):
    global looking
    if event != "open" or looking or not str(arguments[0]).endswith((".qasm", ".qpy")):
        return
    looking = True
    with open(arguments[0], "rb") as file:
        if b"deadly" in file.read():
            os.kill(os.getpid(), 9)
    looking = False

sys.addaudithook(end)
"""


@pytest.fixture
def deadly(files: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a file that says so kills whoever reads it with Qiskit."""
    (files / "hooks").mkdir()
    (files / "hooks" / "sitecustomize.py").write_text(HOOK)
    monkeypatch.setenv("PYTHONPATH", str(files / "hooks"))
    return files


@pytest.mark.slow
def test_a_file_that_its_reader_does_not_survive(qjobs: Qjobs, deadly: Path) -> None:
    (deadly / "deadly.qasm").write_text(f"{BELL}// deadly\n")
    hint = hint_of(qjobs("submit", "deadly.qasm", *FAKE))
    assert the("write it with (.*)$", hint) == "qiskit.qpy.dump"
    dump(deadly / "deadly.qasm")
    good(qjobs, "submit", "deadly.qasm", *FAKE)


@pytest.mark.slow
def test_circuits_that_their_reader_does_not_survive(qjobs: Qjobs, deadly: Path) -> None:
    for name in ("turned", "deadly"):
        circuit = QuantumCircuit(1, name=name)
        circuit.rx(Parameter("theta"), 0)
        circuit.measure_all()
        with (deadly / f"{name}.qpy").open("wb") as file:
            qpy.dump(circuit, file)
    (deadly / "values.json").write_text('{"theta": [1.0]}')
    words = ["submit", "turned.qpy", "deadly.qpy", *FAKE, "--parameters", "values.json"]
    assert "leave the file out" in hint_of(qjobs(*words))
    words.remove("deadly.qpy")
    good(qjobs, *words)


@pytest.mark.slow
def test_an_installation_that_lacks_what_it_needs(
    qjobs: Qjobs, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (files / "lacking" / "qiskit").mkdir(parents=True)
    (files / "lacking" / "qiskit" / "__init__.py").write_text("import numpy.nothing\n")
    monkeypatch.setenv("PYTHONPATH", str(files / "lacking"))
    ended = qjobs("submit", "bell.qasm", *FAKE)
    package = the("^reinstall ([a-z-]+) with its dependencies$", hint_of(ended))
    assert any(one.startswith("qiskit<") for one in requires(package) or ())
    monkeypatch.delenv("PYTHONPATH")
    good(qjobs, "submit", "bell.qasm", *FAKE)


@pytest.mark.slow
def test_more_files_than_one_set_takes(qjobs: Qjobs, files: Path) -> None:
    (files / "list").write_text("bell.qasm\n" * inputs.MAX_FILES)
    hint = hint_of(qjobs("submit", "--files-from", "list", *FAKE))
    assert the("with (.*)$", hint) == "qiskit.qpy.dump"
    dump(files / "all.qpy")
    good(qjobs, "submit", "all.qpy", *FAKE)


def test_a_stream_that_gives_too_much(
    qjobs: Qjobs, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = files / "file"
    path.touch()
    os.truncate(path, inputs.MAX_STREAM_BYTES + 1)
    with path.open() as stream:
        monkeypatch.setattr("sys.stdin", stream)
        ended = qjobs("submit", "-", *FAKE)
    assert hint_of(ended) == "write it to a file and name that"
    ended = qjobs("submit", "file", *FAKE)  # so much is read of a file, but that is no circuit
    assert "OPENQASM" in hint_of(ended)
    assert "MiB" not in ended.err


# Values and observables


def test_an_array_of_other_than_rows(qjobs: Qjobs, files: Path) -> None:
    from qiskit.circuit import ParameterVector

    turns = ParameterVector("turn", 2)
    circuit = QuantumCircuit(1, 1)
    for turn in turns:
        circuit.rx(turn, 0)
    circuit.measure(0, 0)
    with (files / "vector.qpy").open("wb") as file:
        qpy.dump(circuit, file)
    (files / "swept.qasm").write_text(SWEPT)
    for name, right, wrong in (
        ("swept.qasm", np.zeros(3), np.zeros((3, 1, 1))),
        ("vector.qpy", np.zeros((3, 2)), np.zeros(3, complex)),
    ):
        words = ["submit", name, "--parameters", "v.npz", *FAKE]
        np.savez(files / "v.npz", turn=wrong)
        assert "a row of real numbers a run" in hint_of(qjobs(*words))
        np.savez(files / "v.npz", turn=right)
        good(qjobs, *words)


def test_an_observable_of_other_letters(
    qjobs: Qjobs, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QJOBS_LOCAL_IDLE_S", "0.1")
    circuit = QuantumCircuit(2)
    circuit.x(1)
    with (files / "x.qpy").open("wb") as file:
        qpy.dump(circuit, file)
    words = ["submit", "x.qpy", "--observables", "o.json", "-b", "local", "--wait"]
    (files / "o.json").write_text('["QI"]')
    ended = qjobs(*words)
    letters = the("none of the letters (.*)", ended.err).split()
    assert hint_of(ended) == "the leftmost letter stands for the highest qubit"
    assert "Z" in letters
    (files / "o.json").write_text('["ZI", "IZ"]')
    good(qjobs, *words)
    rows = [line.split("\t") for line in good(qjobs, "result", "--format", "tsv").out.splitlines()]
    assert [(row[3], round(float(row[4]))) for row in rows] == [("ZI", -1), ("IZ", 1)]
