"""The command line at the service: large jobs, jobs that go together, the pace, the account."""

import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from qiskit import QuantumCircuit
from support.ibm_client import tangled
from support.ibm_shell import SHOTS, Running, Shell, check_the_bill, submission, write_circuits
from support.standin.account import INSTANCES
from support.standin.process import StandIn

from qjobs.circuits import codec
from qjobs.errors import ExitCode
from qjobs.model import Job

pytestmark = pytest.mark.slow

CIRCUITS = 4
Counts: TypeAlias = list[Mapping[str, int] | None]

MANY_BYTES = 400_000
MOST_BYTES = 1_000_000
"""Of a body: two of the circuits with `MANY_BYTES` fit into a job, three do not."""

USUAL: dict[str, Any] = {
    "run": "cheap",
    "queue_s": 0.0,
    "max_bytes": 64_000_000,
    "submits_per_minute": None,
}


@pytest.fixture(scope="module")
def service(shared_standin: StandIn) -> StandIn:
    """One for all tests: the process that runs circuits is slow to start."""
    shared_standin.reset(run="cheap")
    return shared_standin


@pytest.fixture
def shell(service: StandIn, tmp_path: Path) -> Shell:
    service.set(**USUAL)
    service.calm()
    return Shell(tmp_path / "user", service)


@pytest.fixture(scope="module")
def circuits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Circuits that nothing has to be done to."""
    return write_circuits(tmp_path_factory.mktemp("circuits") / "circuits.qpy", CIRCUITS)


def write_large(path: Path, *sizes_bytes: int) -> Path:
    """Circuits of so many bytes each, which cannot be packed; they are quick to read."""
    made = []
    for index, size_bytes in enumerate(sizes_bytes):
        circuit = QuantumCircuit(7, 1, name=f"large-{index}")
        circuit.metadata = {"noise": os.urandom(size_bytes // 2).hex()}
        circuit.rz(0.1 * index, 0)
        circuit.sx(0)
        circuit.measure(0, 0)
        made.append(circuit)
    path.write_bytes(codec.encode(made))
    return path


def finished(shell: Shell, set_id: str, *, codes: tuple[int, ...] = (0,)) -> Counts:
    """Wait for a set; what it gave."""
    shell.run("wait", set_id, "--poll", "0.1", codes=codes)
    return shell.counts(set_id)


def calm(shell: Shell, path: Path) -> Counts:
    """What the circuits give, one a job, at a service that does all it is asked."""
    counts = finished(shell, shell.run(*submission(path)).out.strip())
    assert all(sum(one.values()) == SHOTS for one in counts if one)
    assert None not in counts
    return counts


def ranges(jobs: list[Job]) -> list[tuple[int, int]]:
    """The first and the last circuit of each job, in the order of the circuits."""
    return sorted((job.slice.start_index, job.slice.end_index) for job in jobs)


# Jobs that are too large


@pytest.mark.parametrize("how", ["max_bytes", "too-large", "too-large-html"])
def test_a_job_that_is_too_large_is_halved_and_goes_on(
    shell: Shell, service: StandIn, tmp_path: Path, how: str
) -> None:
    path = write_large(tmp_path / "large.qpy", *[MANY_BYTES] * CIRCUITS)
    expected = calm(shell, path)
    if how == "max_bytes":
        service.set(max_bytes=MOST_BYTES)
    else:
        service.faults(how)

    set_id = shell.run(*submission(path, per_job=CIRCUITS)).out.strip()

    assert ranges(shell.jobs(set_id)) == [(0, 1), (2, 3)]
    assert finished(shell, set_id) == expected
    check_the_bill(shell, set_id)


def test_one_circuit_that_is_too_large_is_refused_by_name_and_the_others_go_on(
    shell: Shell, service: StandIn, tmp_path: Path
) -> None:
    path = write_large(tmp_path / "large.qpy", 1000, 1000, 2 * MOST_BYTES, 1000)
    expected = calm(shell, path)
    service.set(max_bytes=MOST_BYTES)

    ended = shell.run(*submission(path, per_job=CIRCUITS), codes=(ExitCode.PARTLY_SUBMITTED,))

    set_id = ended.out.strip()
    (refused,) = [job for job in shell.jobs(set_id) if job.slice.start_index == 2]
    assert ranges(shell.jobs(set_id)) == [(0, 1), (2, 2), (3, 3)]
    assert f"job {refused.index} was refused: IBM Quantum answers 413" in ended.err
    assert f"qjobs error {set_id}" in ended.err
    (failure,) = shell.run("error", set_id).out.splitlines()
    assert failure.split("\t")[3:6] == ["2", "2", "submit"]
    counts = finished(shell, set_id, codes=(ExitCode.FAILED,))
    assert counts == [expected[0], expected[1], None, expected[3]]


# Jobs that go together


@pytest.mark.parametrize("mode", ["batch", "session"])
def test_a_mode_is_kept_to_and_closed_even_if_not_all_could_be_sent(
    shell: Shell, service: StandIn, circuits: Path, mode: str
) -> None:
    expected = calm(shell, circuits)
    service.faults("quota", skip=2)
    together = [*submission(circuits), "--mode", mode, "--max-workers", "1"]

    set_id = shell.run(*together, codes=(ExitCode.PARTLY_SUBMITTED,)).out.strip()

    (first,) = sessions_of(shell, set_id)
    assert session(service, first) == (mode, "closed to jobs")
    shell.run("resume", set_id)
    known = sessions_of(shell, set_id)
    assert len(known) == 2
    assert {session(service, one) for one in known} == {(mode, "closed to jobs")}
    assert finished(shell, set_id) == expected
    check_the_bill(shell, set_id)


def sessions_of(shell: Shell, set_id: str) -> set[str]:
    known = {str(job["session_id"]) for job in shell.bill(set_id)}
    assert "" not in known
    return known


def session(service: StandIn, session_id: str) -> tuple[str, str]:
    (found,) = [one for one in service.stats()["sessions"] if one["id"] == session_id]
    mode = {"batch": "batch", "dedicated": "session"}[found["mode"]]
    return mode, "open to jobs" if found["accepting_jobs"] else "closed to jobs"


# Jobs that nobody wanted


def test_only_the_duplicates_are_cancelled(shell: Shell, service: StandIn, circuits: Path) -> None:
    service.set(queue_s=3600.0)
    service.faults("accept-then-hang", skip=1)
    running = shell.start(*submission(circuits, per_job=2), "--max-workers", "1")
    while not (shell.set_ids() and len(shell.bill(shell.set_ids()[0])) == 2):
        time.sleep(0.01)
    assert running.kill()
    (set_id,) = shell.set_ids()
    taken, lost = shell.bill(set_id)
    more = service.add_jobs(2, user="me", queue_s=3600.0, tags=lost["tags"])
    shell.run("resume", set_id)

    shown = shell.run("show", set_id).out
    ended = shell.run("cancel", set_id, "--duplicates")

    assert f"duplicates\t{' '.join(more)}\n" in shown
    assert [line.split("\t")[4:] for line in ended.out.splitlines()] == [
        ["cancelled", job_id, "yes"] for job_id in more
    ]
    assert {job["id"]: job["shown"] for job in shell.bill(set_id)} == {
        taken["id"]: "Queued",
        lost["id"]: "Queued",
        **dict.fromkeys(more, "Cancelled"),
    }
    check_the_bill(shell, set_id)


# The pace


@pytest.mark.parametrize("where", ["config", "environment", "option"])
def test_the_pace_is_what_the_user_says(
    service: StandIn, shell: Shell, circuits: Path, tmp_path: Path, where: str
) -> None:
    """After so many turns there is none for the rest of a minute; Ctrl-C ends the wait."""
    config = tmp_path / "config.toml"
    config.write_text("[providers.ibm]\nsubmits_per_minute = 2\n" if where == "config" else "")
    named = {"ibm_submits_per_minute": {"config": "", "environment": "2", "option": "5"}[where]}
    paced = Shell(tmp_path / "paced", service, config=str(config), **named)
    told = ["--option", "submits_per_minute=2"] if where == "option" else []
    before = service.stats()["posts"]

    running = paced.start(*submission(circuits)[:-1], *told)
    wait_until_it_waits(running, most=2)
    running.interrupt()
    ended = running.end()

    set_id = ended.out.strip()
    assert ended.code == ExitCode.INTERRUPTED, ended
    assert "interrupted: 2 jobs accepted, 2 not sent" in ended.err
    assert f"hint: qjobs resume {set_id}" in ended.err
    assert service.stats()["posts"] - before == 2
    (paced.home / "ibm" / "pace").unlink()  # as if a minute were over
    paced.run("resume", set_id)
    assert finished(paced, set_id) == calm(shell, circuits)


def test_processes_keep_to_the_pace_together_and_none_is_ever_refused(
    start_standin: Callable[..., StandIn], tmp_path: Path
) -> None:
    """Six jobs each, at a service that takes five a minute."""
    service = start_standin(backends="ibm_lagos", run="never", submits_per_minute=5)
    path = write_circuits(tmp_path / "six.qpy", 6)
    paced = Shell(tmp_path / "paced", service, ibm_submits_per_minute="")

    both = [paced.start(*submission(path)[:-1]) for _ in range(2)]
    for running in both:
        wait_until_it_waits(running, most=5)
        running.interrupt()
    ended = [running.end() for running in both]

    after = service.stats()
    assert [one.code for one in ended] == [ExitCode.INTERRUPTED] * 2, ended
    assert after["posts"] == len(after["jobs"]) >= 5
    service.set(submits_per_minute=None)
    hasty = Shell(tmp_path / "paced", service)
    for set_id in hasty.set_ids():
        hasty.run("resume", set_id)
        check_the_bill(hasty, set_id)


def wait_until_it_waits(running: Running, *, most: int) -> None:
    while f"at most {most} submissions a minute: waiting" not in running.said():
        assert not running.wait(0.02), running.end()


# Transpiled on the way


def test_slices_that_are_transpiled_side_by_side_give_what_one_after_the_other_gives(
    shell: Shell, tmp_path: Path
) -> None:
    path = tmp_path / "tangled.qpy"
    path.write_bytes(codec.encode([tangled(f"tangled-{index}") for index in range(8)]))
    slow = Shell(tmp_path / "slow", shell.standin, ibm_workers="1")
    sliced = submission(path, per_job=2)

    both = [
        finished(one, one.run(*sliced, "--seed-transpiler", seed, *more).out.strip())
        for one, seed, more in [
            (shell, "7", ()),
            (slow, "7", ("--max-workers", "1")),
            (shell, "8", ()),
        ]
    ]

    assert both[0] == both[1]
    assert None not in both[0]
    assert both[0] != both[2]


# Where, and for how long


def test_an_account_that_was_saved_is_used_by_its_name(
    shell: Shell, circuits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new process each: the client looks for its file when it is imported."""
    settings = shell.standin.environment
    crn = list(INSTANCES.values())[-1]
    saved = {
        "auth_type": "cloud",
        "channel": settings["QISKIT_IBM_CHANNEL"],
        "token": settings["QISKIT_IBM_TOKEN"],
        "url": settings["QISKIT_IBM_URL"],
        "instance": crn,
        "verify": True,
        "private_endpoint": False,
    }
    (tmp_path / ".qiskit").mkdir()
    (tmp_path / ".qiskit" / "qiskit-ibm.json").write_text(json.dumps({"work": saved}))
    monkeypatch.setenv("HOME", str(tmp_path))
    options = ["--account", "work", "--private", "--max-execution-time", "2m"]

    ended = shell.run_cold(*submission(circuits, per_job=CIRCUITS), *options)

    assert ended.code == 0, ended
    (job,) = shell.bill(ended.out.strip())
    assert (job["instance"], job["private"], job["cost"]) == (crn, 1, 120)
    status = shell.run_cold("status", "--json")
    assert json.loads(status.out)["sets"][0]["jobs"][0]["job_id"] == job["id"], status
