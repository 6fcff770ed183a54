"""Circuits that failed in a job that is done, and were sent again, as the library gives them."""

import threading

import pytest
from support.backends_of_objects import ScriptedBackend, numbered, run_and_send, sent

from qjobs import ManagedResultDataNotAvailable
from qjobs.engine.failed import look_into
from qjobs.engine.report import State
from qjobs.engine.retry import open_attempts


def with_failures(manager, *failed):
    """A set of circuits 0-4 in two jobs; of the first, which has 0-2, some failed."""
    backend = ScriptedBackend(holds=True)
    job_set = run_and_send(manager, numbered(5), backend, max_experiments_per_job=3, shots=9)
    backend.jobs[0].failed = {*failed}
    backend.finish()
    return job_set, backend


def retry(job_set):
    """What `qjobs retry` does, where the object is."""
    opened = job_set._members.job_set
    target = opened.target(None)
    report = look_into(opened.workspace, target, opened.look(), stop=threading.Event())
    jobs = open_attempts(opened.workspace, target, report, [State.ERROR])
    job_set.resume()
    sent(job_set)
    return jobs


def test_failed_circuits_are_no_success(manager, another_process):
    job_set, _ = with_failures(manager, 1)
    for found in (job_set, another_process().retrieve_job_set(job_set.job_set_id())):
        results = found.results(timeout=30)
        assert not results.success
        assert results.get_counts(0) == {"00000000": 9}
        with pytest.raises(ManagedResultDataNotAvailable, match="it is broken"):
            results.get_counts(1)
        assert "experiment 1: it is broken" in found.error_messages().splitlines()[1]
        lines = [line.strip() for line in found.report().splitlines()]
        assert "Successful jobs: 1" in lines
        assert "Failed jobs: 1" in lines
        assert "1 of 3 circuits failed: circuit 1: it is broken" in lines


def test_what_was_sent_again_takes_the_place_of_what_failed(manager, another_process):
    job_set, backend = with_failures(manager, 0, 1)
    before = job_set.results(timeout=30)

    assert retry(job_set) == (2,)
    backend.finish()

    assert backend.calls == [[0, 1, 2], [3, 4], [0, 1]]
    for found in (job_set, another_process().retrieve_job_set(job_set.job_set_id())):
        results = found.results(timeout=30, refresh=True)
        assert results.success
        expected = [{format(index, "08b"): 9} for index in range(5)]
        assert results.get_counts() == expected
        combined = results.combine_results()
        assert combined.get_counts() == expected
        assert [one.header["name"] for one in combined.results] == [f"c{i}" for i in range(5)]
        assert combined.job_ids == ["job-2", "job-0", "job-1"]
        assert found.error_messages() is None
        assert [(job.start_index, job.end_index) for job in found.managed_jobs()] == [
            (0, 2), (3, 4), (0, 1),
        ]  # fmt: skip
        assert found.job("c1")[1] == 1
        assert found.job(1)[0].job_id() == "job-2"
        assert found.job(2)[0].job_id() == "job-0"
    # Results that somebody holds are what they were.
    assert not before.success
    with pytest.raises(ManagedResultDataNotAvailable):
        before.get_counts(0)


def test_a_managed_job_tells_of_itself_when_others_have_its_circuits(manager):
    job_set, backend = with_failures(manager, 0)
    retry(job_set)
    backend.finish()
    first, _, again = job_set.managed_jobs()
    assert first.error_message() is None
    assert again.result(timeout=30).get_counts() == {"00000000": 9}
    assert first.result(timeout=30).get_counts(2) == {"00000010": 9}
    assert first.status().name == again.status().name == "DONE"
