"""Combined results tell when and how long, as the first job's own result does."""

from datetime import datetime

import pytest
from qiskit.result import Result
from qiskit_aer import AerSimulator
from support.backends_of_objects import ScriptedBackend, ScriptedJob, numbered

from qjobs.results import CircuitResult, JobResult


class TellingJob(ScriptedJob):
    """One whose result has all that IBMQ's had."""

    def result(self) -> Result:
        found = super().result().to_dict()
        number = int(self.job_id().removeprefix("job-"))
        found |= {"time_taken": 0.5 + number, "date": f"2020-01-0{number + 1}T00:00:00Z"}
        return Result.from_dict(found | {"header": {"backend_version": "1", "number": number}})


class TellingBackend(ScriptedBackend):
    def run(self, circuits, shots=77, **keywords) -> TellingJob:
        job = super().run(circuits, shots, **keywords)
        return TellingJob(self, job.job_id(), circuits, shots)


@pytest.mark.parametrize("later", [False, True])
def test_header_date_and_time_are_those_of_the_first_job(manager, another_process, later):
    job_set = manager.run(numbered(4), TellingBackend(), max_experiments_per_job=2)
    results = job_set.results(timeout=60)
    if later:
        results = another_process().retrieve_job_set(job_set.job_set_id()).results(timeout=60)
    combined = results.combine_results()

    assert combined.time_taken == 0.5
    assert combined.date == "2020-01-01T00:00:00Z"
    assert combined.header == {"backend_version": "1", "number": 0}
    assert combined.to_dict()["time_taken"] == 0.5
    assert [combined.get_counts(index) for index in range(4)] == [
        {f"{index:08b}": 1024} for index in range(4)
    ]
    second = job_set.managed_jobs()[1].result(timeout=60)
    assert (second.time_taken, second.header["number"]) == (1.5, 1)


@pytest.mark.slow
@pytest.mark.parametrize("backend", [AerSimulator, lambda: "local:aer"])
def test_simulators_tell_when_and_how_long(manager, backend):
    job_set = manager.run(numbered(2), backend())
    combined = job_set.results(timeout=120).combine_results()

    assert 0 < combined.time_taken < 120
    assert datetime.fromisoformat(combined.date).year >= 2026
    assert combined.get_counts(1) == {"00000001": 1024}


def test_who_tells_nothing_has_no_time_and_the_date_of_now(manager):
    combined = manager.run(numbered(2), ScriptedBackend()).results(timeout=60).combine_results()

    assert (combined.time_taken, combined.header) == (None, None)
    assert datetime.fromisoformat(combined.date)


def test_a_result_is_read_the_same_whatever_is_told_about_it():
    circuits = [CircuitResult(8, {"0x1": 8}, 2), CircuitResult(8, None, 2, message="broken")]
    about = {"time_taken": 1.5, "date": "now", "header": {"a": [1, None]}}
    plain, telling = JobResult.of(circuits), JobResult.of(circuits, about)

    assert (plain.about, telling.about) == ({}, about)
    assert [*telling.circuits()] == [*plain.circuits()] == circuits
    assert telling.failed() == plain.failed() == ([1], "broken")
    assert len(telling) == 2
    assert JobResult.of([], about).about == {}


def test_what_a_circuit_says_of_itself_is_nothing_about_the_job():
    circuit = CircuitResult(8, {"0x1": 8}, 2, metadata={"a": 1, "job": {"date": "never"}})

    assert JobResult.of([circuit]).about == {}
    assert JobResult.of([circuit], {"date": "now"}).about == {"date": "now"}


@pytest.mark.parametrize(
    "told",
    ["7", "[", '{"time_taken":"1","date":5,"header":[]}', '{"time_taken":NaN}', "[" * 100_000],
)
def test_nonsense_about_a_job_is_left_out(told):
    assert JobResult(f'{{"shots":1,"job":{told}}}\n'.encode()).about == {}
