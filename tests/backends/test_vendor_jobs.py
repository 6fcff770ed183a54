"""Jobs are read in whatever words and shapes their vendors have."""

from collections.abc import Callable
from enum import Enum
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.primitives import StatevectorSampler
from qiskit.providers import JobStatus as QiskitStatus
from qiskit.result.models import ExperimentResult, ExperimentResultData
from support.scripted_vendor import ScriptedJob, experiment, measured, result

from qjobs.backends import jobs, reading
from qjobs.circuits.layout import Layout
from qjobs.contract import CancelOutcome
from qjobs.errors import AuthError, ProviderError
from qjobs.model import JobStatus, RunOptions

OPTIONS = RunOptions(shots=4, memory=True)
TWO = Layout(2, (("c", 2),))


def raising(error: Exception) -> Callable[..., Any]:
    def call(*_: object) -> Any:
        raise error

    return call


def failure(name: str, message: str = "oh", **more: Any) -> Exception:
    raised: Exception = type(name, (Exception,), {})(message)
    raised.__dict__.update(more)
    return raised


# Status


@pytest.mark.parametrize(
    ("said", "status"),
    [
        *((word, JobStatus(word.name)) for word in QiskitStatus),
        ("submitted", "INITIALIZING"), ("ready", "QUEUED"), ("started", "RUNNING"),  # IonQ
        ("completed", "DONE"), ("failed", "ERROR"), ("canceled", "CANCELLED"),
        ("waiting", "QUEUED"), ("processing", "RUNNING"),  # IQM
        ("ongoing", "RUNNING"), ("finished", "DONE"), ("error", "ERROR"),  # AQT
        ("Executing", "RUNNING"), ("Succeeded", "DONE"), ("Cancelling", "RUNNING"),  # Azure
        ("INITIALIZED", "INITIALIZING"), ("FAILED", "ERROR"),  # Braket
        ("JobStatus.DONE", "DONE"), ("in progress", "RUNNING"),
        (Enum("Status", {"COMPLETED": 3}).COMPLETED, "DONE"),
        (Enum("Status", {"A": "failed"}).A, "ERROR"),
        ("DEFERRED", "UNKNOWN"), ("", "UNKNOWN"), (None, "UNKNOWN"), (7, "UNKNOWN"),
    ],
)  # fmt: skip
def test_a_status_in_any_word_is_one_of_ours(said: Any, status: str) -> None:
    assert jobs.status(SimpleNamespace(status=lambda: said)) == (status, "")
    assert jobs.status(SimpleNamespace(status=said)) == (status, "")


def test_a_job_without_a_status_is_unknown() -> None:
    assert jobs.status(SimpleNamespace()) == (JobStatus.UNKNOWN, "")


def test_a_status_that_is_raised_because_the_job_failed_is_an_error() -> None:
    job = SimpleNamespace(status=raising(failure("IonQJobFailureError", "too many qubits")))

    assert jobs.status(job) == (JobStatus.ERROR, "IonQJobFailureError: too many qubits")
    assert jobs.error_message(job) == "IonQJobFailureError: too many qubits"


def test_any_other_error_is_no_status() -> None:
    with pytest.raises(ProviderError, match="status of the job: ConnectionError: gone"):
        jobs.status(SimpleNamespace(status=raising(ConnectionError("gone"))))
    with pytest.raises(AuthError):
        jobs.status(SimpleNamespace(status=raising(failure("E", status_code=401))))


def task(name: str, state: str, why: str = "") -> Any:
    metadata = {"failureReason": why} if why else {}
    return SimpleNamespace(id=name, state=lambda: state, metadata=lambda: metadata)


@pytest.mark.parametrize(
    ("tasks", "status", "names"),
    [
        ([task("a", "COMPLETED"), task("b", "COMPLETED")], JobStatus.DONE, []),
        (
            [task("a", "COMPLETED"), task("b", "FAILED", "too hot")],
            JobStatus.ERROR,
            ["b", "too hot"],
        ),
        ([task("a", "FAILED"), task("b", "COMPLETED")], JobStatus.ERROR, ["a", "1 of 2"]),
        ([task("a", "COMPLETED"), task("b", "CANCELLED")], JobStatus.ERROR, ["b", "CANCELLED"]),
        ([task("a", "COMPLETED"), task("b", "RUNNING")], JobStatus.RUNNING, []),
    ],
)
def test_done_means_all_tasks_of_the_job(tasks: Any, status: JobStatus, names: list[str]) -> None:
    job = SimpleNamespace(status=lambda: QiskitStatus.DONE, _tasks=tasks)

    found, reason = jobs.status(job)

    assert found is status
    assert [name for name in names if name not in reason] == []


# Ids and errors


def test_an_id_is_a_method_or_an_attribute() -> None:
    assert jobs.job_id(ScriptedJob("x", 1)) == "x"
    assert jobs.job_id(SimpleNamespace(job_id="y")) == "y"
    assert jobs.job_id(SimpleNamespace(id=7)) == "7"
    with pytest.raises(ProviderError):
        jobs.job_id(SimpleNamespace(job_id=lambda: None))


def test_what_a_job_says_of_its_error_comes_first() -> None:
    said = SimpleNamespace(status="ERROR", error_message=lambda: "laser off")
    azure = SimpleNamespace(
        status="Failed",
        _azure_job=SimpleNamespace(
            details=SimpleNamespace(error_data=SimpleNamespace(message="no quota"))
        ),
    )

    assert jobs.error_message(said) == "laser off"
    assert jobs.error_message(azure) == "no quota"


def test_a_failed_job_that_says_nothing_is_asked_for_its_result() -> None:
    silent = ScriptedJob("x", 1)
    silent.end(QiskitStatus.ERROR, RuntimeError("the ions left"))
    done = ScriptedJob("y", 1)
    done.end()

    assert jobs.error_message(silent) == "RuntimeError: the ions left"
    assert jobs.error_message(done) == ""
    assert done.reads == 0


# Results


def counts(found: list[Any]) -> list[Any]:
    return [circuit.counts for circuit in found]


@pytest.mark.parametrize(
    "data",
    [
        {"counts": {"0x1": 3, "0x2": 1}},
        {"counts": {"01": 3, "10": 1}},
        {"counts": {"0 1": 3, "1 0": 1}},
        {"counts": {1: 3, np.int64(2): np.int64(1)}},
        {"memory": ["0x1", "0x1", "0x2", "0x1"]},
        {"memory": ["01", "01", "10", "01"]},
    ],
)
def test_counts_in_any_shape_are_the_same(data: dict[str, Any]) -> None:
    (found,) = reading.from_result(result(experiment(**data)), [TWO], options=OPTIONS)

    assert found.counts == {"0x1": 3, "0x2": 1}
    assert found.readable_counts() == {"01": 3, "10": 1}
    assert found.memory == (None if "counts" in data else ("0x1", "0x1", "0x2", "0x1"))


def test_each_circuit_of_a_job_may_fail_alone() -> None:
    broken = ExperimentResult(4, False, ExperimentResultData(), status="ERROR: no such gate")
    given = result(experiment(counts={"0x1": 4}), broken, None, experiment())

    found = reading.from_result(given, [TWO] * 4, options=OPTIONS)

    assert [circuit.failed for circuit in found] == [False, True, True, True]
    assert [circuit.message for circuit in found] == [
        "", "no such gate", "the backend gave no result for it", "the circuit measures nothing",
    ]  # fmt: skip


@pytest.mark.parametrize("given", [1, 3])
def test_as_many_results_as_circuits_or_none(given: int) -> None:
    job = ScriptedJob("x", given)
    job.end()

    with pytest.raises(ProviderError, match=f"{given} results for a job of 2 circuits"):
        jobs.results(job, [TWO, TWO], options=OPTIONS)


def test_without_layouts_the_headers_tell() -> None:
    one = experiment(counts={"0x5": 4})
    one.header = {"creg_sizes": [["a", 1], ["b", 2]], "memory_slots": 3}
    bare = experiment(counts={"0x1": 4})

    found = reading.from_result(result(one, bare), None, options=OPTIONS)

    assert found[0].registers == (("a", 1), ("b", 2))
    assert found[0].readable_counts() == {"10 1": 4}
    assert found[1].readable_counts() == {"1": 4}


def test_a_pub_with_rows_of_values_counts_as_many_circuits() -> None:
    angle = Parameter("a")
    turned = QuantumCircuit(1, 1)
    turned.rx(angle, 0)
    turned.measure(0, 0)
    pubs = [measured(1, 1), (turned, [[0.0], [np.pi]]), measured(0, 1)]
    primitive = StatevectorSampler().run(pubs, shots=4).result()
    one = Layout.of(turned)

    by_circuit = reading.from_result(primitive, [TWO, one, one, TWO], options=OPTIONS)
    by_pub = reading.from_result(primitive, [TWO, one, TWO], options=OPTIONS)

    assert counts(by_circuit) == [{"0x3": 4}, {"0x0": 4}, {"0x1": 4}, {"0x2": 4}]
    assert by_pub == by_circuit
    assert counts(reading.from_result(primitive, None, options=OPTIONS)) == counts(by_circuit)
    assert by_circuit[0].memory == ("0x3",) * 4
    with pytest.raises(ProviderError, match="4 results for a job of 2 circuits"):
        reading.from_result(primitive, [TWO, one], options=OPTIONS)


@pytest.mark.filterwarnings("ignore:.*no output classical registers")
def test_a_circuit_that_measures_nothing_fails_alone_in_a_sampler() -> None:
    bare = QuantumCircuit(1)
    primitive = StatevectorSampler().run([bare, measured(1, 1)], shots=4).result()

    found = reading.from_result(primitive, [Layout.of(bare), TWO], options=OPTIONS)

    assert found[0].failed
    assert found[0].message == "the circuit measures nothing"
    assert found[1].counts == {"0x3": 4}


@pytest.mark.parametrize("nonsense", [None, 7, [1, 2], SimpleNamespace(results=[object()])])
def test_a_result_of_unknown_shape_is_an_error(nonsense: Any) -> None:
    with pytest.raises(ProviderError):
        reading.from_result(nonsense, [TWO], options=OPTIONS)


# Cancelling


@pytest.mark.parametrize(
    ("job", "outcome"),
    [
        (SimpleNamespace(status="RUNNING"), "not supported"),
        (SimpleNamespace(status="RUNNING", cancel=raising(NotImplementedError())), "not supported"),
        (SimpleNamespace(status="RUNNING", cancel=raising(ValueError("no"))), "refused"),
        (SimpleNamespace(status="RUNNING", cancel=lambda: False), "refused"),
        (SimpleNamespace(status="RUNNING", cancel=lambda: None), "requested"),
        (SimpleNamespace(status="RUNNING", cancel=lambda: True), "requested"),
        (SimpleNamespace(status="DONE", cancel=raising(AssertionError())), "already final"),
        (SimpleNamespace(status="CANCELLED", cancel=raising(AssertionError())), "already final"),
        (ScriptedJob("x", 1), "cancelled"),
    ],
)
def test_cancelling_has_one_of_five_outcomes(job: Any, outcome: str) -> None:
    assert jobs.cancel(job) == CancelOutcome(outcome)


def test_a_job_that_ended_while_it_was_to_be_cancelled_is_final() -> None:
    job = ScriptedJob("x", 1)

    def too_late() -> None:
        job.end()
        raise ValueError("the job is final")

    job.cancel = too_late

    assert jobs.cancel(job) is CancelOutcome.ALREADY_FINAL


def test_a_vendor_that_cannot_be_reached_has_not_refused() -> None:
    job = SimpleNamespace(status="RUNNING", cancel=raising(ConnectionError("gone")))

    with pytest.raises(ProviderError, match="cancel the job: ConnectionError: gone"):
        jobs.cancel(job)


# Jobs by their ids


@pytest.mark.parametrize(
    "where",
    [
        lambda get: {"backend": SimpleNamespace(retrieve_job=get)},
        lambda get: {"backend": SimpleNamespace(), "provider": SimpleNamespace(get_job=get)},
        lambda get: {"backend": SimpleNamespace(), "provider": SimpleNamespace(retrieve_job=get)},
        lambda get: {"backend": SimpleNamespace(), "provider": SimpleNamespace(job=get)},
        lambda get: {"backend": SimpleNamespace(service=SimpleNamespace(job=get))},
        lambda get: {"backend": SimpleNamespace(job=get)},
    ],
)
def test_a_job_is_had_from_whoever_hands_it_out(where: Callable[..., Any]) -> None:
    owners = where(lambda job_id: f"job {job_id}")

    assert jobs.can_retrieve(**owners)
    assert jobs.retrieve("7", **owners) == "job 7"


def test_jobs_that_nobody_hands_out_cannot_be_had() -> None:
    assert not jobs.can_retrieve(StatevectorSampler())
    with pytest.raises(ProviderError, match="cannot give a job by its id"):
        jobs.retrieve("7", backend=StatevectorSampler())


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (failure("RuntimeJobNotFound"), jobs.UnknownJob),
        (failure("HTTPError", status_code=404), jobs.UnknownJob),
        (failure("HTTPError", status_code=403), AuthError),
        (ConnectionError("gone"), ProviderError),
    ],
)
def test_why_a_job_cannot_be_had(raised: Exception, kind: type) -> None:
    with pytest.raises(ProviderError) as caught:
        jobs.retrieve("7", backend=SimpleNamespace(retrieve_job=raising(raised)))

    assert type(caught.value) is kind


def test_a_job_that_is_not_handed_out_because_it_failed_is_one_that_failed() -> None:
    backend = SimpleNamespace(retrieve_job=raising(failure("IonQJobFailureError", "too long")))

    job = jobs.retrieve("7", backend=backend)

    assert jobs.job_id(job) == "7"
    assert jobs.status(job) == (JobStatus.ERROR, "")
    assert jobs.error_message(job) == "IonQJobFailureError: too long"
    assert jobs.cancel(job) is CancelOutcome.ALREADY_FINAL
    with pytest.raises(ProviderError, match="too long"):
        jobs.results(job, None, options=OPTIONS)
