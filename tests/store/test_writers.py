"""Real processes that write at once, are killed, or find the disk full."""

import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from support import TESTS
from support.sample_set import recorded_in

from qjobs.model import Accepted, Attempted, Planned
from qjobs.store.folder import SetFolder
from qjobs.store.state import torn as tail
from qjobs.store.state.reading import read_state

NewSet = Callable[..., SetFolder]
SCRIPT = TESTS / "support" / "appender.py"
SET_ID = "9f3c1a7e2b40"


def start(home: Path, *arguments: object) -> "subprocess.Popen[str]":
    words = [sys.executable, str(SCRIPT), str(home), SET_ID, *map(str, arguments)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


def said(output: str) -> set[tuple[int, str]]:
    """The facts that a process was told are recorded; the last line may be cut."""
    lines = output.splitlines(keepends=True)
    return {(int(line.split()[0]), line.split()[1]) for line in lines if line.endswith("\n")}


def on_disk(path: Path) -> set[tuple[int, str]]:
    """The same, of all that the file says."""
    jobs = recorded_in(path).jobs
    return {
        (index, kind)
        for index, job in enumerate(jobs)
        for kind, at in (
            ("attempted", job.attempts[0].attempted), ("accepted", job.attempts[0].submitted)
        )
        if at is not None
    }  # fmt: skip


@pytest.mark.slow
def test_processes_that_write_at_once_lose_nothing_and_share_no_job(
    new_set: NewSet, home: Path, state_path: Path
) -> None:
    new_set(jobs=200)  # one of them folds the file under the others
    processes = [start(home, 0, 1) for _ in range(16)]
    outputs = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * 16
    every = [fact for output in outputs for fact in said(output)]
    assert len(every) == len(set(every)) == 400
    assert on_disk(state_path) == set(every)
    assert read_state(state_path).contents.facts == []
    assert tomllib.loads(state_path.read_text("utf-8"))["set"]["id"] == SET_ID


@pytest.mark.slow
def test_nothing_that_was_acknowledged_is_lost_by_a_kill(
    new_set: NewSet, home: Path, state_path: Path
) -> None:
    new_set(jobs=4000)
    acknowledged: set[tuple[int, str]] = set()
    for turn in range(12):
        process = start(home, 300 * turn, 1)
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(1 + 37 * turn % 90)]
        process.kill()
        lines.append(process.stdout.read())
        process.stdout.close()
        process.wait()
        acknowledged |= said("".join(lines))
        text = state_path.read_text("utf-8")
        tomllib.loads(text[: tail.good_length(text)])
        assert on_disk(state_path) >= acknowledged


@pytest.mark.slow
def test_a_full_disk_is_said_and_what_was_recorded_stays(
    new_set: NewSet, home: Path, state_path: Path
) -> None:
    folder = new_set(jobs=300)
    for spare_bytes in range(7000, 7100, 11):
        size = state_path.stat().st_size
        first = sum(not isinstance(job.state, Planned) for job in folder.jobs())
        process = start(home, first, 1, size + spare_bytes % 997)
        output = process.communicate()[0]
        assert process.returncode == 0
        *facts, last = output.splitlines()
        assert last.split()[1] == "StateUnwritable"
        folder.refresh()
        assert folder.warnings == ()  # what did not fit was taken back
        assert on_disk(state_path) >= said("\n".join([*facts, ""]))
    folder.refresh()
    assert any(isinstance(job.state, Accepted | Attempted) for job in folder.jobs())
    finish = start(home, 0, 1)
    finish.communicate()
    folder.refresh()
    assert not any(isinstance(job.state, Planned) for job in folder.jobs())


@pytest.mark.slow
def test_a_process_that_is_killed_gives_the_submission_free(new_set: NewSet, home: Path) -> None:
    folder = new_set()
    code = (
        "import sys, time; from pathlib import Path; from datetime import datetime, UTC\n"
        "from qjobs.store.sets import Store\n"
        "store = Store(Path(sys.argv[1]), clock=lambda: datetime.now(UTC))\n"
        "with store.open(sys.argv[2]).claim_submission():\n"
        "    print('claimed', flush=True); sys.stdin.read()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(home), SET_ID],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "claimed\n"
        assert folder.being_submitted()
        process.kill()
    assert not folder.being_submitted()
    with folder.claim_submission():
        pass
