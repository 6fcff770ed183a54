"""Client and service are killed at any moment: nothing is lost, and nothing is paid for twice.

More than 200 processes are killed with SIGKILL: clients that submit and resume, clients that
wait and read results, several at once in one state folder; and the service under them.
"""

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from ibm_shell import Running, Shell, check_the_bill, submission, write_circuits
from standin.process import StandIn

from qjobs.engine.resume import unsent_jobs
from qjobs.errors import ExitCode

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

CIRCUITS = 24
LANES = 4
SUBMIT_KILLS, READ_KILLS, SERVICE_KILLS = 140, 72, 8


@pytest.fixture
def service(tmp_path: Path) -> Iterator[StandIn]:
    """It takes some time for each post: at most moments there are some in flight."""
    with StandIn(
        tmp_path / "service", backends="ibm_lagos", run="cheap", list_lag_s=0.2
    ) as standin:
        yield standin


@pytest.fixture
def shell(service: StandIn, tmp_path: Path) -> Shell:
    return Shell(tmp_path / "user", service, ibm_timeout_s="5", ibm_post_timeout_s="5")


@pytest.fixture
def submit(tmp_path: Path) -> list[str]:
    return submission(write_circuits(tmp_path / "circuits.qpy", CIRCUITS))


def test_clients_are_killed_at_any_moment(
    shell: Shell, service: StandIn, submit: list[str]
) -> None:
    calm = shell.run(*submit).out.strip()
    shell.run("wait", calm, "--poll", "0.1")
    expected = shell.counts(calm)
    service.faults("slow", times=0, delay_s=0.1)

    def send(lane: int, _chance: random.Random) -> Running:
        name = f"lane-{lane}"
        unsent = unsent_sets(shell, name)
        return shell.start(*(("resume", unsent[0]) if unsent else (*submit, "-n", name)))

    kill_many(send, kills=SUBMIT_KILLS, longest_s=0.9)
    sets = shell.set_ids()
    shell.run("resume", *sets)

    def read(_lane: int, chance: random.Random) -> Running:
        one = chance.choice(sets)
        if chance.random() < 0.5:
            return shell.start("wait", one, "--poll", "0.1")
        return shell.start("result", one, "--partial", "--json")

    kill_many(read, kills=READ_KILLS, longest_s=0.3)

    for set_id in sets:
        shell.run("wait", set_id, "--poll", "0.1")
        assert shell.counts(set_id) == expected
        check_the_bill(shell, set_id)
    check_that_nobody_else_paid(shell, service)


def test_the_service_is_killed_at_any_moment(
    shell: Shell, service: StandIn, submit: list[str]
) -> None:
    chance = random.Random(20261122)
    service.set(run="never")  # the process that runs circuits is slow to start
    for _ in range(SERVICE_KILLS):
        running = shell.start(*submit)
        running.wait(chance.uniform(0.1, 0.6))
        service.kill()
        service.restart()
        running.end()
    for set_id in shell.set_ids():
        while shell.run("resume", set_id, codes=(0, ExitCode.PARTLY_SUBMITTED)).code:
            pass

    for set_id in shell.set_ids():
        check_the_bill(shell, set_id)
    check_that_nobody_else_paid(shell, service)


def kill_many(
    start: Callable[[int, random.Random], Running], *, kills: int, longest_s: float
) -> None:
    """Start commands, several at once, and kill each, until so many were killed."""

    def lane(number: int) -> None:
        chance = random.Random(f"{number} of 20261122")
        killed = 0
        while killed < kills / LANES:
            running = start(number, chance)
            running.wait(chance.uniform(0.03, longest_s))
            killed += running.kill()

    with ThreadPoolExecutor(LANES) as pool:
        list(pool.map(lane, range(LANES)))


def unsent_sets(shell: Shell, name: str) -> list[str]:
    """The sets of this name of which something was never sent, or may not have been."""
    named = [header.set_id for header in shell.store.listing().headers if header.name == name]
    return [set_id for set_id in named[:1] if unsent_jobs(shell.store.open(set_id))]


def check_that_nobody_else_paid(shell: Shell, service: StandIn) -> None:
    """Each slice of each set has one job at the service, and the service has no others."""
    assert len(service.stats()["jobs"]) == CIRCUITS * len(shell.set_ids())
