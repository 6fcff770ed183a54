"""The process that runs jobs: the supervisor's `child`, `qjobs.providers.local.worker FOLDER`.

A request is `{"job": ..., "threads": N}`, its answer `{"ended": ...}`, an `Ended`.
"""

import gc
import sys
from functools import partial
from pathlib import Path

from qjobs.children.parent import THREADED, Parent, begin
from qjobs.providers.local.folder import Folder
from qjobs.simulators.ending import end
from qjobs.simulators.job import SimulatorJob


def serve(folder: Folder, parent: Parent) -> None:
    """Answer requests until there are no more."""
    for fields, _ in parent.requests():
        job = SimulatorJob(**fields["job"])
        keep = partial(folder.keep_result, job.job_id)
        with folder.telling(job.job_id) as tell:
            ended = end(job, threads=fields["threads"], keep=keep, tell=tell)
        parent.answer({"ended": ended._asdict()})


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
