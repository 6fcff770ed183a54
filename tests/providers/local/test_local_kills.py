"""Supervisors and workers are killed at any moment, and every job ends as in a calm run."""

from collections.abc import Callable
from pathlib import Path

import pytest
from qiskit_aer import AerSimulator
from support.deeds import SEED, Fates
from support.local_jobs import cut, rotations, wait, wait_until, write

from qjobs.model import JobStatus, RunOptions
from qjobs.providers.local.folder import Folder
from qjobs.providers.local.provider import LocalProvider

JOBS = 4
CIRCUITS = 20
KILLS = {"supervisor": 4, "worker": 6}  # many more in tests/test_kills.py
WITHIN = {"supervisor": 70, "worker": 66}
"""Each job is 20 moments of a worker's life, and as many of a supervisor's; so is its start."""


@pytest.mark.slow
def test_jobs_survive_kills_at_any_moment(
    open_provider: Callable[..., LocalProvider],
    folder: Folder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    circuits = rotations(JOBS * CIRCUITS, qubits=6)
    calm = AerSimulator().run(circuits, seed_simulator=11, shots=200).result()
    path = write(tmp_path / "circuits.qpy", circuits)
    print(f"seed {SEED}")
    fates = Fates(tmp_path / "fates", kills=KILLS, within=WITHIN)
    monkeypatch.setenv("PYTHONPATH", fates.path)

    def open_patient() -> LocalProvider:
        # A new one each time, as verbs are new processes each time.
        return open_provider(deaths="100")

    def submit(round_: int) -> list[str]:
        provider = open_patient()
        return [
            provider.submit(
                cut(path, CIRCUITS * job, CIRCUITS),
                backend="aer",
                options=RunOptions(shots=200, seed=11),
                tag=f"t{round_}-{job}",
            )
            for job in range(JOBS)
        ]

    rounds: list[list[str]] = []
    while not fates.met:
        rounds.append(submit(len(rounds)))
        wait_until(
            lambda: set(open_patient().statuses(rounds[-1]).values()),
            lambda statuses: fates.met or all(status.final for status in statuses),
        )

    for job_ids in rounds:
        assert set(wait(open_patient(), job_ids).values()) == {JobStatus.DONE}
        results = [c for job_id in job_ids for c in open_patient().result(job_id).circuits()]
        assert [result.counts for result in results] == [one.data.counts for one in calm.results]
    assert len(list(folder.result("x").parent.glob("*.jsonl"))) == JOBS * len(rounds)
