"""The process that runs circuits; it ends when the server does, however that ends."""

import os
import sys
import threading
import time
import traceback
from pathlib import Path

from support.standin.state import Job, State


def main(folder: Path) -> None:
    """Run what waits, each time that a line comes; a closed input is the end of the server."""
    work = threading.Event()

    def listen() -> None:
        for _line in sys.stdin:
            work.set()
        os._exit(0)  # not later: a simulation cannot be interrupted

    # Qiskit must come in on the main thread, before there is another one.
    from support.standin import execution

    state = State(folder)
    threading.Thread(target=listen, daemon=True).start()
    while True:
        work.wait()
        work.clear()
        while (settings := state.settings).run != "never":
            job = state.claim(now=time.time())
            if job is None:
                break
            _run(execution, state, job, simulate=settings.run == "aer")


def _run(execution, state: State, job: Job, *, simulate: bool) -> None:  # type: ignore[no-untyped-def]
    try:
        results, executions = execution.run(job.program, state.params(job.id), simulate=simulate)
    except Exception:  # noqa: BLE001 - what a job does wrong is the job's failure, not ours
        reason = traceback.format_exc(limit=-1)
        ended = {"status": "Failed", "reason": reason, "reason_code": 9999}
        state.finish(job.id, "", **ended, finished=time.time())
        return
    usage_s = round(1 + executions * 250e-6, 3)
    state.finish(job.id, results, status="Completed", usage_s=usage_s, finished=time.time())
