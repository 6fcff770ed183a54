"""What a cluster costs, against the local engine and against Slurm alone.

    python benchmarks/slurm.py [--repeat N]

On a Slurm of one node that it starts on this machine, with as many cores as the machine has; it
needs Debian's `slurm-wlm` and `munge`, or their like. Whole commands run by turns, N times; each
figure is the median of the ratios of the turns.

run: `qjobs run` on slurm:aer against local:aer, with a slice for each core.
task: each further task of one circuit, against that of the local engine.
sbatch: 1,000 tasks by one sbatch against 1,000 of them, without qjobs.
submit: the whole `qjobs submit` of 1,000 slices against those 1,000 of sbatch.
status: `qjobs status` of 10,000 tasks against one `squeue --json` of them.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import corpus

from qjobs.providers.local import supervision
from qjobs.providers.local.folder import Folder

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))

from support.slurm import slurm

CORES = os.cpu_count() or 1
FEW, MANY = 2 * CORES, 8 * CORES
"""The tasks of two sets, whose difference is what the others take."""
LATER = "now+1hour"
"""When tasks begin that are only submitted."""


@dataclass(frozen=True)
class Side:
    """Where qjobs runs circuits, in a state folder of its own."""

    backend: str
    environment: Mapping[str, str]

    def seconds(self, *words: str) -> float:
        return seconds([sys.executable, "-m", "qjobs", *words], self.environment)

    def run(self, path: Path, per_job: int) -> float:
        return self.seconds(
            "run", str(path), "-b", self.backend, "--per-job", str(per_job), "--json"
        )


def seconds(command: list[str], environment: Mapping[str, str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def report(name: str, turn: Callable[[], tuple[float, float]], repeat: int) -> None:
    turns = [turn() for _ in range(repeat)]
    ratio = statistics.median(ours / theirs for ours, theirs in turns)
    ours, theirs = (statistics.median(side) for side in zip(*turns, strict=True))
    print(f"{name}\t{ours:.2f} s\t{theirs:.2f} s\t{ratio:.2f}", flush=True)


def compare_engines(folder: Path, there: Side, local: Side, repeat: int) -> None:
    for qubits, circuits in ((5, 10_000), (12, 300)):
        path = corpus.simulations(folder / f"{qubits}.qpy", qubits=qubits, circuits=circuits)
        per_job = -(-circuits // CORES)

        def turn(path: Path = path, per_job: int = per_job) -> tuple[float, float]:
            return there.run(path, per_job), local.run(path, per_job)

        report(f"run {circuits} x {qubits} qubits against local", turn, repeat)


def compare_tasks(folder: Path, there: Side, local: Side, repeat: int) -> None:
    few, many = (
        corpus.simulations(folder / f"{count}-tasks.qpy", qubits=2, circuits=count)
        for count in (FEW, MANY)
    )

    def turn() -> tuple[float, float]:
        slurms, locals_ = (
            (side.run(many, 1) - side.run(few, 1)) / (MANY - FEW) for side in (there, local)
        )
        return slurms, locals_

    report("a task of one circuit against local", turn, repeat)


def compare_calls(folder: Path, there: Side, repeat: int) -> None:
    sbatch = ["sbatch", f"--begin={LATER}", "--output=/dev/null", "--wrap=true"]
    path = corpus.simulations(folder / "many.qpy", qubits=2, circuits=1000, repetitions=1)
    options = ["-b", there.backend, "--per-job", "1", "--option", f"begin={LATER}", "--quiet"]
    singles = sum(seconds(sbatch, there.environment) for _ in range(1000))

    report(
        "one sbatch of 1,000 against 1,000 of them",
        lambda: (seconds([*sbatch, "--array=0-999"], there.environment), singles),
        repeat,
    )
    report(
        "qjobs submit of 1,000 slices against them",
        lambda: (there.seconds("submit", str(path), *options), singles),
        repeat,
    )
    subprocess.run(["scancel", "--state=PENDING"], env=there.environment, check=True)


def compare_questions(folder: Path, there: Side, repeat: int) -> None:
    path = corpus.simulations(folder / "most.qpy", qubits=2, circuits=10_000, repetitions=1)
    options = ["-b", there.backend, "--per-job", "1", "--option", f"begin={LATER}", "--quiet"]
    there.seconds("submit", str(path), *options)

    report(
        "qjobs status of 10,000 tasks against squeue --json",
        lambda: (
            there.seconds("status", "@last", "--json"),
            seconds(["squeue", "--json"], there.environment),
        ),
        repeat,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repeat", type=int, default=3)
    repeat = parser.parse_args().repeat
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "shared").mkdir()
        ours = {"QJOBS_HOME": name, "QJOBS_SLURM_SHARED": str(folder / "shared")}
        print("what\tqjobs\tother\tratio")
        with slurm(folder / "slurm", cpus=CORES) as cluster:
            environment = os.environ | ours | cluster.environment
            there, local = Side("slurm:aer", environment), Side("local:aer", environment)
            try:
                compare_engines(folder, there, local, repeat)
                compare_tasks(folder, there, local, repeat)
            finally:
                supervision.stop(Folder(folder / "local"))
            compare_calls(folder, there, repeat)
            compare_questions(folder, there, repeat)
    return 0


if __name__ == "__main__":
    sys.exit(main())
