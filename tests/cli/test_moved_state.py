"""A state folder that was moved, restored, copied or deleted, and what its local jobs do then."""

import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from qiskit import QuantumCircuit, qpy

from qjobs.providers.local import supervision
from qjobs.providers.local.folder import Folder


def until(look: Callable[[], object]) -> None:
    """Wait for what other processes do: they give no event."""
    end = time.monotonic() + 60
    while not look():
        assert time.monotonic() < end
        time.sleep(0.01)


def processes(home: Path) -> list[Path]:
    """The processes of the local provider that were started for a state folder."""
    word = os.fsencode(home / "local")
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if word in path.read_bytes().split(b"\0"):
                found.append(path)
        except OSError:
            continue
    return found


@pytest.fixture
def places(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], None]]:
    """Makes a folder the state folder; supervisors of all of them end with the test."""
    monkeypatch.setenv("QJOBS_LOCAL_WORKERS", "1")
    used = [home]

    def use(place: Path) -> None:
        used.append(place)
        monkeypatch.setenv("QJOBS_HOME", str(place))

    yield use
    for place in used:
        supervision.stop(Folder(place / "local"), timeout_s=60)
        until(lambda place=place: not processes(place))


@pytest.fixture
def endless(tmp_path: Path) -> str:
    """Circuits that run for many minutes."""
    circuit = QuantumCircuit(20, 1)
    for _ in range(200):
        circuit.rx(0.3, range(20))
        circuit.measure(0, 0)
        circuit.reset(1)
    with (tmp_path / "endless.qpy").open("wb") as file:
        qpy.dump([circuit], file)
    return "endless.qpy"


def states(home: Path) -> list[str]:
    with closing(sqlite3.connect(home / "local" / "queue.db")) as queue:
        return [row[0] for row in queue.execute("SELECT status FROM queued_job ORDER BY number")]


def test_the_jobs_of_a_folder_that_is_moved_while_they_run_go_on_where_it_is(
    qjobs, home: Path, places, bell: str, endless: str, tmp_path: Path
) -> None:
    assert qjobs("submit", endless, "-n", "long").code == 0
    until(lambda: states(home) == ["RUNNING"])
    assert qjobs("submit", bell, "-n", "short").code == 0
    moved = tmp_path / "moved"

    home.rename(moved)
    until(lambda: not processes(home))
    places(moved)

    assert states(moved) == ["RUNNING", "QUEUED"]
    assert qjobs("cancel", "long").code == 0
    assert qjobs("wait", "short").code == 0
    assert not home.exists()


def test_a_supervisor_that_idles_at_a_place_does_not_keep_the_next_one_from_the_other(
    qjobs, home: Path, places, bell: str, tmp_path: Path
) -> None:
    assert qjobs("run", bell).code == 0
    assert processes(home)

    home.rename(tmp_path / "moved")
    places(tmp_path / "moved")

    assert qjobs("run", bell, "--shots", "7", "--format", "tsv").code == 0
    until(lambda: not processes(home))


def test_a_restored_copy_runs_what_was_queued_though_its_files_are_newer(
    qjobs, home: Path, places, bell: str, endless: str, tmp_path: Path
) -> None:
    assert qjobs("submit", endless, "-n", "long").code == 0
    assert qjobs("submit", bell, "-n", "short").code == 0
    supervision.stop(Folder(home / "local"), timeout_s=60)
    shutil.copytree(home, tmp_path / "restored", copy_function=shutil.copyfile)
    for path in (tmp_path / "restored").rglob("*"):
        os.utime(path, (0, 0))
    shutil.rmtree(home)
    places(tmp_path / "restored")

    assert qjobs("cancel", "long").code == 0
    ended = qjobs("wait", "short")

    assert ended.code == 0, ended.err


def test_circuits_that_were_changed_in_a_copy_are_still_an_error(
    qjobs, home: Path, places, bell: str, endless: str, bell_bytes: bytes
) -> None:
    assert qjobs("submit", endless, "-n", "long").code == 0
    assert qjobs("submit", bell, "-n", "short").code == 0
    (circuits,) = (p for p in home.glob("sets/*/circuits.qpy") if p.read_bytes() == bell_bytes)
    circuits.write_bytes(bell_bytes[:-1] + bytes([bell_bytes[-1] ^ 1]))

    assert qjobs("cancel", "long").code == 0

    assert qjobs("wait", "short").code == 6
    assert "was changed after the job was submitted" in qjobs("error", "short").out


def test_a_deleted_set_has_its_jobs_stopped(
    qjobs, home: Path, places, bell: str, endless: str
) -> None:
    assert qjobs("submit", endless, "-n", "long").code == 0
    until(lambda: states(home) == ["RUNNING"])
    (running,) = (home / "sets").iterdir()
    assert qjobs("submit", endless, "--shots", "7", "-n", "waits").code == 0
    (waiting,) = set((home / "sets").iterdir()) - {running}
    assert qjobs("submit", bell, "-n", "short").code == 0

    shutil.rmtree(waiting)
    shutil.rmtree(running)

    assert qjobs("wait", "short").code == 0
    assert states(home) == ["ERROR", "ERROR", "DONE"]


def test_a_deleted_folder_has_no_processes(qjobs, home: Path, places, endless: str) -> None:
    assert qjobs("submit", endless).code == 0
    until(lambda: states(home) == ["RUNNING"])

    shutil.rmtree(home)

    until(lambda: not processes(home))
    assert not home.exists()
