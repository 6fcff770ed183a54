"""The queue: each tag once, in order, and nothing lost between two processes."""

import json
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from qjobs.errors import ProviderError
from qjobs.model import JobStatus, RunOptions
from qjobs.providers.local.folder import Folder
from qjobs.providers.local.queue import Queue, SimulatorJob
from qjobs.providers.local.schema import STEPS

OPTIONS = RunOptions(shots=7, seed=-1, memory=True, extra={"fusion_enable": False})


def job(job_id: str) -> SimulatorJob:
    return SimulatorJob(
        job_id, "aer", "/c.qpy", 1, 2, 0, 3, 5, SimulatorJob.encode_options(OPTIONS)
    )


def nothing() -> None:
    pass


@pytest.fixture
def queue(folder: Folder) -> Queue:
    return Queue(folder)


def start_all(queue: Queue) -> list[str]:
    started = []
    while True:
        head, _ = queue.head()
        if head is None:
            return started
        assert queue.start(head.job_id)
        started.append(head.job_id)


def test_a_tag_has_one_job_however_often_it_is_added(queue: Queue, folder: Folder) -> None:
    assert queue.add(job("a"), tag="t") == "a"
    assert Queue(folder).add(job("b"), tag="t") == "a"

    assert queue.find("t") == ["a"]
    assert queue.statuses(["a", "b"]) == {"a": JobStatus.QUEUED}


def test_a_job_comes_out_as_it_went_in_and_in_order(queue: Queue) -> None:
    for name in "cab":
        queue.add(job(name), tag=name)

    head, waiting = queue.head()

    assert (head, waiting) == (job("c"), 3)
    assert head is not None
    assert head.run_options == OPTIONS
    assert start_all(queue) == ["c", "a", "b"]


def test_threads_that_add_the_same_tags_agree_on_the_jobs(folder: Folder) -> None:
    tags = [f"t{number}" for number in range(20)]
    seen: list[list[str]] = []

    def add_all(who: int, queue: Queue) -> None:
        seen.append([queue.add(job(f"{who}-{tag}"), tag=tag) for tag in tags])

    queues = [Queue(folder) for _ in range(2)]
    threads = [threading.Thread(target=add_all, args=(who, queues[who % 2])) for who in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(seen) == 6
    assert all(ids == seen[0] for ids in seen)


def test_a_waiting_job_is_cancelled_and_a_running_one_is_marked(queue: Queue) -> None:
    queue.add(job("runs"), tag="1")
    assert queue.start("runs")
    queue.add(job("waits"), tag="2")

    queue.cancel(["runs", "waits", "nobody"])

    assert queue.statuses(["runs", "waits"]) == {
        "runs": JobStatus.RUNNING,
        "waits": JobStatus.CANCELLED,
    }
    assert queue.to_cancel() == ["runs"]
    assert not queue.start("waits")


def test_what_a_dead_supervisor_left_is_settled_by_what_is_there(
    queue: Queue, folder: Folder
) -> None:
    for name in ("complete", "cancelled", "lost"):
        queue.add(job(name), tag=name)
    assert len(start_all(queue)) == 3
    folder.keep_result("complete", b"{}\n")
    queue.cancel(["complete", "cancelled"])

    queue.recover(folder.has_result)

    assert queue.statuses(["complete", "cancelled", "lost"]) == {
        "complete": JobStatus.DONE,
        "cancelled": JobStatus.CANCELLED,
        "lost": JobStatus.QUEUED,
    }


def test_it_writes_down_when_jobs_began_and_ended_and_knows_who_is_next(folder: Folder) -> None:
    now_s = 1000.0
    queue = Queue(folder, clock=lambda: now_s)
    for name in "abcd":
        queue.add(job(name), tag=name)

    def told() -> dict[str, tuple[float | None, float | None, int | None]]:
        return {
            job_id: (
                started and started.timestamp(), ended and ended.timestamp(), place
            )
            for job_id, (started, ended, place, _) in queue.times([*"abcdx"]).items()
        }  # fmt: skip

    waiting = {name: (None, None, place) for place, name in enumerate("abcd", 1)}
    assert told() == waiting
    queue.start("a")
    now_s = 1010.0
    queue.cancel(["c"])
    assert told() == waiting | {
        "a": (1000.0, None, None), "b": (None, None, 1), "c": (None, 1010.0, None),
        "d": (None, None, 2),
    }  # fmt: skip
    queue.give_back("a", reason="killed", deaths_allowed=3)
    assert told()["a"] == (None, None, 1), "it is to begin anew, and first"
    queue.start("a")
    now_s = 1012.5
    queue.finish("a", JobStatus.DONE)
    assert told()["a"] == (1010.0, 1012.5, None)
    assert queue.statuses(["a"]) == {"a": JobStatus.DONE}


def test_the_jobs_of_a_set_are_told_with_their_times(folder: Folder) -> None:
    now_s = 1000.0
    queue = Queue(folder, clock=lambda: now_s)
    queue.add(job("a"), tag="qj-set-0-1")
    now_s = 1001.0
    queue.add(job("b"), tag="qj-set-1-1")
    queue.cancel(["a"])

    assert [
        (found.job_id, found.created.timestamp(), found.ended and found.ended.timestamp())
        for found in queue.tagged("qj-set")
    ] == [("a", 1000.0, 1001.0), ("b", 1001.0, None)]


def test_a_job_is_given_up_after_so_many_deaths(queue: Queue) -> None:
    queue.add(job("a"), tag="a")
    for _ in range(2):
        assert queue.start("a")
        queue.give_back("a", reason="fell over", deaths_allowed=3)
        assert queue.statuses(["a"]) == {"a": JobStatus.QUEUED}
    assert queue.start("a")

    queue.give_back("a", reason="fell over", deaths_allowed=3)

    status, circuits, message = queue.ending("a")
    assert (status, circuits) == (JobStatus.ERROR, 3)
    assert message == "given up: 3 workers died of it, the last one fell over"


def test_a_job_that_ended_stays_as_it_ended(queue: Queue) -> None:
    queue.add(job("a"), tag="a")
    assert queue.start("a")
    queue.finish("a", JobStatus.DONE)

    queue.finish("a", JobStatus.CANCELLED, "too late")
    queue.cancel(["a"])

    assert queue.ending("a") == (JobStatus.DONE, 3, "")
    assert queue.to_cancel() == []


def test_nobody_adds_a_job_between_the_last_look_and_the_release(
    queue: Queue, folder: Folder
) -> None:
    other = Queue(folder)
    queue.add(job("a"), tag="a")
    assert not queue.leave(pytest.fail)
    assert queue.start("a")
    assert not queue.leave(pytest.fail)
    queue.finish("a", JobStatus.DONE)
    order: list[str] = []

    def add() -> None:
        other.add(job("b"), tag="b")
        order.append("added")

    adding = threading.Thread(target=add)

    def release() -> None:
        adding.start()
        adding.join(0.2)
        order.append("released")

    assert queue.leave(release)
    adding.join()
    assert order == ["released", "added"]


def test_changes_of_others_are_seen_and_ones_own_are_not(queue: Queue, folder: Folder) -> None:
    other = Queue(folder)
    before = queue.version()
    queue.add(job("a"), tag="a")
    assert queue.version() == before

    other.add(job("b"), tag="b")

    assert queue.version() != before


def test_the_files_are_the_owners_alone(queue: Queue, folder: Folder) -> None:
    queue.add(job("a"), tag="a")

    assert folder.path.stat().st_mode & 0o777 == 0o700
    for path in folder.path.glob("queue.db*"):
        assert path.stat().st_mode & 0o777 == 0o600, path


def test_a_queue_of_a_newer_version_is_left_alone(queue: Queue, folder: Folder) -> None:
    queue.add(job("a"), tag="a")
    newer = sqlite3.connect(folder.queue)
    newer.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
    newer.close()

    with pytest.raises(ProviderError, match=r"a newer qjobs wrote .*queue\.db"):
        Queue(folder).find("a")


# What version 1 wrote, to the letter.
VERSION_1 = """
CREATE TABLE job (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id TEXT NOT NULL UNIQUE,
    tag TEXT NOT NULL UNIQUE,
    backend TEXT NOT NULL,
    path TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL,
    start_index INTEGER NOT NULL,
    experiments_count INTEGER NOT NULL,
    qubits INTEGER NOT NULL,
    options TEXT NOT NULL,
    status TEXT NOT NULL,
    cancelling INTEGER NOT NULL DEFAULT 0,
    deaths INTEGER NOT NULL DEFAULT 0,
    message TEXT NOT NULL DEFAULT ''
);
CREATE INDEX by_status ON job (status, number);
PRAGMA user_version = 1;
"""


@pytest.fixture
def old(folder: Folder) -> Iterator[sqlite3.Connection]:
    """A queue of version 1 with a job that waits, as a process of then has it open."""
    folder.path.mkdir(mode=0o700)
    connection = sqlite3.connect(folder.queue, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.executescript(VERSION_1)
    connection.execute(
        "INSERT INTO job (job_id, tag, backend, path, size_bytes, modified_ns, start_index,"
        " experiments_count, qubits, options, status)"
        " VALUES ('a', 't', 'aer', '/c.qpy', 1, 2, 0, 3, 5, ?, 'QUEUED')",
        (SimulatorJob.encode_options(OPTIONS),),
    )
    yield connection
    connection.close()


def test_the_jobs_of_an_earlier_version_are_there_as_they_were(
    old: sqlite3.Connection, queue: Queue
) -> None:
    assert queue.find("t") == ["a"]
    assert queue.head() == (job("a"), 1)
    assert queue.add(job("b"), tag="t") == "a"
    assert queue.add(job("b"), tag="u") == "b"
    assert start_all(queue) == ["a", "b"]


VERSION_3 = """
ALTER TABLE job RENAME TO queued_job;
ALTER TABLE queued_job ADD COLUMN sweep TEXT NOT NULL DEFAULT '';
ALTER TABLE queued_job ADD COLUMN observables TEXT NOT NULL DEFAULT '';
ALTER TABLE queued_job ADD COLUMN folder TEXT NOT NULL DEFAULT '';
ALTER TABLE queued_job ADD COLUMN failed TEXT;
ALTER TABLE queued_job ADD COLUMN first INTEGER NOT NULL DEFAULT 0;
PRAGMA user_version = 3;
"""


def test_paths_of_version_3_are_found_where_the_state_folder_is_now(
    old: sqlite3.Connection, folder: Folder
) -> None:
    kept = folder.path.parent / "sets" / "abc"
    kept.mkdir(parents=True)
    for name in ("circuits.qpy", "parameters.npy", "observables.json"):
        (kept / name).touch()
    old.executescript(VERSION_3)
    old.execute(
        "UPDATE queued_job SET path = ?, sweep = ?, observables = ?",
        (
            "/before/sets/abc/circuits.qpy",
            '[["/before/sets/abc/parameters.npy", 3, 4], ["a", "b"], 5]',
            f'["{kept}/observables.json", 6, 7]',
        ),
    )

    head, _ = Queue(folder).head()

    assert head is not None
    assert head.file == f"{kept}/circuits.qpy"
    assert json.loads(head.sweep) == [[f"{kept}/parameters.npy", 3, 4], ["a", "b"], 5]
    assert json.loads(head.observables) == [f"{kept}/observables.json", 6, 7]
    with pytest.raises(sqlite3.OperationalError, match="no such column"):
        old.execute("SELECT path FROM queued_job")  # as a supervisor of version 3 does


def test_a_queue_that_was_moved_names_the_files_that_were_moved_along(
    queue: Queue, folder: Folder, tmp_path: Path
) -> None:
    home = folder.path.parent
    queued = replace(
        job("a"),
        file=f"{home}/sets/abc/circuits.qpy",
        sweep=json.dumps([[f"{home}/sets/abc/parameters.npy", 3, 4], ["a"], 5]),
        observables=json.dumps(["/elsewhere/observables.json", 6, 7]),
    )
    queue.add(queued, tag="a")
    assert queue.head() == (queued, 1)

    moved = Folder(tmp_path / "moved" / "local")
    shutil.copytree(folder.path, moved.path)

    head, _ = Queue(moved).head()
    assert head is not None
    assert head.file == f"{moved.path.parent}/sets/abc/circuits.qpy"
    assert json.loads(head.sweep)[0][0] == f"{moved.path.parent}/sets/abc/parameters.npy"
    assert head.observables == queued.observables


def test_a_process_of_an_earlier_version_can_take_no_job_any_more(
    old: sqlite3.Connection, queue: Queue
) -> None:
    assert old.execute("SELECT job_id FROM job").fetchall() == [("a",)]
    queue.find("t")

    # It would run a sweep's circuits without their parameters.
    with pytest.raises(sqlite3.OperationalError, match="no such table: job"):
        old.execute("UPDATE job SET status = 'RUNNING' WHERE job_id = 'a'")


def test_processes_that_meet_an_earlier_version_together_change_it_once(
    old: sqlite3.Connection, folder: Folder
) -> None:
    program = (
        "import sys; from pathlib import Path;"
        "from qjobs.providers.local.folder import Folder;"
        "from qjobs.providers.local.queue import Queue;"
        "queue = Queue(Folder(Path(sys.argv[1])));"
        "sys.stdin.read(1); print(*queue.find('t'))"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", program, folder.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(6)
    ]
    for process in started:
        assert process.stdin is not None
        process.stdin.write("x")
        process.stdin.flush()

    assert [process.communicate()[0] for process in started] == ["a\n"] * 6
    assert old.execute("PRAGMA user_version").fetchone() == (len(STEPS),)


def test_a_migration_that_is_cut_off_leaves_the_earlier_version(
    old: sqlite3.Connection, folder: Folder
) -> None:
    old.execute("CREATE TABLE queued_job (number INTEGER)")  # so its first statement fails

    with pytest.raises(ProviderError, match="cannot use"):
        Queue(folder).find("t")

    assert old.execute("PRAGMA user_version").fetchone() == (1,)
    assert old.execute("SELECT job_id FROM job").fetchall() == [("a",)]


@pytest.mark.parametrize("damage", [b"no database at all" * 100, b"SQLite format 3\0" + b"x" * 99])
def test_a_damaged_queue_is_named(folder: Folder, damage: bytes) -> None:
    folder.path.mkdir(mode=0o700)
    folder.queue.write_bytes(damage)

    with pytest.raises(ProviderError, match=r"cannot use .*queue\.db"):
        Queue(folder).find("a")

    assert folder.queue.read_bytes() == damage


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ProviderError, match=r"file/local/queue\.db"):
        Queue(Folder(tmp_path / "file" / "local")).find("a")


def test_the_first_result_of_a_job_stays(folder: Folder) -> None:
    folder.path.mkdir(mode=0o700)
    folder.keep_result("a", b"first\n")

    folder.keep_result("a", b"second\n")

    assert folder.result("a").read_bytes() == b"first\n"
    assert [path.name for path in folder.result("a").parent.iterdir()] == ["a.jsonl"]
