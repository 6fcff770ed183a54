"""Whatever is written is its owner's only, whatever the umask."""

import gzip
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from qiskit import QuantumCircuit, qpy

from qjobs import JobManager
from qjobs.circuits.files import Scratch, inspect
from qjobs.circuits.inputs import InputFile
from qjobs.providers.ibm.known_jobs import KnownJobs
from qjobs.providers.local import supervision
from qjobs.providers.local.folder import Folder

SWEEP = """\
OPENQASM 3.0;
include "stdgates.inc";
input float a;
qubit[1] q;
rx(a) q[0];
"""


@pytest.fixture(params=[0o022, 0o000], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def open_to_others(*folders: Path) -> list[str]:
    """What has other modes than 0600 and 0700, links aside."""
    paths = [path for folder in folders for path in (folder, *folder.rglob("*"))]
    wrong = [
        path for path in paths if path.stat().st_mode & 0o777 != (0o700 if path.is_dir() else 0o600)
    ]
    return [f"{path.stat().st_mode & 0o777:o} {path}" for path in wrong]


def test_a_session_of_all_verbs_leaves_nothing_that_others_can_read(
    qjobs, umask: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    home, settings = tmp_path / "made" / "on the way" / "home", tmp_path / "made" / "config"
    monkeypatch.setenv("QJOBS_HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(settings))
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    with gzip.open("packed.qpy.gz", "wb") as file:
        qpy.dump([circuit] * 3, file)
    Path("sweep.qasm").write_text(SWEEP)
    Path("angles.csv").write_text("a\n0.5\n1.5\n")
    Path("z.json").write_text('[{"Z": 1.0}]')
    try:
        for arguments in (
            ("submit", "packed.qpy.gz", "-b", "fake:rate=600,fail=1", "--wait"),
            ("status",), ("error",), ("retry", "--wait"), ("resume",), ("result",), ("show",),
            ("list",),
            ("submit", "packed.qpy.gz", "-b", "fake:queue=1000", "-n", "stays"), ("cancel",),
            ("recover", "-b", "fake:"),
            ("run", "packed.qpy.gz", "-b", "local:qiskit.primitives:StatevectorSampler"),
            ("run", "sweep.qasm", "--parameters", "angles.csv", "--observables", "z.json"),
        ):  # fmt: skip
            assert qjobs(*arguments).code in (0, 6, 8), arguments
        from qiskit.providers.basic_provider import BasicSimulator

        JobManager().run([circuit], BasicSimulator()).results()
    finally:
        supervision.stop(Folder(home / "local"), timeout_s=60)

    written = {path.name for path in home.rglob("*")} | {path.name for path in settings.rglob("*")}
    assert {
        "state.toml", "circuits.qpy", "parameters.npy", "observables.json", "sources.json", "pace",
        "queue.db", "supervisor.log", "key", "results",
    } <= written  # fmt: skip
    assert open_to_others(tmp_path / "made") == []


def test_folders_that_providers_make_on_the_way_are_private(umask: None, tmp_path: Path) -> None:
    KnownJobs(tmp_path / "made" / "home" / "ibm").tagged("t")

    assert open_to_others(tmp_path / "made") == []


def test_what_is_unpacked_on_the_way_is_private(umask: None, tmp_path: Path) -> None:
    circuit = QuantumCircuit(1, 1)
    with gzip.open(tmp_path / "packed.qpy.gz", "wb") as file:
        qpy.dump([circuit], file)
    scratch = Scratch(tmp_path / "circuits.qpy")

    inspect(InputFile(str(tmp_path / "packed.qpy.gz")), scratch)
    inspect(InputFile("-", data=b"OPENQASM 2.0; qreg q[1];"), scratch)

    (parts,) = tmp_path.glob("*.parts")
    assert len(list(parts.iterdir())) == 2
    assert open_to_others(parts) == []
    scratch.remove()
