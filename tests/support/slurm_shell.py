"""The command line of qjobs at work on a Slurm of the tests, each command in its own process."""

import json
from collections.abc import Mapping
from pathlib import Path

from qiskit import QuantumCircuit, qpy

from support.slurm import Slurm
from support.warm_shell import WarmShell, check_jobs

SHOTS = 16
_IMPORTED = (
    "qjobs.cli.resume",
    "qjobs.cli.app",
    "qjobs.cli.submit",
    "qjobs.engine.set.making",
    "qjobs.providers.slurm.provider",
    "qiskit.qpy",
)


class Shell(WarmShell):
    """Runs qjobs in one folder with one state, and a folder that it shares with the cluster."""

    def __init__(
        self,
        folder: Path,
        cluster: Slurm,
        *,
        shared: Path,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self.shared = shared
        shared.mkdir(exist_ok=True)
        environment = {**cluster.environment, "QJOBS_SLURM_SHARED": str(shared)}
        super().__init__(folder, {**environment, **(variables or {})}, imported=_IMPORTED)

    def submit(self, path: Path, *more: str, backend: str = "slurm:aer") -> str:
        """Submit a file to be run circuit by circuit; the id of the set."""
        words = ["submit", str(path), "-b", backend, "--per-job", "1", "--shots", str(SHOTS)]
        return self.run(*words, "--quiet", *more).out.strip()

    def states(self, set_id: str) -> list[str]:
        """How its jobs are, by `status`."""
        return [job["state"] for job in self.status(set_id)["jobs"]]

    def status(self, set_id: str) -> dict[str, list[dict[str, str]]]:
        """What `status` tells of a set."""
        out = self.run("status", set_id, "--json", codes=(0, 1, 6, 8)).out
        found: dict[str, list[dict[str, str]]] = json.loads(out)["sets"][0]
        return found


def write_numbers(path: Path, count: int, *, bits: int = 10) -> Path:
    """Circuits that measure the bits of their own places."""
    circuits = []
    for place in range(count):
        circuit = QuantumCircuit(bits, name=f"number-{place}")
        for bit in range(bits):
            if place >> bit & 1:
                circuit.x(bit)
        circuit.measure_all()
        circuits.append(circuit)
    with path.open("wb") as file:
        qpy.dump(circuits, file)
    return path


def check_numbers(shell: Shell, set_id: str, count: int, *, bits: int = 10) -> None:
    """Each circuit gave its place in each shot."""
    assert shell.counts(set_id) == [{f"{place:0{bits}b}": SHOTS} for place in range(count)]


def check_tasks(cluster: Slurm, shell: Shell) -> None:
    """Each slice of each set has one task, and the cluster, which nobody else uses, no others."""
    sets = shell.set_ids()
    known = [job for set_id in sets for job in shell.jobs(set_id)]
    check_jobs(known, tasks_of(cluster))


def tasks_of(cluster: Slurm) -> list[str]:
    """All tasks that the controller ever got, as ARRAY_TASK."""
    return cluster.run("squeue", "--array", "--noheader", "--states=all", "--format=%i").split()
