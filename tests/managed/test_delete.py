"""A program removes its job sets as `qjobs rm` does."""

import threading

import pytest
from qiskit.providers import JobStatus
from support.backends_of_objects import ScriptedBackend, numbered, run_and_send, sent

from qjobs import JobManager, JobManagerInvalidStateError
from qjobs.errors import BeingSubmitted, Unfinished
from qjobs.providers.held.known_jobs import KnownJobs
from qjobs.store.folder import SetFolder


@pytest.fixture
def job_set(manager):
    return run_and_send(manager, numbered(2), ScriptedBackend(), name="going")


def test_a_set_goes_with_all_that_was_written_down_of_it(manager, job_set, home) -> None:
    other = run_and_send(manager, numbered(2), ScriptedBackend(), name="staying")
    for each in (job_set, other):
        assert each.results().success
    known = KnownJobs(home / "python")
    assert len(known.kept()) == 2

    assert job_set.delete() > 0

    assert [found.name() for found in JobManager().job_sets(earlier=True)] == ["staying"]
    assert [tag.rsplit("-", 2)[0] for _, tag, *_ in known.kept()] == [f"qj-{other.job_set_id()}"]
    assert job_set.managed_jobs() == []
    with pytest.raises(JobManagerInvalidStateError, match="not submitted yet"):
        job_set.delete()
    other.results(refresh=True)


def test_jobs_that_run_keep_their_set_and_force_stops_them(manager, home) -> None:
    backend = ScriptedBackend(holds=True)
    job_set = run_and_send(manager, numbered(2), backend, max_experiments_per_job=1)

    with pytest.raises(Unfinished, match="2 running"):
        job_set.delete()
    assert (home / "sets" / job_set.job_set_id()).exists()

    job_set.delete(force=True)
    assert [job.ending for job in backend.jobs] == [JobStatus.CANCELLED] * 2
    assert [*(home / "sets").iterdir()] == []


def test_a_set_that_is_being_submitted_is_not_deleted(manager) -> None:
    begun, go = threading.Event(), threading.Event()

    def hold(_circuits: object) -> None:
        begun.set()
        assert go.wait(60)

    job_set = manager.run(numbered(1), ScriptedBackend(on_run=hold))
    assert begun.wait(60)
    try:
        with pytest.raises(BeingSubmitted):
            job_set.delete(force=True)
    finally:
        go.set()
    sent(job_set)
    assert job_set.results().success


def test_an_id_that_a_backend_counts_anew_is_not_that_of_a_removed_job(manager, home) -> None:
    """A copy of the removed set must not be given the results of another one."""
    first = run_and_send(manager, numbered(2), ScriptedBackend())
    first.results()
    (copied,) = SetFolder(home / "sets" / first.job_set_id()).jobs()
    first.delete()

    second = run_and_send(manager, numbered(2), ScriptedBackend())

    (job,) = SetFolder(home / "sets" / second.job_set_id()).jobs()
    assert job.job_ids != copied.job_ids
    assert second.results().success
