"""Any process is killed at any moment: every slice runs once, every id is known, nothing is lost.

Real processes are killed with SIGKILL, 200 of them: clients while they submit and resume,
clients while they wait, and the local provider's own supervisor and workers.
"""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from qjobs.model import Attempted, Planned
from qjobs.providers.local.folder import Folder
from qjobs.providers.local.supervision import stop
from qjobs.store.sets import Store

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

CIRCUITS = 48
SUBMIT_KILLS, WAIT_KILLS, WORKER_KILLS = 120, 40, 40
SUBMIT = ["submit", "ghz.qpy", "--per-job", "1", "--shots", "64", "--seed", "7"]


class Shell:
    """Runs qjobs as a user would, in one folder with one state."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        # No job may be given up only because we killed its worker again and again.
        self.environment = os.environ | {
            "QJOBS_HOME": str(self.home),
            "QJOBS_LOCAL_DEATHS": "1000",
            "QJOBS_LOCAL_IDLE_S": "2",
        }

    def start(self, *arguments: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-m", "qjobs", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, *arguments: str, codes: tuple[int, ...] = (0,)) -> str:
        with self.start(*arguments) as process:
            output, errors = process.communicate(timeout=120)
        assert process.returncode in codes, (arguments, process.returncode, errors.decode())
        return output.decode()

    def kill_after(self, delay_s: float, *arguments: str) -> bool:
        """Start qjobs and kill it after a while; whether it was still running then."""
        with self.start(*arguments) as process:
            try:
                _, errors = process.communicate(timeout=delay_s)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                return True
            assert process.returncode == 0, (arguments, errors.decode())
            return False

    @property
    def store(self) -> Store:
        return Store(self.home, clock=lambda: datetime.now(UTC))

    def set_ids(self) -> list[str]:
        return [header.set_id for header in self.store.listing().headers]

    def counts(self, set_id: str) -> list[dict[str, int]]:
        document = json.loads(self.run("result", set_id, "--json"))
        assert document["complete"]
        return [circuit["counts"] for circuit in document["circuits"]]


@pytest.fixture
def shell(tmp_path):
    from qiskit import QuantumCircuit, qpy

    circuits = []
    for index in range(CIRCUITS):
        circuit = QuantumCircuit(3, name=f"ghz-{index}")
        circuit.ry(0.1 * index, 0)
        circuit.cx(0, 1)
        circuit.cx(1, 2)
        circuit.measure_all()
        circuits.append(circuit)
    with (tmp_path / "ghz.qpy").open("wb") as file:
        qpy.dump(circuits, file)
    shell = Shell(tmp_path)
    yield shell
    stop(Folder(shell.home / "local"))


def test_nothing_is_lost_or_run_twice_whatever_is_killed(shell):
    chance = random.Random(20261122)
    started = time.monotonic()
    calm = shell.run(*SUBMIT).strip()
    submit_s = time.monotonic() - started
    shell.run("wait", calm)
    expected = shell.counts(calm)

    kills = 0
    while kills < SUBMIT_KILLS:
        verb = ["resume"] if unsent_jobs(shell) else SUBMIT
        kills += shell.kill_after(chance.uniform(0.1, 1.1) * submit_s, *verb)
    for set_id in shell.set_ids():
        shell.run("resume", set_id)

    kills = 0
    while kills < WAIT_KILLS:
        if not running_jobs(shell):
            shell.run(*SUBMIT)
        kills += shell.kill_after(chance.uniform(0.1, 0.6), "wait")

    kills = 0
    while kills < WORKER_KILLS:
        if not running_jobs(shell):
            shell.run(*SUBMIT)
        time.sleep(chance.uniform(0.0, 0.3))
        kills += kill_a_process_of_the_provider(shell, chance)
        shell.run("status")  # any verb that looks starts what is missing

    for set_id in shell.set_ids():
        shell.run("wait", set_id)
        check_the_bill(shell, set_id)
        assert shell.counts(set_id) == expected


def unsent_jobs(shell: Shell) -> bool:
    """Whether the newest set has jobs that were never handed over, or may not have been."""
    newest = shell.set_ids()[:1]
    return any(
        isinstance(job.state, Planned | Attempted)
        for set_id in newest
        for job in shell.store.open(set_id).jobs()
    )


def running_jobs(shell: Shell) -> bool:
    """Whether the provider has anything left to do."""
    with closing(sqlite3.connect(shell.home / "local" / "queue.db")) as queue:
        (unfinished,) = queue.execute(
            "SELECT count(*) FROM queued_job WHERE status IN ('QUEUED', 'RUNNING')"
        ).fetchone()
    return bool(unfinished)


def kill_a_process_of_the_provider(shell: Shell, chance: random.Random) -> bool:
    """Kill the supervisor or one of its workers; False if there is none."""
    supervisor = Folder(shell.home / "local").lock.read_text()
    if not supervisor:
        return False
    found = subprocess.run(["pgrep", "-P", supervisor], capture_output=True, check=False)
    # The supervisor itself is killed one time in five.
    process = chance.choice([*found.stdout.split() * 4, supervisor])
    try:
        os.kill(int(process), signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def check_the_bill(shell: Shell, set_id: str) -> None:
    """The provider has one job a slice, and the state knows the id of each."""
    with closing(sqlite3.connect(shell.home / "local" / "queue.db")) as queue:
        billed = queue.execute(
            "SELECT start_index, job_id FROM queued_job WHERE tag LIKE ? ORDER BY start_index",
            (f"qj-{set_id}-%",),
        ).fetchall()
    jobs = shell.store.open(set_id).jobs()
    assert billed == [(job.slice.start_index, job.state.job_id) for job in jobs]
    assert len(billed) == CIRCUITS
