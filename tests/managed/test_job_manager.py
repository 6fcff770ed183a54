"""Circuits become jobs, with the predecessor's names, parameters and return values."""

import inspect
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from qiskit import QuantumCircuit
from qiskit.primitives import StatevectorSampler
from qiskit.providers import JobStatus
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.result import Result
from qiskit_aer import AerSimulator
from support.backends_of_objects import (
    ScriptedBackend,
    numbered,
    refuse_circuit,
    run_and_send,
    sent,
)

import qjobs
from qjobs import (
    JobManager,
    JobManagerInvalidStateError,
    JobManagerJobNotFound,
    JobManagerTimeoutError,
    ManagedJob,
    ManagedJobSet,
    ManagedResultDataNotAvailable,
    ManagedResults,
)


def bell(name: str = "bell") -> QuantumCircuit:
    circuit = QuantumCircuit(2, name=name)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    return circuit


def test_names_are_imported_when_they_are_asked_for():
    for name in qjobs.__all__:
        assert getattr(qjobs, name) is not None
        assert name in dir(qjobs)
    with pytest.raises(AttributeError, match="no attribute 'IBMQJobManager'"):
        _ = qjobs.IBMQJobManager


@pytest.mark.parametrize(
    ("owner", "method", "signature"),
    [
        (JobManager, "run", ("experiments backend name max_experiments_per_job job_share_level "
         "job_tags run_config")),
        (JobManager, "report", "detailed"),
        (JobManager, "retrieve_job_set", "job_set_id provider refresh"),
        (ManagedJob, "__init__", "start_index experiments_count job"),
        (ManagedJob, "submit", ("circuits job_name backend executor submit_lock job_share_level "
         "job_tags run_config")),
        (ManagedJob, "result", "timeout partial refresh"),
        (ManagedJobSet, "__init__", "name short_id surroundings submit_lock"),
        (ManagedJobSet, "run", ("experiment_list backend executor job_share_level job_tags "
         "run_config")),
        (ManagedJobSet, "retrieve_jobs", "provider refresh"),
        (ManagedJobSet, "results", "timeout partial refresh"),
        (ManagedJobSet, "job", "experiment"),
        (ManagedJobSet, "update_name", "name"),
        (ManagedJobSet, "update_tags", "replacement_tags additional_tags removal_tags"),
    ],
)  # fmt: skip
def test_parameters_are_those_of_the_predecessor(owner, method, signature):
    assert " ".join(inspect.signature(getattr(owner, method)).parameters) == f"self {signature}"


@pytest.mark.parametrize(
    "method", ["data", "get_memory", "get_counts", "get_statevector", "get_unitary"]
)
def test_results_have_the_signatures_of_result(method):
    def parameters(owner):
        return [
            (parameter.name, parameter.default, parameter.kind)
            for parameter in inspect.signature(getattr(owner, method)).parameters.values()
        ]

    assert parameters(ManagedResults) == parameters(Result)


@pytest.mark.parametrize(
    ("max_circuits", "wished", "jobs"),
    [(None, None, 1), (None, 3, 4), (4, None, 3), (4, 3, 4), (4, 100, 3), (1, None, 10)],
)
def test_a_job_has_as_many_circuits_as_the_backend_and_the_user_allow(
    manager, max_circuits, wished, jobs
):
    backend = ScriptedBackend(max_circuits=max_circuits)

    job_set = run_and_send(manager, numbered(10), backend, max_experiments_per_job=wished)

    assert len(backend.calls) == len(job_set.managed_jobs()) == jobs
    assert [index for call in backend.calls for index in call] == list(range(10))
    assert [job.start_index for job in job_set.managed_jobs()] == [
        call[0] for call in backend.calls
    ]
    assert [job.end_index for job in job_set.managed_jobs()] == [call[-1] for call in backend.calls]


def test_run_returns_while_the_jobs_go_out(manager):
    go_on = threading.Event()
    backend = ScriptedBackend(on_run=lambda _: go_on.wait(30))

    job_set = manager.run(numbered(2), backend, max_experiments_per_job=1)

    assert job_set.statuses() == [JobStatus.INITIALIZING] * 2
    assert not any(job.future.done() for job in job_set.managed_jobs())
    go_on.set()
    assert job_set.results().success
    assert job_set.statuses() == [JobStatus.DONE] * 2


def test_a_semaphore_lets_several_jobs_through():
    together = threading.Barrier(3)
    backend = ScriptedBackend(on_run=lambda _: together.wait(30))

    job_set = JobManager(submit_lock=threading.Semaphore(3)).run(
        numbered(6), backend, max_experiments_per_job=1
    )
    sent(job_set)

    assert len(backend.jobs) == 6


def test_managed_jobs_alone_go_out_in_order_if_they_share_a_lock():
    backend, lock = ScriptedBackend(), threading.Lock()
    circuits = numbered(40)
    jobs = [ManagedJob(index, 1) for index in range(40)]
    with ThreadPoolExecutor() as executor:
        for job, circuit in zip(jobs, circuits, strict=True):
            job.submit([circuit], f"alone_{job.start_index}_", backend, executor, lock, shots=9)

    assert backend.calls == [[index] for index in range(40)]
    assert all(job.future.done() and job.submit_error is None for job in jobs)
    assert [job.job for job in jobs] == backend.jobs
    assert jobs[7].result(timeout=30).get_counts() == {"00000111": 9}
    assert jobs[7].status() is JobStatus.DONE
    assert jobs[7].qobj()["experiments"][0]["header"]["name"] == "c7"
    with pytest.raises(JobManagerInvalidStateError, match="before"):
        jobs[7].submit([circuits[7]], "again", backend, executor, lock)


def test_a_managed_job_that_was_not_submitted(manager):
    job = ManagedJob(3, 2)

    assert (job.start_index, job.end_index) == (3, 4)
    assert (job.job, job.future, job.submit_error) == (None, None, None)
    assert job.status() is JobStatus.INITIALIZING
    assert (job.result(), job.error_message(), job.qobj()) == (None, None, None)


def test_a_managed_job_takes_as_many_circuits_as_it_has(manager):
    with ThreadPoolExecutor() as executor, pytest.raises(JobManagerInvalidStateError, match="3 "):
        ManagedJob(0, 2).submit(numbered(3), "x", ScriptedBackend(), executor, threading.Lock())


def test_a_managed_job_of_a_vendor_is_managed_as_it_is():
    backend = ScriptedBackend(holds=True)
    vendor = backend.run(numbered(2))
    job = ManagedJob(0, 2, job=vendor)

    assert job.job is vendor
    assert job.status() is JobStatus.RUNNING
    with pytest.raises(JobManagerTimeoutError):
        job.result(timeout=0)
    vendor.finish()
    assert job.result(timeout=30).get_counts(1) == {"00000001": 77}
    assert job.error_message() is None
    assert job.cancel() is False


def test_a_vendor_object_is_the_job_of_its_slice(manager):
    backend = ScriptedBackend(max_circuits=2)

    job_set = manager.run(numbered(4), backend)

    assert job_set.jobs() == backend.jobs
    assert job_set.job(3) == (backend.jobs[1], 1)
    assert job_set.job("c2") == (backend.jobs[1], 0)
    for nothing in (4, -1, "c4"):
        with pytest.raises(JobManagerJobNotFound):
            job_set.job(nothing)


def test_of_several_circuits_of_a_name_the_first_is_taken_with_a_warning(manager):
    circuits = [*numbered(2), *numbered(2)]
    results = manager.run(circuits, ScriptedBackend()).results()

    with pytest.warns(UserWarning, match="several circuits are named 'c1'"):
        assert results.get_counts("c1") == results.get_counts(1)


def test_run_options_reach_the_backend(manager):
    backend = ScriptedBackend()
    thing = object()

    run_and_send(
        manager, numbered(1), backend, shots=5, colour="red", thing=thing, seed_simulator=3
    )

    assert backend.jobs[0].shots == 5
    assert backend.keywords[0]["colour"] == "red"
    assert backend.keywords[0]["thing"] is thing


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"experiments": [1]}, "experiment 0 is a int"),
        ({"experiments": 5}, "a circuit or a list of circuits"),
        ({"backend": 5}, "cannot run circuits"),
        ({"backend": "nowhere:x"}, "no provider 'nowhere'"),
        ({"backend": "local:nothing"}, "no backend local:nothing"),
        ({"backend": "local:aer", "thing": object()}, "plain values only: thing"),
        ({"shots": 0}, "shots must be at least 1"),
        ({"job_tags": "a"}, "tags are a list of texts"),
        ({"job_tags": [1]}, "tags are a list of texts"),
        ({"max_experiments_per_job": -1}, "at least one circuit"),
    ],
)
def test_what_cannot_be_run_is_refused_before_anything_is_written(
    manager, home, arguments, complaint
):
    given = {"experiments": numbered(1), "backend": ScriptedBackend(), **arguments}

    with pytest.raises(JobManagerInvalidStateError, match=complaint):
        manager.run(**given)

    assert manager.job_sets(earlier=True) == []


def test_a_share_level_is_ignored_with_a_warning(manager):
    with pytest.warns(UserWarning, match="job_share_level is ignored"):
        manager.run(numbered(1), ScriptedBackend(), job_share_level="project")


def test_a_set_is_run_once(manager):
    job_set = manager.run(numbered(1), ScriptedBackend())
    with ThreadPoolExecutor() as executor, pytest.raises(JobManagerInvalidStateError):
        job_set.run([numbered(1)], ScriptedBackend(), executor)


def test_a_set_runs_the_lists_that_it_is_given():
    backend, job_set = ScriptedBackend(), ManagedJobSet(name="mine")
    circuits = numbered(5)
    with ThreadPoolExecutor() as executor:
        job_set.run([circuits[:2], circuits[2:4], circuits[4:]], backend, executor, job_tags=["t"])

    assert backend.calls == [[0, 1], [2, 3], [4]]
    assert (job_set.name(), job_set.tags()) == ("mine", ["t"])
    assert job_set.results().success


def test_an_id_that_cannot_be_recorded_is_said(manager, home):
    def lose_the_state(_):
        (state,) = home.glob("sets/*/state.toml")
        state.unlink()

    backend = ScriptedBackend(on_run=lose_the_state)
    with pytest.warns(UserWarning, match="has accepted job 0 as job-0"):
        job_set = run_and_send(manager, numbered(1), backend)

    assert "job-0" in str(job_set.managed_jobs()[0].future.exception())


def test_no_circuits_are_a_set_without_jobs(manager):
    job_set = manager.run([], ScriptedBackend())

    assert job_set.managed_jobs() == []
    assert job_set.results().success
    assert job_set.results().get_counts() == []
    assert job_set.error_messages() is None


def test_a_set_without_a_name_is_named_by_its_time(manager):
    from datetime import datetime

    job_set = manager.run(numbered(1), ScriptedBackend())

    assert datetime.fromisoformat(job_set.name()).tzinfo is None


def test_a_failed_job_says_why(manager):
    backend = ScriptedBackend(holds=True, max_circuits=2)
    job_set = run_and_send(manager, numbered(6), backend)
    backend.jobs[0].finish()
    backend.jobs[1].finish(JobStatus.ERROR)
    backend.jobs[2].failed = {1}
    backend.jobs[2].finish()

    assert job_set.error_messages() == (
        "Experiments 2-3, job index=1, job ID=job-1:\n  the fridge is warm\n"
        "Experiments 4-5, job index=2, job ID=job-2:\n  experiment 5: it is broken"
    )
    with pytest.warns(UserWarning, match="no result of the job for experiments 2-3"):
        results = job_set.results()
    assert not results.success
    with pytest.raises(ManagedResultDataNotAvailable, match="the fridge is warm"):
        results.get_counts(2)
    with pytest.raises(ManagedResultDataNotAvailable, match="cannot be combined"):
        results.combine_results()
    with pytest.warns(UserWarning, match="no result"):
        assert job_set.managed_jobs()[1].result() is None


def test_results_are_combined_without_touching_those_of_the_jobs(manager):
    job_set = manager.run(numbered(5), ScriptedBackend(max_circuits=2), shots=3)
    results = job_set.results()

    combined = results.combine_results()

    assert combined is results.combine_results()
    assert combined.success
    assert combined.get_counts() == [{f"{index:08b}": 3} for index in range(5)]
    assert combined.get_counts("c4") == {"00000100": 3}
    assert combined.job_id == job_set.job_set_id()
    assert combined.job_ids == ["job-0", "job-1", "job-2"]
    assert len(job_set.managed_jobs()[0].result().results) == 2


def test_a_deadline_names_what_is_still_to_come(manager):
    backend = ScriptedBackend(holds=True, max_circuits=2)
    job_set = run_and_send(manager, numbered(6), backend)
    backend.jobs[0].finish()

    with pytest.raises(JobManagerTimeoutError, match="experiments 2-5"):
        job_set.results(timeout=0)
    with pytest.raises(JobManagerTimeoutError, match="experiments 2-3"):
        job_set.managed_jobs()[1].result(timeout=0)
    backend.finish()
    assert job_set.results(timeout=30).success


def test_the_report_has_the_layout_of_the_predecessor(manager):
    backend = ScriptedBackend(holds=True, on_run=refuse_circuit(1))
    with pytest.warns(UserWarning, match="could not be submitted"):
        job_set = run_and_send(
            manager, numbered(3), backend, name="foo", max_experiments_per_job=1, job_tags=["a"]
        )
    backend.jobs[0].finish()
    backend.jobs[1].finish(JobStatus.ERROR)
    details = """  experiments: 0-0
    job index: 0
    job ID: job-0
    name: foo_0_
    status: job has successfully run
  experiments: 1-1
    job index: 1
    status: job submit failed: Refusal: c1 is not to my taste
  experiments: 2-2
    job index: 2
    job ID: job-1
    name: foo_2_
    status: job incurred error
    error_message:
      the fridge is warm"""
    summary = """Summary report:
       Total jobs: 3
  Successful jobs: 1
      Failed jobs: 2
   Cancelled jobs: 0
     Running jobs: 0
     Pending jobs: 0"""
    set_id = job_set.job_set_id()

    assert job_set.report() == (
        f"Job set name: foo\n          ID: {set_id}\n        tags: ['a']\n"
        f"{summary}\n\nDetail report:\n{details}"
    )
    assert manager.report() == (
        f"{summary}\n\nDetail report:\n  Job set name: foo, ID: {set_id}\n{details}"
    )
    assert manager.report(detailed=False) == summary


@pytest.mark.parametrize(
    "backend", [AerSimulator(), GenericBackendV2(5, seed=1), StatevectorSampler(), "local:aer"]
)
def test_real_backends_and_samplers_run_circuits(manager, backend):
    job_set = manager.run([bell("a"), bell("b"), bell("c")], backend, shots=50)

    results = job_set.results(timeout=120)

    assert results.success
    for name in "abc":
        counts = results.get_counts(name)
        assert sum(counts.values()) == 50
        assert all(len(key) == 2 for key in counts)
    assert job_set.statuses() == [JobStatus.DONE] * len(job_set.managed_jobs())
    assert all(job.job_id() for job in job_set.jobs())


def test_what_simulators_save_comes_back_as_qiskit_gives_it(manager):
    state, unitary = QuantumCircuit(1, name="state"), QuantumCircuit(1, name="unitary")
    state.h(0)
    state.save_statevector()
    unitary.x(0)
    unitary.save_unitary()
    results = manager.run([state], AerSimulator()).results(timeout=60)
    matrices = manager.run([unitary], AerSimulator(method="unitary")).results(timeout=60)
    reference = AerSimulator().run(state).result()

    assert results.get_statevector("state", decimals=3) == reference.get_statevector(decimals=3)
    assert matrices.get_unitary(0).data.tolist() == [[0, 1], [1, 0]]
    with pytest.raises(ManagedResultDataNotAvailable, match="No unitary"):
        results.get_unitary(0)


def test_memory_is_given_shot_by_shot(manager):
    results = manager.run([bell()], AerSimulator(), shots=20, memory=True).results(timeout=60)

    memory = results.get_memory(0)

    assert len(memory) == 20
    assert set(memory) <= {"00", "11"}
    assert {key: memory.count(key) for key in set(memory)} == results.get_counts("bell")


def test_registers_and_loose_bits_read_as_on_the_command_line(manager):
    from qiskit.circuit import ClassicalRegister, Clbit, QuantumRegister

    circuit = QuantumCircuit(
        QuantumRegister(3), ClassicalRegister(1, "a"), ClassicalRegister(1, "b"), [Clbit()]
    )
    circuit.x([0, 2])
    circuit.measure([0, 1, 2], [0, 1, 2])

    assert manager.run(circuit, AerSimulator(), shots=4).results().get_counts() == {"1 0 1": 4}
