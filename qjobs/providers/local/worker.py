"""The process that runs jobs: the supervisor's `child`, `qjobs.providers.local.worker FOLDER`.

A request is `{"job": ..., "threads": N}`, its answer `{"ended": ...}`, a `crew.Ended`.
"""

import gc
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from qjobs import spans
from qjobs.children.parent import THREADED, Parent, begin
from qjobs.circuits.foreign import describe
from qjobs.errors import QjobsError
from qjobs.providers.local.crew import Ended
from qjobs.providers.local.folder import Folder
from qjobs.providers.local.queued import QueuedJob
from qjobs.results import About, CircuitResult, JobResult

LONGEST_MESSAGE = 2000
MESSAGES_OF_A_JOB = 3


def serve(folder: Folder, parent: Parent) -> None:
    """Answer requests until there are no more."""
    for fields, _ in parent.requests():
        ended = _end(folder, QueuedJob(**fields["job"]), threads=fields["threads"])
        ended = ended._replace(
            message=ended.message[:LONGEST_MESSAGE], reason=ended.reason[:LONGEST_MESSAGE]
        )
        parent.answer({"ended": ended._asdict()})


def _end(folder: Folder, job: QueuedJob, *, threads: int) -> Ended:
    """Bring a job to its end."""
    try:
        # Here, so that an Aer that cannot be imported is what the job's message is about.
        from qjobs.providers.local import running

        failures = Failures(job.first + job.start_index)
        about: About = {}
        circuits = failures.watch(running.run(job, threads=threads))
        result = JobResult.of(_timed(circuits, about), about)
        if failures.count == job.experiments_count:
            return Ended(failures.message)
        folder.keep_result(job.job_id, result.body)
    except QjobsError as error:
        return Ended(error.message or "it failed, and nobody said why")
    except BaseException as error:  # noqa: BLE001 - even a panic or an exit; the next job may run
        return Ended(describe(error))
    return Ended(failed=failures.runs, reason=failures.reason)


def _timed(circuits: Iterable[CircuitResult], about: About) -> Iterator[CircuitResult]:
    """The same results; what there is to tell of the whole job is known after the last one."""
    started_s = time.monotonic()
    yield from circuits
    about["time_taken"] = time.monotonic() - started_s
    about["date"] = datetime.now(UTC).isoformat()


class Failures:
    """How many results say that their circuit failed, and what the first of them say."""

    def __init__(self, start_index: int) -> None:
        self.reason = ""  # what the first of them says
        self._start_index = start_index
        self._positions: list[int] = []
        self._first: list[str] = []

    @property
    def count(self) -> int:
        """How many there are so far."""
        return len(self._positions)

    @property
    def runs(self) -> str:
        """Their positions in the job, from 0, as runs."""
        return spans.written(spans.runs_of(self._positions))

    def watch(self, results: Iterable[CircuitResult]) -> Iterator[CircuitResult]:
        """The results as they are, counted as they pass."""
        for index, result in enumerate(results, self._start_index):
            if result.failed:
                if not self._positions:
                    self.reason = result.message
                self._positions.append(index - self._start_index)
                if len(self._first) < MESSAGES_OF_A_JOB:
                    self._first.append(f"circuit {index}: {result.message}")
            yield result

    @property
    def message(self) -> str:
        """What to say of a job of which nothing is left."""
        rest = self.count - len(self._first)
        return "; ".join(self._first + ([f"and {rest} more"] if rest else []))


def main(arguments: list[str]) -> None:
    """Run as a process of its own."""
    # Circuits and results are many small objects in few cycles: looking for these as often as
    # Python does by default would take a part of the time of running them.
    gc.set_threshold(100_000, 50, 50)
    # Not Aer's OpenMP: it gets its number of threads with each run.
    (path,), parent = begin(arguments, threaded=THREADED - {"OMP"})
    serve(Folder(Path(path)), parent)


if __name__ == "__main__":
    main(sys.argv[1:])
