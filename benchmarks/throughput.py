"""How fast warm workers of the local provider are, against Aer in one process.

    python benchmarks/throughput.py [--repeat N]

Both sides run the same circuits by turns, N times; the figure is the median of the ratios of
the turns. A turn of ours goes from the first submit to the last result in hand, and includes
the decoding of the circuits, which Aer's side has in memory already.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import corpus
from qiskit import qpy
from qiskit_aer import AerSimulator

from qjobs.circuits.slices import CircuitSlice
from qjobs.contract import ProviderContext
from qjobs.model import RunOptions, Slice
from qjobs.providers.local import supervision
from qjobs.providers.local.folder import Folder
from qjobs.providers.local.provider import LocalProvider


@dataclass(frozen=True)
class Contest:
    """Circuits, Aer's side of the contest, and the ratio of its time to ours that we need."""

    name: str
    qubits: int
    circuits: int
    aer: AerSimulator
    bar: float


CONTESTS = (
    Contest("10,000 x 5 qubits against run(all)", 5, 10_000, AerSimulator(), 1.5),
    Contest(
        "60 x 16 qubits against max_parallel_experiments=2",
        16,
        60,
        AerSimulator(max_parallel_experiments=2),
        1 / 1.05,
    ),
)


@contextmanager
def warm_provider(folder: Path) -> Iterator[LocalProvider]:
    """The provider, its workers having run something."""
    provider = LocalProvider(ProviderContext(folder, {"idle_s": "600"}))
    path = corpus.simulations(folder.parent / "warm.qpy", qubits=2, circuits=400)
    try:
        run(provider, path, 400, "warm")
        yield provider
    finally:
        supervision.stop(Folder(folder))


def run(provider: LocalProvider, path: Path, circuits: int, tag: str) -> int:
    """Run all circuits of a container in as many jobs as are wanted; the size of the results."""
    jobs = min(circuits, provider.limits("").jobs_wanted)
    edges = [circuits * job // jobs for job in range(jobs + 1)]
    job_ids = [
        provider.submit(
            CircuitSlice(path, Slice(start, end - start)),
            backend="",
            options=RunOptions(),
            tag=f"{tag}-{start}",
        )
        for start, end in pairwise(edges)
    ]
    while not all(status.final for status in provider.statuses(job_ids).values()):
        time.sleep(0.02)
    return sum(len(provider.result(job_id).body) for job_id in job_ids)


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def contest(provider: LocalProvider, folder: Path, what: Contest, repeat: int) -> bool:
    path = corpus.simulations(
        folder / f"{what.qubits}.qpy", qubits=what.qubits, circuits=what.circuits
    )
    with path.open("rb") as file:
        circuits = qpy.load(file)
    what.aer.run(circuits[:10]).result()
    turns = []
    for turn in range(repeat):
        ours = seconds(lambda tag=f"{what.qubits}-{turn}": run(provider, path, what.circuits, tag))
        aers = seconds(lambda: what.aer.run(circuits).result())
        turns.append((ours, aers))
    ratio = statistics.median(aers / ours for ours, aers in turns)
    ours, aers = (statistics.median(side) for side in zip(*turns, strict=True))
    verdict = "ok" if ratio >= what.bar else "TOO SLOW"
    print(f"{what.name}\t{ours:.2f} s\t{aers:.2f} s\t{ratio:.2f}\t>= {what.bar:.2f}\t{verdict}")
    return ratio >= what.bar


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repeat", type=int, default=5)
    repeat = parser.parse_args().repeat
    print("contest\tqjobs\tAer\tspeed-up\tneeded\tverdict")
    with (
        tempfile.TemporaryDirectory() as name,
        warm_provider(Path(name) / "local") as provider,
    ):
        good = [contest(provider, Path(name), what, repeat) for what in CONTESTS]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
