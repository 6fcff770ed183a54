"""A state folder and a config file for each test, a package of a vendor, circuits."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from support import TESTS

from qjobs.circuits import codec
from qjobs.circuits.slices import CircuitSlice
from qjobs.contract import ProviderContext
from qjobs.model import Slice
from qjobs.providers.vendor.provider import QiskitProvider
from qjobs.testing.contract import scattered

PACKAGES = TESTS / "support" / "packages"


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state folder; the config file is beside it."""
    for name in [name for name in os.environ if name.startswith(("QJOBS_", "IONQ_"))]:
        if name != "QJOBS_VENDOR_ENVS":
            monkeypatch.delenv(name)
    monkeypatch.setenv("QJOBS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("QJOBS_CONFIG", str(tmp_path / "config.toml"))
    found_first = os.pathsep.join([str(PACKAGES), *os.environ.get("PYTHONPATH", "").split()])
    monkeypatch.setenv("PYTHONPATH", found_first)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.toml").touch()
    return tmp_path / "home"


@pytest.fixture
def service(tmp_path: Path) -> Path:
    """The folder that is the vendor's service."""
    return tmp_path / "service"


@pytest.fixture
def make(home: Path, service: Path) -> Callable[..., QiskitProvider]:
    """A provider of the vendor whose service is a folder, with further settings."""

    def make(*, arguments: Mapping[str, Any] | None = None, **settings: Any) -> QiskitProvider:
        table = {
            "factory": "folder_vendor:Provider",
            "arguments": {"folder": str(service), **(arguments or {})},
            **settings,
        }
        return QiskitProvider(ProviderContext(home / "acme", table))

    return make


@pytest.fixture
def circuits(tmp_path: Path) -> CircuitSlice:
    """Two circuits: one of two registers, one that measures 1."""
    from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, qpy

    first = QuantumCircuit(
        QuantumRegister(3, "q"), ClassicalRegister(2, "low"), ClassicalRegister(1, "high"), name="a"
    )
    first.x([0, 2])
    first.measure(range(3), range(3))
    second = QuantumCircuit(1, 1, name="b")
    second.x(0)
    second.measure(0, 0)
    with (tmp_path / "circuits.qpy").open("wb") as file:
        qpy.dump([first, second], file)
    return CircuitSlice(tmp_path / "circuits.qpy", Slice(0, 2))


@pytest.fixture
def scattered_circuits(tmp_path: Path) -> CircuitSlice:
    """Those that measure some of their bits, in an odd order; no bit twice, which some refuse."""
    path = tmp_path / "scattered.qpy"
    path.write_bytes(codec.encode([scattered(index) for index in range(3)]))
    return CircuitSlice(path, Slice(0, 3))


@pytest.fixture
def qjobs(home: Path) -> Callable[..., Ended]:
    """Run a command as a shell would."""

    def qjobs(*arguments: str) -> Ended:
        ended = subprocess.run(
            [sys.executable, "-m", "qjobs", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert "Traceback" not in ended.stderr, ended.stderr
        return Ended(ended.returncode, ended.stdout, ended.stderr)

    return qjobs
