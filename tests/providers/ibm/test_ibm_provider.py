"""Jobs at IBM Quantum Platform, through the real client, from submit to result."""

import json
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Clbit, Parameter
from support.standin.process import StandIn

from qjobs.circuits import codec
from qjobs.circuits.slices import CircuitSlice
from qjobs.circuits.sweep import Sweep
from qjobs.contract import CancelOutcome, ProviderContext
from qjobs.engine.sending.submission import submission
from qjobs.errors import (
    JobRefused,
    NotNow,
    ProviderError,
    ResultGone,
    SessionOver,
    UnknownBackend,
    UsageError,
)
from qjobs.model import Accepted, Attempt, JobSet, JobStatus, RunOptions, Slice
from qjobs.providers.ibm.errors import speaks_of_size
from qjobs.providers.ibm.known_jobs import Call, KnownJobs
from qjobs.providers.ibm.provider import IbmProvider
from qjobs.results import CircuitResult
from qjobs.store.sets import Store

BACKEND = "ibm_lagos"
TAG = "qj-0123456789ab-0-1"
SERIES = "qj-0123456789ab"
OPTIONS = RunOptions(shots=200)

Start: TypeAlias = Callable[..., StandIn]
Make: TypeAlias = Callable[..., IbmProvider]
Submit: TypeAlias = Callable[..., str]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Another provider on the folder of this test, as another process would."""

    def make(
        folder: str = "ibm", *, clock: Callable[[], float] = time.time, **settings: str
    ) -> IbmProvider:
        context = ProviderContext(tmp_path / folder, {"settle_s": "1", **settings})
        return IbmProvider(context, clock=clock)

    return make


@pytest.fixture
def submit(tmp_path: Path) -> Submit:
    """Hand circuits over in a container of their own."""

    def submit(
        provider: IbmProvider,
        *circuits: QuantumCircuit,
        tag: str = TAG,
        options: RunOptions = OPTIONS,
        sweep: Sweep | None = None,
        observables: Path | None = None,
        session: str = "",
    ) -> str:
        path = tmp_path / f"{tag}.qpy"
        path.write_bytes(codec.encode(circuits or (registers(),)))
        count = len(circuits or (1,)) * (sweep.rows if sweep else 1)
        return provider.submit(
            CircuitSlice(path, Slice(0, count), sweep, observables, session=session),
            backend=BACKEND,
            options=options,
            tag=tag,
        )

    return submit


def registers() -> QuantumCircuit:
    """Always measures a = 1 and b = 10, in registers of unequal size."""
    circuit = QuantumCircuit(
        QuantumRegister(3, "q"), ClassicalRegister(1, "a"), ClassicalRegister(2, "b"), name="regs"
    )
    circuit.x([0, 2])
    circuit.measure([0, 1, 2], [0, 1, 2])
    return circuit


def native() -> QuantumCircuit:
    """Fits `BACKEND` as it is: one of its qubits is 1."""
    circuit = QuantumCircuit(7, 1, name="native")
    circuit.x(3)
    circuit.measure(3, 0)
    return circuit


def outcome(provider: IbmProvider, job_id: str) -> list[CircuitResult]:
    assert wait(provider, job_id) is JobStatus.DONE
    return list(provider.result(job_id, backend=BACKEND).circuits())


def wait(provider: IbmProvider, job_id: str) -> JobStatus:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        status = provider.statuses([job_id], backend=BACKEND)[job_id]
        if status.final:
            return status
        time.sleep(0.05)
    raise AssertionError(f"job {job_id} did not end")


# Running


@pytest.mark.slow
def test_results_have_the_registers_of_the_circuits(
    start_standin: Start, make: Make, submit: Submit
) -> None:
    start_standin()
    provider = make()

    first, second = outcome(provider, submit(provider, registers(), native()))

    assert first.registers == (("a", 1), ("b", 2))
    assert first.readable_counts() == {"10 1": 200}
    assert second.readable_counts() == {"1": 200}
    assert first.memory is None


@pytest.mark.slow
def test_a_machine_that_never_saw_the_job_reads_the_same(
    start_standin: Start, make: Make, submit: Submit
) -> None:
    start_standin()
    here, there = make(), make("elsewhere")
    job_id = submit(here, registers(), native())

    read = outcome(there, job_id)
    # Whether the shots were asked for one by one is known only here.
    assert all(circuit.memory for circuit in read)
    assert [replace(circuit, memory=None) for circuit in read] == outcome(here, job_id)
    assert list(there.find(TAG)) == [job_id]


@pytest.mark.slow
def test_memory_has_one_outcome_a_shot(start_standin: Start, make: Make, submit: Submit) -> None:
    start_standin()
    provider = make()

    (result,) = outcome(provider, submit(provider, options=RunOptions(shots=3, memory=True)))

    assert result.readable_memory() == ["10 1"] * 3


@pytest.mark.slow
def test_a_circuit_that_measures_nothing_keeps_its_place(
    start_standin: Start, make: Make, submit: Submit
) -> None:
    start_standin()
    provider = make()
    silent = QuantumCircuit(7)
    silent.x(0)

    first, second = outcome(provider, submit(provider, silent, native()))

    assert first.failed
    assert "measures nothing" in first.message
    assert second.readable_counts() == {"1": 200}


@pytest.mark.slow
def test_each_row_of_a_sweep_has_its_result_in_its_place(
    start_standin: Start, make: Make, submit: Submit, tmp_path: Path
) -> None:
    start_standin()
    provider = make()
    table = tmp_path / "values.npy"
    # The columns are not in the order of the circuit's parameters, and one is not in it.
    np.save(table, np.array([[0.0, 9.0, 0.0], [0.0, 9.0, np.pi], [np.pi, 9.0, np.pi]]))
    circuit = QuantumCircuit(2, 2)
    circuit.rx(Parameter("alpha"), 0)
    circuit.rx(Parameter("beta"), 1)
    circuit.measure([0, 1], [0, 1])

    job_id = submit(provider, circuit, sweep=Sweep(table, ("beta", "unused", "alpha"), 3))

    counts = [result.readable_counts() for result in outcome(provider, job_id)]
    assert counts == [{"00": 200}, {"01": 200}, {"11": 200}]


@pytest.mark.slow
@pytest.mark.parametrize("rows", [0, 2])
def test_expectation_values_are_in_the_order_of_the_observables(
    start_standin: Start, make: Make, submit: Submit, tmp_path: Path, rows: int
) -> None:
    start_standin()
    provider = make()
    observables = tmp_path / "observables.json"
    observables.write_text(json.dumps([{"IZ": 1.0}, {"ZI": 1.0}, {"IZ": 0.5, "ZI": 0.25}]))
    table = tmp_path / "values.npy"
    np.save(table, np.array([[0.0], [np.pi]]))
    circuit = QuantumCircuit(2)
    circuit.rx(Parameter("angle") if rows else np.pi, 0)
    circuit.measure_all()

    job_id = submit(
        provider,
        circuit,
        options=RunOptions(shots=1000, precision=0.05),
        sweep=Sweep(table, ("angle",), rows) if rows else None,
        observables=observables,
    )

    results = outcome(provider, job_id)
    turned = (-1.0, 1.0, -0.25)
    expected = [(1.0, 1.0, 0.75), turned] if rows else [turned]
    assert [result.evs for result in results] == [pytest.approx(row, abs=0.05) for row in expected]
    assert all(result.stds and len(result.stds) == 3 for result in results)
    assert all(result.counts is None and not result.failed for result in results)


@pytest.mark.slow
def test_results_that_are_given_once_are_kept(
    start_standin: Start, make: Make, submit: Submit
) -> None:
    start_standin()
    provider = make()
    job_id = submit(provider, options=RunOptions(shots=5, extra={"private": True}))
    first = outcome(provider, job_id)

    assert list(make().result(job_id).circuits()) == first
    with pytest.raises(ProviderError, match="no longer has the results"):
        make("elsewhere").result(job_id)


@pytest.mark.slow
def test_results_that_are_given_once_are_given_though_they_cannot_be_kept(
    start_standin: Start, make: Make, submit: Submit, tmp_path: Path
) -> None:
    start_standin()
    provider = make()
    options = RunOptions(shots=5, extra={"private": True})
    assert provider.gives_once(backend=BACKEND, options=options)
    assert not provider.gives_once(backend=BACKEND, options=OPTIONS)
    job_id = submit(provider, options=options)
    with closing(sqlite3.connect(tmp_path / "ibm" / "calls.sqlite")) as file:
        full = "SELECT RAISE(FAIL, 'database or disk is full');"
        file.execute(f"CREATE TRIGGER full BEFORE INSERT ON kept BEGIN {full} END")

    (result,) = outcome(provider, job_id)

    assert result.counts == {"0x5": 5}
    with pytest.raises(ResultGone):
        provider.result(job_id)


# What is sent


def test_a_submit_is_one_request_and_carries_both_tags(
    standin: StandIn, make: Make, submit: Submit
) -> None:
    provider = make()
    submit(provider)
    before = standin.stats()["requests"]

    options = RunOptions(shots=5, extra={"max_execution_time": 60, "private": True})
    job_id = submit(provider, tag="qj-0123456789ab-1-1", options=options)

    after = standin.stats()["requests"]
    assert {kind: after[kind] - before.get(kind, 0) for kind in after} == {
        **dict.fromkeys(before, 0),
        "submit": 1,
    }
    job = standin.stats()["jobs"][-1]
    assert job["id"] == job_id
    assert job["sent_tags"] == ["qj-0123456789ab-1-1", SERIES]
    (service,) = provider._account.services()
    info = service.job(job_id)
    assert info is not None
    assert info.private


def test_what_is_needed_later_is_written_down_before_the_call(
    standin: StandIn, make: Make, submit: Submit, tmp_path: Path
) -> None:
    standin.faults("error", times=0)
    provider = make()

    with pytest.raises(ProviderError):
        submit(provider)

    call = provider._known_jobs.tagged(TAG)
    assert call is not None
    assert [layout.registers for layout in call.layouts] == [(("a", 1), ("b", 2))]
    assert (tmp_path / "ibm" / "calls.sqlite").stat().st_mode & 0o777 == 0o600


def test_no_secret_is_written(standin: StandIn, make: Make, submit: Submit, tmp_path: Path) -> None:
    standin.set(token="very-secret-key")
    provider = make()
    with pytest.raises(ProviderError) as caught:
        submit(provider)

    assert "standin" not in caught.value.message
    for path in (tmp_path / "ibm").rglob("*"):
        assert b"very-secret" not in path.read_bytes()


@pytest.mark.parametrize(
    ("extra", "word"),
    [
        ({"colour": "red"}, "colour"),
        ({"private": "yes"}, "private"),
        ({"max_execution_time": 20_000}, "10800"),
        ({"dynamical_decoupling.enabled": True}, "dynamical_decoupling.enabled"),
        ({"twirling.strategy": "none"}, "twirling.strategy"),
    ],
)
def test_an_option_that_ibm_does_not_know_is_refused(
    standin: StandIn, make: Make, extra: dict[str, str], word: str
) -> None:
    with pytest.raises(UsageError, match=word):
        make().check(BACKEND, RunOptions(extra=extra))


def test_options_of_the_primitive_are_taken(standin: StandIn, make: Make) -> None:
    make().check(BACKEND, RunOptions(extra={"dynamical_decoupling.enable": True, "session": "s1"}))


# Finding


def test_a_job_is_found_by_its_tag_when_the_answer_was_lost(
    standin: StandIn, make: Make, submit: Submit
) -> None:
    standin.faults("accept-then-drop")
    provider = make(settle_s="1e-9")

    with pytest.raises(ProviderError):
        submit(provider)

    (job,) = standin.stats()["jobs"]
    assert list(provider.find(TAG)) == [job["id"]]


class Clock:
    """Goes on when it is told to, and by very little when it is looked at."""

    def __init__(self) -> None:
        self.now_s = time.time()

    def __call__(self) -> float:
        self.now_s += 1e-5
        return self.now_s

    def moment(self) -> datetime:
        return datetime.fromtimestamp(self.now_s, UTC)


def test_jobs_of_a_call_are_not_told_before_all_of_them_must_be_listed(
    standin: StandIn, make: Make, submit: Submit
) -> None:
    clock = Clock()
    provider = make(clock=clock, settle_s="30")
    standin.faults("accept-then-drop")
    with pytest.raises(ProviderError):
        submit(provider)
    (job,) = standin.stats()["jobs"]

    clock.now_s += 29
    with pytest.raises(NotNow) as caught:
        provider.find(TAG)
    assert caught.value.retry_after_s == pytest.approx(1, abs=0.1)
    (twin,) = standin.add_jobs(1, user="me", tags=job["sent_tags"])
    clock.now_s += 1

    assert list(provider.find(TAG)) == [job["id"], twin]


def test_the_call_of_a_process_that_died_may_have_arrived_just_now(
    standin: StandIn, make: Make, submit: Submit
) -> None:
    """A large job takes longer to be sent than the list lags behind."""
    clock = Clock()
    provider = make(clock=clock)
    submit(provider)
    call = provider._known_jobs.tagged(TAG)
    assert call
    provider._known_jobs.intend(call)  # as if no answer had come, and nobody had given it up

    def is_settled(provider: IbmProvider, after_s: float) -> bool:
        clock.now_s = call.made_s + after_s
        try:
            return bool(provider.find(TAG))
        except NotNow:
            return False

    settings = {"settle_s": "30", "post_timeout_s": "120"}
    one, later, last = (make(clock=clock, **settings) for _ in range(3))
    assert [is_settled(one, after_s) for after_s in (60, 89, 91)] == [False, False, True]
    provider._known_jobs.intend(call)
    assert [is_settled(later, after_s) for after_s in (140, 149, 151)] == [False, False, True]
    provider._known_jobs.intend(call)
    assert is_settled(last, 86400)


@pytest.mark.parametrize("folder", ["ibm", "elsewhere"])
def test_a_duplicate_that_is_listed_later_than_the_first_job_is_recorded(
    standin: StandIn, make: Make, submit: Submit, tmp_path: Path, folder: str
) -> None:
    """Whether the call was made on this machine or on another one."""
    clock = Clock()
    draft = Store(tmp_path / "home", clock=clock.moment).draft("0123456789ab")
    draft.circuits_path.write_bytes(codec.encode([registers()]))
    draft.commit(
        JobSet(
            set_id=draft.set_id, name="", created=clock.moment(), provider="ibm", backend=BACKEND,
            circuits=1, slices=(Slice(0, 1),), options=OPTIONS,
        ),
        (),
    )  # fmt: skip
    path = Store(tmp_path / "home", clock=clock.moment).open(draft.set_id)
    provider = make(clock=clock, settle_s="30")
    standin.faults("accept-then-drop")
    waited_s = 0.0
    with submission(path, provider, clock=clock.moment, stop=threading.Event()) as submitter:
        steps = submitter.steps(0)
        next(steps)  # the answer is lost
        if folder != "ibm":
            provider._known_jobs.forget(TAG)
        first = standin.stats()["jobs"][0]
        more = []
        for wait in steps:
            waited_s += wait.wait_s
            clock.now_s += wait.wait_s
            if waited_s > 20 and not more:
                more = standin.add_jobs(1, user="me", tags=first["sent_tags"])

    (job,) = path.jobs()
    assert [attempt._replace(submitted=None) for attempt in job.attempts] == [
        Attempt(1, Accepted(first["id"]), tuple(more))
    ]
    assert len(more) == 1
    assert standin.stats()["requests"]["submit"] == 1


def test_the_oldest_of_several_jobs_is_the_first(
    standin: StandIn, make: Make, submit: Submit
) -> None:
    provider = make()
    ids = [submit(provider) for _ in range(3)]

    assert list(provider.find(TAG)) == ids
    assert list(make("elsewhere").find(TAG)) == ids


def test_a_job_of_which_the_id_is_known_is_found_before_it_is_listed(
    standin: StandIn, make: Make, submit: Submit
) -> None:
    standin.set(list_lag_s=60)
    job_id = submit(make())

    assert list(make().find(TAG)) == [job_id]
    assert list(make("elsewhere").find(TAG)) == []


def test_the_jobs_of_a_set_are_told_before_they_are_listed_and_calls_without_an_answer(
    standin: StandIn, make: Make, submit: Submit
) -> None:
    standin.set(list_lag_s=60)
    job_id = submit(make())
    standin.faults("accept-then-drop")
    with pytest.raises(ProviderError):
        submit(make(), tag=f"{SERIES}-1-1")

    told = make().jobs_of(SERIES, backend=BACKEND)

    assert {job.job_id: job.labels for job in told} == {
        job_id: (TAG, SERIES),
        "": (f"{SERIES}-1-1", SERIES),
    }
    assert make().jobs_of(SERIES, backend="ibm_fez") == []
    assert make("elsewhere").jobs_of(SERIES, backend=BACKEND) == []
    standin.set(list_lag_s=0)
    assert len(make("elsewhere").jobs_of(SERIES, backend=BACKEND)) == 2


def test_jobs_of_other_users_are_not_taken_for_ours(standin: StandIn, make: Make) -> None:
    standin.add_jobs(5, tags=["qj-other", "qj-other-0-1"])

    assert list(make().find(TAG)) == []


# Statuses


def test_a_thousand_jobs_take_ten_requests(standin: StandIn, make: Make) -> None:
    ids = standin.add_jobs(1000, user="me", status="Queued", tags=[SERIES, TAG])
    standin.add_jobs(300)
    before = sum(standin.stats()["requests"].values())

    statuses = make().statuses(ids)

    assert set(statuses) == set(ids)
    assert set(statuses.values()) == {JobStatus.QUEUED}
    assert sum(standin.stats()["requests"].values()) - before <= 10


def test_a_few_jobs_of_a_large_set_are_asked_for_one_by_one(
    standin: StandIn, make: Make, submit: Submit
) -> None:
    provider = make(settle_s="1e-9")
    job_id = submit(provider)
    for number in range(1, 450):
        provider._known_jobs.intend(
            provider._known_jobs.tagged(TAG)._replace(tag=f"{SERIES}-{number}-1")  # type: ignore[union-attr]  # it was submitted
        )
    before = standin.stats()["requests"]

    provider.statuses([job_id])

    after = standin.stats()["requests"]
    assert after.get("list", 0) == before.get("list", 0)
    assert after["job"] == before.get("job", 0) + 1


def test_jobs_without_tags_are_found_among_the_newest(standin: StandIn, make: Make) -> None:
    ids = standin.add_jobs(150, user="me", status="Queued")
    before = sum(standin.stats()["requests"].values())

    statuses = make().statuses(ids)

    assert set(statuses.values()) == {JobStatus.QUEUED}
    assert sum(standin.stats()["requests"].values()) - before <= 10


def test_a_job_that_is_too_new_for_the_list_is_initializing(
    standin: StandIn, make: Make, submit: Submit
) -> None:
    standin.set(list_lag_s=60)
    provider = make(settle_s="30")
    job_id = submit(provider)
    before = standin.stats()["requests"]

    assert provider.statuses([job_id, "strange"]) == {
        job_id: JobStatus.INITIALIZING,
        "strange": JobStatus.UNKNOWN,
    }
    assert standin.stats()["requests"]["list"] == before.get("list", 0) + 1
    assert make("elsewhere").statuses([job_id]) == {job_id: JobStatus.QUEUED}


def test_a_word_that_nobody_knows_is_unknown(standin: StandIn, make: Make, submit: Submit) -> None:
    standin.faults("status-word")
    provider = make()

    job_id = submit(provider)

    assert provider.statuses([job_id]) == {job_id: JobStatus.UNKNOWN}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("fail", "Internal error"),
        (
            "time-limit",
            "(code 1305); with fewer circuits a job it takes less time: qjobs retry",
        ),
    ],
)
def test_a_failed_job_says_why_and_has_no_result(
    start_standin: Start, make: Make, submit: Submit, fault: str, words: str
) -> None:
    start_standin(run="cheap").faults(fault)
    provider = make()
    job_id = submit(provider)

    assert wait(provider, job_id) is JobStatus.ERROR
    assert words in provider.error_message(job_id)
    with pytest.raises(ProviderError, match="ERROR"):
        provider.result(job_id)


@pytest.mark.slow
def test_results_that_are_gone_are_said_to_be(
    start_standin: Start, make: Make, submit: Submit
) -> None:
    start_standin(run="cheap").faults("expire-results")
    provider = make()
    job_id = submit(provider)
    wait(provider, job_id)

    with pytest.raises(ResultGone, match="no longer has the results"):
        provider.result(job_id)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("parts", "gone"),
    [
        ({"status": 413, "code": 0}, True),
        ({"status": 404}, False),  # nobody said that these can be read once
        ({"status": 503}, False),
        ({"status": 429}, False),
    ],
)
def test_results_are_gone_only_where_that_is_sure(
    start_standin: Start, make: Make, submit: Submit, parts: dict[str, int], gone: bool
) -> None:
    start_standin(run="cheap").faults("expire-results", **parts)
    provider = make()
    job_id = submit(provider)
    wait(provider, job_id)

    with pytest.raises(ProviderError) as caught:
        provider.result(job_id)

    assert isinstance(caught.value, ResultGone) == gone
    assert provider.was_too_large(caught.value.message) == (parts["status"] == 413)


@pytest.mark.parametrize(
    ("message", "too_large"),
    [
        ("Failed to publish job: nats: maximum payload exceeded (code 5302)", True),
        ("the results are gone: IBM Quantum answers 413: a page of cloudflare", True),
        ("IBM Quantum answers 400, code 1206: Request entity too large.", True),
        ("Internal error. (code 6000)", False),
        ("Job ran too long. (code 1305)", False),
        ("error code 15302", False),
        ("", False),
    ],
)
def test_what_was_too_large_is_known_by_its_code(message: str, too_large: bool) -> None:
    assert speaks_of_size(message) == too_large


@pytest.mark.parametrize(
    "job_id", ["no-such-job", "", "1", "../../etc/passwd", "..", "ü\n", "9" * 40, "a/cancel"]
)
def test_a_strange_id_is_unknown_and_does_nothing(
    standin: StandIn, make: Make, job_id: str
) -> None:
    provider = make()

    assert provider.statuses([job_id]) == {job_id: JobStatus.UNKNOWN}
    assert provider.cancel([job_id]) == {job_id: CancelOutcome.REFUSED}
    with pytest.raises(ProviderError):
        provider.result(job_id)


# Cancelling


def test_jobs_are_cancelled_and_may_be_cancelled_again(
    standin: StandIn, make: Make, submit: Submit
) -> None:
    provider = make()
    ids = [submit(provider, tag=f"{SERIES}-{number}-1") for number in range(3)]

    assert set(provider.cancel(ids).values()) == {CancelOutcome.CANCELLED}
    assert provider.cancel(ids) == dict.fromkeys(ids, CancelOutcome.ALREADY_FINAL)
    assert set(provider.statuses(ids).values()) == {JobStatus.CANCELLED}


# Backends


def test_backends_show_how_busy_they_are(standin: StandIn, make: Make) -> None:
    standin.add_jobs(2, backend="ibm_fez", status="Queued")

    backends = {info.name: info for info in make().backends()}

    assert backends["ibm_lagos"].qubits == 7
    assert (backends["ibm_fez"].pending_jobs, backends["ibm_lagos"].pending_jobs) == (2, 0)
    assert backends["ibm_fez"].operational
    assert next(reversed(backends)) == "ibm_fez"
    assert not backends["ibm_fez"].simulator


@pytest.mark.parametrize("method", ["check", "limits", "capabilities", "submit"])
def test_an_unknown_backend_is_refused_with_near_ones(
    standin: StandIn, make: Make, tmp_path: Path, method: str
) -> None:
    provider = make()
    calls: dict[str, Callable[[str], object]] = {
        "check": lambda backend: provider.check(backend, OPTIONS),
        "limits": provider.limits,
        "capabilities": provider.capabilities,
        "submit": lambda backend: provider.submit(
            CircuitSlice(tmp_path / "none.qpy", Slice(0, 1)),
            backend=backend,
            options=OPTIONS,
            tag=TAG,
        ),
    }

    with pytest.raises(UnknownBackend, match="ibm_lagos"):
        calls[method]("ibm_lagus")


def test_a_known_backend_is_not_asked_for(standin: StandIn, make: Make, submit: Submit) -> None:
    submit(make())
    before = standin.stats()["requests"]

    assert make().limits(BACKEND).submits_per_minute == 5
    assert make().capabilities(BACKEND).finds

    assert standin.stats()["requests"] == before


# Lost tags


def test_a_job_that_lost_its_tags_is_known_by_what_it_was_given(
    standin: StandIn, make: Make, submit: Submit
) -> None:
    standin.arm([{"name": "lose-tags", "times": 0}, {"name": "accept-then-drop", "times": 0}])
    provider = make(settle_s="1e-9")
    for number, circuit in enumerate([native(), registers(), native()]):
        with pytest.raises(ProviderError):
            submit(provider, circuit, tag=f"{SERIES}-{number}-1")
    standin.add_jobs(20, program="executor")

    found = [make(settle_s="1e-9").find(f"{SERIES}-{number}-1") for number in range(3)]

    jobs = [job["id"] for job in standin.stats()["jobs"][:3]]
    assert sorted(job_id for ids in found for job_id in ids) == sorted(jobs)
    assert list(found[1]) == [jobs[1]]
    assert list(make().find(f"{SERIES}-1-1")) == [jobs[1]]


def test_a_job_is_not_searched_for_among_all_before_it_must_be_listed(
    standin: StandIn, make: Make, submit: Submit
) -> None:
    standin.arm([{"name": "lose-tags"}, {"name": "accept-then-drop"}])
    provider = make(settle_s="60")
    with pytest.raises(ProviderError):
        submit(provider)

    with pytest.raises(NotNow) as caught:
        provider.find(TAG)
    assert caught.value.retry_after_s is not None
    assert 0 < caught.value.retry_after_s <= 60
    assert "job" not in standin.stats()["requests"]


def test_a_job_like_it_from_another_time_is_not_taken_for_a_lost_one(
    standin: StandIn, make: Make, submit: Submit
) -> None:
    standin.faults("lose-tags", times=0)
    stranger = submit(make("elsewhere"))
    with closing(sqlite3.connect(standin.folder / "standin.sqlite")) as state, state:
        state.execute("UPDATE jobs SET created = created - 60 WHERE id = ?", [stranger])
    standin.arm([{"name": "accept-then-drop", "times": 2}, {"name": "drop", "times": 2}])

    def found(ahead_s: float, attempt: int) -> list[str]:
        """The clock of this machine may be wrong."""
        tag = f"{SERIES}-0-{attempt}"
        provider = make(clock=lambda: time.time() + ahead_s, settle_s="1e-9")
        with pytest.raises(ProviderError):
            submit(provider, tag=tag)
        return list(provider.find(tag))

    for attempt, ahead_s in enumerate([-1000, 1000], 1):
        assert found(ahead_s, attempt) == [standin.stats()["jobs"][-1]["id"]]
    for attempt, ahead_s in enumerate([-1000, 1000], 3):
        assert found(ahead_s, attempt) == []


def test_a_job_like_it_that_came_later_is_not_taken_for_a_lost_one(
    standin: StandIn, make: Make, submit: Submit, tmp_path: Path
) -> None:
    standin.arm([{"name": "lose-tags", "times": 0}, {"name": "drop"}])
    provider = make()
    with pytest.raises(ProviderError):
        submit(provider)
    with closing(sqlite3.connect(tmp_path / "ibm" / "calls.sqlite")) as file, file:
        file.execute("UPDATE call SET made_s = made_s - 60, lost_s = lost_s - 60")
    submit(make("elsewhere"))

    assert list(provider.find(TAG)) == []


def test_of_two_jobs_that_are_alike_and_have_no_tags_only_the_oldest_is_taken(
    standin: StandIn, make: Make, submit: Submit
) -> None:
    """The other may be of another call, or of somebody else: nobody may cancel it for us."""
    standin.arm([{"name": "lose-tags", "times": 0}, {"name": "accept-then-drop"}])
    provider = make(settle_s="1e-9")
    with pytest.raises(ProviderError):
        submit(provider)
    submit(make("elsewhere"))

    assert list(provider.find(TAG)) == [standin.stats()["jobs"][0]["id"]]


def test_where_too_many_jobs_have_no_tags_nobody_says_that_a_lost_one_is_not_there(
    standin: StandIn, make: Make, submit: Submit
) -> None:
    standin.arm([{"name": "lose-tags", "times": 0}, {"name": "accept-then-drop"}])
    provider = make(settle_s="1e-9")
    with pytest.raises(ProviderError):
        submit(provider)
    standin.add_jobs(30, program="executor")

    with pytest.raises(ProviderError, match="too many"):
        provider.find(TAG)


# What is kept


def test_results_that_were_kept_long_ago_are_deleted(tmp_path: Path) -> None:
    day_s = 86_400.0
    calls = KnownJobs(tmp_path)
    calls.keep("old", "executor", "results", at_s=0)
    calls.keep("new", "executor", "results", at_s=29 * day_s)
    assert calls.kept("old")

    calls.keep("newest", "executor", "results", at_s=31 * day_s)

    kept = {job_id: calls.kept(job_id) is not None for job_id in ("old", "new", "newest")}
    assert kept == {"old": False, "new": True, "newest": True}


def test_what_the_first_format_kept_is_still_there(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "calls.sqlite")) as first, first:
        first.executescript(
            """
            CREATE TABLE call (
                tag TEXT PRIMARY KEY, series TEXT, backend TEXT, instance TEXT, program TEXT,
                made_s REAL, digest TEXT, shots INTEGER, memory INTEGER, layouts TEXT,
                job_id TEXT);
            CREATE INDEX call_by_job ON call (job_id);
            CREATE TABLE kept (job_id TEXT PRIMARY KEY, program TEXT, results TEXT);
            INSERT INTO call VALUES ('t', 's', 'b', 'i', 'p', 1.5, 'd', 9, 1, '[]', 'j');
            INSERT INTO kept VALUES ('j', 'p', 'results');
            PRAGMA user_version = 1;
            """
        )
    calls = KnownJobs(tmp_path)

    assert calls.of_job("j") == Call("t", "s", "b", "i", "p", 1.5, "d", 9, True, [], "j")
    calls.keep("new", "p", "results", at_s=1e9)
    assert calls.kept("j") == ("p", "results")
    calls.keep("newest", "p", "results", at_s=2e9)
    assert calls.kept("j") is None


# What else the service tells


def test_a_waiting_job_tells_its_place_in_the_queue(
    standin: StandIn, make: Make, submit: Submit
) -> None:
    provider = make()
    submit(provider, tag=f"{SERIES}-0-1")
    job_id = submit(provider, tag=f"{SERIES}-1-1")

    details = provider.details(job_id)

    assert details.queue_position == 2
    assert str(details.created) < str(details.estimated_start)
    assert details.ended is None


def test_when_jobs_ended_is_known_from_the_answers_that_told_that_they_have(
    standin: StandIn, make: Make, submit: Submit
) -> None:
    provider = make()
    job_id = submit(provider, tag=f"{SERIES}-0-1")
    before = datetime.now(UTC)
    assert provider.times([job_id]) == {}
    standin.set(queue_s=0.0)
    provider.cancel([job_id])
    assert provider.statuses([job_id]) == {job_id: JobStatus.CANCELLED}
    asked = standin.stats()["requests"]

    (told,) = provider.times([job_id, "no-such-job"]).values()

    assert before <= told.ended <= datetime.now(UTC)
    assert (told.started, told.queue_position) == (None, None)
    assert standin.stats()["requests"] == asked


@pytest.mark.parametrize("mode", ["batch", "session"])
def test_jobs_are_together_in_a_session_until_it_is_closed(
    standin: StandIn, make: Make, submit: Submit, mode: str
) -> None:
    provider = make()
    options = RunOptions(shots=5, extra={"mode": mode})
    session = provider.open_session(backend=BACKEND, options=options)

    submit(provider, options=options, session=session)
    submit(provider, options=options, session=session, tag=f"{SERIES}-1-1")
    make().close_session(session, backend=BACKEND)
    provider.close_session(session, backend=BACKEND)

    assert {job["session_id"] for job in standin.stats()["jobs"]} == {session}
    with pytest.raises(SessionOver) as over:
        submit(provider, options=options, session=session, tag=f"{SERIES}-2-1")
    assert over.value.session_id == session
    theirs = RunOptions(shots=5, extra={"session": session})
    with pytest.raises(JobRefused):
        submit(provider, options=theirs, tag=f"{SERIES}-3-1")
    assert len(standin.stats()["jobs"]) == 2


def test_no_session_is_opened_for_jobs_that_need_none(standin: StandIn, make: Make) -> None:
    assert make().open_session(backend=BACKEND, options=RunOptions()) == ""
    assert standin.stats()["sessions"] == []


def test_closing_a_session_is_tried_again_and_needs_no_backend(
    standin: StandIn, make: Make
) -> None:
    provider = make()
    options = RunOptions(extra={"mode": "batch"})
    session = provider.open_session(backend=BACKEND, options=options)
    standin.faults("error", on="session")

    provider.close_session(session, backend=BACKEND)

    (known,) = standin.stats()["sessions"]
    assert not known["accepting_jobs"]
    provider.close_session(session, backend="retired")


@pytest.mark.slow
def test_bits_that_are_in_no_register_are_measured_too(
    start_standin: Start, make: Make, submit: Submit
) -> None:
    start_standin(run="aer")
    mixed = QuantumCircuit(QuantumRegister(7, "q"), [Clbit()], ClassicalRegister(1, "c"))
    bare = QuantumCircuit(QuantumRegister(7, "q"), [Clbit(), Clbit()])
    for circuit in (mixed, bare):
        circuit.x(0)
        circuit.measure([0, 1], [0, 1])
    provider = make()

    job_id = submit(provider, mixed, bare, options=RunOptions(shots=4, memory=True))

    first, second = outcome(provider, job_id)
    assert (first.readable_counts(), first.readable_memory()) == ({"1 0": 4}, ["1 0"] * 4)
    assert (second.readable_counts(), second.registers) == ({"01": 4}, ())


@pytest.mark.slow
def test_a_job_that_was_found_has_the_shapes_that_it_was_submitted_with(
    start_standin: Start, make: Make, submit: Submit
) -> None:
    start_standin().faults("accept-then-drop")
    provider = make(settle_s="1e-9")
    loose = QuantumCircuit(QuantumRegister(1, "q"), ClassicalRegister(1, "c"))
    loose.add_bits([Clbit()])
    loose.measure(0, 0)
    with pytest.raises(ProviderError):
        submit(provider, loose, options=RunOptions(shots=4, memory=True))

    (job_id,) = provider.find(TAG)

    (result,) = outcome(make(), job_id)
    assert result.clbits == 2
    assert result.memory is not None
