"""Jobs of this process's own backend objects, and what other processes see of them."""

import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from folder_vendor import Packed, Terse
from qiskit import QuantumCircuit, qpy
from qiskit.circuit import ParameterVector
from qiskit.primitives import BackendSamplerV2, StatevectorSampler
from qiskit.providers import JobStatus as QiskitStatus
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.result.models import ExperimentResult, ExperimentResultData
from qiskit_aer import AerSimulator
from support import TESTS
from support.held_process import BEHIND
from support.scripted_vendor import Line, ScriptedBackend, Service, experiment, measured, result

from qjobs.circuits.outcomes import from_npy
from qjobs.circuits.slices import CircuitSlice
from qjobs.circuits.sweep import Sweep
from qjobs.contract import CancelOutcome, ProviderContext
from qjobs.errors import JobRefused, NoneAccepted, ProviderError, UnknownBackend, UsageError
from qjobs.model import JobStatus, RunOptions, Slice
from qjobs.providers.held.provider import HeldProvider
from qjobs.testing.contract import MEASURED, scattered, scattered_outcome

OPTIONS = RunOptions(shots=4)
PROGRAM = TESTS / "support" / "held_process.py"
SAID = 2 * BEHIND  # jobs of a process before it is killed


@pytest.fixture(scope="session")
def container(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("circuits") / "circuits.qpy"
    with path.open("wb") as file:
        qpy.dump([measured(*(index >> bit & 1 for bit in range(6))) for index in range(40)], file)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "home" / "python"


@pytest.fixture
def make(folder: Path) -> Callable[..., HeldProvider]:
    def make(backend: Any = None, **settings: Any) -> HeldProvider:
        if backend is not None:
            settings["backend"] = backend
        return HeldProvider(ProviderContext(folder, settings))

    return make


@pytest.fixture
def submit(container: Path) -> Callable[..., str]:
    def submit(provider: HeldProvider, start: int = 0, count: int = 1, **more: Any) -> str:
        return provider.submit(
            CircuitSlice(container, Slice(start, count)),
            **{"backend": "", "options": OPTIONS, "tag": f"t-{start}-1", **more},
        )

    return submit


def wait(provider: HeldProvider, job_id: str, *, patience_s: float = 60.0) -> JobStatus:
    until = time.monotonic() + patience_s
    while time.monotonic() < until:
        status = provider.statuses([job_id])[job_id]
        if status.final:
            return status
        time.sleep(0.005)
    raise AssertionError(f"job {job_id} is still {status}")


# One job


def test_a_job_runs_and_every_process_can_read_it(make: Any, submit: Any) -> None:
    provider, other = make(AerSimulator()), make()

    job_id = submit(provider, 5, 3)

    assert wait(provider, job_id) is JobStatus.DONE
    for reader in (provider, other):
        assert reader.find("t-5-1") == [job_id]
        assert reader.find("") == reader.find("t-5") == []
        assert reader.statuses([job_id, "?"]) == {job_id: "DONE", "?": "UNKNOWN"}
        assert [c.counts for c in reader.result(job_id).circuits()] == [
            {"0x5": 4}, {"0x6": 4}, {"0x7": 4},
        ]  # fmt: skip
        assert reader.error_message(job_id) == ""
        assert reader.cancel([job_id]) == {job_id: CancelOutcome.ALREADY_FINAL}


def test_a_job_is_running_until_its_result_is_kept(make: Any, submit: Any) -> None:
    backend = ScriptedBackend()
    provider, other = make(backend), make()
    job_id = submit(provider)

    for reader in (provider, other):
        assert reader.statuses([job_id]) == {job_id: JobStatus.RUNNING}
        with pytest.raises(ProviderError, match="RUNNING"):
            reader.result(job_id)
    backend.jobs[0].end()

    assert wait(other, job_id) is JobStatus.DONE
    assert len(other.result(job_id)) == 1


def test_a_result_is_asked_for_once(make: Any, submit: Any) -> None:
    backend = ScriptedBackend()
    provider = make(backend)
    job_id = submit(provider)
    backend.jobs[0].end()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: wait(provider, job_id), range(32)))
        results = list(pool.map(lambda _: provider.result(job_id).body, range(32)))

    assert len(set(results)) == 1
    assert backend.jobs[0].reads == 1


@pytest.mark.parametrize(
    ("said", "outcome", "message"),
    [
        (QiskitStatus.ERROR, RuntimeError("the ions left"), "the ions left"),
        (QiskitStatus.DONE, RuntimeError("the ions left"), "the ions left"),
        (QiskitStatus.DONE, result(experiment(counts={"0x0": 4})), "1 results for a job of 2"),
        (
            QiskitStatus.DONE,
            result(*[experiment()] * 2),
            "circuit 1 of the job: ",
        ),
        (QiskitStatus.DONE, object(), "cannot read a result of type object"),
    ],
)
def test_a_failed_job_says_why_everywhere(
    make: Any, submit: Any, said: Any, outcome: Any, message: str
) -> None:
    backend = ScriptedBackend()
    provider, other = make(backend), make()
    job_id = submit(provider, 0, 2)
    backend.jobs[0].end(said, outcome)

    for reader in (provider, other):
        assert wait(reader, job_id) is JobStatus.ERROR
        assert message in reader.error_message(job_id)
        with pytest.raises(ProviderError):
            reader.result(job_id)


def test_circuits_that_failed_do_not_spoil_the_others(make: Any, submit: Any) -> None:
    backend = ScriptedBackend()
    provider = make(backend)
    job_id = submit(provider, 0, 2)
    broken = ExperimentResult(4, False, ExperimentResultData(), status="ERROR: too wide")
    backend.jobs[0].end(outcome=result(broken, experiment(counts={"0x1": 4})))

    assert wait(provider, job_id) is JobStatus.DONE
    first, second = provider.result(job_id).circuits()
    assert (first.counts, first.message) == (None, "too wide")
    assert second.counts == {"0x1": 4}


def test_a_broken_connection_does_not_lose_a_result(make: Any, submit: Any) -> None:
    backend = ScriptedBackend()
    provider = make(backend)
    job_id = submit(provider)
    backend.jobs[0].failures.append(ConnectionResetError("reset"))
    backend.jobs[0].end()

    assert wait(provider, job_id) is JobStatus.DONE
    assert backend.jobs[0].reads == 2


def test_the_vendors_own_job_can_be_had(make: Any, submit: Any) -> None:
    backend = ScriptedBackend()
    provider = make(backend)
    job_id = submit(provider)

    assert provider.job(job_id) is backend.jobs[0]
    assert make().job(job_id) is None
    backend.jobs[0].end()


# Submitting


def test_the_same_tag_is_the_same_job(make: Any, submit: Any) -> None:
    backend = ScriptedBackend()

    assert submit(make(backend)) == submit(make(backend))
    assert len(backend.calls) == 1


def test_the_jobs_of_a_set_are_told_by_what_was_written_down(make: Any, submit: Any) -> None:
    backend = ScriptedBackend()
    provider = make(backend)
    job_id = submit(provider, tag="qj-0abc-0-1")
    submit(provider, tag="qj-0abcd-0-1")

    (told,) = make().jobs_of("qj-0abc", backend="scripted")

    assert (told.job_id, told.labels) == (job_id, ("qj-0abc-0-1", "qj-0abc"))


def test_what_the_backend_refuses_is_not_written_down(make: Any, submit: Any) -> None:
    provider = make(ScriptedBackend(ValueError("no such option"), ConnectionError("broke")))

    with pytest.raises(JobRefused, match="no such option"):
        submit(provider)
    with pytest.raises(ProviderError, match="broke") as caught:
        submit(provider)

    assert type(caught.value) is ProviderError
    assert provider.find("t-0-1") == []


def test_jobs_of_one_id_are_told_apart(make: Any, submit: Any) -> None:
    backends = [ScriptedBackend(job_ids=lambda _: "1") for _ in range(2)]
    providers = [make(backend) for backend in backends]

    first, second = (submit(provider, index) for index, provider in enumerate(providers))
    backends[0].jobs[0].end()
    backends[1].jobs[0].end(QiskitStatus.ERROR, RuntimeError("oh"))

    assert first == "1"
    assert second != "1"
    assert wait(make(), first) is JobStatus.DONE
    assert wait(make(), second) is JobStatus.ERROR


def test_a_job_without_an_id_gets_one(make: Any, submit: Any) -> None:
    backend = ScriptedBackend(job_ids=lambda _: "")
    provider = make(backend)

    job_id = submit(provider)
    backend.jobs[0].end()

    assert job_id
    assert wait(make(), job_id) is JobStatus.DONE


def test_without_an_object_no_job_is_taken(make: Any, submit: Any) -> None:
    provider = make()

    with pytest.raises(UsageError, match="only a Python program"):
        provider.check("scripted", OPTIONS)
    with pytest.raises(NoneAccepted):
        submit(provider)
    assert provider.backends() == ()
    assert provider.limits("scripted").connections == 1
    assert provider.capabilities("scripted").finds is False


def test_an_object_that_runs_nothing_and_a_strange_name_are_refused(make: Any) -> None:
    with pytest.raises(UsageError, match="neither a backend"):
        make(object()).check("", OPTIONS)
    for method in (lambda p: p.check("ibm", OPTIONS), lambda p: p.limits("ibm")):
        with pytest.raises(UnknownBackend, match="'scripted'"):
            method(make(ScriptedBackend()))
    make(ScriptedBackend()).check("scripted", OPTIONS)


def test_what_cannot_be_written_down_does_not_run(make: Any, submit: Any, folder: Path) -> None:
    backend = ScriptedBackend()
    folder.parent.mkdir()
    folder.write_text("a file")

    with pytest.raises(JobRefused, match="cannot use"):
        submit(make(backend))

    assert backend.calls == []


def test_a_job_that_runs_is_not_lost_when_it_cannot_be_written_down(
    make: Any, submit: Any, folder: Path
) -> None:
    class Wrecking(ScriptedBackend):
        def run(self, circuits: Any, **options: Any) -> Any:
            with closing(sqlite3.connect(folder / "jobs.sqlite")) as connection:
                connection.execute("DROP TABLE job")
            return super().run(circuits, **options)

    backend = Wrecking()
    provider = make(backend)

    job_id = submit(provider)
    backend.jobs[0].end()

    assert wait(provider, job_id) is JobStatus.DONE
    assert len(provider.result(job_id)) == 1
    assert provider.cancel([job_id]) == {job_id: CancelOutcome.ALREADY_FINAL}
    with pytest.raises(ProviderError, match="cannot use"):
        make().statuses([job_id])


@pytest.mark.parametrize(
    "backend",
    [
        lambda folder: AerSimulator(),
        lambda folder: StatevectorSampler(),
        lambda folder: Packed("packed", folder),
        lambda folder: Terse("terse", folder),
        lambda folder: BackendSamplerV2(backend=AerSimulator()),
    ],
)
def test_each_bit_of_an_outcome_is_where_the_circuit_has_it(
    make: Any, submit: Any, container: Path, tmp_path: Path, backend: Callable[[Path], Any]
) -> None:
    provider = make(backend(tmp_path))
    provider.originals(container, [scattered(index) for index in range(len(MEASURED))])

    job_id = submit(provider, 0, len(MEASURED), options=RunOptions(shots=4, memory=True))

    assert wait(provider, job_id) is JobStatus.DONE
    expected = [scattered_outcome(index) for index in range(len(MEASURED))]
    found = list(make().result(job_id).circuits())
    assert [circuit.readable_counts() for circuit in found] == [{one: 4} for one in expected]
    assert [circuit.readable_memory() for circuit in found] == [[one] * 4 for one in expected]


def test_the_callers_own_circuits_run(make: Any, submit: Any, container: Path) -> None:
    circuits = [QuantumCircuit(1, name=str(index)) for index in range(3)]
    for circuit in circuits:
        circuit.h(0)
        circuit.save_statevector()
    provider = make(AerSimulator())
    provider.originals(container, circuits, {"seed_simulator": 3})

    job_id = submit(provider, 1, 2)

    assert wait(provider, job_id) is JobStatus.DONE
    states = [from_npy(c.arrays["statevector"]) for c in provider.result(job_id).circuits()]
    assert [abs(state[0]) ** 2 for state in states] == pytest.approx([0.5, 0.5])


def test_a_sweep_runs_with_its_values_in_place(make: Any, tmp_path: Path) -> None:
    angles = ParameterVector("a", 2)
    turned = QuantumCircuit(2, 2)
    turned.rx(angles[0], 0)
    turned.rx(angles[1], 1)
    turned.measure([0, 1], [0, 1])
    with (tmp_path / "c.qpy").open("wb") as file:
        qpy.dump([turned, turned], file)
    rows = [(0, 0), (np.pi, 0), (0, np.pi)]
    np.save(tmp_path / "p.npy", np.array(rows, dtype=float))
    sweep = Sweep(tmp_path / "p.npy", ("a[0]", "a[1]"), 3)
    provider = make(Line(5))

    job_id = provider.submit(
        CircuitSlice(tmp_path / "c.qpy", Slice(1, 4), sweep),
        backend="line",
        options=OPTIONS,
        tag="t-0-1",
    )

    assert wait(provider, job_id) is JobStatus.DONE
    found = [circuit.counts for circuit in provider.result(job_id).circuits()]
    assert found == [{"0x1": 4}, {"0x2": 4}, {"0x0": 4}, {"0x1": 4}]


def test_keywords_of_the_caller_win_over_options(make: Any, submit: Any, container: Path) -> None:
    backend = ScriptedBackend()
    provider = make(backend)
    circuits = [measured(0)] * 3
    provider.originals(container, circuits, {"noise": (noise := object())})

    submit(provider, 1, 1, options=RunOptions(shots=4, extra={"noise": "x", "level": 2}))

    ((ran, options),) = backend.calls
    assert options == {"shots": 4, "noise": noise, "level": 2}
    assert [id(circuit) for circuit in ran] == [id(circuits[1])]
    backend.jobs[0].end()


def test_jobs_from_many_threads_are_all_kept(make: Any, submit: Any) -> None:
    provider, other = make(AerSimulator(), connections=8), make()

    with ThreadPoolExecutor(8) as pool:
        job_ids = list(pool.map(lambda index: submit(provider, index), range(40)))

    assert provider.limits("").connections == 8
    for index, job_id in enumerate(job_ids):
        assert wait(other, job_id) is JobStatus.DONE
        assert other.find(f"t-{index}-1") == [job_id]
        assert [c.counts for c in other.result(job_id).circuits()] == [{hex(index): 4}]


def test_files_are_private(make: Any, submit: Any, folder: Path) -> None:
    before = os.umask(0)
    try:
        provider = make(AerSimulator())
        wait(provider, submit(provider))
    finally:
        os.umask(before)

    for path in (folder, *folder.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


# Cancelling


def test_a_job_can_be_cancelled_here_and_from_elsewhere(make: Any, submit: Any) -> None:
    provider, other = make(ScriptedBackend()), make()
    first, second = submit(provider, 0), submit(provider, 1)

    assert provider.cancel([first, "?"]) == {first: "cancelled", "?": "refused"}
    assert other.cancel([first, second]) == {first: "already final", second: "requested"}

    assert wait(other, second) is JobStatus.CANCELLED
    assert provider.statuses([first, second]) == dict.fromkeys([first, second], "CANCELLED")


def test_a_job_that_cannot_be_cancelled_goes_on(make: Any, submit: Any) -> None:
    backend = ScriptedBackend()
    backend.cancels = False
    provider, other = make(backend), make()
    job_id = submit(provider)

    assert provider.cancel([job_id]) == {job_id: CancelOutcome.REFUSED}
    assert other.cancel([job_id]) == {job_id: CancelOutcome.REQUESTED}
    backend.jobs[0].end()

    assert wait(other, job_id) is JobStatus.DONE


def test_a_cancelled_job_need_not_give_a_result_to_end(make: Any, submit: Any) -> None:
    backend = ScriptedBackend()
    provider, other = make(backend), make()
    job_id = submit(provider)
    backend.jobs[0].said = "canceled"  # by its owner, elsewhere; and `result` waits for ever

    assert wait(provider, job_id) is JobStatus.CANCELLED
    assert other.statuses([job_id]) == {job_id: JobStatus.CANCELLED}


def test_jobs_that_hang_do_not_keep_others_from_ending(make: Any, submit: Any) -> None:
    backend = ScriptedBackend()
    provider = make(backend)
    job_ids = [submit(provider, index) for index in range(17)]

    backend.jobs[-1].end()

    assert wait(provider, job_ids[-1]) is JobStatus.DONE
    for job in backend.jobs[:-1]:
        job.end()
    for job_id in job_ids:
        assert wait(provider, job_id) is JobStatus.DONE
    assert {job.reads for job in backend.jobs} == {1}


# Processes


@pytest.fixture
def start(folder: Path, container: Path) -> "Iterator[Callable[[str], subprocess.Popen[str]]]":
    """Start a process of held_process.py."""
    processes = []

    def start(kind: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(folder), str(container), kind],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def jobs_of(process: "subprocess.Popen[str]") -> Any:
    """What a process says of its jobs: two ids, and its child."""
    assert process.stdout is not None
    said = json.loads(process.stdout.readline())
    return *said["jobs"], said["child"]


def kill(process: "subprocess.Popen[str]") -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()


@pytest.mark.slow
def test_what_a_killed_process_kept_stays_and_the_rest_has_failed(start: Any, make: Any) -> None:
    process = start("scripted")
    done, running, _ = jobs_of(process)
    reader = make()
    assert reader.statuses([done, running]) == {done: "DONE", running: "RUNNING"}

    kill(process)

    for again in (reader, make(), make(ScriptedBackend())):
        assert again.statuses([done, running]) == {done: "DONE", running: "ERROR"}
        assert [c.counts for c in again.result(done).circuits()] == [{"0x1": 4}]
        assert "process" in again.error_message(running)
        assert again.cancel([running]) == {running: CancelOutcome.ALREADY_FINAL}


@pytest.mark.slow
def test_a_fork_does_not_keep_its_parent_alive(start: Any, make: Any) -> None:
    process = start("fork")
    _, running, child = jobs_of(process)

    kill(process)

    try:
        assert wait(make(), running) is JobStatus.ERROR
        os.kill(child, 0)  # it lives
    finally:
        os.kill(child, signal.SIGKILL)


@pytest.mark.slow
def test_a_process_that_ends_keeps_what_its_simulator_finishes(start: Any, make: Any) -> None:
    process = start("aer")
    first, second, _ = jobs_of(process)
    process.wait(60)

    reader = make()

    assert reader.statuses([first, second]) == dict.fromkeys([first, second], "DONE")
    assert [c.counts for c in reader.result(second).circuits()] == [{"0x1": 4}]


@pytest.mark.slow
def test_processes_may_be_killed_at_any_moment(start: Any, make: Any) -> None:
    processes = [start("loop") for _ in range(3)]
    said = [process.stdout.readline().strip() for process in processes for _ in range(SAID)]
    for process, more in zip(processes, (1, 6, 13), strict=True):
        said += [process.stdout.readline().strip() for _ in range(more)]
        kill(process)
        said += process.stdout.read().split()

    reader = make()
    statuses = reader.statuses(said)

    assert set(statuses.values()) <= {JobStatus.DONE, JobStatus.ERROR}
    for job_id, status in statuses.items():
        if status is JobStatus.DONE:
            assert len(reader.result(job_id)) == 1
        else:
            assert "ended before" in reader.error_message(job_id)
    unfinished = list(statuses.values()).count(JobStatus.ERROR)
    assert unfinished <= len(processes) * BEHIND < len(said)


@pytest.mark.slow
def test_jobs_of_a_service_outlive_the_process(start: Any, make: Any) -> None:
    process = start("service")
    done, running, _ = jobs_of(process)
    kill(process)

    # Without the object nobody can tell, and nothing final is said.
    assert make().statuses([done, running]) == {done: "DONE", running: "UNKNOWN"}
    assert make().cancel([running]) == {running: CancelOutcome.REFUSED}

    backend = Service()
    backend.run([measured(0)])
    backend.run([measured(0)])
    assert backend.jobs[1].identity == running
    provider = make(backend)
    assert provider.statuses([running]) == {running: JobStatus.RUNNING}
    backend.jobs[1].end()
    assert wait(provider, running) is JobStatus.DONE
    (circuit,) = make().result(running).circuits()
    assert (circuit.counts, circuit.registers) == ({"0x1": 4}, (("c", 6),))
    assert backend.jobs[1].reads == 1


def test_a_service_is_asked_for_jobs_that_nobody_wrote_down(make: Any) -> None:
    backend = Service()
    backend.run([measured(1)]).end()
    provider = make(backend)

    assert wait(provider, "job-0") is JobStatus.DONE
    assert provider.statuses(["job-1"]) == {"job-1": JobStatus.UNKNOWN}
    assert len(make().result("job-0")) == 1


@pytest.mark.parametrize("wrap", [lambda backend: backend, lambda b: BackendSamplerV2(backend=b)])
def test_behind_control_flow_the_counts_of_a_noisy_simulator_are_right(
    make: Any, submit: Any, container: Path, wrap: Callable[[Any], Any]
) -> None:
    device = GenericBackendV2(5, seed=1, control_flow=True)
    flips, bell = QuantumCircuit(2, 2), QuantumCircuit(2, 2)
    flips.x(0)
    flips.measure(0, 0)
    with flips.if_test((flips.clbits[0], 1)):
        flips.x(1)
    flips.measure(1, 1)
    bell.h(0)
    bell.cx(0, 1)
    bell.measure([0, 1], [0, 1])
    provider = make(wrap(AerSimulator.from_backend(device)))
    provider.originals(container, [flips, bell, flips, bell])

    job_id = submit(provider, 0, 4, options=RunOptions(shots=300, seed=7))

    assert wait(provider, job_id) is JobStatus.DONE
    found = [circuit.readable_counts() for circuit in provider.result(job_id).circuits()]
    likely = [{outcome for outcome, n in counts.items() if n > 60} for counts in found]
    assert likely == [{"11"}, {"00", "11"}] * 2
