"""What a cluster costs over this machine, on a Slurm of its own on loopback (as root).

    python benchmarks/slurm.py [--full]

Ratios within one run, medians of three turns taken in turns: the same circuits by `local` and by
`slurm`, one array of 1,000 tasks against that many calls of sbatch, the status of all tasks of a
large set. With `--full` the sets have the sizes of docs/slurm.md, else a tenth of that.
"""

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

TURNS = 3


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
        self._folder = folder
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
            words, env=self.environment, cwd=self._folder, check=True, text=True,
            stdout=subprocess.PIPE,
        ).stdout  # fmt: skip


def compare(machine: Machine, file: str, per_job: int) -> None:
    """Print how the same set compares by `slurm` and by `local`."""
    words = ("run", file, "--format", "csv", "--shots", "1000", "--per-job", str(per_job))
    times: dict[str, list[float]] = {"local:aer": [], "slurm:aer": []}
    for _ in range(TURNS):
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


def statuses(machine: Machine, number: int) -> None:
    """Print what the status of a set of many tasks costs while they wait."""
    write_circuits(Path(machine.environment["QJOBS_HOME"]).parent / "many.qpy", number, 1)
    submit = timed(
        lambda: machine.qjobs(
            "submit", "many.qpy", "-b", "slurm:aer", "--per-job", "1", "--option", "begin=now+1hour"
        )
    )
    status = statistics.median(timed(lambda: machine.qjobs("status")) for _ in range(TURNS))
    cancel = timed(lambda: machine.qjobs("cancel", "--yes"))
    print(f"{number} tasks: submit {submit:.1f} s, status {status:.2f} s, cancel {cancel:.1f} s")


def main() -> None:
    """Print a line a figure."""
    if why := why_not():
        sys.exit(why)
    scale = 1 if "--full" in sys.argv else 10
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "slurm").mkdir()
        with slurm(folder / "slurm") as cluster:
            machine = Machine(cluster, folder)
            small, large = 10_000 // scale, 300 // scale
            write_circuits(folder / "small.qpy", small, 5)
            write_circuits(folder / "large.qpy", large, 12)
            compare(machine, "small.qpy", small // 2)
            compare(machine, "large.qpy", large // 2)
            arrays(machine, 1000 // scale)
            statuses(machine, 10_000 // scale)


if __name__ == "__main__":
    main()
