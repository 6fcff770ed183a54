"""The real client works with the stand-in as with the service while nothing goes wrong."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp
from qiskit_ibm_runtime import Batch, EstimatorV2, Session
from qiskit_ibm_runtime.exceptions import (
    IBMInputValueError,
    IBMRuntimeError,
    RuntimeInvalidStateError,
    RuntimeJobNotFound,
)
from qiskit_ibm_runtime.executor_estimator import Estimator
from support import TESTS
from support.ibm_client import (
    BACKEND,
    SHOTS,
    bell,
    connect,
    counts,
    submit,
    submit_as_before,
    turned,
)
from support.standin.account import INSTANCES
from support.standin.process import StandIn

pytestmark = pytest.mark.filterwarnings("ignore:.*(SamplerV2|EstimatorV2):DeprecationWarning")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    with StandIn(tmp_path_factory.mktemp("shared")) as standin:
        yield standin


@pytest.fixture
def simulating(shared: StandIn, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """One stand-in for all tests that want results: its worker takes seconds to load Aer."""
    for name, value in shared.environment.items():
        monkeypatch.setenv(name, value)
    return shared


def test_both_samplers_give_what_a_bell_pair_gives(simulating: StandIn) -> None:
    for job in (submit(bell()), submit_as_before(bell())):
        (measured,) = counts(job)
        assert set(measured) == {"0000000", "0000011"}
        assert sum(measured.values()) == 100
        assert job.status() == "DONE"


def test_counts_depend_on_the_circuit_and_nothing_else(simulating: StandIn) -> None:
    alone = counts(submit(bell()))
    assert counts(submit(bell("other"), bell())) == [*counts(submit(bell("other"))), *alone]
    assert counts(submit_as_before(bell())) == alone
    assert counts(submit(bell("other"))) != alone


def test_parameter_values_keep_their_shape(simulating: StandIn) -> None:
    values = np.array([[0.0], [np.pi], [np.pi / 2]])
    new = submit((turned(), values)).result(timeout=60)[0].data.c
    old = submit_as_before((turned(), values)).result(timeout=60)[0].data.c
    for bits in (new, old):
        assert bits.shape == (3,)
        assert bits.get_counts(0) == {"0": 100}
        assert bits.get_counts(1) == {"1": 100}
        assert 20 < bits.get_counts(2)["1"] < 80


def test_both_estimators_give_expectation_values(simulating: StandIn) -> None:
    circuit = bell().remove_final_measurements(inplace=False)
    observables = [SparsePauliOp("IIIIIZZ"), SparsePauliOp("IIIIIXX"), SparsePauliOp("IIIIIIZ")]
    backend = connect().backend(BACKEND)
    for estimator in (Estimator(mode=backend), EstimatorV2(mode=backend)):
        job = estimator.run([(circuit, observables)], precision=0.05)
        assert job.result(timeout=60)[0].data.evs == pytest.approx([1, 1, 0], abs=0.4)


def test_jobs_of_a_batch_and_a_session_say_so(simulating: StandIn) -> None:
    backend = connect().backend(BACKEND)
    for kind in (Batch, Session):
        with kind(backend=backend) as session:
            job = submit(mode=session)
            assert counts(job)
        details = session.details()
        assert details is not None
        assert not details["accepting_jobs"]
        assert details["mode"] == ("batch" if kind is Batch else "dedicated")
        assert [job.job_id()] == [
            one.job_id() for one in connect().jobs(session_id=session.session_id)
        ]
        with pytest.raises(IBMRuntimeError, match="1217"):
            submit(mode=kind.from_id(session.session_id, service=connect()))


@pytest.mark.slow
def test_another_process_has_the_result_by_the_id(simulating: StandIn) -> None:
    job = submit(bell(), tags=["elsewhere"])
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from support.ibm_client import connect, counts\n"
        "job = connect().job(sys.argv[2])\n"
        "print(counts(job), job.tags, job.usage() > 0)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, str(TESTS), job.job_id()],
        env={"HOME": str(simulating.folder), **simulating.environment},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout == f"{counts(job)} ['elsewhere'] True\n"


def test_a_circuit_that_cannot_be_run_fails_with_its_reason(simulating: StandIn) -> None:
    circuit = QuantumCircuit(7, 1)
    circuit.measure(0, 0)
    job = submit_as_before((circuit, None, 10**9))
    job.wait_for_final_state(timeout=60)
    assert job.status() == "ERROR"
    assert "Error code 9999" in job.error_message()


def test_jobs_are_run_after_the_server_was_killed(start_standin: Callable[..., StandIn]) -> None:
    standin = start_standin(run="never")
    (running,) = standin.add_jobs(1, user="me", status="Running")
    job = submit(tags=["a", "b"])
    standin.kill()
    standin.restart()
    assert connect().job(running).status() == job.status() == "QUEUED"
    standin.set(run="cheap")
    assert sum(counts(job)[0].values()) == SHOTS
    assert standin.stats()["jobs"][1]["tags"] == ["a", "b"]


def test_times_in_the_queue_and_on_the_backend_show(simulating: StandIn) -> None:
    jobs = []
    for queue_s, run_s in ((3600.0, 0.0), (0.0, 3600.0), (0.0, 0.0)):
        simulating.set(queue_s=queue_s, run_s=run_s)
        jobs.append(submit())
    while jobs[-1].status() != "DONE":  # it was the last one to be run
        time.sleep(0.02)
    assert [job.status() for job in jobs] == ["QUEUED", "RUNNING", "DONE"]


def test_the_queue_has_places(standin: StandIn) -> None:
    first, second = submit(), submit()
    assert first.metrics()["position_in_queue"] == 1
    assert second.metrics()["position_in_queue"] == 2
    assert second.metrics()["timestamps"]["running"] is None
    assert connect().backend(BACKEND).status().pending_jobs == 2


def test_the_list_is_filtered_as_the_client_asks(standin: StandIn) -> None:
    service = connect()
    before = datetime.now().astimezone() - timedelta(seconds=1)
    ids = [submit(tags=["set", f"job{index}"]).job_id() for index in range(3)]
    service.job(ids[0]).cancel()

    def listed(**filters: object) -> list[str]:
        return [job.job_id() for job in service.jobs(**filters)]

    assert listed() == ids[::-1]
    assert listed(descending=False) == ids
    assert listed(limit=1, skip=1) == [ids[1]]
    assert listed(job_tags=["set"]) == ids[::-1]
    assert listed(job_tags=["set", "job1"]) == [ids[1]]
    assert listed(job_tags=["job0", "job1"]) == []
    assert listed(pending=True) == ids[:0:-1]
    assert listed(pending=False) == [ids[0]]
    assert listed(backend_name="ibm_torino") == []
    assert listed(program_id="executor", backend_name=BACKEND) == ids[::-1]
    assert listed(created_after=before) == ids[::-1]
    assert listed(created_before=before) == []


def test_a_thousand_jobs_are_listed_in_five_requests(standin: StandIn) -> None:
    ids = standin.add_jobs(1000, tags=["set"], user="me")
    client = connect()._active_api_client
    seen = [
        job["id"]
        for skip in range(0, 1000, 200)
        for job in client.jobs_get(limit=200, skip=skip, job_tags=["set"])["jobs"]
    ]
    assert seen == ids[::-1]
    assert standin.stats()["requests"]["list"] == 5


def test_jobs_are_cancelled_once(standin: StandIn) -> None:
    job = submit()
    job.cancel()
    assert job.status() == "CANCELLED"
    with pytest.raises(RuntimeInvalidStateError, match="409"):
        job.cancel()
    with pytest.raises(RuntimeInvalidStateError, match="cancelled"):
        job.result()


def test_closing_a_session_cancels_what_waits(standin: StandIn) -> None:
    session = Session(backend=connect().backend(BACKEND))
    job = submit(mode=session)
    session.cancel()
    assert job.status() == "CANCELLED"
    assert session.status() == "Closed"


def test_tags_are_replaced_and_jobs_deleted(standin: StandIn) -> None:
    job = submit(tags=["old"])
    job.update_tags(["new", "newer"])
    assert sorted(connect().job(job.job_id()).tags) == ["new", "newer"]
    assert standin.stats()["jobs"][0]["sent_tags"] == ["old"]
    connect().delete_job(job.job_id())
    with pytest.raises(RuntimeJobNotFound):
        connect().job(job.job_id())


def test_tags_have_limits(standin: StandIn) -> None:
    with pytest.raises(IBMRuntimeError, match='"code": 1204'):
        submit(tags=[str(number) for number in range(9)])
    with pytest.raises(IBMRuntimeError, match='"code": 1205'):
        submit(tags=["x" * 87])
    assert standin.stats()["jobs"] == []


def test_instances_are_told_apart(standin: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    job = submit()
    monkeypatch.setenv("QISKIT_IBM_INSTANCE", "standin-second")
    service = connect()
    assert service.active_instance() == INSTANCES["standin-second"]
    assert service.jobs() == []
    monkeypatch.setenv("QISKIT_IBM_INSTANCE", "nowhere")
    with pytest.raises(IBMInputValueError, match="nowhere"):
        connect()
    monkeypatch.delenv("QISKIT_IBM_INSTANCE")
    assert connect().job(job.job_id()).job_id() == job.job_id()


def test_other_people_s_jobs_are_in_the_list(standin: StandIn) -> None:
    (other,) = standin.add_jobs(1, tags=["theirs"])
    assert [job.job_id() for job in connect().jobs()] == [other]


def test_a_backend_is_calibrated_anew(standin: StandIn) -> None:
    before = connect().backend(BACKEND).properties().last_update_date
    standin.set(calibration=2)
    after = connect().backend(BACKEND).properties().last_update_date
    assert after - before == timedelta(days=2)


def test_the_backends_are_those_that_were_asked_for(start_standin: Callable[..., StandIn]) -> None:
    start_standin(run="never", backends="ibm_fez,ibm_torino")
    backends = {backend.name: backend.num_qubits for backend in connect().backends()}
    assert backends == {"ibm_fez": 156, "ibm_torino": 133}


def test_the_state_is_for_its_owner_only(standin: StandIn) -> None:
    submit()
    files = list(standin.folder.iterdir())
    assert files
    assert {file.stat().st_mode & 0o077 for file in [standin.folder, *files]} == {0}
