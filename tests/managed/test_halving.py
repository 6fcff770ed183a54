"""Jobs that are too large for a backend are halved, and the set grows with them."""

import warnings

import pytest
from qiskit import QuantumCircuit

from qjobs.managed.job import ManagedJob


def circuits(number: int) -> list[QuantumCircuit]:
    made = []
    for index in range(number):
        circuit = QuantumCircuit(1, 1, name=f"c{index}")
        circuit.measure(0, 0)
        made.append(circuit)
    return made


@pytest.mark.parametrize("per_job", [None, 3])
def test_all_circuits_have_results_in_their_places(manager, another_process, per_job):
    job_set = manager.run(
        circuits(9), "fake:stated=no,circuits=2,jobs=1", max_experiments_per_job=per_job
    )

    results = job_set.results(timeout=60)

    jobs = job_set.managed_jobs()
    found = [i for job in jobs for i in range(job.start_index, job.end_index + 1)]
    assert sorted(found) == list(range(9))
    assert all(job.end_index - job.start_index < 2 for job in jobs)
    assert results.success
    assert [result.header["name"] for result in results.combine_results().results] == [
        f"c{index}" for index in range(9)
    ]
    assert all(sum(results.get_counts(index).values()) == 1024 for index in range(9))
    assert len(job_set.statuses()) == len(jobs)
    assert job_set.report().count("job index") == len(jobs)
    again = another_process().retrieve_job_set(job_set.job_set_id())
    assert [job.start_index for job in again.managed_jobs()] == [job.start_index for job in jobs]


def test_a_job_by_itself_is_not_halved(manager):
    from concurrent.futures import ThreadPoolExecutor
    from threading import Lock

    job = ManagedJob(0, 4)
    with ThreadPoolExecutor() as executor, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        job.submit(circuits(4), "one", "fake:stated=no,circuits=2,jobs=1", executor, Lock())
        job.future.result()

    assert "2 circuits" in str(job.submit_error)
    assert (job.start_index, job.end_index) == (0, 3)
