"""What the state costs: recording a job id, submitting, reading a large set, listing many sets.

    python benchmarks/journal.py [FOLDER]

FOLDER (the current one by default) decides which disk is measured. Each figure is a ratio of
medians that were taken in turns in this one run, so that a busy machine changes little.
"""

import gc
import json
import os
import statistics
import sys
import tempfile
import threading
import time
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from qjobs import files
from qjobs.__main__ import GC_THRESHOLD
from qjobs.contract import ProviderContext
from qjobs.engine.sending.submission import submit_jobs
from qjobs.facts import Fact, FactKind
from qjobs.model import JobSet, Slice
from qjobs.providers.fake.provider import FakeProvider
from qjobs.results import CircuitResult, JobResult
from qjobs.store.folder import SetFolder
from qjobs.store.results import ResultFiles
from qjobs.store.sets import Store
from qjobs.store.state import format as layout
from qjobs.store.state import reading
from qjobs.store.state.fold import folded

NOW = datetime(2026, 11, 22, 5, 0, 0, 123456, tzinfo=UTC)
ROUNDS = 7


def main() -> None:
    gc.set_threshold(*GC_THRESHOLD)  # as in a command
    parent = sys.argv[1] if len(sys.argv) > 1 else "."
    with tempfile.TemporaryDirectory(dir=parent, prefix="qjobs-benchmark-") as name:
        home = Path(name)
        record(home)
        grow(home)
        submit(home)
        read(home)
        list_sets(home)
        keep_results(home)


def show(what: str, ratio: float, limit: float | None = None, seconds: float = 0.0) -> None:
    target = f"at most {limit:g}" if limit else ""
    print(f"{what:<66} {ratio:7.2f}  {target:<12} {1000 * seconds:10.3f} ms")


def in_turns(*works: Callable[[], object], rounds: int = ROUNDS) -> list[float]:
    """The median time of each work in seconds; they take turns."""
    times: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for work, seen in zip(works, times, strict=True):
            start = time.perf_counter()
            work()
            seen.append(time.perf_counter() - start)
    return [statistics.median(seen) for seen in times]


def facts_of(jobs: int) -> list[Fact]:
    return [
        fact
        for job in range(jobs)
        for fact in (
            Fact(job, 1, NOW, FactKind.ATTEMPTED, f"qj-9f3c1a7e2b40-{job}-1"),
            Fact(job, 1, NOW, FactKind.ACCEPTED, f"d1q8k2m5v6n0008xyz{job:06}"),
            Fact(job, 1, NOW, FactKind.FINISHED, "DONE"),
        )
    ]


def make_set(home: Path, set_id: str, jobs: int, *, backend: str = "ibm_fez") -> SetFolder:
    draft = Store(home, clock=lambda: NOW).draft(set_id)
    draft.circuits_path.write_bytes(b"")
    slices = tuple(Slice(3 * index, 3) for index in range(jobs))
    return draft.commit(
        JobSet(set_id, "benchmark", NOW, "ibm", backend, 3 * jobs, slices, fingerprint="f" * 64)
    )


def record(home: Path) -> None:
    """One id: against a bare write and fdatasync of the same bytes, in alternation."""
    count = 2000
    facts = facts_of(count)
    bare = os.open(home / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    ours: list[float] = []
    theirs: list[float] = []
    with make_set(home, "a0", count).journal() as journal:
        for fact in facts[0::3]:
            journal.append(fact)
        for fact in facts[1::3]:
            start = time.perf_counter()
            journal.append(fact)
            middle = time.perf_counter()
            os.write(bare, layout.table(fact))
            files.sync(bare)
            end = time.perf_counter()
            ours.append(middle - start)
            theirs.append(end - middle)
    os.close(bare)
    mine, base = statistics.median(ours), statistics.median(theirs)
    show("record one id / bare write and fdatasync", mine / base, 1.5, mine)


def grow(home: Path) -> None:
    """Ten times as many ids; and eight threads that share their syncs."""
    times: dict[int, list[float]] = {1000: [], 10_000: []}
    for turn in range(5):
        for count, seen in times.items():
            facts = facts_of(count)
            with make_set(home, f"b{turn}-{count}", count).journal() as journal:
                start = time.perf_counter()
                for fact in facts[0::3]:
                    journal.append(fact)
                seen.append(time.perf_counter() - start)
    few, many = (statistics.median(seen) for seen in times.values())
    show("record 10,000 ids / 1,000 ids", many / few, 12, many)
    together = [record_together(make_set(home, f"c{turn}", 1000)) for turn in range(5)]
    shared = statistics.median(together)
    show("record 1,000 ids from 8 threads / from one", shared / few, None, shared)


def record_together(folder: SetFolder) -> float:
    """How many seconds 8 threads take for 1,000 facts."""
    facts = facts_of(1000)[0::3]
    with folder.journal() as journal:

        def work(first: int) -> None:
            for fact in facts[first::8]:
                journal.append(fact)

        threads = [threading.Thread(target=work, args=(first,)) for first in range(8)]
        start = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return time.perf_counter() - start


def submit(home: Path) -> None:
    """1,000 jobs to `fake`, 100 a call, against one a call; all in one thread, then in four."""
    provider = FakeProvider(ProviderContext(home / "fake"))
    numbers = iter(range(1000))

    def run(backend: str) -> None:
        folder = make_set(home, f"f{next(numbers):03}", 1000, backend=backend)
        report = submit_jobs(
            folder, provider, jobs=range(1000), clock=lambda: NOW, stop=threading.Event()
        )
        assert report.accepted == 1000, report.problems

    for threads in (1, 4):
        together_s, alone_s = in_turns(
            lambda: run(f"together=100,connections={threads}"),  # noqa: B023 - called here
            lambda: run(f"connections={threads}"),  # noqa: B023 - called here
            rounds=3,
        )
        what = f"submit 1,000 jobs, 100 a call / one a call, {threads} thread(s)"
        show(what, together_s / alone_s, 0.5, together_s)


def read(home: Path) -> None:
    """A set of 10,000 jobs, against `tomllib` on one table a job."""
    jobs = 10_000
    facts = facts_of(jobs)
    folder = make_set(home, "d0", jobs)
    path = home / "sets" / "d0" / "state.toml"
    loose = path.with_name("loose.toml")
    loose.write_bytes(path.read_bytes() + b"".join(map(layout.table, facts)))
    with folder.journal() as journal:
        journal.append(*facts)
    tables = "".join(
        f"[[job]]\nstart_index = {3 * job}\nexperiments_count = 3\nat = 2026-11-22T05:00:00Z\n"
        f'tag = "qj-9f3c1a7e2b40-{job}-1"\njob_id = "d1q8k2m5v6n0008xyz{job:06}"\n'
        f'status = "DONE"\n\n'
        for job in range(jobs)
    )
    state = reading.read_state(path)
    ledger, _ = state.ledger()
    tables_s, facts_s, fold_s, jobs_s, tomllib_s = in_turns(
        lambda: reading.read_state(path).ledger(),
        lambda: reading.read_state(loose).ledger(),
        lambda: folded(state.header, state.contents.job_set, ledger.recorded()),
        ledger.jobs,
        lambda: tomllib.loads(tables),
    )
    show("read 10,000 jobs / tomllib on tables", tables_s / tomllib_s, 0.3, tables_s)
    show("read 10,000 jobs, all of it facts / the same", facts_s / tomllib_s, 0.4, facts_s)
    show("fold 10,000 jobs, and see that nothing is lost / the same", fold_s / tomllib_s, 1, fold_s)
    show("make the 10,000 jobs of a ledger / the same", jobs_s / tomllib_s, None, jobs_s)


def list_sets(home: Path) -> None:
    """The headers of 1,000 sets, against opening and reading as many files."""
    many = home / "many"
    for number in range(1000):
        make_set(many, f"{number:012x}", 30)
    paths = sorted(many.rglob("state.toml"))
    store = Store(many, clock=lambda: NOW)
    ours, bare = in_turns(store.listing, lambda: [path.read_bytes() for path in paths])
    show("list 1,000 sets / read the 1,000 files", ours / bare, None, ours)


def keep_results(home: Path) -> None:
    """A result of about 100 kB: against a bare write and fdatasync of as many bytes."""
    counts = {hex(outcome): 1 for outcome in range(25)}
    result = JobResult.of([CircuitResult(25, counts, 5) for _ in range(300)])
    kept = ResultFiles(home / "results")
    numbers = iter(range(1000))

    def bare() -> None:
        descriptor = os.open(home / f"bare-{next(numbers)}", os.O_WRONLY | os.O_CREAT, 0o600)
        os.write(descriptor, result.body)
        files.sync(descriptor)
        os.close(descriptor)

    ours, theirs, again = in_turns(
        lambda: kept.write(next(numbers), 1, job_id="id", result=result),
        bare,
        lambda: json.loads(b"[" + result.body.rstrip().replace(b"\n", b",") + b"]"),
    )
    show(
        f"keep {len(result.body):,} bytes of result / write and fdatasync",
        ours / theirs,
        None,
        ours,
    )
    show("keep it / decode it", ours / again, None, ours)


if __name__ == "__main__":
    main()
