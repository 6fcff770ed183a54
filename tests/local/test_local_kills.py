"""Supervisors and workers are killed at random, and every job ends as in a calm run."""

import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from local_jobs import cut, processes, rotations, wait, write
from qiskit_aer import AerSimulator

from qjobs.model import JobStatus, RunOptions
from qjobs.providers.local.folder import Folder
from qjobs.providers.local.provider import LocalProvider

JOBS = 24
CIRCUITS = 60
KILLS = 24  # many more in tests/test_kills.py


@pytest.mark.slow
def test_jobs_survive_kills_at_any_moment(
    open_provider: Callable[..., LocalProvider], folder: Folder, tmp_path: Path
) -> None:
    circuits = rotations(JOBS * CIRCUITS, qubits=6)
    calm = AerSimulator().run(circuits, seed_simulator=11, shots=200).result()
    path = write(tmp_path / "circuits.qpy", circuits)
    chance = random.Random(1)
    killed = {"supervisor": 0, "worker": 0}

    def open_patient() -> LocalProvider:
        return open_provider(deaths="100")

    provider = open_patient()
    job_ids = [
        provider.submit(
            cut(path, CIRCUITS * job, CIRCUITS),
            backend="aer",
            options=RunOptions(shots=200, seed=11),
            tag=f"t{job}",
        )
        for job in range(JOBS)
    ]
    while sum(killed.values()) < KILLS:
        # A worker needs about half a second before it runs anything.
        time.sleep(chance.choice((0.02, 0.1, 0.3, 0.9)))
        # A new one each time, as verbs are new processes each time.
        statuses = open_patient().statuses(job_ids)
        if all(status.final for status in statuses.values()):
            break
        what = min(killed, key=killed.__getitem__)
        for victim in chance.sample(alive := processes(folder, what), min(1, len(alive))):
            with suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
                killed[what] += 1

    assert min(killed.values()) >= 3, killed
    assert set(wait(open_patient(), job_ids, timeout_s=120).values()) == {JobStatus.DONE}
    results = [c for job_id in job_ids for c in open_patient().result(job_id).circuits()]
    assert [result.counts for result in results] == [one.data.counts for one in calm.results]
    assert len(list(folder.result("x").parent.glob("*.jsonl"))) == JOBS
