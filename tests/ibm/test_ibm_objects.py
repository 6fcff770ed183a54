"""Objects of IBM's client in the hands of a program: a sampler runs, and a device says how."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ibm_client import BACKEND, connect
from qiskit import QuantumCircuit
from qiskit_ibm_runtime import Batch, SamplerV2, Session
from qiskit_ibm_runtime.executor_sampler import Sampler
from standin.process import StandIn

from qjobs import JobManager
from qjobs.engine.report import State, report_jobs
from qjobs.managed.errors import JobManagerInvalidStateError
from qjobs.store.sets import Store

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*(SamplerV2|EstimatorV2):DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

OUTCOMES = ["00", "01", "10", "11"]

PROGRAM = f"""
import os, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from ibm_client import BACKEND, connect
from qiskit_ibm_runtime import SamplerV2
from qjobs import JobManager
from test_ibm_objects import numbered

sampler = SamplerV2(mode=connect().backend(BACKEND))
job_set = JobManager().run(numbered(), sampler, max_experiments_per_job=2, shots=50)
job_set.jobs()
print(job_set.job_set_id(), flush=True)
os._exit(9)
"""


def numbered() -> list[QuantumCircuit]:
    """Circuits that measure their own index, in the gates of the device."""
    made = []
    for index in range(len(OUTCOMES)):
        circuit = QuantumCircuit(2, 2, name=f"c{index}")
        for bit in range(2):
            if index >> bit & 1:
                circuit.x(bit)
        circuit.measure(range(2), range(2))
        made.append(circuit)
    return made


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("QJOBS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def tags_of_jobs(standin: StandIn) -> list[list[str]]:
    return [job["sent_tags"] for job in standin.stats()["jobs"]]


def left_by_the_dead(standin: StandIn) -> str:
    """A set whose program died when its jobs were accepted, and before any of them ran."""
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 9, ended.stderr
    standin.set(run="aer")
    return ended.stdout.split()[-1]


@pytest.mark.parametrize(
    "provider",
    [
        lambda: SamplerV2(mode=connect().backend(BACKEND)),
        connect,
        lambda: connect().backend(BACKEND),
    ],
    ids=["sampler", "service", "device"],
)
def test_jobs_of_a_program_that_died_are_found_again(
    standin: StandIn, home: Path, provider: Callable[[], Any]
) -> None:
    set_id = left_by_the_dead(standin)
    folder = Store(home, clock=lambda: None).open(set_id)
    assert folder.job_set.backend == BACKEND

    (job_set,) = JobManager().job_sets(earlier=True)
    with pytest.warns(UserWarning, match="cannot be learnt"):
        assert job_set.statuses() == [None, None]
    results = JobManager().retrieve_job_set(set_id, provider()).results(timeout=120)

    assert [results.get_counts(index) for index in range(4)] == [{key: 50} for key in OUTCOMES]
    assert [job.state for job in report_jobs(folder.jobs(), None)] == [State.DONE] * 2
    assert len(standin.stats()["jobs"]) == 2


@pytest.mark.parametrize("kind", [SamplerV2, Sampler])
@pytest.mark.parametrize("mode", [lambda device: device, Session, Batch])
def test_jobs_carry_our_tags_besides_the_users(
    standin: StandIn, mode: Callable[[Any], Any], kind: Callable[..., Any]
) -> None:
    sampler = kind(mode=mode(connect().backend(BACKEND)))
    sampler.options.environment.job_tags = ["mine"]
    job_set = JobManager().run(numbered(), sampler, max_experiments_per_job=2)
    job_set.jobs()

    tag = f"qj-{job_set.job_set_id()}"
    assert tags_of_jobs(standin) == [["mine", f"{tag}-0-1"], ["mine", f"{tag}-1-1"]]
    assert sampler.options.environment.job_tags == ["mine"]
    assert all(one["accepting_jobs"] for one in standin.stats()["sessions"])  # they are the user's


@pytest.mark.parametrize("mode", ["batch", "session"])
def test_a_session_that_a_program_had_opened_is_recorded_and_closed_after_the_last_job(
    standin: StandIn, home: Path, mode: str
) -> None:
    job_set = JobManager().run(numbered(), f"ibm:{BACKEND}", max_experiments_per_job=2, mode=mode)
    job_set.jobs()
    folder = Store(home, clock=lambda: None).open(job_set.job_set_id())
    while folder.being_submitted():
        pass
    folder.refresh()

    (session,) = folder.sessions
    assert session.closed is not None
    (known,) = standin.stats()["sessions"]
    assert (known["id"], known["accepting_jobs"]) == (session.session_id, False)
    assert {job["session_id"] for job in standin.stats()["jobs"]} == {session.session_id}


def test_shots_that_a_sampler_has_by_default_are_kept(standin: StandIn) -> None:
    sampler = SamplerV2(mode=connect().backend(BACKEND))
    sampler.options.default_shots = 77
    standin.set(run="aer")

    assert JobManager().run(numbered()[3], sampler).results(timeout=120).get_counts() == {"11": 77}


def test_a_device_is_refused_before_anything_is_written(standin: StandIn, home: Path) -> None:
    with pytest.raises(JobManagerInvalidStateError, match="for primitives only") as refusal:
        JobManager().run(numbered(), connect().backend(BACKEND))

    assert "'ibm:ibm_lagos'" in refusal.value.hint
    assert "SamplerV2(mode=backend)" in refusal.value.hint
    assert not Store(home, clock=lambda: None).listing().headers


def test_jobs_of_its_provider_tell_their_place_in_the_queue(
    standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QJOBS_IBM_SUBMITS_PER_MINUTE", "6000")
    job_set = JobManager().run(numbered(), f"ibm:{BACKEND}", max_experiments_per_job=2)
    first, second = job_set.jobs()

    assert not first.in_final_state()
    assert isinstance(second.queue_position(), int)
    assert second.creation_date() is not None


def test_tags_of_the_set_reach_the_service_within_its_limits(standin: StandIn) -> None:
    sampler = SamplerV2(mode=connect().backend(BACKEND))
    sampler.options.environment.job_tags = ["mine"]
    tags = ["paper", "mine", "x" * 87, *"abcdefgh"]
    job_set = JobManager().run(numbered()[0], sampler, job_tags=tags)
    job_set.jobs()

    ours = f"qj-{job_set.job_set_id()}-0-1"
    assert tags_of_jobs(standin) == [["mine", ours, "paper", *"abcde"]]
