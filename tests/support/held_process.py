"""A Python process with a backend object, for tests that kill it.

    held_process.py FOLDER CONTAINER {scripted|service|fork|aer|loop}

It submits two jobs, lets the first end, says their ids in a line of JSON and waits. With `aer`
it ends as soon as they are submitted; with `loop` it goes on with further jobs, all of which
end, and says the id of each; it waits where the results of `BEHIND` of them are still to be kept.
"""

import itertools
import json
import os
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any

from qjobs.circuits.slices import CircuitSlice
from qjobs.contract import ProviderContext
from qjobs.model import RunOptions, Slice
from qjobs.providers.held.provider import HeldProvider

if __name__ == "__main__":  # then this folder is where Python looks for modules
    sys.path[0] = str(Path(__file__).parents[1])

from support.scripted_vendor import ScriptedBackend, Service

BEHIND = 8


def main(folder: str, container: str, kind: str) -> None:
    backend = make_backend(kind)
    provider = HeldProvider(ProviderContext(Path(folder), {"backend": backend}))

    def submit(index: int) -> str:
        return provider.submit(
            CircuitSlice(Path(container), Slice(index % 40, 1)),
            backend="",
            options=RunOptions(shots=4),
            tag=f"{os.getpid() if kind == 'loop' else 't'}-{index}-1",
        )

    def wait(job_id: str) -> None:
        while not provider.statuses([job_id])[job_id].final:
            time.sleep(0.01)

    if kind == "loop":
        last: deque[str] = deque(maxlen=BEHIND)
        for index in itertools.count():
            if len(last) == BEHIND:
                wait(last[0])
            last.append(submit(index))
            print(last[-1], flush=True)
            backend.jobs[-1].end()
    job_ids = [submit(0), submit(1)]
    if kind == "aer":
        print(json.dumps({"jobs": job_ids, "child": 0}), flush=True)
        return
    backend.jobs[0].end()
    wait(job_ids[0])
    child = os.fork() if kind == "fork" else 0
    if kind == "fork" and not child:
        sys.stdin.readline()
        os._exit(0)
    print(json.dumps({"jobs": job_ids, "child": child}), flush=True)
    sys.stdin.readline()


def make_backend(kind: str) -> Any:
    if kind == "aer":
        from qiskit_aer import AerSimulator

        return AerSimulator()
    if kind == "service":
        return Service()
    return ScriptedBackend(job_ids=lambda index: f"{kind}-{os.getpid()}-{index}")


if __name__ == "__main__":
    main(*sys.argv[1:])
