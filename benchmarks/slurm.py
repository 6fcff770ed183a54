"""What a cluster costs over this machine, on a Slurm of its own on loopback.

    python benchmarks/slurm.py [--full] [--turns N] [PART ...]

Ratios within one run, medians of turns taken in turns. The parts: `tasks`, what a task costs
besides its work; `small` and `large`, the same circuits by `local` and by `slurm`; `arrays`, one
array of 1,000 tasks against that many calls of sbatch; `status` of all tasks of a large set. With
`--full` the sets have the sizes of docs/slurm.md, else a tenth of that.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.slurm import Slurm, slurm, why_not

CORES = os.cpu_count() or 1


def write_circuits(path: Path, number: int, qubits: int) -> None:
    """Circuits of one layer of rotations and one of CNOTs a qubit."""
    from qiskit import QuantumCircuit, qpy

    circuits = []
    for index in range(number):
        circuit = QuantumCircuit(qubits)
        for layer in range(qubits):
            for qubit in range(qubits):
                circuit.rx(0.1 + 0.01 * index + layer, qubit)
            for qubit in range(qubits - 1):
                circuit.cx(qubit, qubit + 1)
        circuit.measure_all()
        circuits.append(circuit)
    with path.open("wb") as file:
        qpy.dump(circuits, file)


def timed(work: Callable[[], object]) -> float:
    """Seconds that it takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


class Machine:
    """Runs commands with the cluster's environment, in a folder."""

    def __init__(self, cluster: Slurm, folder: Path) -> None:
        self.folder = folder
        shared = folder / "shared"
        shared.mkdir()
        self.environment = {
            **os.environ,
            **cluster.environment,
            "QJOBS_HOME": str(folder / "home"),
            "QJOBS_SLURM_SHARED": str(shared),
        }

    def qjobs(self, *words: str) -> str:
        """What a command of qjobs prints."""
        return self.run(sys.executable, "-m", "qjobs", *words)

    def run(self, *words: str) -> str:
        """What a command prints."""
        return subprocess.run(
            words, env=self.environment, cwd=self.folder, check=True, text=True,
            stdout=subprocess.PIPE,
        ).stdout  # fmt: skip


def tasks(machine: Machine, number: int) -> None:
    """Print what a task costs whose work is next to nothing."""
    write_circuits(machine.folder / "tiny.qpy", number, 1)
    words = ("run", "tiny.qpy", "--format", "csv", "--shots", "1", "-b", "slurm:aer")
    whole_s, each_s = (
        timed(lambda n=n: machine.qjobs(*words, "--per-job", n)) for n in (str(number), "1")
    )  # type: ignore[misc]
    one_s = (each_s - whole_s) * CORES / (number - 1)
    print(
        f"{number} tasks of one circuit {each_s:.1f} s, one task of them all {whole_s:.1f} s:"
        f" {one_s:.2f} s of a core a task"
    )


def compare(machine: Machine, file: str, per_job: int, turns: int) -> None:
    """Print how the same set compares by `slurm` and by `local`."""
    words = ("run", file, "--format", "csv", "--shots", "1000", "--per-job", str(per_job))
    times: dict[str, list[float]] = {"local:aer": [], "slurm:aer": []}
    for _ in range(turns):
        for backend, taken in times.items():
            taken.append(timed(lambda backend=backend: machine.qjobs(*words, "-b", backend)))  # type: ignore[misc]
    local, remote = (statistics.median(taken) for taken in times.values())
    print(
        f"{file}, {per_job} a job: slurm {remote:.1f} s, local {local:.1f} s, {remote / local:.2f}"
    )


def arrays(machine: Machine, number: int) -> None:
    """Print what one sbatch of many tasks costs against many of one."""
    once = timed(
        lambda: machine.run(
            "sbatch", "--hold", f"--array=0-{number - 1}", "--output=/dev/null", "--wrap=true"
        )
    )
    each = timed(
        lambda: [
            machine.run("sbatch", "--hold", "--output=/dev/null", "--wrap=true")
            for _ in range(number)
        ]
    )
    machine.run("scancel", "--user", str(os.getuid()))
    print(f"{number} tasks: one sbatch {once:.3f} s, {number} of them {each:.1f} s")


def statuses(machine: Machine, number: int, turns: int) -> None:
    """Print what the status of a set of many tasks costs while they wait."""
    write_circuits(machine.folder / "many.qpy", number, 1)
    submit = timed(
        lambda: machine.qjobs(
            "submit", "many.qpy", "-b", "slurm:aer", "--per-job", "1", "--option", "begin=now+1hour"
        )
    )
    status = statistics.median(timed(lambda: machine.qjobs("status")) for _ in range(turns))
    cancel = timed(lambda: machine.qjobs("cancel", "--yes"))
    print(f"{number} tasks: submit {submit:.1f} s, status {status:.2f} s, cancel {cancel:.1f} s")


def main() -> None:
    """Print a line a figure."""
    if why := why_not():
        sys.exit(why)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("parts", nargs="*", metavar="PART")
    asked = parser.parse_args()
    scale = 1 if asked.full else 10
    small, large, turns = 10_000 // scale, 300 // scale, asked.turns
    with tempfile.TemporaryDirectory() as name, slurm(Path(name) / "slurm", cpus=CORES) as cluster:
        machine = Machine(cluster, Path(name))
        write_circuits(machine.folder / "small.qpy", small, 5)
        write_circuits(machine.folder / "large.qpy", large, 12)
        parts: dict[str, Callable[[], None]] = {
            "tasks": lambda: tasks(machine, 40 // min(scale, 4)),
            "small": lambda: compare(machine, "small.qpy", small // CORES, turns),
            "large": lambda: compare(machine, "large.qpy", large // CORES, turns),
            "arrays": lambda: arrays(machine, 1000 // scale),
            "status": lambda: statuses(machine, 10_000 // scale, turns),
        }
        for part in asked.parts or parts:
            parts[part]()


if __name__ == "__main__":
    main()
