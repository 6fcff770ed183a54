"""Eight processes at once on one state folder: nothing is lost, nothing is garbled.

With QJOBS_CAMPAIGN=7 each has twice as much to do, and the seed of what it does is 7.
"""

import json
import os
import random
import sqlite3
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from support.deeds import chance_of, times

from qjobs.providers.fake.books import Books
from qjobs.providers.local.folder import Folder
from qjobs.providers.local.supervision import stop

pytestmark = pytest.mark.slow

SUBMITS, LOOKS = (
    times(2, 4),
    times(4, 8),
)  # of each process that submits; of each that reads or cancels
CIRCUITS, SHOTS = 40, 20
LOCAL = "local:aer"
# Some submissions never arrive, and the answers of some get lost.
FAKE = "fake:delay=0.3,latency=0.02,drop=1,lose=1"


class Ended(NamedTuple):
    """A command that ended, and the exit codes that it may end with."""

    arguments: tuple[str, ...]
    codes: tuple[int, ...]
    code: int
    out: str
    err: str

    @property
    def well(self) -> bool:
        return self.code in self.codes and not any(
            word in self.err for word in ("Traceback", "fault of qjobs")
        )


class Crowd:
    """Everybody who works in one state folder."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self._folder = folder
        self._environment = os.environ | {
            "QJOBS_HOME": str(self.home),
            "QJOBS_LOCAL_IDLE_S": "5",
        }

    def run(self, *arguments: str, codes: tuple[int, ...] = (0,)) -> Ended:
        ended = subprocess.run(
            [sys.executable, "-m", "qjobs", *arguments],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Ended(arguments, codes, ended.returncode, ended.stdout, ended.stderr)

    def submit(self, backend: str) -> Iterator[Ended]:
        for _ in range(SUBMITS):
            # Of what others cancel meanwhile it tells by its exit code: 6.
            yield self.run(
                "submit", "circuits.qpy", "-b", backend, "--per-job", "1", "-s", str(SHOTS),
                codes=(0, 6),
            )  # fmt: skip

    def read(self, chance: random.Random) -> Iterator[Ended]:
        for _ in range(LOOKS):
            one = f"@{chance.randint(1, 2)}"
            yield self.run("status", one, codes=(0, 3))
            yield self.run("list")
            yield self.run("result", one, "--partial", codes=(0, 3, 6))

    def cancel(self, chance: random.Random) -> Iterator[Ended]:
        for _ in range(LOOKS):
            # A call to the provider that is under way cannot be stopped: exit code 1.
            yield self.run(
                "cancel", f"@last/{chance.choice(('0-9', '5-14', '20-'))}", codes=(0, 1, 3)
            )


@pytest.fixture
def crowd(tmp_path: Path) -> Iterator[Crowd]:
    from qiskit import QuantumCircuit, qpy

    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    with (tmp_path / "circuits.qpy").open("wb") as file:
        qpy.dump([circuit] * CIRCUITS, file)
    crowd = Crowd(tmp_path)
    yield crowd
    stop(Folder(crowd.home / "local"), timeout_s=60)


def test_a_crowd_in_one_folder_loses_nothing(crowd: Crowd) -> None:
    parts = [
        *(crowd.submit(backend) for backend in (LOCAL, FAKE, LOCAL, FAKE)),
        *(crowd.read(chance_of(part)) for part in (1, 2)),
        *(crowd.cancel(chance_of(part)) for part in (3, 4)),
    ]
    with ThreadPoolExecutor(8) as pool:
        ended = [one for part in pool.map(list[Ended], parts) for one in part]

    assert [one for one in ended if not one.well] == []
    sets = [one.out.strip() for one in ended if one.arguments[0] == "submit"]
    assert sorted(crowd.run("list", "--all", "-q").out.split()) == sorted(sets)
    waited = crowd.run("wait", *sets, codes=(0, 6))
    assert waited.well, waited
    for shown in json.loads(crowd.run("status", *sets, "--json").out)["sets"]:
        check_jobs(crowd, shown)
    told = crowd.run("result", *sets, "--json", codes=(0, 6))
    assert told.well, told
    for document, set_id in zip(told.out.splitlines(), sets, strict=True):
        check_results(json.loads(document), set_id)


def check_jobs(crowd: Crowd, shown: dict[str, Any]) -> None:
    """Every job has come to an end, and the provider has it once; the state is whole."""
    set_id = shown["id"]
    assert shown["problems"] == []
    states = Counter(job["state"] for job in shown["jobs"])
    assert states.keys() <= {"done", "cancelled"}
    assert states.total() == sum(shown["counts"].values()) == CIRCUITS

    with (crowd.home / "sets" / set_id / "state.toml").open("rb") as file:
        assert tomllib.load(file)["set"]["id"] == set_id

    known = {
        f"qj-{set_id}-{job['index']}-1": job["job_id"] for job in shown["jobs"] if job["job_id"]
    }
    assert sorted(known.items()) == bill(crowd, shown["provider"], set_id)


def check_results(document: dict[str, Any], set_id: str) -> None:
    """There is an entry for each circuit, with all of its shots if its job is done."""
    assert document["set"] == set_id
    assert [entry["index"] for entry in document["circuits"]] == list(range(CIRCUITS))
    for entry in document["circuits"]:
        shots = sum(entry["counts"].values()) if entry["counts"] else 0
        assert shots == (SHOTS if entry["state"] == "done" else 0)


def bill(crowd: Crowd, provider: str, set_id: str) -> list[tuple[str, str]]:
    """Tag and id of each job that the provider has of a set."""
    if provider == "fake":
        with Books(crowd.home / "fake").open() as page:
            jobs = [(entry.tag, entry.job_id) for entry in page.all()]
    else:
        with closing(sqlite3.connect(crowd.home / "local" / "queue.db")) as queue:
            jobs = queue.execute("SELECT tag, job_id FROM queued_job").fetchall()
    return sorted(job for job in jobs if job[0].startswith(f"qj-{set_id}-"))
