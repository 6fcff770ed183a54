"""Client and service are killed at any moment: nothing is lost, and nothing is paid for twice.

Processes are killed with SIGKILL: clients that submit and resume, clients that wait and read
results, several at once in one state folder; and the service under them. Some 50 usually; with
QJOBS_CAMPAIGN=7 there are 220, at the moments that follow from the seed 7.
"""

import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.deeds import chance_of, times
from support.ibm_shell import Running, Shell, check_the_bill, submission, write_circuits
from support.standin.process import StandIn

from qjobs.engine.submit import unsent_jobs
from qjobs.errors import ExitCode

pytestmark = [pytest.mark.slow, pytest.mark.timeout(times(600, 3600))]

CIRCUITS = 24
LANES = 4
LAG_S = 0.2
SUBMIT_KILLS, READ_KILLS, SERVICE_KILLS = times(28, 140), times(16, 72), times(6, 8)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[StandIn]:
    """It takes some time for each post: at most moments there are some in flight."""
    with StandIn(
        tmp_path / "service", backends="ibm_lagos", run="cheap", list_lag_s=LAG_S
    ) as standin:
        yield standin


@pytest.fixture
def shell(service: StandIn, tmp_path: Path) -> Shell:
    return Shell(tmp_path / "user", service)


@pytest.fixture
def submit(tmp_path: Path) -> list[str]:
    return submission(write_circuits(tmp_path / "circuits.qpy", CIRCUITS))


def test_clients_are_killed_at_any_moment(
    shell: Shell, service: StandIn, submit: list[str]
) -> None:
    submit_moments = shell.moments(*submit)
    (calm,) = shell.set_ids()
    wait_moments = shell.moments("wait", calm, "--poll", "0.1")
    expected = shell.counts(calm)
    service.faults("slow", times=0, delay_s=0.05)

    def send(lane: int, chance: random.Random) -> Running:
        name = f"lane-{lane}"
        unsent = unsent_sets(shell, name)
        let_settle(service)
        verb = ("resume", unsent[0]) if unsent else (*submit, "-n", name)
        return shell.start(*verb, last=chance.randint(1, submit_moments))

    kill_many(send, kills=SUBMIT_KILLS)
    sets = shell.set_ids()
    let_settle(service)
    shell.run("resume", *sets)

    def read(_lane: int, chance: random.Random) -> Running:
        missing = {one: missing_results(shell, one) for one in sets}
        one = chance.choice([one for one in sets if missing[one]] or sets)
        last = chance.randint(1, wait_moments * (missing[one] + 1) // CIRCUITS)
        if chance.random() < 0.5:
            return shell.start("wait", one, "--poll", "0.1", last=last)
        return shell.start("result", one, "--partial", "--json", last=last)

    kill_many(read, kills=READ_KILLS)

    for set_id in sets:
        shell.run("wait", set_id, "--poll", "0.1")
        assert shell.counts(set_id) == expected
        check_the_bill(shell, set_id)
    check_that_nobody_else_paid(shell, service)


def test_the_service_is_killed_at_any_moment(
    shell: Shell, service: StandIn, submit: list[str]
) -> None:
    chance = chance_of("service")
    service.set(run="never")  # the process that runs circuits is slow to start
    for _ in range(SERVICE_KILLS):
        fault = chance.choice(("die", "accept-then-die"))
        service.faults(fault, on="any", skip=chance.randrange(CIRCUITS))
        running = shell.start(*submit)
        service.wait()
        service.restart()
        running.end()
    for set_id in shell.set_ids():
        while shell.run("resume", set_id, codes=(0, ExitCode.PARTLY_SUBMITTED)).code:
            pass

    for set_id in shell.set_ids():
        check_the_bill(shell, set_id)
    check_that_nobody_else_paid(shell, service)


def kill_many(start: Callable[[int, random.Random], Running], *, kills: int) -> None:
    """Start commands that are to die, several at once, until so many did."""

    def lane(number: int) -> None:
        chance = chance_of(f"lane {number}")
        killed = 0
        while killed < kills / LANES:
            killed += start(number, chance).died()

    with ThreadPoolExecutor(LANES) as pool:
        list(pool.map(lane, range(LANES)))


def let_settle(service: StandIn) -> None:
    """Have the service finish, and list, what clients asked for before they were killed.

    A slow one could take a job after the settle time that the next client waits for.
    """
    service.quiet()
    time.sleep(LAG_S)


def unsent_sets(shell: Shell, name: str) -> list[str]:
    """The sets of this name of which something was never sent, or may not have been."""
    named = [header.set_id for header in shell.store.listing().headers if header.name == name]
    return [set_id for set_id in named[:1] if unsent_jobs(shell.store.open(set_id))]


def missing_results(shell: Shell, set_id: str) -> int:
    """How many jobs of a set have no results here."""
    kept = (shell.home / "sets" / set_id / "results").glob("*.jsonl")
    return CIRCUITS - len(list(kept))


def check_that_nobody_else_paid(shell: Shell, service: StandIn) -> None:
    """Each slice of each set has one job at the service, and the service has no others."""
    assert len(service.stats()["jobs"]) == CIRCUITS * len(shell.set_ids())
