"""Brings a job to its end, whatever becomes of it: run whole, or part by part."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple

from qjobs import spans
from qjobs.circuits.foreign import describe
from qjobs.errors import QjobsError
from qjobs.failures import Failures
from qjobs.model import Slice
from qjobs.results import About, CircuitResult, JobResult
from qjobs.simulators.job import SimulatorJob

LONGEST_MESSAGE = 2000


class Ended(NamedTuple):
    """How a job ended: with the `message` of what went wrong, or its results are there.

    Of these, `failed` are the circuits that gave nothing all the same, as runs of their
    positions, and `reason` is why the first did not.
    """

    message: str = ""
    failed: str | None = None
    reason: str = ""


class Part(NamedTuple):
    """How a part of a job ended, be it the whole, and the results, if it has any.

    That all of its circuits have failed is no message here: others of the job may have not.
    """

    ended: Ended
    body: bytes = b""


def end(
    job: SimulatorJob,
    *,
    threads: int,
    keep: Callable[[bytes], None],
    tell: Callable[[int], None] = lambda _: None,
) -> Ended:
    """Run a job and have the body of its `JobResult` kept, if it has one; say how it ended.

    Meanwhile it is told how many of its circuits have been run. Loads Qiskit and Aer: for worker
    processes only.
    """
    started_s = time.monotonic()
    return conclude(job, [run(job, threads=threads, tell=tell)], started_s=started_s, keep=keep)


def run(job: SimulatorJob, *, threads: int, tell: Callable[[int], None] = lambda _: None) -> Part:
    """Run a part of a job, as if there were no other; `tell` hears how many circuits have been run.

    Loads Qiskit and Aer: for worker processes only.
    """
    try:
        # Here, so that an Aer that cannot be imported is what the job's message is about.
        from qjobs.simulators import running

        failures = Failures(job.first + job.start_index)
        result = JobResult.of(failures.watch(_told(running.run(job, threads=threads), tell)))
    except BaseException as error:  # noqa: BLE001 - even a panic or an exit; the next job may run
        return Part(_ended(error))
    return Part(Ended(failed=failures.runs, reason=failures.reason[:LONGEST_MESSAGE]), result.body)


def conclude(
    job: SimulatorJob, parts: Sequence[Part], *, started_s: float, keep: Callable[[bytes], None]
) -> Ended:
    """End a job that began at `started_s` of the monotonic clock, and whose parts all ended.

    They are those of `run`, in their order. One that has a message ends the job with it.
    """
    if broken := next((part.ended for part in parts if part.ended.message), None):
        return broken
    failed = _joined(parts)
    results = JobResult(b"".join(part.body for part in parts))
    about: About = {
        "time_taken": time.monotonic() - started_s,
        "date": datetime.now(UTC).isoformat(),
    }
    try:
        if spans.size(failed) == job.experiments_count:
            failures = Failures(job.first + job.start_index)
            deque(failures.watch(results.circuits()), maxlen=0)
            return Ended(failures.message[:LONGEST_MESSAGE])
        keep(results.telling(about).body)
    except BaseException as error:  # noqa: BLE001 - as above
        return _ended(error)
    reason = next((part.ended.reason for part in parts if part.ended.failed), "")
    return Ended(failed=spans.written(failed), reason=reason)


def _joined(parts: Iterable[Part]) -> tuple[Slice, ...]:
    """The runs of circuits that failed, by their positions in the whole job."""
    found: list[Slice] = []
    before = 0
    for ended, body in parts:
        runs = spans.read(ended.failed or "")
        found += [replace(run, start_index=before + run.start_index) for run in runs]
        before += len(JobResult(body))
    return spans.joined(found)


def _ended(error: BaseException) -> Ended:
    if isinstance(error, QjobsError):
        return Ended((error.message or "it failed, and nobody said why")[:LONGEST_MESSAGE])
    return Ended(describe(error)[:LONGEST_MESSAGE])


def _told(
    circuits: Iterable[CircuitResult], tell: Callable[[int], None]
) -> Iterator[CircuitResult]:
    """Pass the results on, and tell how many have passed before the next one is waited for."""
    tell(0)
    for passed, circuit in enumerate(circuits, start=1):
        yield circuit
        tell(passed)
