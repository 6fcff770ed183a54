"""The jobs of `provider:backend` sets are jobs of Qiskit's, with all that these can."""

import subprocess
import sys

import pytest
from qiskit.providers import JobStatus, JobTimeoutError, JobV1
from support.backends_of_objects import numbered, run_and_send

from qjobs import JobManagerInvalidStateError


def test_a_job_that_ends_well(manager):
    job_set = manager.run(numbered(2), "fake:", "ghz", 2, job_tags=["mine"])
    (job,) = job_set.jobs()

    job.wait_for_final_state(timeout=60, wait=0.01)

    assert isinstance(job, JobV1)
    assert job.status() is JobStatus.DONE
    assert (job.done(), job.running(), job.cancelled(), job.in_final_state()) == (
        True, False, False, True,
    )  # fmt: skip
    assert sum(job.result(timeout=60).get_counts(1).values()) == 1024
    assert job.error_message() is None
    assert (job.name(), job.tags(), job.backend()) == ("ghz_0_", ["mine"], "fake:")
    assert job.queue_position() is None
    assert job.queue_position(refresh=True) is None
    assert job.creation_date() is None


def test_a_job_that_is_waited_for_and_cancelled(manager):
    (job,) = manager.run(numbered(2), "fake:delay=3600", None, 2).jobs()
    said = []

    with pytest.raises(JobTimeoutError, match=r"0\.05 seconds"):
        job.wait_for_final_state(timeout=0.05, wait=0.01, callback=lambda *told: said.append(told))

    assert said[0] == (job.job_id(), JobStatus.RUNNING, job)
    assert (job.done(), job.running(), job.in_final_state()) == (False, True, False)
    assert job.cancel()
    assert job.cancelled()
    assert job.in_final_state()


def test_it_cannot_be_submitted_again(manager):
    (job,) = run_and_send(manager, numbered(1), "fake:").jobs()

    with pytest.raises(JobManagerInvalidStateError, match="submitted before"):
        job.submit()


def test_its_tags_are_those_of_the_set_by_now(manager):
    job_set = run_and_send(manager, numbered(1), "fake:", job_tags=["a"])
    (job,) = job_set.jobs()
    job_set.update_tags(additional_tags=["b"])

    assert job.tags() == ["a", "b"]


@pytest.mark.slow
def test_no_thread_loads_qiskit(manager):
    job_set = manager.run(numbered(3), "fake:drop=9", max_experiments_per_job=1)
    job_set.jobs()
    program = (
        "import sys\n"
        "from qjobs import JobManager\n"
        f"job_set = JobManager().retrieve_job_set({job_set.job_set_id()!r})\n"
        "print(job_set.resume())\n"
        "from concurrent.futures import wait\n"
        "wait([job.future for job in job_set.managed_jobs() if job.future])\n"
        "print('qiskit' in sys.modules)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=True
    )

    assert ended.stdout.split() == ["3", "False"]
