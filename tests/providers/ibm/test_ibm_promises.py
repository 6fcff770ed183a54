"""Whatever the service does: one job a slice, every id known, the results of a calm run.

The command line submits, goes on, waits and reads, at a stand-in that misbehaves.
"""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from qiskit.circuit.library import real_amplitudes
from support.ibm_shell import SETTLE_S, SHOTS, Shell, check_the_bill, submission, write_circuits
from support.standin.process import StandIn

from qjobs.circuits import codec
from qjobs.errors import ExitCode
from qjobs.model import Attempted, Job

pytestmark = pytest.mark.slow

CIRCUITS = 6
Counts: TypeAlias = list[Mapping[str, int] | None]

LAG_S = 0.3
USUAL = {
    "run": "cheap",
    "list_lag_s": LAG_S,
    "submits_per_minute": None,
    "rate_window_s": 60.0,
    "retry_after": True,
    "max_pending": None,
    "max_bytes": 64_000_000,
    "queue_s": 0.0,
    "usage_limit_reached": False,
}


@pytest.fixture(scope="module")
def service(shared_standin: StandIn) -> StandIn:
    """One for all tests: the process that runs circuits is slow to start."""
    shared_standin.reset(run="cheap")
    return shared_standin


@pytest.fixture(scope="module")
def circuits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_circuits(tmp_path_factory.mktemp("circuits") / "circuits.qpy", CIRCUITS)


@pytest.fixture(scope="module")
def expected(service: StandIn, circuits: Path, tmp_path_factory: pytest.TempPathFactory) -> Counts:
    """What a run without any trouble gives, as a user would start it."""
    shell = Shell(tmp_path_factory.mktemp("calm"), service)
    ended = shell.run_cold("run", *submission(circuits)[1:-1], "--json", "--poll", "0.1")
    assert ended.code == 0, ended
    document = json.loads(ended.out)
    check_the_bill(shell, shell.set_ids()[0])
    counts = [circuit["counts"] for circuit in document["circuits"]]
    assert [sum(one.values()) for one in counts] == [SHOTS] * CIRCUITS
    assert len({str(sorted(one.items())) for one in counts}) == CIRCUITS
    return counts


@pytest.fixture
def shell(service: StandIn, expected: Counts, tmp_path: Path) -> Shell:
    """A user with nothing on the disk yet, at a service that behaves so far."""
    if not service.running:
        service.restart()
    service.set(**USUAL)
    service.calm()
    return Shell(tmp_path, service)


def impatient(shell: Shell) -> Shell:
    """The same user, who waits a second for an answer that never comes."""
    return Shell(shell.home.parent, shell.standin, ibm_timeout_s="1", ibm_post_timeout_s="1")


def check(shell: Shell, set_id: str, expected: Counts) -> None:
    """Nothing is lost, nothing was paid for twice, and the results are those of a calm run."""
    shell.run("wait", set_id, "--poll", "0.1")
    assert shell.counts(set_id) == expected
    check_the_bill(shell, set_id)
    assert len(shell.bill(set_id)) == len(expected)


def check_struck(service: StandIn) -> None:
    """All faults that are in place have struck: else a test shows nothing."""
    assert [fault["name"] for fault in service.stats()["faults"] if not fault["struck"]] == []


# What the command copes with by itself

ANSWERS: dict[str, dict[str, Any]] = {
    "error": {"status": 503},
    "accept-then-error": {"status": 504},
    "drop": {},
    "accept-then-drop": {},
    "hang": {},
    "accept-then-hang": {},
    "slow": {"delay_s": 0.5},
    "garbage": {},
    "accept-then-garbage": {},
    "rate-limit": {},
    "pending-limit": {},
}


@pytest.mark.parametrize("fault", ANSWERS)
def test_an_answer_to_a_submit_may_be_anything(
    shell: Shell, service: StandIn, circuits: Path, expected: Counts, fault: str
) -> None:
    service.faults(fault, skip=1, times=3, **ANSWERS[fault])
    user = impatient(shell) if "hang" in fault else shell

    set_id = user.run(*submission(circuits)).out.strip()

    check_struck(service)
    check(shell, set_id, expected)


def test_many_kinds_of_trouble_at_once(
    shell: Shell, service: StandIn, circuits: Path, expected: Counts
) -> None:
    kinds = [fault for fault in ANSWERS if fault not in {"hang", "accept-then-hang"}]
    service.arm(
        [
            {"name": fault, "probability": 0.1, "seed": seed, "times": 0, **ANSWERS[fault]}
            for seed, fault in enumerate(kinds)
        ]
    )

    ended = shell.run(*submission(circuits), codes=(0, ExitCode.PARTLY_SUBMITTED))
    set_id = ended.out.strip()
    for _ in range(5):
        ended = shell.run("resume", set_id, "-q", codes=(0, ExitCode.PARTLY_SUBMITTED))
        if ended.code == 0:
            break
    service.calm()
    shell.run("resume", set_id)

    check(shell, set_id, expected)


@pytest.mark.parametrize("retry_after", [True, False])
def test_a_strict_rate_is_waited_for(
    shell: Shell, service: StandIn, circuits: Path, expected: Counts, *, retry_after: bool
) -> None:
    for window_s in (1.0, 4.0, 16.0, 64.0):  # one of them is strict for this machine
        service.set(submits_per_minute=3, rate_window_s=window_s, retry_after=retry_after)
        before = service.stats()["posts"]

        set_id = shell.run(*submission(circuits)).out.strip()

        check(shell, set_id, expected)
        if service.stats()["posts"] - before > CIRCUITS:
            break
    else:
        pytest.fail("nothing was refused")


def test_a_pending_limit_is_waited_for(
    shell: Shell, service: StandIn, circuits: Path, expected: Counts
) -> None:
    service.set(max_pending=2, queue_s=0.5)

    set_id = shell.run(*submission(circuits)).out.strip()

    check(shell, set_id, expected)


ELSEWHERE: list[tuple[str, str]] = [
    ("token", "error"),
    ("backends", "error"),
    ("backends", "hang"),
    ("configuration", "drop"),
    ("properties", "error"),
    ("list", "error"),
    ("list", "drop"),
    ("list", "hang"),
    ("job", "error"),
    ("results", "error"),
    ("results", "drop"),
    ("results", "hang"),
]


@pytest.mark.parametrize(("on", "fault"), ELSEWHERE)
def test_a_question_that_fails_once_is_asked_again(
    shell: Shell, service: StandIn, circuits: Path, expected: Counts, on: str, fault: str
) -> None:
    service.faults("accept-then-drop", times=2)
    service.faults(fault, on=on)
    user = impatient(shell) if fault == "hang" else shell

    set_id = user.run(*submission(circuits)).out.strip()

    check(user, set_id, expected)
    check_struck(service)


def test_a_job_whose_tags_got_lost_is_found_by_what_it_was_given(
    shell: Shell, service: StandIn, circuits: Path
) -> None:
    # Its own number of shots: no other test may take these jobs for its own.
    arguments = submission(circuits, shots=SHOTS + 1)
    calm_id = shell.run(*arguments).out.strip()
    shell.run("wait", calm_id, "--poll", "0.1")
    service.faults("lose-tags", times=0)
    service.faults("accept-then-drop", skip=1, times=3)

    set_id = shell.run(*arguments).out.strip()

    check_struck(service)
    check(shell, set_id, shell.counts(calm_id))


def test_it_is_the_call_that_has_to_settle_not_what_came_before_it(
    shell: Shell, service: StandIn, tmp_path: Path
) -> None:
    """To make circuits fit may take longer than the list lags behind."""
    service.set(list_lag_s=0.8 * SETTLE_S)
    service.faults("accept-then-drop")
    circuits = [real_amplitudes(5).assign_parameters([0.1 * i] * 20) for i in range(200)]
    for circuit in circuits:
        circuit.measure_all()
    (tmp_path / "slow.qpy").write_bytes(codec.encode(circuits))

    set_id = shell.run(*submission(tmp_path / "slow.qpy", per_job=200)).out.strip()

    check_struck(service)
    check_the_bill(shell, set_id)
    assert len(shell.bill(set_id)) == 1


def test_an_unseen_word_for_a_status_is_not_the_end(
    shell: Shell, service: StandIn, circuits: Path, expected: Counts
) -> None:
    service.faults("status-word", times=0)

    set_id = shell.run(*submission(circuits)).out.strip()

    time.sleep(SETTLE_S)  # until then they are too new to be asked about one by one
    assert "unknown" in shell.run("status", set_id).out
    service.calm()
    check(shell, set_id, expected)


def test_results_that_can_be_read_once_are_read_once(
    shell: Shell, service: StandIn, circuits: Path, expected: Counts
) -> None:
    set_id = shell.run(*submission(circuits), "--option", "private=true").out.strip()

    check(shell, set_id, expected)
    assert shell.counts(set_id) == expected
    assert [job["reads"] for job in shell.bill(set_id)] == [1] * CIRCUITS


# What the user has to put right

REFUSALS: dict[str, tuple[dict[str, Any], ExitCode]] = {
    "unauthorized": ({}, ExitCode.CREDENTIALS),
    "forbidden": ({}, ExitCode.CREDENTIALS),
    "not-found": ({}, ExitCode.PARTLY_SUBMITTED),
    "quota": ({}, ExitCode.PARTLY_SUBMITTED),
}


@pytest.mark.parametrize("fault", REFUSALS)
def test_what_the_service_refuses_is_sent_when_it_no_longer_does(
    shell: Shell, service: StandIn, circuits: Path, expected: Counts, fault: str
) -> None:
    parts, code = REFUSALS[fault]
    service.faults(fault, skip=2, times=0, **parts)

    set_id = shell.run(*submission(circuits), codes=(code,)).out.strip()
    check_struck(service)
    service.calm()
    shell.run("resume", set_id, codes=(0, ExitCode.PARTLY_SUBMITTED))
    shell.run("retry", set_id)

    check(shell, set_id, expected)


# What becomes of jobs


def test_jobs_that_fail_keep_their_places_and_can_be_retried(
    shell: Shell, service: StandIn, circuits: Path, expected: Counts
) -> None:
    service.faults("fail", skip=1)
    service.faults("time-limit", skip=3)

    set_id = shell.run(*submission(circuits)).out.strip()
    shell.run("wait", set_id, "--poll", "0.1", codes=(ExitCode.FAILED,))
    check_struck(service)
    partial = shell.counts(set_id)
    shell.run("retry", set_id, "--wait", "--poll", "0.1")

    assert partial.count(None) == 2
    assert all(some in (None, whole) for some, whole in zip(partial, expected, strict=True))
    assert shell.counts(set_id) == expected
    check_the_bill(shell, set_id)
    assert len(shell.bill(set_id)) == CIRCUITS + 2


def test_results_that_are_gone_leave_their_places(
    shell: Shell, service: StandIn, circuits: Path, expected: Counts
) -> None:
    service.faults("expire-results", skip=1, times=2)

    set_id = shell.run(*submission(circuits)).out.strip()
    shell.run("wait", set_id, "--poll", "0.1", codes=(ExitCode.FAILED,))
    ended = shell.run("result", set_id, "--partial", "--json", codes=(ExitCode.FAILED,))

    check_struck(service)
    counts = [circuit["counts"] for circuit in json.loads(ended.out)["circuits"]]
    assert counts.count(None) == 2
    assert all(some in (None, whole) for some, whole in zip(counts, expected, strict=True))
    assert "Results expired" in ended.out
    check_the_bill(shell, set_id)


def test_results_that_are_gone_are_listed_and_paid_for_again_if_asked(
    shell: Shell, service: StandIn, circuits: Path, expected: Counts
) -> None:
    service.faults("expire-results", skip=1, times=2)
    set_id = shell.run(*submission(circuits)).out.strip()
    shell.run("wait", set_id, "--poll", "0.1", codes=(ExitCode.FAILED,))

    listed = json.loads(shell.run("error", set_id, "--json").out)["failures"]
    again = shell.run("retry", set_id, "--wait", "--poll", "0.1")

    assert [failure["experiments_count"] for failure in listed] == [1, 1]
    assert all("Results expired" in failure["message"] for failure in listed)
    assert again.err.count("cost again") == 2
    assert shell.counts(set_id) == expected
    assert len(shell.bill(set_id)) == CIRCUITS + 2
    assert shell.run("retry", set_id).err.count("cost again") == 0


def test_a_job_that_was_too_large_to_run_is_halved_when_it_is_retried(
    shell: Shell, service: StandIn, circuits: Path, expected: Counts
) -> None:
    service.faults("fail", times=1, code=5302, message="nats: maximum payload exceeded")
    set_id = shell.run(*submission(circuits, per_job=CIRCUITS)).out.strip()
    shell.run("wait", set_id, "--poll", "0.1", codes=(ExitCode.FAILED,))

    shell.run("retry", set_id, "--wait", "--poll", "0.1")

    assert [str(job.slice) for job in shell.jobs(set_id)] == ["0-2", "3-5"]
    assert shell.counts(set_id) == expected
    check_the_bill(shell, set_id)


def test_duplicates_that_the_service_made_are_listed_by_their_ids(
    shell: Shell, service: StandIn, circuits: Path, expected: Counts
) -> None:
    service.faults("accept-then-hang", skip=2)
    running = shell.start(*submission(circuits))
    unknown = one_unknown(shell)
    assert running.kill()
    (set_id,) = shell.set_ids()
    assert isinstance(unknown.state, Attempted)
    more = service.add_jobs(2, user="me", tags=[unknown.state.tag, f"qj-{set_id}"])

    time.sleep(LAG_S)  # what is not listed when the settle time is over is not seen

    shell.run("resume", set_id)

    check_the_bill(shell, set_id)
    assert shell.jobs(set_id)[unknown.index].attempt.duplicates == tuple(more)
    assert all(job_id in shell.run("show", set_id, "--json").out for job_id in more)
    assert shell.counts(set_id) == expected


def test_one_job_that_cannot_be_looked_up_yet_keeps_no_other_from_being_cancelled(
    shell: Shell, service: StandIn, circuits: Path, tmp_path: Path
) -> None:
    service.set(queue_s=3600.0)
    service.faults("accept-then-hang", skip=2)
    patient = Shell(tmp_path, service, ibm_settle_s="3600", ibm_post_timeout_s="3600")
    running = patient.start(*submission(circuits))
    unknown = one_unknown(patient)
    assert running.kill()
    (set_id,) = patient.set_ids()

    ended = patient.run("cancel", set_id, codes=(ExitCode.UNEXPECTED,))

    assert f"{set_id}/{unknown.index}: unknown" in ended.err
    check_struck(service)
    assert [job["shown"] for job in shell.bill(set_id)].count("Cancelled") == CIRCUITS - 1
    shell.run("resume", set_id, codes=(ExitCode.FAILED,))  # which stops what was cancelled
    shell.run("cancel", set_id)
    assert {job["shown"] for job in shell.bill(set_id)} == {"Cancelled"}


def one_unknown(shell: Shell) -> Job:
    """The job that is in flight, when the service has all of them."""
    while True:
        time.sleep(0.01)
        (set_id,) = shell.set_ids() or [""]
        if not set_id or len(shell.bill(set_id)) < CIRCUITS:
            continue
        unknown = [job for job in shell.jobs(set_id) if isinstance(job.state, Attempted)]
        if len(unknown) == 1:
            return unknown[0]


# The service itself comes and goes


@pytest.mark.parametrize("fault", ["die", "accept-then-die"])
def test_the_service_may_go_down_with_jobs_in_its_hands(
    shell: Shell, service: StandIn, circuits: Path, expected: Counts, fault: str
) -> None:
    service.faults(fault, skip=2)

    running = shell.start(*submission(circuits))
    service.wait()
    service.restart()
    ended = running.end()
    set_id = ended.out.strip()
    assert ended.code in {0, ExitCode.PARTLY_SUBMITTED}
    shell.run("resume", set_id)

    check(shell, set_id, expected)


def test_the_service_may_be_away_while_jobs_are_waited_for(
    shell: Shell, service: StandIn, circuits: Path, expected: Counts
) -> None:
    service.set(run="never")
    set_id = shell.run(*submission(circuits)).out.strip()
    time.sleep(SETTLE_S)  # from then on all are asked about in one list
    before = service.stats()["requests"]
    running = shell.start("wait", set_id, "--poll", "0.1")
    while service.stats()["requests"].get("list", 0) < before.get("list", 0) + 2:
        time.sleep(0.01)

    service.kill()
    service.restart()
    service.set(run="cheap")

    assert running.end().code == 0
    check(shell, set_id, expected)


# Many jobs


def test_the_status_of_a_thousand_jobs_takes_few_requests(
    shell: Shell, service: StandIn, tmp_path: Path
) -> None:
    service.set(run="never", queue_s=3600)
    many = submission(write_circuits(tmp_path / "many.qpy", 1000))
    set_id = shell.run(*many).out.strip()
    time.sleep(SETTLE_S)
    before = sum(service.stats()["requests"].values())

    counts = json.loads(shell.run("status", set_id, "--json").out)["sets"][0]["counts"]

    assert counts["queued"] == 1000
    assert sum(service.stats()["requests"].values()) - before <= 10
