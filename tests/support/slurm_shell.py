"""The command line of qjobs on a Slurm of the tests, each command in a process of its own."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from qiskit import QuantumCircuit, qpy

from support.slurm import Slurm

PATIENCE_S = 120.0
LATER = ("--option", "begin=now+1hour")
"""What is only submitted need not run."""

Seen = TypeVar("Seen")


class Shell:
    """Runs qjobs with a state and a folder of its own, and a shared one, on a cluster."""

    def __init__(
        self,
        folder: Path,
        cluster: Slurm,
        shared: Path,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        folder.mkdir(exist_ok=True)
        shared.mkdir(exist_ok=True)
        self.folder = folder
        self.home = folder / "home"
        self.shared = shared
        self.variables = {
            **os.environ,
            **cluster.environment,
            "QJOBS_HOME": str(self.home),
            "QJOBS_SLURM_SHARED": str(shared),
            **(variables or {}),
        }

    def start(self, *words: str) -> "subprocess.Popen[str]":
        """Start a command."""
        return subprocess.Popen(
            [sys.executable, "-m", "qjobs", *words], cwd=self.folder, text=True,
            env=self.variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def __call__(self, *words: str, code: int | None = 0) -> str:
        """What a command prints; it ends with `code`, if that is known."""
        process = self.start(*words)
        try:
            out, err = process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
        assert code is None or process.returncode == code, err
        return out if code == 0 else out + err

    def jobs(self) -> list[dict[str, Any]]:
        """The jobs of the newest set."""
        said = self("status", "--json", code=None)
        jobs: list[dict[str, Any]] = json.loads(said.splitlines()[0])["sets"][0]["jobs"]
        return jobs

    def states(self) -> list[str]:
        """How these are."""
        return [job["state"] for job in self.jobs()]

    def until(self, state: str) -> None:
        """Wait until all of these are so."""
        final = {"done", "error", "cancelled"}
        seen = wait_until(
            lambda: {*self.states()}, f"not {state}",
            enough=lambda states: states == {state} or states <= final,
        )  # fmt: skip
        assert seen == {state}

    def numbers(self) -> list[int]:
        """What each circuit of `numbered` in the newest set measured."""
        rows = map(json.loads, self("result", "--format", "jsonl").splitlines())
        return [int(outcome, 2) for row in rows for outcome in row["counts"]]

    def arrays(self) -> list[Path]:
        """The folders of what was written down to be submitted."""
        return [path.parent for path in self.shared.glob("qjobs-*/arrays/*/manifest.json")]

    def begun(self) -> dict[str, int]:
        """How many tasks have begun with each tag."""
        counts: dict[str, int] = {}
        for folder in self.arrays():
            for task, tag in enumerate(json.loads((folder / "manifest.json").read_text())["tags"]):
                taken = folder / f"{task}.taken"
                if taken.exists() and taken.read_bytes() != b"void\n":
                    counts[tag] = counts.get(tag, 0) + 1
        return counts

    def await_life(self, tasks: int = 1) -> list[Path]:
        """Wait until so many tasks have shown that they live."""
        return wait_until(
            lambda: [*self.shared.rglob("*.beat")], f"not {tasks} have begun",
            enough=lambda beats: len(beats) >= tasks,
        )  # fmt: skip


def endless(path: Path, number: int = 1) -> str:
    """Circuits that run for many minutes in little memory; the file's name."""
    circuit = QuantumCircuit(20)
    for layer in range(2000):
        for qubit in range(20):
            circuit.rx(0.1 + layer, qubit)
            circuit.cx(qubit, (qubit + 1) % 20)
    circuit.measure_all()
    return write(path, *[circuit] * number)


def numbered(path: Path, number: int = 120) -> str:
    """Circuits that measure the bits of their own index; the file's name."""
    circuits = []
    for index in range(number):
        circuit = QuantumCircuit(10, name=f"number {index}")
        for bit in range(10):
            if index >> bit & 1:
                circuit.x(bit)
        circuit.measure_all()
        circuits.append(circuit)
    return write(path, *circuits)


def write(path: Path, *circuits: QuantumCircuit) -> str:
    """The name of the file that has these circuits now."""
    with path.open("wb") as file:
        qpy.dump([*circuits], file)
    return path.name


def wait_until(
    look: Callable[[], Seen], what: str, *, enough: Callable[[Seen], object] = bool
) -> Seen:
    """What is there to see once it is enough."""
    until = time.monotonic() + PATIENCE_S
    while not enough(seen := look()):
        assert time.monotonic() < until, f"{what}: {seen}"
        time.sleep(0.05)
    return seen
