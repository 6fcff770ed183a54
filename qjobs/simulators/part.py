"""The process that runs parts of one job: `qjobs.simulators.part THREADS`, a `child`: see `parts`.

A request is `{"job": ...}`, its answer `{"ended": ...}`, an `Ended`, and the results.
"""

import gc
import os
import signal
import sys

from qjobs.children.parent import THREADED, begin
from qjobs.simulators.ending import run
from qjobs.simulators.job import SimulatorJob


def main(arguments: list[str]) -> None:
    """Run as a process of its own."""
    gc.set_threshold(100_000, 50, 50)  # as the workers of `local` do, and why
    (threads,), parent = begin(arguments, threaded=THREADED - {"OMP"})
    os.putenv("OMP_NUM_THREADS", threads)  # for what is not Aer, which is told with each run
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the parent, which gets it too, sees to this one
    for fields, _ in parent.requests():
        ended, body = run(SimulatorJob(**fields["job"]), threads=int(threads))
        parent.answer({"ended": ended._asdict()}, body)


if __name__ == "__main__":
    main(sys.argv[1:])
