"""Brings a job to its end, whatever becomes of it."""

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from qjobs.circuits.foreign import describe
from qjobs.errors import QjobsError
from qjobs.failures import Failures
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
    try:
        # Here, so that an Aer that cannot be imported is what the job's message is about.
        from qjobs.simulators import running

        failures = Failures(job.first + job.start_index)
        about: About = {}
        circuits = failures.watch(_told(running.run(job, threads=threads), tell))
        result = JobResult.of(_timed(circuits, about), about)
        if failures.count == job.experiments_count:
            return _ended(failures.message)
        keep(result.body)
    except QjobsError as error:
        return _ended(error.message or "it failed, and nobody said why")
    except BaseException as error:  # noqa: BLE001 - even a panic or an exit; the next job may run
        return _ended(describe(error))
    return Ended(failed=failures.runs, reason=failures.reason[:LONGEST_MESSAGE])


def _ended(message: str) -> Ended:
    return Ended(message[:LONGEST_MESSAGE])


def _told(
    circuits: Iterable[CircuitResult], tell: Callable[[int], None]
) -> Iterator[CircuitResult]:
    """Pass the results on, and tell how many have passed before the next one is waited for."""
    tell(0)
    for passed, circuit in enumerate(circuits, start=1):
        yield circuit
        tell(passed)


def _timed(circuits: Iterable[CircuitResult], about: About) -> Iterator[CircuitResult]:
    """Pass the results on, and time them: the data about the whole job come after the last one."""
    started_s = time.monotonic()
    yield from circuits
    about["time_taken"] = time.monotonic() - started_s
    about["date"] = datetime.now(UTC).isoformat()
