"""Arguments are checked before anything is written, and said to be wrong in the same words."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from support.backends_of_objects import ScriptedBackend, numbered

from qjobs import JobManager, JobManagerInvalidStateError, JobManagerTimeoutError, ManagedJob
from qjobs.errors import QjobsError
from qjobs.managed.job_set import ManagedJobSet

HALF_A_CHARACTER = "a\ud800"


@pytest.fixture
def executor():
    with ThreadPoolExecutor(1) as executor:
        yield executor


def is_refused(home: Path, call) -> str:
    with pytest.raises(JobManagerInvalidStateError) as refusal:
        call()
    assert not (home / "sets").exists() or not [*(home / "sets").iterdir()]
    return str(refusal.value)


@pytest.mark.parametrize("circuits", [0, 3])
@pytest.mark.parametrize("backend", ["fake:", ScriptedBackend()])
@pytest.mark.parametrize(
    ("argument", "value", "word"),
    [
        ("name", 5, "name"),
        ("name", b"ghz", "name"),
        ("name", HALF_A_CHARACTER, "name"),
        ("name", " ", "empty"),
        ("max_experiments_per_job", 2.5, "2.5"),
        ("max_experiments_per_job", "2", "'2'"),
        ("max_experiments_per_job", True, "True"),
        ("max_experiments_per_job", 0, "0"),
        ("job_tags", [5], "tags"),
        ("job_tags", [HALF_A_CHARACTER], "tag"),
        ("shots", 2.5, "shots"),
        ("shots", 0, "shots"),
        ("shots", 2**63, "shots"),
        ("shots", True, "shots"),
        ("seed_simulator", "x", "seed"),
        ("seed_simulator", 1.5, "seed"),
        ("memory", "yes", "memory"),
        ("optimization_level", 1.0, "optimization_level"),
    ],
)
def test_what_run_cannot_take_is_refused(home, manager, circuits, backend, argument, value, word):
    said = is_refused(home, lambda: manager.run(numbered(circuits), backend, **{argument: value}))

    assert word in said


@pytest.mark.parametrize("lock", [5, "lock", object()])
def test_what_is_no_lock_is_refused(home, executor, lock):
    is_refused(home, lambda: JobManager(submit_lock=lock))
    is_refused(home, lambda: ManagedJob(0, 1).submit(*numbered(1), "a", "fake:", executor, lock))


@pytest.mark.parametrize("executor", [None, 5, threading.Thread()])
def test_what_is_no_executor_is_refused(home, executor):
    is_refused(home, lambda: ManagedJobSet("a").run([numbered(1)], "fake:", executor))
    job = ManagedJob(0, 1)
    is_refused(home, lambda: job.submit(*numbered(1), "a", "fake:", executor, threading.Lock()))


def test_names_and_ids_that_are_no_text_are_refused(home, manager, executor):
    is_refused(home, lambda: JobManager(5))
    is_refused(home, lambda: ManagedJobSet(5))
    is_refused(home, lambda: ManagedJobSet("a", 5))
    is_refused(home, lambda: manager.retrieve_job_set(5))
    is_refused(home, lambda: manager.job_sets(5))
    lock = threading.Lock()
    is_refused(home, lambda: ManagedJob(0, 1).submit(*numbered(1), 5, "fake:", executor, lock))
    job_set = manager.run(numbered(1), ScriptedBackend(), name="a")
    for wrong in (5, HALF_A_CHARACTER, ""):
        with pytest.raises(JobManagerInvalidStateError):
            job_set.update_name(wrong)
    assert JobManager().retrieve_job_set(job_set.job_set_id()).name() == "a"


def test_numbers_of_numpy_are_numbers(manager):
    job_set = manager.run(
        numbered(4),
        ScriptedBackend(),
        max_experiments_per_job=np.int64(2),
        shots=np.int32(9),
        seed_simulator=np.uint8(3),
    )

    assert len(job_set.jobs()) == 2
    assert job_set.results(timeout=60).get_counts(3) == {"00000011": 9}


def test_a_time_limit_is_pythons_too(manager):
    job_set = manager.run(numbered(1), ScriptedBackend(holds=True))
    job_set.jobs()

    with pytest.raises(TimeoutError, match=r"within 0\.01 seconds") as error:
        job_set.results(timeout=0.01)
    with pytest.raises(TimeoutError):
        job_set.managed_jobs()[0].result(timeout=0.01)
    with pytest.raises(TimeoutError):
        list(job_set.as_completed(timeout=0.01))
    assert isinstance(error.value, JobManagerTimeoutError)
    assert isinstance(error.value, QjobsError)
    assert error.value.code == "timeout"
    assert not error.value.errno
