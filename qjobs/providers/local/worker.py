"""The process that runs jobs: the supervisor's `child`, `qjobs.providers.local.worker FOLDER`.

A request is `{"job": ..., "threads": N}`, its answer `{"ended": ...}`, a `crew.Ended`.
"""

import gc
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from qjobs.children.parent import THREADED, Parent, begin
from qjobs.circuits.foreign import describe
from qjobs.errors import QjobsError
from qjobs.failures import Failures
from qjobs.providers.local.crew import Ended
from qjobs.providers.local.folder import Folder
from qjobs.results import About, CircuitResult, JobResult
from qjobs.simulators.job import SimulatorJob

LONGEST_MESSAGE = 2000


def serve(folder: Folder, parent: Parent) -> None:
    """Answer requests until there are no more."""
    for fields, _ in parent.requests():
        ended = _end(folder, SimulatorJob(**fields["job"]), threads=fields["threads"])
        ended = ended._replace(
            message=ended.message[:LONGEST_MESSAGE], reason=ended.reason[:LONGEST_MESSAGE]
        )
        parent.answer({"ended": ended._asdict()})


def _end(folder: Folder, job: SimulatorJob, *, threads: int) -> Ended:
    """Bring a job to its end."""
    try:
        # Here, so that an Aer that cannot be imported is what the job's message is about.
        from qjobs.simulators import running

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
    """Pass the results on, and time them: the data about the whole job come after the last one."""
    started_s = time.monotonic()
    yield from circuits
    about["time_taken"] = time.monotonic() - started_s
    about["date"] = datetime.now(UTC).isoformat()


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
