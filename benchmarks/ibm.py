"""How submission to IBM Quantum gains by connections and by processes that transpile.

    python benchmarks/ibm.py [--rounds N]

At the stand-in of the tests, from the first intent to the last job id, by turns, N times; each
figure is the median of the ratios of the rounds.

connections: 100 slices of 10 prepared circuits, 200 ms a post, over 8 connections against one.
workers: 300 circuits for 133 qubits, transpiled at level 1 in 10 slices by 2 processes against
one; warm, as for the next set of a long-lived program, and cold, with their start.
"""

import argparse
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import corpus
from qiskit import QuantumCircuit

from qjobs.circuits import codec
from qjobs.circuits.inputs import expand
from qjobs.engine.set.making import plan_set
from qjobs.engine.set.request import SubmitRequest
from qjobs.engine.submit import submit_unsent
from qjobs.engine.workspace import Workspace
from qjobs.model import Destination, RunOptions

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests" / "ibm"))

from standin.process import StandIn

SMALL, LARGE = "ibm_lagos", "ibm_torino"
POST_S = 0.2
CONNECTIONS, WORKERS = 8, 2
CONNECTIONS_BAR, WORKERS_BAR = 0.9 * CONNECTIONS, 1.5


def submit(
    workspace: Workspace, path: Path, backend: str, *, per_job: int, connections: int = CONNECTIONS
) -> float:
    """Seconds to hand a new set over; what is made of the files before does not count."""
    options = RunOptions(seed=7)
    request = SubmitRequest(
        expand([str(path)]), Destination("ibm", backend), options, per_job=per_job
    )
    folder = plan_set(workspace, request).folder
    start = time.perf_counter()
    report = submit_unsent(workspace, folder, stop=threading.Event(), max_workers=connections)
    spent_s = time.perf_counter() - start
    assert report.accepted == len(folder.jobs()), report
    return spent_s


def prepared(path: Path, circuits: int) -> Path:
    """Circuits of five qubits in the gates of `SMALL`."""
    made = []
    for index in range(circuits):
        circuit = QuantumCircuit(7, 5, name=f"prepared-{index}")
        for qubit in range(5):
            circuit.rz(0.01 * index, qubit)
            circuit.sx(qubit)
        circuit.cx(0, 1)
        circuit.measure(range(5), range(5))
        made.append(circuit)
    path.write_bytes(codec.encode(made))
    return path


def connections(standin: StandIn, folder: Path) -> Callable[[], list[float]]:
    path = prepared(folder / "prepared.qpy", 1000)
    workspace = Workspace.at(folder / "connections")
    submit(workspace, prepared(folder / "first.qpy", 10), SMALL, per_job=10)

    def turn() -> list[float]:
        standin.faults("slow", times=0, delay_s=POST_S)
        one, many = (
            submit(workspace, path, SMALL, per_job=10, connections=width)
            for width in (1, CONNECTIONS)
        )
        standin.calm()
        return [one, many]

    return turn


def workers(folder: Path) -> Callable[[], list[float]]:
    path = folder / "logical.qpy"
    path.write_bytes(
        codec.encode([corpus.efficient_su2(5 + seed % 8, 3, seed) for seed in range(300)])
    )

    def turn() -> list[float]:
        spent = []
        for number in (1, WORKERS):
            os.environ["QJOBS_IBM_WORKERS"] = str(number)
            workspace = Workspace.at(folder / "workers")
            spent.append([submit(workspace, path, LARGE, per_job=30) for _ in range(2)])
        (cold_one, warm_one), (cold_two, warm_two) = spent
        return [warm_one, warm_two, cold_one, cold_two]

    return turn


def report(name: str, sides: list[list[float]], bar: float | None) -> bool:
    one, many = sides
    ratio = statistics.median(a / b for a, b in zip(one, many, strict=True))
    verdict = "-" if bar is None else "ok" if ratio >= bar else "TOO SLOW"
    needed = "" if bar is None else f">= {bar:.2f}"
    medians = "\t".join(f"{statistics.median(side):.2f} s" for side in sides)
    print(f"{name}\t{medians}\t{ratio:.2f}\t{needed}\t{verdict}")
    return bar is None or ratio >= bar


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with StandIn(folder / "service", run="never") as standin:
            os.environ.update(standin.environment)
            os.environ["QJOBS_IBM_SUBMITS_PER_MINUTE"] = "1000000"
            turns = connections(standin, folder), workers(folder)
            sent = [list(side) for side in zip(*(turns[0]() for _ in range(rounds)), strict=True)]
            made = [list(side) for side in zip(*(turns[1]() for _ in range(rounds)), strict=True)]
    print("contest\tone\tmany\tratio\tneeded\tverdict")
    good = [
        report(f"{CONNECTIONS} connections against 1", sent, CONNECTIONS_BAR),
        report(f"{WORKERS} workers against 1, warm", made[:2], WORKERS_BAR),
        report(f"{WORKERS} workers against 1, cold", made[2:], None),
    ]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
