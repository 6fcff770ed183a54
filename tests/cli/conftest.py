"""A state folder of its own for each test, circuits, and two ways to run qjobs."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from support.schemas import validate

from qjobs.circuits import codec
from qjobs.cli.main import run

BELL = """\
OPENQASM 2.0;
include "qelib1.inc";
qreg q[2];
creg c[2];
h q[0];
cx q[0],q[1];
measure q -> c;
"""


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    def document(self, name: str) -> Any:
        """The one JSON document on stdout, valid by its schema."""
        document = json.loads(self.out)
        validate(document, name)
        return document


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "state"
    of_the_user = ("QJOBS_", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "GITHUB_", "CI_")
    for name in [name for name in os.environ if name.startswith(of_the_user)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("QJOBS_HOME", str(home))
    monkeypatch.chdir(tmp_path)
    return home


@pytest.fixture(scope="session")
def bell_bytes() -> bytes:
    from qiskit import qasm2

    circuit = qasm2.loads(BELL)
    circuit.name = "bell"
    return codec.encode([circuit])


@pytest.fixture
def bell(home: Path, tmp_path: Path, bell_bytes: bytes) -> str:
    """A file that is read without Qiskit, which would take most of a test's time."""
    (tmp_path / "bell.qpy").write_bytes(bell_bytes)
    return "bell.qpy"


@pytest.fixture
def bell_qasm(home: Path, tmp_path: Path) -> str:
    (tmp_path / "bell.qasm").write_text(BELL)
    return "bell.qasm"


@pytest.fixture
def qjobs(home: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Run a command in this process."""

    def call(*arguments: str) -> Ended:
        capsys.readouterr()
        code = run(arguments)
        return Ended(code, *capsys.readouterr())

    return call


@pytest.fixture
def start(home: Path) -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Run commands in processes of their own, which end with the test."""
    processes: list[subprocess.Popen[str]] = []

    def call(*arguments: str, **settings: Any) -> "subprocess.Popen[str]":
        settings = {
            "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL,
        } | settings  # fmt: skip
        command = [sys.executable, "-m", "qjobs", *arguments]
        processes.append(subprocess.Popen(command, text=True, **settings))
        return processes[-1]

    yield call
    for process in processes:
        process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
