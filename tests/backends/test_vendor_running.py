"""Circuits go to whatever can run them, with what it understands, and its refusals are read."""

import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Clbit, Parameter
from qiskit.primitives import BackendSamplerV2, StatevectorEstimator, StatevectorSampler
from qiskit.providers.basic_provider import BasicSimulator
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import Operator
from qiskit_aer import AerSimulator
from support.scripted_vendor import Line, ScriptedBackend, measured

from qjobs.backends import jobs, refusals, running
from qjobs.circuits.layout import Layout
from qjobs.circuits.sweep import Pub
from qjobs.errors import (
    AuthError,
    JobRefused,
    PendingLimit,
    ProviderError,
    RateLimited,
    TooLarge,
)
from qjobs.model import RunOptions

OPTIONS = RunOptions(shots=20, seed=7)


@pytest.mark.parametrize(
    "make",
    [
        AerSimulator,
        BasicSimulator,
        lambda: GenericBackendV2(5, seed=1),
        StatevectorSampler,
        lambda: BackendSamplerV2(backend=AerSimulator()),
    ],
)
def test_every_kind_of_backend_runs_many_circuits_and_gives_them_in_order(make: Any) -> None:
    circuits = [measured(1, 0), measured(1, 1), measured(0, 1)]
    layouts = [Layout.of(circuit) for circuit in circuits]

    job = running.run(make(), circuits, options=OPTIONS, keywords={})
    found = jobs.results(job, layouts, options=OPTIONS)

    # Some of them are noisy.
    counts = [circuit.readable_counts() for circuit in found]
    assert [max(one, key=one.get) for one in counts] == ["01", "11", "10"]
    assert [sum(one.values()) for one in counts] == [20, 20, 20]
    assert jobs.status(job)[0] == "DONE"
    assert jobs.job_id(job)
    assert jobs.error_message(job) == ""


@pytest.mark.parametrize("make", [AerSimulator, StatevectorSampler])
def test_bits_that_are_in_no_register_are_given_by_every_kind_of_backend(make: Any) -> None:
    circuit = QuantumCircuit(QuantumRegister(2), [Clbit()], ClassicalRegister(1))
    circuit.x(0)
    circuit.measure([0, 1], [0, 1])

    job = running.run(make(), [circuit], options=OPTIONS, keywords={})

    (found,) = jobs.results(job, [Layout.of(circuit)], options=OPTIONS)
    assert found.readable_counts() == {"1 0": 20}


def test_a_backend_of_one_circuit_a_job_gets_it_without_a_list() -> None:
    class Backend:
        def run(self, circuits: object, **keywords: object) -> list[object]:
            return [circuits]

    circuit = measured(1)

    alone = running.run(Backend(), [circuit], options=OPTIONS, keywords={}, alone=True)
    listed = running.run(Backend(), [circuit], options=OPTIONS, keywords={})

    assert alone == [circuit]
    assert listed == [[circuit]]


def test_only_circuits_that_the_target_cannot_take_are_transpiled() -> None:
    fits = QuantumCircuit(5, 1)
    fits.cz(3, 4)
    fits.measure(3, 0)
    far = QuantumCircuit(5, 1)
    far.cz(0, 4)
    foreign = QuantumCircuit(2)
    foreign.h(0)
    backend = Line()

    running.run(backend, [fits, far, foreign], options=OPTIONS, keywords={})

    ((ran, _),) = backend.ran
    assert ran[0] is fits
    for circuit in ran[1:]:
        assert circuit.num_qubits == 5
        assert {*circuit.count_ops()} <= {"rz", "sx", "x", "cz"}
        pairs = [sorted(circuit.find_bit(q).index for q in i.qubits) for i in circuit.data]
        assert all(b - a == 1 for a, b in (pair for pair in pairs if len(pair) == 2))


def test_a_circuit_is_transpiled_once_for_all_its_values() -> None:
    angles = [Parameter(name) for name in "ab"]
    circuit = QuantumCircuit(2)
    circuit.rx(angles[0], 0)
    circuit.crx(angles[1], 0, 1)
    pubs = [
        Pub(circuit, np.array([[0.1, 0.2], [0.3, 0.4]])),
        Pub(QuantumCircuit(1), None),
    ]

    first, second, third = running.bound(Line(), pubs, options=OPTIONS)

    for row, found in (((0.1, 0.2), first), ((0.3, 0.4), second)):
        idle = QuantumCircuit(5)
        idle.compose(circuit.assign_parameters(row), [0, 1], inplace=True)
        assert Operator.from_circuit(found).equiv(Operator(idle))
    assert third.num_parameters == 0


def test_a_circuit_that_cannot_be_transpiled_is_refused_before_anything_runs() -> None:
    backend = Line()

    with pytest.raises(JobRefused, match="'wide'"):
        running.run(backend, [QuantumCircuit(6, name="wide")], options=OPTIONS, keywords={})

    assert backend.ran == []


def test_shots_memory_and_seed_go_where_they_are_known_and_keywords_win() -> None:
    line, plain = Line(), ScriptedBackend()
    options = RunOptions(shots=20, seed=7, memory=True)

    running.run(line, [], options=options, keywords={"noise": "none"})
    running.run(line, [], options=RunOptions(), keywords={"shots": 3})
    running.run(plain, [], options=options, keywords={})

    assert [options for _, options in line.ran] == [
        {"shots": 20, "memory": True, "noise": "none"},
        {"shots": 3},
    ]
    assert [options for _, options in plain.calls] == [{"shots": 20}]


def test_a_backend_that_takes_nothing_but_circuits_gets_nothing_else() -> None:
    ran = []
    backend = SimpleNamespace(run=lambda circuits: [ran.append(circuits)])

    running.run(backend, [], options=OPTIONS, keywords={})

    assert ran == [[]]


def test_however_a_set_is_cut_a_seed_gives_the_same_counts() -> None:
    circuit = QuantumCircuit(3, 3)
    circuit.h(range(3))
    circuit.measure(range(3), range(3))
    circuits = [circuit] * 4

    def counts(start: int, end: int) -> list[Any]:
        job = running.run(
            AerSimulator(), circuits[start:end], options=OPTIONS, keywords={}, start_index=start
        )
        return [c.counts for c in jobs.results(job, None, options=OPTIONS)]

    whole = counts(0, 4)
    assert counts(0, 1) + counts(1, 3) + counts(3, 4) == whole
    assert whole[0] != whole[1]


@pytest.mark.parametrize(
    ("stated", "circuits"),
    [(None, None), (1, 1), (75, 75), (0, None), ("many", None), ("30", 30)],
)
def test_limits_are_those_that_the_backend_states(stated: Any, circuits: int | None) -> None:
    assert running.limits(Line(circuits=stated)).circuits == circuits


def test_limits_of_old_and_of_silent_backends() -> None:
    old = SimpleNamespace(configuration=lambda: SimpleNamespace(max_experiments=900))

    assert running.limits(old).circuits == 900
    assert running.limits(StatevectorSampler()).circuits is None
    assert running.limits(SimpleNamespace()).circuits is None


def test_names_are_attributes_or_methods_or_those_of_classes() -> None:
    assert running.name(SimpleNamespace(name="a")) == "a"
    assert running.name(SimpleNamespace(name=lambda: "b")) == "b"
    assert running.name(StatevectorSampler()) == "StatevectorSampler"


@pytest.mark.parametrize("target", [StatevectorEstimator(), object(), SimpleNamespace(run=1)])
def test_what_runs_no_circuits_is_refused(target: Any) -> None:
    with pytest.raises(JobRefused, match="neither a backend"):
        running.run(target, [], options=OPTIONS, keywords={})


# Errors


def error(name: str, message: str = "oh", base: type[Exception] = Exception, **more: Any) -> Any:
    raised = type(name, (base,), {})(message)
    raised.__dict__.update(more)
    return raised


def answer(status: int, **headers: str) -> Any:
    return SimpleNamespace(status_code=status, headers=headers)


def caused(outer: Exception, inner: Exception, how: str = "__cause__") -> Exception:
    setattr(outer, how, inner)
    return outer


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (ConnectionResetError("reset"), ProviderError),
        (TimeoutError("late"), ProviderError),
        (caused(RuntimeError("submit failed"), ConnectionError()), ProviderError),
        (caused(RuntimeError("submit failed"), ConnectionError(), "__context__"), ProviderError),
        (caused(error("IonQRetriableError"), error("E", status_code=503), "_cause"), ProviderError),
        (error("ReadTimeout", base=OSError), ProviderError),
        (error("HTTPError", response=answer(503)), ProviderError),
        (error("HTTPError", "504 Server Error: Gateway Timeout for url"), ProviderError),
        (error("APIError", response=answer(408)), ProviderError),
        (json.JSONDecodeError("no JSON", "<html>", 0), ProviderError),
        (
            error("ClientError", response={"ResponseMetadata": {"HTTPStatusCode": 500}}),
            ProviderError,
        ),
        (error("HTTPError", response=answer(429)), RateLimited),
        (error("ClientError", response={"ResponseMetadata": {"HTTPStatusCode": 429}}), RateLimited),
        (error("E", "400 Client Error: {'errors': [{'code': 3458}]}"), PendingLimit),
        (error("E", "Error code: 3458."), PendingLimit),
        (error("E", "qubit 3458 is unknown"), JobRefused),
        (error("E", status_code=401), AuthError),
        (error("E", "403 Client Error: Forbidden"), AuthError),
        (error("IBMNotAuthorizedError"), AuthError),
        (error("E", status_code=413), TooLarge),
        (error("E", status_code=400), JobRefused),
        (error("E", code=2), JobRefused),
        (TypeError("run() got an unexpected keyword argument 'shotz'"), JobRefused),
        (ValueError(), JobRefused),
        (RateLimited("slower", retry_after_s=3), RateLimited),
    ],
)
def test_an_error_says_whether_there_may_be_a_job(raised: Exception, kind: type) -> None:
    with pytest.raises(ProviderError) as caught:
        running.run(ScriptedBackend(raised), [], options=OPTIONS, keywords={})

    assert type(caught.value) is kind
    assert caught.value.message


def test_a_refusal_for_now_says_until_when() -> None:
    later = refusals.refusal(error("E", response=answer(429, **{"retry-after": "17"})))
    date = refusals.refusal(error("E", response=answer(429, **{"Retry-After": "Mon, 1 Jan"})))

    assert isinstance(later, RateLimited)
    assert later.retry_after_s == 17
    assert isinstance(date, RateLimited)
    assert date.retry_after_s is None


def test_causes_in_a_circle_come_to_an_end() -> None:
    first, second = RuntimeError("a"), RuntimeError("b")
    first.__cause__, second.__cause__ = second, first

    assert type(refusals.refusal(first)) is JobRefused


def test_an_interrupt_is_no_refusal() -> None:
    with pytest.raises(KeyboardInterrupt):
        running.run(ScriptedBackend(KeyboardInterrupt()), [], options=OPTIONS, keywords={})


class Bare:
    """A backend that does not say what it can do, and keeps what it is given."""

    name = "bare"

    def __init__(self) -> None:
        self.given: list[QuantumCircuit] = []

    def run(self, circuits: list[QuantumCircuit]) -> None:
        self.given = circuits


def own_iswap() -> QuantumCircuit:
    definition = QuantumCircuit(2, name="iswap")
    definition.x(1)
    circuit = QuantumCircuit(2, 2)
    circuit.append(definition.to_gate(), [0, 1])
    circuit.measure([0, 1], [0, 1])
    return circuit


def test_a_gate_called_like_a_native_one_runs_by_its_definition() -> None:
    backend = Bare()
    running.run(backend, [own_iswap(), measured(1, 0)], options=OPTIONS, keywords={})
    assert dict(backend.given[0].count_ops()) == {"x": 1, "measure": 2}
    job = running.run(AerSimulator(), [own_iswap()], options=OPTIONS, keywords={})
    (found,) = jobs.results(job, [Layout.of(own_iswap())], options=OPTIONS)
    assert found.counts == {"0x2": 20}


def test_a_job_without_results_says_why_in_the_backends_words() -> None:
    circuit = measured(1, 0)
    for _ in range(2):
        circuit.save_statevector()
    job = running.run(AerSimulator(), [circuit], options=OPTIONS, keywords={})
    with pytest.raises(ProviderError, match='Duplicate key "statevector" in save instruction'):
        jobs.results(job, [Layout.of(circuit)], options=OPTIONS)
