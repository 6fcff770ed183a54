"""What `qjobs run` prints for a folder of files is what Aer itself gives for their circuits."""

import gzip
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, qasm2, qasm3, qpy
from qiskit_aer import AerSimulator

from qjobs.providers.local.folder import Folder
from qjobs.providers.local.supervision import stop

pytestmark = pytest.mark.slow

SHOTS = 4096
# Two samples of one of these distributions are 0.02 apart, rarely 0.04; two circuits, or one
# and itself with its bits reversed, are more than `DIFFERENT` apart.
SAME, DIFFERENT = 0.08, 0.3
# Each is mostly found in one of these states, and all of them read otherwise from behind.
STATES = (0b0001, 0b0010, 0b0011, 0b0101, 0b0111, 0b1000, 0b1010, 0b1011, 0b1101, 0b1110)


def circuit(state: int) -> QuantumCircuit:
    """A circuit that is found in `state` more often than not, in two registers."""
    made = QuantumCircuit(
        QuantumRegister(4, "q"), ClassicalRegister(3, "low"), ClassicalRegister(1, "high")
    )
    for qubit in range(4):
        if state >> qubit & 1:
            made.x(qubit)
        made.ry(0.25 + 0.125 * qubit, qubit)
    made.cz(0, 1)
    made.cz(2, 3)
    made.rx(0.375, 1)
    made.measure(range(4), range(4))
    return made


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "home"
    stop(Folder(tmp_path / "home" / "local"))


@pytest.fixture
def circuits(tmp_path: Path) -> list[QuantumCircuit]:
    """The circuits of the files in `circuits/`, in natural order: c10 comes after c3."""
    folder = tmp_path / "circuits"
    folder.mkdir()
    made = [circuit(state) for state in STATES]
    (folder / "c1.qasm").write_text(qasm2.dumps(made[0]))
    (folder / "c2.qasm").write_text(qasm3.dumps(made[1]))
    dump(folder / "c3.qpy", made[2:5], version=13)
    (folder / "c10.qasm.gz").write_bytes(gzip.compress(qasm3.dumps(made[5]).encode()))
    dump(folder / "c11.qpy", made[6:9], version=17)
    (folder / "c20.qasm").write_text(qasm2.dumps(made[9]))
    return made


def dump(path: Path, circuits: list[QuantumCircuit], *, version: int) -> None:
    with path.open("wb") as file:
        qpy.dump(circuits, file, version=version)


def run(home: Path, *options: str) -> list[dict[str, Any]]:
    """The circuits that `qjobs run` tells of."""
    ended = subprocess.run(
        [sys.executable, "-m", "qjobs", "run", "circuits", "-s", str(SHOTS), "--json", *options],
        cwd=home.parent,
        env=os.environ | {"QJOBS_HOME": str(home)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    shown: list[dict[str, Any]] = json.loads(ended.stdout)["circuits"]
    return shown


def distance(one: Mapping[str, int], other: Mapping[str, int]) -> float:
    """The total variation between two samples of `SHOTS` each: 0 for equal ones, at most 1."""
    return sum(abs(one.get(key, 0) - other.get(key, 0)) for key in {*one, *other}) / (2 * SHOTS)


def reversed_bits(counts: Mapping[str, int]) -> dict[str, int]:
    """The counts as they would be with the first bit last, spaces staying where they are."""
    turned = {}
    for key, number in counts.items():
        bits = iter(reversed(key.replace(" ", "")))
        turned["".join(sign if sign == " " else next(bits) for sign in key)] = number
    return turned


def test_counts_are_from_aers_distributions_in_the_order_of_the_files(
    home: Path, circuits: list[QuantumCircuit]
) -> None:
    direct = AerSimulator().run(circuits, shots=SHOTS).result().get_counts()
    for one, other in itertools.combinations(direct, 2):
        assert distance(one, other) > DIFFERENT
    for one in direct:
        assert distance(one, reversed_bits(one)) > DIFFERENT

    shown = run(home, "--per-job", "3")

    assert [Path(entry["source"]).name for entry in shown] == [
        "c1.qasm", "c2.qasm", *["c3.qpy"] * 3, "c10.qasm.gz", *["c11.qpy"] * 3, "c20.qasm",
    ]  # fmt: skip
    for entry, counts in zip(shown, direct, strict=True):
        assert sum(entry["counts"].values()) == SHOTS
        assert distance(entry["counts"], counts) < SAME


@pytest.mark.parametrize("cut", [(), ("--per-job", "4")])
def test_a_seed_gives_exactly_the_counts_of_one_run_of_aer(
    home: Path, circuits: list[QuantumCircuit], cut: tuple[str, ...]
) -> None:
    direct = AerSimulator().run(circuits, shots=SHOTS, seed_simulator=11).result().get_counts()

    assert [entry["counts"] for entry in run(home, "--seed", "11", *cut)] == direct
