"""How much faster two processes transpile than one, and how much slower one is than none.

    python benchmarks/transpile.py [--circuits 300] [--level 1] [--jobs 10] [--rounds 5]

The circuits are made to fit the 133 qubits of `FakeTorino` of qiskit-ibm-runtime. They come as
QPY slices, one a job, from eight threads, and go back as QPY. Each round does all of it in this
process, which decodes, transpiles and encodes one slice after the other, then with one worker
process and with two: cold, with their start, and once more, warm. Ratios are medians over the
rounds. CPU seconds depend less on what else the machine does: those of the workers are for
their start and both passes, those of this process for the warm pass alone.
"""

import argparse
import resource
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from corpus import efficient_su2
from qiskit_ibm_runtime.fake_provider import FakeTorino

from qjobs.circuits import codec
from qjobs.providers.ibm.targets import describe, rebuild
from qjobs.providers.ibm.transpiler import Transpiler
from qjobs.providers.ibm.transpiling import Transpilation, Transpilers

_THREADS = 8


class Spent(NamedTuple):
    wall_s: float
    cpu_s: float


class Round(NamedTuple):
    cold: Spent
    warm: Spent
    workers_cpu_s: float


def spend(action: Callable[[], object]) -> Spent:
    wall, cpu = time.perf_counter(), time.process_time()
    action()
    return Spent(time.perf_counter() - wall, time.process_time() - cpu)


def children_cpu_s() -> float:
    """Of the child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def by_processes(
    processes: int, how: Transpilation, slices: Sequence[bytes], expected: Sequence[bytes]
) -> Round:
    before_s = children_cpu_s()
    with (
        Transpilers(how, processes=processes) as transpilers,
        ThreadPoolExecutor(_THREADS) as threads,
    ):

        def work() -> None:
            made = [done.qpy for done in threads.map(transpilers.transpile, slices)]
            assert made == expected, "not the same circuits"

        cold, warm = spend(work), spend(work)
    return Round(cold, warm, children_cpu_s() - before_s)


def median(values: Iterable[float]) -> float:
    return statistics.median(values)


def report(name: str, rounds: Sequence[Round]) -> None:
    print(
        f"{name}: cold {median(r.cold.wall_s for r in rounds):.2f} s, "
        f"warm {median(r.warm.wall_s for r in rounds):.2f} s; "
        f"CPU of the workers {median(r.workers_cpu_s for r in rounds):.2f} s, "
        f"of this process {median(r.warm.cpu_s for r in rounds):.2f} s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--circuits", type=int, default=300)
    parser.add_argument("--level", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    circuits = [efficient_su2(5 + seed % 8, 3, seed) for seed in range(chosen.circuits)]
    per_job = -(-chosen.circuits // chosen.jobs)
    starts = range(0, chosen.circuits, per_job)
    slices = [codec.encode(circuits[start : start + per_job]) for start in starts]

    how = Transpilation(describe(FakeTorino().target), chosen.level, seed=7)
    settings = how._asdict() | {"target": rebuild(how.target)}
    here = Transpiler(**settings)
    expected = [here.answer("transpile", data)[1] for data in slices]
    alone, one, two = [], [], []
    for _ in range(chosen.rounds):
        alone.append(spend(lambda: [here.answer("transpile", data) for data in slices]))
        one.append(by_processes(1, how, slices, expected))
        two.append(by_processes(2, how, slices, expected))
    print(
        f"{chosen.circuits} circuits, level {chosen.level}, {len(slices)} jobs, "
        f"{sum(map(len, expected)) / 1e6:.1f} MB of QPY"
    )
    print(
        f"this process alone: {median(a.wall_s for a in alone):.2f} s, "
        f"CPU {median(a.cpu_s for a in alone):.2f} s"
    )
    report("one worker", one)
    report("two workers", two)
    pairs = list(zip(alone, one, two, strict=True))
    print(
        "two workers against one: "
        f"{median(o.warm.wall_s / t.warm.wall_s for _, o, t in pairs):.2f} times as fast warm, "
        f"{median(o.cold.wall_s / t.cold.wall_s for _, o, t in pairs):.2f} times cold; "
        "against this process alone: "
        f"{median(a.wall_s / t.warm.wall_s for a, _, t in pairs):.2f} times warm"
    )


if __name__ == "__main__":
    main()
