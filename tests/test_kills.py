"""Any process is killed at any moment: every slice runs once, every id is known, nothing is lost.

Real processes are killed with SIGKILL: clients while they submit and resume, clients while they
wait, and the local provider's own supervisor and workers. Some 50 usually; with QJOBS_CAMPAIGN=7
there are 240, at the moments that follow from the seed 7.
"""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support import deeds
from support.deeds import Fates, chance_of, times

from qjobs.contract import ProviderContext
from qjobs.model import Attempted, Planned
from qjobs.providers.fake.provider import BillLine, FakeProvider
from qjobs.providers.local.folder import Folder
from qjobs.providers.local.supervision import stop
from qjobs.store.sets import Store

pytestmark = [pytest.mark.slow, pytest.mark.timeout(times(600, 3600))]

CIRCUITS = 48
SUBMIT_KILLS, WAIT_KILLS, CALL_KILLS = times(32, 120), times(10, 60), times(10, 60)
PROVIDER_KILLS = {"supervisor": times(3, 15), "worker": times(8, 45)}
WITHIN = {"supervisor": 200, "worker": 66}
"""Each job is some 20 moments of a worker's life, and as many of a supervisor's."""
PATIENCE_S = 120
SUBMIT = ["submit", "ghz.qpy", "--per-job", "1", "--shots", "64", "--seed", "7"]


class Shell:
    """Runs qjobs as a user would, in one folder with one state."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.counted = folder / "moments"
        # No job may be given up only because we killed its worker again and again.
        self.environment = os.environ | {
            "QJOBS_HOME": str(self.home),
            "QJOBS_LOCAL_DEATHS": "1000",
            "QJOBS_LOCAL_IDLE_S": "2",
        }

    def start(self, *command: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, *command],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, *arguments: str, codes: tuple[int, ...] = (0,)) -> str:
        with self.start("-m", "qjobs", *arguments) as process:
            output, errors = process.communicate(timeout=PATIENCE_S)
        assert process.returncode in codes, (arguments, process.returncode, errors.decode())
        return output.decode()

    def kill_at(self, moment: int, *arguments: str) -> bool:
        """Have qjobs be killed at a moment of its work; whether it had so many."""
        with self.start(deeds.__file__, str(moment), str(self.counted), *arguments) as process:
            _, errors = process.communicate(timeout=PATIENCE_S)
        assert process.returncode in {0, -9}, (arguments, process.returncode, errors.decode())
        return process.returncode == -9

    def count(self, *arguments: str) -> int:
        """How many moments a command has that nobody kills."""
        assert not self.kill_at(0, *arguments)
        return int(self.counted.read_text())

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
    stop(Folder(shell.home / "local"), timeout_s=60)


def test_nothing_is_lost_or_run_twice_whatever_is_killed(shell, tmp_path):
    chance = chance_of("clients")
    submit_moments = shell.count(*SUBMIT)
    (calm,) = shell.set_ids()
    wait_moments = shell.count("wait", calm)
    expected = shell.counts(calm)

    killed = 0
    while killed < SUBMIT_KILLS:
        left = unsent_jobs(shell)
        # To go on with the last job has moments too, beside those of the job.
        most = submit_moments * ((left or CIRCUITS) + 4) // CIRCUITS
        killed += shell.kill_at(chance.randint(1, most), *(["resume"] if left else SUBMIT))
    for set_id in shell.set_ids():
        shell.run("resume", set_id)

    killed = 0
    while killed < WAIT_KILLS:
        if not (jobs := missing_results(shell)):
            shell.run(*SUBMIT)
            jobs = CIRCUITS
        killed += shell.kill_at(chance.randint(1, jobs * wait_moments // CIRCUITS), "wait")

    fates = Fates(tmp_path / "fates", kills=PROVIDER_KILLS, within=WITHIN)
    shell.environment["PYTHONPATH"] = fates.path
    stop(Folder(shell.home / "local"), timeout_s=60)
    while not fates.met:
        if not running_jobs(shell):
            shell.run(*SUBMIT)
        shell.run("status")  # any verb that looks starts what is missing

    for set_id in shell.set_ids():
        shell.run("wait", set_id)
        check_the_bill(shell, set_id)
        assert shell.counts(set_id) == expected


# What is recorded and what the provider lists may be as far apart as a slow machine makes them.
@pytest.mark.parametrize("more", ["", ",drop=3,lose=3,connections=1", ",settle=5"])
def test_of_jobs_that_share_a_call_each_is_there_once(shell, more):
    """Killed before, in the midst of, and after calls, and while their answers are recorded."""
    chance = chance_of(f"calls{more}")
    submit = [*SUBMIT, "-b", f"fake:together=7{more}"]
    moments = shell.count(*submit)

    killed = 0
    while killed < (2 if "settle" in more else CALL_KILLS):
        left = unsent_jobs(shell)
        most = moments * ((left or CIRCUITS) + 8) // CIRCUITS
        killed += shell.kill_at(chance.randint(1, most), *(["resume"] if left else submit))
    for death in ("die_before", "die_after"):
        command = [*SUBMIT, "-b", f"fake:together=7,{death}=18{more}"]
        assert shell.kill_at(0, *command), "it was to be killed in the midst of its third call"

    for set_id in shell.set_ids():
        shell.run("resume", set_id)
        billed = [line for line in billed_by_fake(shell) if line.tag.startswith(f"qj-{set_id}-")]
        jobs = shell.store.open(set_id).jobs()
        assert {line.tag: line.job_id for line in billed} == {
            f"qj-{set_id}-{job.index}-1": job.state.job_id for job in jobs
        }
        assert len(billed) == len(jobs) == CIRCUITS


def billed_by_fake(shell: Shell) -> list[BillLine]:
    return FakeProvider(ProviderContext(shell.home / "fake")).submissions()


def unsent_jobs(shell: Shell) -> int:
    """How many jobs of the newest set were never handed over, or may not have been."""
    jobs = [job for set_id in shell.set_ids()[:1] for job in shell.store.open(set_id).jobs()]
    return sum(isinstance(job.state, Planned | Attempted) for job in jobs)


def missing_results(shell: Shell) -> int:
    """How many jobs of the newest set have no results here."""
    kept = (shell.home / "sets" / shell.set_ids()[0] / "results").glob("*.jsonl")
    return CIRCUITS - len(list(kept))


def running_jobs(shell: Shell) -> bool:
    """Whether the provider has anything left to do."""
    with closing(sqlite3.connect(shell.home / "local" / "queue.db")) as queue:
        (unfinished,) = queue.execute(
            "SELECT count(*) FROM queued_job WHERE status IN ('QUEUED', 'RUNNING')"
        ).fetchone()
    return bool(unfinished)


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
