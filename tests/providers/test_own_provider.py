"""The provider of docs/providers.md, installed and run as its reader would."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import deeds, lab_machine
from support.deeds import chance_of, times

from qjobs.model import Accepted
from qjobs.store.sets import Store
from qjobs.testing.contract import steady

pytestmark = [pytest.mark.slow, pytest.mark.timeout(times(600, 3600))]

PAGE = Path(__file__).parents[2] / "docs" / "providers.md"
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE.read_text(), re.DOTALL)
CIRCUITS = 6


def block(language: str, word: str) -> str:
    """The code of the page that has a word."""
    (found,) = (code for kind, code in BLOCKS if kind == language and word in code)
    return found


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The provider as pip would leave it."""
    site = tmp_path / "site"
    info = site / "lab_jobs-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "lab_jobs.py").write_text(block("python", "class LabProvider"))
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: lab-jobs\nVersion: 1.0\n")
    point = block("toml", "lab_jobs:LabProvider").splitlines()[1].replace('"', "")
    (info / "entry_points.txt").write_text(f"[qjobs.providers]\n{point}\n")
    return site


@pytest.fixture
def environment(site: Path, tmp_path: Path) -> dict[str, str]:
    return os.environ | {
        "QJOBS_HOME": str(tmp_path / "home"),
        "QJOBS_LAB_ROOT": str(tmp_path / "shared"),
        "PYTHONPATH": os.pathsep.join([str(site), str(Path(__file__).parents[1])]),
    }


@pytest.fixture
def start(environment: dict[str, str], tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """Run Python in the folder of the test; how it ended, and what it wrote."""

    def start(*arguments: str) -> tuple[int, str]:
        ended = subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        return ended.returncode, ended.stdout + ended.stderr * (ended.returncode != 0)

    return start


@pytest.fixture
def qjobs(start: Callable[..., tuple[int, str]]) -> Callable[..., str]:
    def qjobs(*arguments: str) -> str:
        code, output = start("-m", "qjobs", *arguments)
        assert code == 0, (arguments, output)
        return output

    return qjobs


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[None]:
    """The one on the first floor works."""
    stop = threading.Event()
    alice = tmp_path / "shared" / "alice"
    working = threading.Thread(target=lab_machine.work, args=(alice, stop))
    working.start()
    yield
    stop.set()
    working.join()


@pytest.fixture
def circuits(tmp_path: Path) -> Path:
    from qiskit import qpy

    path = tmp_path / "steady.qpy"
    with path.open("wb") as file:
        qpy.dump([steady(index) for index in range(CIRCUITS)], file)
    return path


def test_it_is_short() -> None:
    lines = block("python", "class LabProvider").splitlines()

    assert len(lines) <= 80
    assert max(map(len, lines)) <= 100


def test_it_keeps_the_contract(site: Path, tmp_path: Path, start) -> None:
    fixture = """
import threading
from support import lab_machine
import pytest

@pytest.fixture(autouse=True)
def machine(tmp_path):
    stop = threading.Event()
    alice = tmp_path / "with blanks and ümlauts" / "provider" / "alice"
    working = threading.Thread(target=lab_machine.work, args=(alice, stop))
    working.start()
    yield
    stop.set()
    working.join()
"""
    (tmp_path / "test_lab.py").write_text(block("python", "class TestLab") + fixture)

    code, output = start(
        "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", ".", "test_lab.py"
    )

    assert code == 0, output
    # It has none of the abilities that a provider need not have.
    assert "5 skipped" in output, output


def test_all_verbs_work_with_it(qjobs, circuits, machine) -> None:
    backends = qjobs("backends", "-p", "lab")
    assert "lab:alice" in backends
    assert "five qubits of the first floor" in backends

    set_id = qjobs("submit", circuits.name, "-b", "lab:alice", "--per-job", "2").strip()
    qjobs("wait", set_id)

    (told,) = json.loads(qjobs("status", set_id, "--json"))["sets"]
    assert [job["state"] for job in told["jobs"]] == ["done"] * 3
    assert [job["job_id"] for job in told["jobs"]] == [f"qj-{set_id}-{job}-1" for job in range(3)]
    found = json.loads(qjobs("result", set_id, "--json"))
    assert [circuit["counts"] for circuit in found["circuits"]] == [
        {f"{index:04b}": 1024} for index in range(CIRCUITS)
    ]


def test_jobs_that_wait_are_cancelled(qjobs, circuits, tmp_path) -> None:
    set_id = qjobs("submit", circuits.name, "-b", "lab:bob", "--per-job", "2").strip()

    qjobs("cancel", set_id)

    cancelled = (tmp_path / "shared" / "bob" / "cancelled").iterdir()
    assert sorted(path.name for path in cancelled) == [f"qj-{set_id}-{job}-1" for job in range(3)]


def test_killed_at_any_moment_each_slice_is_there_once(
    qjobs, start, circuits, tmp_path: Path
) -> None:
    chance = chance_of("lab")
    submit = ["submit", circuits.name, "-b", "lab:bob", "--per-job", "1"]
    counted = tmp_path / "moments"
    code, output = start(deeds.__file__, "0", str(counted), *submit)
    assert code == 0, output
    moments = int(counted.read_text())

    killed = 0
    while killed < times(8, 60):
        code, output = start(deeds.__file__, str(chance.randint(1, moments)), str(counted), *submit)
        assert code in (0, -9), output  # not each run comes to as many moments
        killed += code == -9

    store = Store(tmp_path / "home", clock=lambda: None)
    expected = []
    for header in store.listing().headers:
        qjobs("resume", header.set_id)
        jobs = store.open(header.set_id).jobs()
        assert [job.state for job in jobs] == [
            Accepted(f"qj-{header.set_id}-{index}-1") for index in range(CIRCUITS)
        ]
        expected += [job.state.job_id for job in jobs]
    queued = (tmp_path / "shared" / "bob" / "queued").iterdir()
    assert sorted(path.name for path in queued) == sorted(expected)
