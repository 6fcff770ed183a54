"""What the predecessor was known to do wrong, each fault by its name."""

import threading
import time

import pytest
from qiskit.providers import JobStatus
from support.backends_of_objects import (
    JobLimit,
    ScriptedBackend,
    TooManyRequests,
    numbered,
    refuse_circuit,
    run_and_send,
    sent,
)

from qjobs import (
    JobManager,
    JobManagerTimeoutError,
    ManagedResultDataNotAvailable,
)


def test_random_submission_order(manager):
    backend = ScriptedBackend(on_run=lambda _: time.sleep(0))

    run_and_send(manager, numbered(60), backend, max_experiments_per_job=1)

    assert backend.calls == [[index] for index in range(60)]


def test_cancel_that_crashes_on_an_unsent_slice(manager):
    first_is_in, go_on = threading.Event(), threading.Event()

    def hold(circuits):
        first_is_in.set()
        go_on.wait(60)

    backend = ScriptedBackend(holds=True, on_run=hold)
    job_set = manager.run(numbered(5), backend, max_experiments_per_job=1)
    first_is_in.wait(60)
    cancelling = threading.Thread(target=job_set.cancel)
    cancelling.start()
    while job_set.statuses()[1:] != [JobStatus.CANCELLED] * 4:
        time.sleep(0.01)
    assert cancelling.is_alive(), "it waits for the call in flight, to cancel that job too"
    go_on.set()
    cancelling.join(30)

    assert len(backend.jobs) == 1
    assert backend.jobs[0].status() is JobStatus.CANCELLED
    assert job_set.statuses() == [JobStatus.CANCELLED] * 5


def test_cancel_that_crashes_on_a_refused_slice_and_leaves_the_rest_running(manager):
    backend = ScriptedBackend(holds=True, on_run=refuse_circuit(0))
    with pytest.warns(UserWarning, match="could not be submitted"):
        job_set = run_and_send(manager, numbered(3), backend, max_experiments_per_job=1)

    job_set.cancel()

    assert [job.status() for job in backend.jobs] == [JobStatus.CANCELLED] * 2


def test_refusals_missing_from_error_messages(manager):
    backend = ScriptedBackend(on_run=refuse_circuit(3))
    with pytest.warns(UserWarning, match="experiments 2-3 could not be submitted"):
        job_set = run_and_send(manager, numbered(6), backend, max_experiments_per_job=2)

    assert job_set.error_messages() == (
        "Experiments 2-3, job index=1, job ID=None:\n  Refusal: c3 is not to my taste"
    )


def test_counts_that_do_not_add_up(manager):
    backend = ScriptedBackend(holds=True, on_run=refuse_circuit(1))
    with pytest.warns(UserWarning, match="could not be submitted"):
        job_set = run_and_send(manager, numbered(4), backend, max_experiments_per_job=1)
    backend.jobs[0].finish()
    backend.jobs[1].finish(JobStatus.ERROR)

    for report in (job_set.report(detailed=False), manager.report(detailed=False)):
        lines = [line.split(": ") for line in report.splitlines()]
        counts = {line[0].strip(): int(line[1]) for line in lines if "jobs" in line[0]}
        assert counts == {
            "Total jobs": 4,
            "Successful jobs": 1,
            "Failed jobs": 2,
            "Cancelled jobs": 0,
            "Running jobs": 1,
            "Pending jobs": 0,
        }


def test_partial_results_lost_again(manager):
    backend = ScriptedBackend(holds=True, on_run=refuse_circuit(5))
    with pytest.warns(UserWarning, match="could not be submitted"):
        job_set = run_and_send(manager, numbered(6), backend, max_experiments_per_job=2, shots=77)
    backend.jobs[0].failed = {0}
    backend.finish()

    results = job_set.results(partial=True)

    assert not results.success
    assert results.get_counts(1) == {"00000001": 77}
    assert results.get_counts(2) == {"00000010": 77}
    for index in (0, 4, 5):
        with pytest.raises(ManagedResultDataNotAvailable):
            results.get_counts(index)
    placeholders = job_set.managed_jobs()[2].result(partial=True)
    assert [one.success for one in placeholders.results] == [False, False]
    assert job_set.managed_jobs()[0].result().get_counts(1) == {"00000001": 77}


def test_silent_truncation(manager, another_process):
    """Slices at the end that were never sent are still part of the set."""
    go_on = threading.Event()
    backend = ScriptedBackend(on_run=lambda circuits: go_on.wait(60))
    job_set = manager.run(numbered(6), backend, max_experiments_per_job=2)

    earlier = another_process().retrieve_job_set(job_set.job_set_id())

    assert len(earlier.managed_jobs()) == 3
    assert earlier.managed_jobs()[-1].end_index == 5
    go_on.set()
    sent(job_set)


def test_busy_loop_at_the_job_limit(manager):
    tries = []

    def limit(circuits):
        tries.append(circuits)
        if len(tries) == 2:
            raise JobLimit
        if 3 <= len(tries) <= 5:
            raise TooManyRequests(0.01)

    backend = ScriptedBackend(on_run=limit)
    with pytest.warns(UserWarning, match="3458") as warned:
        job_set = run_and_send(manager, numbered(3), backend, max_experiments_per_job=1)

    assert backend.calls == [[0], [1], [1], [1], [1], [1], [2]]
    assert len(warned) == 1
    assert [job.submit_error for job in job_set.managed_jobs()] == [None] * 3


def test_a_wait_for_leave_to_send_can_be_cancelled_and_holds_no_lock(home):
    limited = threading.Event()
    tries = []

    def limit(circuits):
        tries.append(circuits)
        limited.set()
        raise TooManyRequests(3600)

    lock = threading.Lock()
    manager = JobManager(submit_lock=lock)

    def run_into_the_limit():
        job_set = manager.run(numbered(3), ScriptedBackend(on_run=limit, max_circuits=1))
        limited.wait(30)
        assert lock.acquire(timeout=30)
        lock.release()
        return job_set

    with pytest.warns(UserWarning, match="waiting 3600 s"):
        job_set = run_into_the_limit()
    job_set.cancel()
    sent(job_set)

    assert job_set.statuses() == [JobStatus.CANCELLED] * 3
    assert job_set.error_messages() is None
    assert len(tries) == 1


def test_a_single_circuit_passed_as_its_instructions(manager):
    (circuit,) = numbered(1)

    job_set = manager.run(circuit, ScriptedBackend(), shots=77)

    assert job_set.results().get_counts(circuit) == {"00000000": 77}
    assert [job.end_index for job in job_set.managed_jobs()] == [0]


def test_a_timeout_after_the_last_result(manager):
    """The deadline passes while the last result arrives: it has arrived."""
    backend = ScriptedBackend()
    job_set = manager.run(numbered(2), backend)
    job_set.results()

    assert job_set.results(timeout=0, refresh=True).success


def test_a_timeout_of_zero_taken_for_none(manager):
    backend = ScriptedBackend(holds=True)
    job_set = run_and_send(manager, numbered(4), backend, max_experiments_per_job=2)
    backend.jobs[0].finish()
    job_set.managed_jobs()[0].result()

    with pytest.raises(JobManagerTimeoutError, match="experiments 2-3"):
        job_set.results(timeout=0)
    backend.finish()
    assert job_set.results().success


def test_a_size_of_zero_circuits_a_job(manager):
    from qjobs import JobManagerInvalidStateError

    with pytest.raises(JobManagerInvalidStateError, match="at least one circuit"):
        manager.run(numbered(2), ScriptedBackend(), max_experiments_per_job=0)


def test_a_circuit_found_by_its_name_behind_an_unsent_slice(manager):
    backend = ScriptedBackend(on_run=refuse_circuit(0))
    with pytest.warns(UserWarning, match="could not be submitted"):
        job_set = run_and_send(manager, numbered(3), backend, max_experiments_per_job=1, shots=77)
    results = job_set.results(partial=True)

    assert results.get_counts("c2") == {"00000010": 77}
    assert job_set.job("c0") == (None, 0)


def test_tags_of_a_set_without_an_accepted_job(manager):
    backend = ScriptedBackend(on_run=refuse_circuit(0))
    with pytest.warns(UserWarning, match="could not be submitted"):
        job_set = run_and_send(manager, numbered(1), backend, job_tags=["a"])

    assert job_set.update_tags(additional_tags=["b"]) == ["a", "b"]
