"""How long a whole `qjobs run` takes, against the script one would write with Aer alone.

    python benchmarks/whole_run.py [--repeat N]

Whole processes from a cold start, by turns, N times: `python -m qjobs run FILE --json` in a
new state folder, and a script that loads the file, runs all of it and writes the counts as
JSON. `tuned` is the script with Aer's best option for this, `max_parallel_experiments`. The
figure is the median of the ratios of the turns, and is to be no larger than what is needed.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import corpus

from qjobs.providers.local import supervision
from qjobs.providers.local.folder import Folder

SCRIPT = """
import json, sys
from qiskit import qpy
from qiskit_aer import AerSimulator

with open(sys.argv[1], "rb") as file:
    circuits = qpy.load(file)
result = AerSimulator(max_parallel_experiments=int(sys.argv[2])).run(circuits).result()
json.dump(result.get_counts(), sys.stdout)
"""
# Aer's own default is 1: one circuit after the other.
BARE, TUNED = "1", "2"


@dataclass(frozen=True)
class Contest:
    """Circuits, our number of workers, the script's option, and the ratio of times we need."""

    qubits: int
    circuits: int
    workers: int
    parallel: str
    bar: float

    @property
    def name(self) -> str:
        script = "bare" if self.parallel == BARE else "tuned"
        return f"{self.circuits} x {self.qubits} qubits, {self.workers} workers, {script}"


CONTESTS = tuple(
    Contest(qubits, circuits, workers, parallel, bar)
    for qubits, circuits in ((5, 1_500), (12, 300))
    for workers, parallel, bar in ((2, BARE, 0.8), (1, BARE, 1.1), (2, TUNED, 1.0))
)


def seconds(command: list[str], environment: dict[str, str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def turn(path: Path, what: Contest) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as home:
        environment = os.environ | {"QJOBS_HOME": home, "QJOBS_LOCAL_WORKERS": str(what.workers)}
        try:
            ours = seconds([sys.executable, "-m", "qjobs", "run", str(path), "--json"], environment)
        finally:
            supervision.stop(Folder(Path(home) / "local"))
    script = [sys.executable, "-c", SCRIPT, str(path), what.parallel]
    return ours, seconds(script, dict(os.environ))


def contest(folder: Path, what: Contest, repeat: int) -> bool:
    path = corpus.simulations(
        folder / f"{what.qubits}.qpy", qubits=what.qubits, circuits=what.circuits
    )
    turns = [turn(path, what) for _ in range(repeat)]
    ratio = statistics.median(ours / script for ours, script in turns)
    ours, script = (statistics.median(side) for side in zip(*turns, strict=True))
    verdict = "ok" if ratio <= what.bar else "TOO SLOW"
    print(f"{what.name}\t{ours:.2f} s\t{script:.2f} s\t{ratio:.2f}\t<= {what.bar:.2f}\t{verdict}")
    return ratio <= what.bar


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repeat", type=int, default=5)
    repeat = parser.parse_args().repeat
    print("contest\tqjobs\tscript\tratio\tneeded\tverdict")
    with tempfile.TemporaryDirectory() as name:
        good = [contest(Path(name), what, repeat) for what in CONTESTS]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
