"""From the command line to the service: circuits made to fit, places chosen, jobs told about."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import pytest
from qiskit import QuantumCircuit
from qiskit_ibm_runtime.fake_provider import FakeLagosV2
from support.ibm_client import BACKEND, tangled
from support.standin.account import INSTANCES
from support.standin.process import StandIn

from qjobs.circuits import codec
from qjobs.circuits.slices import CircuitSlice
from qjobs.cli.main import run
from qjobs.errors import JobRefused, TooLarge
from qjobs.model import RunOptions, Slice
from qjobs.providers.ibm.crews import Crews
from qjobs.providers.ibm.fitting import fit
from qjobs.providers.ibm.known_jobs import KnownJobs
from qjobs.providers.ibm.options import JobOptions
from qjobs.providers.ibm.targets import describe
from qjobs.providers.ibm.transpiling import Transpilation

Qjobs: TypeAlias = Callable[..., "Ended"]
Write: TypeAlias = Callable[..., str]


class Ended(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def qjobs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Qjobs:
    """The command line in this process, with a state of its own."""
    monkeypatch.setenv("QJOBS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("QJOBS_IBM_SUBMITS_PER_MINUTE", "100000")
    monkeypatch.setenv("QJOBS_IBM_SETTLE_S", "1")
    monkeypatch.setenv("QJOBS_IBM_WORKERS", "2")

    def call(*words: str) -> Ended:
        capsys.readouterr()
        code = run(words)
        return Ended(code, *capsys.readouterr())

    return call


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(*circuits: QuantumCircuit, name: str = "circuits") -> str:
        path = tmp_path / f"{name}.qpy"
        path.write_bytes(codec.encode(circuits))
        return str(path)

    return write


def ghz(name: str = "ghz", *, qubits: int = 3) -> QuantumCircuit:
    """In gates that no device has."""
    circuit = QuantumCircuit(qubits, qubits, name=name)
    circuit.h(0)
    for qubit in range(1, qubits):
        circuit.cx(0, qubit)
    circuit.measure(range(qubits), range(qubits))
    return circuit


def prepared(name: str = "prepared") -> QuantumCircuit:
    """Made for `BACKEND`."""
    circuit = QuantumCircuit(7, 1, name=name)
    circuit.x(3)
    circuit.measure(3, 0)
    return circuit


def heavy(name: str = "heavy") -> QuantumCircuit:
    """Takes two fifths of what one job may have."""
    circuit = prepared(name)
    with circuit.for_loop(range(2_000_000)):
        circuit.cx(0, 1)
    return circuit


def submit(qjobs: Qjobs, path: str, *words: str, code: int = 0) -> str:
    ended = qjobs("submit", path, "-b", f"ibm:{BACKEND}", "--quiet", *words)
    assert ended.code == code, ended
    return ended.out.strip()


def extra(qjobs: Qjobs, set_id: str) -> dict[str, Any]:
    """The options of a set that are the provider's own, as recorded."""
    return dict(qjobs("show", set_id, "--cached", "--json").document["options"]["extra"])


def states(qjobs: Qjobs, set_id: str) -> Sequence[str]:
    jobs = qjobs("status", set_id, "--cached", "--json").document["sets"][0]["jobs"]
    return [job["state"] for job in jobs]


# Transpiled


@pytest.mark.slow
def test_circuits_for_no_device_run_on_one(
    start_standin: Callable[..., StandIn], qjobs: Qjobs, write: Write
) -> None:
    start_standin()
    words = ["--poll", "0.1", "--per-job", "1", "--json"]

    ended = qjobs("run", write(ghz("a"), ghz("b", qubits=2)), "-b", f"ibm:{BACKEND}", *words)

    assert ended.code == 0, ended
    first, second = ended.document["circuits"]
    assert (first["name"], set(first["counts"])) == ("a", {"000", "111"})
    assert (second["name"], set(second["counts"])) == ("b", {"00", "11"})


def test_what_circuits_were_transpiled_with_is_recorded(
    standin: StandIn, qjobs: Qjobs, write: Write
) -> None:
    path = write(ghz())

    plain = extra(qjobs, submit(qjobs, path))
    seeded = extra(qjobs, submit(qjobs, path, "--seed", "5"))
    chosen = extra(qjobs, submit(qjobs, path, "--seed", "5", "--seed-transpiler", "7"))

    assert [found["seed_transpiler"] for found in (plain, seeded, chosen)] == [0, 5, 7]
    assert plain["calibration"] == seeded["calibration"]
    assert len(plain["calibration"]) == 64


def test_the_same_jobs_come_of_the_same_seed_however_many_work_on_them(
    standin: StandIn, qjobs: Qjobs, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(*(tangled(f"tangled-{index}") for index in range(40)))
    level = ("--optimization-level", "2", "--per-job", "20")

    two = submit(qjobs, path, *level)
    monkeypatch.setenv("QJOBS_IBM_WORKERS", "1")
    one = submit(qjobs, path, *level, "--max-workers", "1")
    other = submit(qjobs, path, *level, "--seed-transpiler", "11")

    calls = KnownJobs(tmp_path / "home" / "ibm")
    digests = [
        [getattr(calls.tagged(f"qj-{set_id}-{job}-1"), "digest", "") for job in range(2)]
        for set_id in (two, one, other)
    ]
    assert digests[0] == digests[1]
    assert digests[0] != digests[2]


def test_a_circuit_that_cannot_be_transpiled_is_refused_by_its_index(
    standin: StandIn, qjobs: Qjobs, write: Write
) -> None:
    path = write(ghz("a"), ghz("b"), ghz("wide", qubits=9))

    set_id = submit(qjobs, path, "--per-job", "2", code=7)

    assert states(qjobs, set_id) == ["queued", "refused"]
    assert "circuit 2 cannot be transpiled" in qjobs("error", set_id, "--cached").out


# As they are


def test_circuits_made_for_the_backend_go_as_they_are(
    standin: StandIn, qjobs: Qjobs, write: Write
) -> None:
    path = write(prepared("a"), prepared("b"))

    set_id = submit(qjobs, path)
    standin.set(calibration=1)

    assert extra(qjobs, set_id) == {"transpile": False}
    assert len(standin.stats()["jobs"]) == 1


def test_inspect_says_which_circuits_would_go_as_they_are(
    standin: StandIn, qjobs: Qjobs, write: Write
) -> None:
    narrow = QuantumCircuit(1, 1, name="narrow")
    narrow.measure(0, 0)
    path = write(prepared("a"), ghz("b"), ghz("c", qubits=8), narrow)

    ended = qjobs("inspect", path, "-b", f"ibm:{BACKEND}", "--circuits", "--json")

    assert ended.code == 0, ended.err
    told = [one["backends"][0] for one in ended.document["circuits"]]
    verdicts = ["fits", "transpile", "too_large", "transpile"]
    assert [one["verdict"] for one in told] == verdicts
    assert [one["why"] for one in told] == [
        "",
        "the backend has no h",
        "it has 8 qubits, the backend 7",
        "it has 1 qubits: their places among the 7 of the backend are open",
    ]
    assert standin.stats()["jobs"] == []


@pytest.mark.parametrize("few", [True, False])
def test_circuits_that_do_not_fit_are_named_before_anything_is_sent(
    standin: StandIn, qjobs: Qjobs, write: Write, tmp_path: Path, few: bool
) -> None:
    more = [prepared(f"more-{index}") for index in range(0 if few else 60)]
    path = write(prepared("a"), ghz("b"), *more, ghz("c", qubits=8))

    ended = qjobs("submit", path, "-b", f"ibm:{BACKEND}", "--no-transpile")

    assert ended.code == 5
    assert ended.out == ""
    assert f"2 of {3 + len(more)} circuits do not fit" in ended.err
    assert "circuit 1: the backend has no h" in ended.err
    assert f"circuit {2 + len(more)}: it has 8 qubits, the backend 7" in ended.err
    assert standin.stats()["posts"] == 0
    assert not any((tmp_path / "home" / "sets").iterdir())


def test_narrow_circuits_that_fit_go_as_they_are_when_told_to(
    standin: StandIn, qjobs: Qjobs, write: Write
) -> None:
    narrow = QuantumCircuit(1, 1)
    narrow.x(0)
    narrow.measure(0, 0)

    set_id = submit(qjobs, write(narrow), "--no-transpile")

    assert extra(qjobs, set_id) == {"transpile": False}


# Slices


def test_slices_hold_what_one_job_may_have(standin: StandIn, qjobs: Qjobs, write: Write) -> None:
    path = write(*(heavy(f"heavy-{index}") for index in range(5)))

    ended = qjobs("submit", path, "-b", f"ibm:{BACKEND}", "--dry-run", "--json")

    jobs = ended.document["jobs"]
    assert [job["experiments_count"] for job in jobs] == [2, 2, 1]
    assert standin.stats()["posts"] == 0


def test_a_slice_that_became_too_heavy_is_too_large(tmp_path: Path) -> None:
    class Lagos:
        name = BACKEND
        description = describe(FakeLagosV2().target)

    path = tmp_path / "circuits.qpy"
    path.write_bytes(codec.encode([heavy(str(index)) for index in range(3)]))

    def transpiled(count: int) -> bytes:
        part = CircuitSlice(path, Slice(0, count))
        crews = Crews(processes=1)
        return fit(part, Lagos(), RunOptions(), JobOptions(), crews)(part.qpy())  # type: ignore[arg-type]  # all that is asked of it

    assert codec.decode(transpiled(2))
    with pytest.raises(TooLarge, match="30000150 instructions"):
        transpiled(3)


# Going on


def stopped(standin: StandIn, qjobs: Qjobs, path: str) -> str:
    """A set of two jobs, of which the account could pay one."""
    standin.faults("quota", skip=1, times=1)
    set_id = submit(qjobs, path, "--per-job", "1", "--max-workers", "1", code=7)
    assert states(qjobs, set_id) == ["queued", "planned"]
    return set_id


def test_a_quota_that_is_used_up_stops_the_run_and_refuses_nothing(
    standin: StandIn, qjobs: Qjobs, write: Write
) -> None:
    set_id = stopped(standin, qjobs, write(ghz("a"), ghz("b")))

    assert qjobs("resume", set_id).code == 0
    assert states(qjobs, set_id) == ["queued", "queued"]


def test_another_calibration_stops_resume_until_it_is_told(
    standin: StandIn, qjobs: Qjobs, write: Write
) -> None:
    set_id = stopped(standin, qjobs, write(ghz("a"), ghz("b")))
    before = extra(qjobs, set_id)["calibration"]
    standin.set(calibration=1)

    ended = qjobs("resume", set_id)

    assert ended.code == 7
    assert "calibrated anew since the set was planned" in ended.err
    assert f"qjobs resume --recalibrated {set_id}" in ended.err
    assert states(qjobs, set_id) == ["queued", "planned"]
    assert qjobs("resume", set_id, "--recalibrated").code == 0
    assert states(qjobs, set_id) == ["queued", "queued"]
    first, second = extra(qjobs, set_id)["calibration"].split()
    assert first == before != second


def test_a_job_that_was_accepted_is_adopted_whatever_the_calibration(
    standin: StandIn, qjobs: Qjobs, write: Write
) -> None:
    standin.faults("accept-then-die")
    ended = qjobs("submit", write(ghz()), "-b", f"ibm:{BACKEND}", "--quiet")
    standin.wait()
    standin.restart()
    standin.set(calibration=1)

    assert qjobs("resume", ended.out.strip()).code == 0
    assert states(qjobs, ended.out.strip()) == ["queued"]


# Where, and how together


@pytest.mark.parametrize("mode", ["batch", "session"])
def test_the_jobs_of_a_submission_share_a_session_that_is_closed(
    standin: StandIn, qjobs: Qjobs, write: Write, mode: str
) -> None:
    set_id = submit(qjobs, write(prepared("a"), prepared("b")), "--per-job", "1", "--mode", mode)

    (session,) = {job["session_id"] for job in standin.stats()["jobs"]}
    assert session
    assert extra(qjobs, set_id)["mode"] == mode
    alone = ["--option", f"session={session}", "--per-job", "1"]
    submit(qjobs, write(prepared("c"), name="more"), *alone, code=6)


def test_options_of_the_service_arrive_there(standin: StandIn, qjobs: Qjobs, write: Write) -> None:
    set_id = submit(qjobs, write(prepared()), "--private", "--max-execution-time", "1m30s")

    (job,) = standin.stats()["jobs"]
    assert job["private"]
    assert job["cost"] == 90
    assert extra(qjobs, set_id)["max_execution_time"] == 90


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["--mode", "batch"], "no mode"),
        (["--private", "--no-transpile"], "no private and no transpile"),
        (["--account", "work"], "no accounts"),
        (["--instance", "work"], "no accounts"),
        (["--least-busy"], "not both"),
    ],
)
def test_a_provider_without_such_a_thing_says_so(
    qjobs: Qjobs, write: Write, words: list[str], what: str
) -> None:
    ended = qjobs("submit", write(ghz()), "-b", "local:aer", *words)

    assert ended.code == 2
    assert what in ended.err


def test_a_wrong_mode_is_refused(standin: StandIn, qjobs: Qjobs, write: Write) -> None:
    ended = qjobs("submit", write(ghz()), "-b", f"ibm:{BACKEND}", "--mode", "train")
    assert ended.code == 2
    assert "the mode is job, batch, session" in ended.err


def test_a_set_stays_in_its_instance(standin: StandIn, qjobs: Qjobs, write: Write) -> None:
    name, crn = list(INSTANCES.items())[-1]

    set_id = submit(qjobs, write(prepared()), "--instance", name)

    assert [job["instance"] for job in standin.stats()["jobs"]] == [crn]
    assert qjobs("show", set_id, "--cached", "--json").document["instance"] == name
    assert states(qjobs, set_id) == ["queued"]
    ended = qjobs("submit", write(prepared()), "-b", f"ibm:{BACKEND}", "--instance", "none")
    assert ended.code == 2
    assert "no instance 'none'" in ended.err


def test_the_account_is_one_that_the_client_has_saved(
    standin: StandIn, qjobs: Qjobs, write: Write
) -> None:
    ended = qjobs("submit", write(prepared()), "-b", f"ibm:{BACKEND}", "--account", "nobody")
    assert ended.code == 4
    assert "nobody" in ended.err


def test_the_least_busy_backend_has_the_qubits_that_are_needed(
    standin: StandIn, qjobs: Qjobs, write: Write
) -> None:
    standin.add_jobs(2, backend="ibm_torino", status="Queued")
    standin.add_jobs(1, backend="ibm_fez", status="Queued")

    listed = qjobs("backends", "-p", "ibm", "--json").document["backends"]
    least = qjobs("backends", "-p", "ibm", "--least-busy", "-q")
    wide = qjobs("submit", write(ghz(qubits=9)), "-b", "ibm", "--least-busy", "--dry-run", "--json")

    assert [(one["name"], one["pending_jobs"]) for one in listed] == [
        (BACKEND, 0),
        ("ibm_fez", 1),
        ("ibm_torino", 2),
    ]
    assert least.out == f"ibm:{BACKEND}\n"
    assert wide.document["backend"] == "ibm_fez"
    named = qjobs("submit", write(ghz()), "-b", f"ibm:{BACKEND}", "--least-busy")
    assert named.code == 2


def test_no_backend_at_all_names_them(standin: StandIn, qjobs: Qjobs, write: Write) -> None:
    ended = qjobs("submit", write(ghz()), "-b", "ibm")

    assert ended.code == 2
    assert "--least-busy" in ended.err


# What else the service tells


def test_show_tells_the_place_in_the_queue(standin: StandIn, qjobs: Qjobs, write: Write) -> None:
    set_id = submit(qjobs, write(prepared("a"), prepared("b")), "--per-job", "1")
    before = standin.stats()["requests"].get("metrics", 0)

    jobs = qjobs("show", set_id, "--json").document["jobs"]

    assert sorted(job["details"]["queue_position"] for job in jobs) == [1, 2]
    assert standin.stats()["requests"]["metrics"] - before == 2
    assert qjobs("show", set_id, "--cached", "--json").document["jobs"][0]["details"] is None


def test_show_adds_up_what_was_used(
    start_standin: Callable[..., StandIn], qjobs: Qjobs, write: Write
) -> None:
    start_standin(run="cheap")
    set_id = submit(qjobs, write(prepared("a"), prepared("b")), "--per-job", "1")
    assert qjobs("wait", set_id, "--poll", "0.1").code == 0

    shown = qjobs("show", set_id)

    total = float(next(line for line in shown.out.splitlines() if "usage_s" in line).split("\t")[1])
    jobs = qjobs("show", set_id, "--json").document["jobs"]
    assert total == pytest.approx(sum(job["details"]["usage_s"] for job in jobs))
    assert all(job["details"]["started"] <= job["details"]["ended"] for job in jobs)


# Processes


def test_processes_of_other_targets_end_when_they_are_idle() -> None:
    target = describe(FakeLagosV2().target)
    crews = Crews(processes=1)
    first, second = (Transpilation(target, level, 7) for level in (0, 1))
    data = codec.encode([ghz()])

    with crews.crew(first) as one:
        assert one.transpile(data).qpy
        with crews.crew(second) as two, crews.crew(first) as again:
            assert again is one
            assert two.transpile(data).qpy
    with crews.crew(second) as same:
        assert same is two
        with pytest.raises(JobRefused):
            one.transpile(data)
    with crews.crew(first) as anew:
        assert anew.transpile(data).qpy
