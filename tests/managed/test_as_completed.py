"""Jobs are given as they come to their ends, in both kinds of loop."""

import asyncio

import pytest
from qiskit.providers import JobStatus
from support.backends_of_objects import ScriptedBackend, numbered, refuse_circuit, run_and_send

from qjobs import JobManagerTimeoutError


@pytest.fixture
def backend():
    return ScriptedBackend(holds=True, max_circuits=1)


@pytest.fixture
def job_set(manager, backend):
    return run_and_send(manager, numbered(3), backend)


def test_jobs_come_in_the_order_in_which_they_end(job_set, backend):
    completed = job_set.as_completed(timeout=30)
    for index in (2, 0, 1):
        backend.jobs[index].finish()
        job = next(completed)
        assert job.start_index == index
        assert job.result().success

    assert list(completed) == []


def test_failed_cancelled_and_refused_jobs_end_too(manager):
    backend = ScriptedBackend(holds=True, max_circuits=1, on_run=refuse_circuit(0))
    with pytest.warns(UserWarning, match="could not be submitted"):
        job_set = run_and_send(manager, numbered(3), backend)
    backend.jobs[0].finish(JobStatus.ERROR)
    backend.jobs[1].cancel()

    assert {job.start_index for job in job_set.as_completed(timeout=30)} == {0, 1, 2}


def test_a_deadline_ends_the_loop_but_no_job(job_set, backend):
    backend.jobs[1].finish()
    seen = []
    with pytest.raises(JobManagerTimeoutError, match="experiments 0-2"):
        seen.extend(job.start_index for job in job_set.as_completed(timeout=0.1))

    assert job_set.statuses() == [JobStatus.RUNNING, JobStatus.DONE, JobStatus.RUNNING]


def test_an_async_loop_lets_others_work(job_set, backend):
    seen = {}

    async def follow():
        async for job in job_set.as_completed(timeout=30):
            seen[job.start_index] = True

    async def finish():
        for index in (1, 0, 2):
            backend.jobs[index].finish()
            while len(seen) < len([job for job in backend.jobs if job.end.is_set()]):
                await asyncio.sleep(0.001)

    async def both():
        await asyncio.gather(follow(), finish())

    asyncio.run(both())

    assert list(seen) == [1, 0, 2]


def test_a_cancelled_task_stops_waiting_and_no_job(job_set):
    async def follow():
        async for _ in job_set.as_completed():
            pass

    async def cancel():
        task = asyncio.create_task(follow())
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())  # which waits for the threads that it has started

    assert job_set.statuses() == [JobStatus.RUNNING] * 3


def test_an_interrupt_while_waiting_cancels_nothing(job_set, backend):
    def interrupt():
        del job.status
        raise KeyboardInterrupt  # as Python does it, but never where nobody could see it

    job = backend.jobs[0]
    job.status = interrupt
    with pytest.raises(KeyboardInterrupt):
        job_set.results(timeout=30)

    assert job_set.statuses() == [JobStatus.RUNNING] * 3
    backend.finish()
    assert job_set.results(timeout=30).success
