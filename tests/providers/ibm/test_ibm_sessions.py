"""Sessions and batches that are opened for a set: on record before they are used, never left open.

Commands are killed with SIGKILL while the stand-in keeps them waiting for an answer.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema
import pytest
from support.deeds import chance_of, times
from support.ibm_shell import Running, Shell, check_the_bill, submission, write_circuits
from support.standin.process import StandIn

import qjobs
from qjobs.errors import ExitCode

pytestmark = [pytest.mark.slow, pytest.mark.timeout(times(600, 3600))]

JOBS = 3
KILLS = times(8, 60)
TOGETHER = ("--mode", "batch", "--max-workers", "1")


class Moment(NamedTuple):
    """Where a submission is kept waiting, until it is killed: by a fault, at a request.

    By then there are so many sessions at the service, on record, and jobs at the service.
    """

    fault: str
    on: str
    skip: int
    sessions: int
    recorded: int
    jobs: int


MOMENTS = {
    "before a session is opened": Moment("hang", "session", 0, 0, 0, 0),
    "before its id is known": Moment("accept-then-hang", "session", 0, 1, 0, 0),
    "before the first job": Moment("hang", "submit", 0, 1, 1, 0),
    "before the first job's id is known": Moment("accept-then-hang", "submit", 0, 1, 1, 1),
    "before the last job": Moment("hang", "submit", JOBS - 1, 1, 1, JOBS - 1),
    "before the last job's id is known": Moment("accept-then-hang", "submit", JOBS - 1, 1, 1, JOBS),
    "before the session is closed": Moment("hang", "session", 1, 1, 1, JOBS),
    "before its end is known": Moment("accept-then-hang", "session", 1, 1, 1, JOBS),
}
parametrize = pytest.mark.parametrize("moment", MOMENTS.values(), ids=[*MOMENTS])


@pytest.fixture
def service(shared_standin: StandIn) -> StandIn:
    shared_standin.reset(run="never", list_lag_s=0.0)
    return shared_standin


@pytest.fixture
def shell(service: StandIn, tmp_path: Path) -> Shell:
    return Shell(tmp_path / "user", service)


@pytest.fixture(scope="module")
def submit(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    path = tmp_path_factory.mktemp("circuits") / "circuits.qpy"
    return [*submission(write_circuits(path, JOBS)), *TOGETHER]


def until(true: Callable[[], bool], running: Running) -> None:
    """Wait for something, while a command runs."""
    while not true():
        assert not running.wait(0.01), running.said()


def open_at(service: StandIn) -> list[str]:
    """The sessions that take jobs and have had some, by their ids."""
    stats = service.stats()
    used = {job["session_id"] for job in stats["jobs"]}
    return [one["id"] for one in stats["sessions"] if one["accepting_jobs"] and one["id"] in used]


def shown(shell: Shell, set_id: str, verb: str = "status") -> list[dict[str, Any]]:
    """The sessions that a verb shows of a set."""
    document = json.loads(shell.run(verb, set_id, "--json").out)
    schema = Path(qjobs.__file__).parent / "schemas" / f"{document['schema'][6:-2]}.json"
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    jsonschema.validate(document, json.loads(schema.read_text()), format_checker=checker)
    found: list[dict[str, Any]] = (document if verb == "show" else document["sets"][0])["sessions"]
    return found


def killed(shell: Shell, service: StandIn, submit: Sequence[str], moment: Moment) -> str:
    """The set of a submission that was killed at a moment."""
    service.faults(moment.fault, on=moment.on, skip=moment.skip)
    running = shell.start(*submit)
    until(lambda: any(fault["struck"] for fault in service.stats()["faults"]), running)
    until(lambda: len(service.stats()["jobs"]) == moment.jobs, running)
    until(lambda: len(service.stats()["sessions"]) == moment.sessions, running)
    assert running.kill()
    service.calm()
    (set_id,) = shell.set_ids()
    assert len(shell.store.open(set_id).sessions) == moment.recorded
    return set_id


@parametrize
def test_what_a_killed_submission_left_open_is_closed_by_resume(
    shell: Shell, service: StandIn, submit: list[str], moment: Moment
) -> None:
    set_id = killed(shell, service, submit, moment)

    shell.run("resume", set_id)

    assert open_at(service) == []
    check_the_bill(shell, set_id)
    assert len(shell.bill(set_id)) == JOBS
    assert None not in {one["closed"] for one in shown(shell, set_id)}
    assert "open" not in shell.run("show", set_id).err
    used = {job["session_id"] for job in shell.bill(set_id)}
    assert used <= {one["id"] for one in shown(shell, set_id, "show")}


@parametrize
def test_what_a_killed_submission_left_open_is_closed_by_cancel(
    shell: Shell, service: StandIn, submit: list[str], moment: Moment
) -> None:
    set_id = killed(shell, service, submit, moment)

    shell.run("cancel", set_id, "--yes", codes=(0, ExitCode.UNEXPECTED))

    assert open_at(service) == []
    finish_cancelled(shell, set_id)
    assert len(shell.bill(set_id)) == moment.jobs
    assert len(service.stats()["sessions"]) == moment.sessions
    assert [one["closed"] is not None for one in shown(shell, set_id)] == [True] * moment.recorded


def finish_cancelled(shell: Shell, set_id: str) -> None:
    """Learn what became of calls whose answers were lost: what came of them is stopped, too."""
    shell.run("resume", set_id, codes=(0, ExitCode.FAILED))
    assert {job["shown"] for job in shell.bill(set_id)} <= {"Cancelled"}


def test_what_a_killed_submission_left_open_is_said_and_closed_by_wait(
    shell: Shell, service: StandIn, submit: list[str]
) -> None:
    service.set(run="cheap")
    set_id = killed(shell, service, submit, MOMENTS["before the session is closed"])
    (session,) = open_at(service)

    for verb in ("status", "show"):
        (known,) = shown(shell, set_id, verb)
        assert (known["id"], known["closed"]) == (session, None)
        assert f"{session} was left open; to close it: qjobs resume {set_id}" in (
            shell.run(verb, set_id).err
        )
    assert f"session (open)\t{session}" in shell.run("show", set_id).out
    assert open_at(service) == [session]
    shell.run("wait", set_id, "--poll", "0.1")

    assert open_at(service) == []
    said = shell.run("show", set_id)
    assert f"session\t{session}" in said.out
    assert "left open" not in said.err


def test_a_session_that_cannot_be_closed_is_said_and_closed_later(
    shell: Shell, service: StandIn, submit: list[str]
) -> None:
    service.faults("forbidden", on="session", skip=1, times=0)
    ended = shell.run(*submit)
    set_id = ended.out.strip()
    (session,) = open_at(service)

    assert f"to close it: qjobs resume {set_id}" in ended.err
    assert [one["closed"] for one in shown(shell, set_id)] == [None]
    assert shell.run("resume", set_id, codes=(ExitCode.CREDENTIALS,)).code
    service.calm()
    shell.run("resume", set_id)

    assert open_at(service) == []
    assert [one["id"] for one in shown(shell, set_id)] == [session]


def test_a_session_of_the_user_stays_open(
    shell: Shell, service: StandIn, submit: list[str]
) -> None:
    service.faults("hang", on="session", skip=1)
    killed(shell, service, submit, MOMENTS["before the session is closed"])
    (session,) = open_at(service)
    path = submit[1]

    theirs = [*submission(Path(path)), "--option", f"session={session}", "--shots", "65"]
    set_id = shell.run(*theirs).out.strip()
    shell.run("cancel", set_id, "--yes")

    assert open_at(service) == [session]
    assert shown(shell, set_id) == []
    assert {job["session_id"] for job in shell.bill(set_id)} == {session}


def test_submissions_are_killed_at_any_moment_and_leave_no_session(
    tmp_path: Path, submit: list[str]
) -> None:
    chance = chance_of("sessions")
    with StandIn(tmp_path / "service", backends="ibm_lagos", run="never") as service:
        shell = Shell(tmp_path / "user", service)
        moments = shell.moments(*submit)
        killed = 0
        while killed < KILLS:
            killed += shell.start(*submit, last=chance.randint(1, moments)).died()
            service.quiet()
            newest = shell.set_ids()[:1]  # none, if the first one died before it was made
            killed += shell.start("resume", *newest, last=chance.randint(1, moments)).died()
            service.quiet()
        for number, set_id in enumerate(shell.set_ids()):
            if number % 2:
                shell.run("cancel", set_id, "--yes", codes=(0, ExitCode.UNEXPECTED))
                finish_cancelled(shell, set_id)
            else:
                shell.run("resume", set_id)
                check_the_bill(shell, set_id)
                assert len(shell.bill(set_id)) == JOBS
            assert all(session.closed for session in shell.store.open(set_id).sessions)
        assert open_at(service) == []
        assert service.duplicates() == []
