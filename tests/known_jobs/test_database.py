"""SQLite files: whole, private and up to date, whoever opens them and how often."""

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from qjobs.errors import ProviderError
from qjobs.known_jobs.database import Database
from qjobs.lock import FileLock

FIRST = "CREATE TABLE job (name TEXT NOT NULL UNIQUE);"
SECOND = "ALTER TABLE job ADD COLUMN size INTEGER;"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "jobs.sqlite"


@pytest.fixture
def database(path: Path) -> Database:
    return Database(path, (FIRST,))


def add(database: Database, name: str) -> None:
    with database.open() as connection:
        connection.execute("INSERT INTO job (name) VALUES (?)", (name,))


def names(database: Database) -> list[str]:
    with database.open() as connection:
        return [name for (name,) in connection.execute("SELECT name FROM job ORDER BY name")]


def in_another_process(path: Path, *new: str) -> list[str]:
    """Add jobs and end, as the last process that has the file if this one has no lock on it."""
    program = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_database import *
database = Database(Path({str(path)!r}), (FIRST,))
for name in {new!r}:
    add(database, name)
print(*names(database))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def test_a_file_that_is_opened_twice_in_a_process_loses_nothing(
    database: Database, path: Path
) -> None:
    """To close a file drops the locks that its process has on it, those of others' use, too."""
    add(database, "a")
    again = Database(path, (FIRST,))
    assert names(again) == ["a"]

    assert in_another_process(path, "b") == ["a", "b"]
    add(database, "c")
    add(again, "d")

    assert in_another_process(path) == ["a", "b", "c", "d"]


def test_threads_that_meet_no_file_make_it_once(path: Path) -> None:
    databases = [Database(path, (FIRST,)) for _ in range(8)]
    threads = [
        threading.Thread(target=add, args=(database, str(number)))
        for number, database in enumerate(databases)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert names(databases[0]) == [str(number) for number in range(8)]


def has_open(path: Path) -> bool:
    for descriptor in Path("/dev/fd").iterdir():
        with suppress(OSError):  # that of the list itself
            if os.path.samestat(os.fstat(int(descriptor.name)), path.stat()):
                return True
    return False


def ended_well(child: int) -> bool:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_fork_has_a_connection_of_its_own(database: Database, path: Path) -> None:
    """SQLite forbids to use that of the parent, to close it, or to open another one beside it."""
    add(database, "parent")
    assert has_open(path)
    inside, over = threading.Event(), threading.Event()

    def hold() -> None:
        with database.open():
            inside.set()
            over.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    inside.wait()
    threading.Timer(0.1, over.set).start()  # a fork waits for it

    child = os.fork()
    if not child:
        try:
            inherited = has_open(path)
            add(database, "child")
            os._exit(0 if not inherited and names(database) == ["child", "parent"] else 1)
        finally:
            os._exit(2)
    holder.join()

    assert ended_well(child)
    add(database, "after")
    assert in_another_process(path) == ["after", "child", "parent"]


def test_a_database_that_nobody_has_any_more_is_closed(path: Path) -> None:
    database = Database(path, (FIRST,))
    add(database, "a")
    assert path.with_name("jobs.sqlite-wal").exists()

    del database

    assert not path.with_name("jobs.sqlite-wal").exists()


def test_all_files_are_private_under_any_umask(database: Database, path: Path) -> None:
    before = os.umask(0)
    try:
        add(database, "a")
    finally:
        os.umask(before)

    modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    assert modes == dict.fromkeys(modes, 0o600)
    assert {"jobs.sqlite", "jobs.sqlite-wal", "jobs.sqlite-shm"} <= modes.keys()
    assert path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(("durable", "level"), [(True, 2), (False, 0)])
def test_what_was_written_is_on_the_disk_unless_it_need_not_be(
    path: Path, durable: bool, level: int
) -> None:
    with Database(path, (FIRST,), durable=durable).open() as connection:
        assert connection.execute("PRAGMA synchronous").fetchone() == (level,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_transaction_is_undone_as_a_whole(database: Database) -> None:
    with pytest.raises(ProviderError, match="UNIQUE"), database.transaction() as connection:
        connection.executemany("INSERT INTO job VALUES (?)", ["a", "a"])

    assert names(database) == []
    with database.transaction() as connection:
        connection.execute("INSERT INTO job VALUES ('b')")
    assert names(database) == ["b"]


@pytest.fixture
def old(database: Database, path: Path) -> Iterator[sqlite3.Connection]:
    """A file of the first format, as another program has it open."""
    add(database, "a")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


def test_only_the_steps_that_are_left_are_taken(old: sqlite3.Connection, path: Path) -> None:
    steps = (FIRST, SECOND, "UPDATE job SET name = twice(name), size = 7;")
    newer = Database(path, steps, functions={"twice": lambda text: text * 2})

    assert names(newer) == names(newer) == ["aa"]
    assert old.execute("SELECT size FROM job").fetchall() == [(7,)]
    assert old.execute("PRAGMA user_version").fetchone() == (3,)


def test_steps_that_fail_leave_the_file_as_it_was(old: sqlite3.Connection, path: Path) -> None:
    with pytest.raises(ProviderError, match=r"cannot use .*no such table: missing"):
        names(Database(path, (FIRST, SECOND, "DELETE FROM missing;")))

    assert old.execute("SELECT * FROM job").fetchall() == [("a",)]
    assert old.execute("PRAGMA user_version").fetchone() == (1,)


def test_a_file_of_a_newer_qjobs_is_left_alone(old: sqlite3.Connection, path: Path) -> None:
    old.execute("PRAGMA user_version = 2")

    with pytest.raises(ProviderError, match=r"a newer qjobs wrote .*jobs\.sqlite") as refused:
        names(Database(path, (FIRST,)))

    assert refused.value.hint == "update qiskit-qjobs"
    assert old.execute("PRAGMA user_version").fetchone() == (2,)


def test_what_cannot_be_written_down_is_an_error_of_the_provider(database: Database) -> None:
    with pytest.raises(ProviderError, match="cannot use"), database.open() as connection:
        connection.execute("INSERT INTO job VALUES (?)", (1 << 64,))

    add(database, "a")
    assert names(database) == ["a"]


def test_a_process_that_hangs_while_it_makes_the_file_is_what_to_look_for(path: Path) -> None:
    path.parent.mkdir()
    lock = FileLock(path.with_suffix(".lock"))
    assert lock.acquire(wait_s=0)

    with pytest.raises(ProviderError, match=r"cannot use .*jobs\.sqlite: another") as refused:
        names(Database(path, (FIRST,), wait_s=0))

    assert "process" in refused.value.hint
    lock.close()
    assert names(Database(path, (FIRST,))) == []


def test_no_file_behind_a_link_is_touched(database: Database, path: Path) -> None:
    path.parent.mkdir()
    precious = path.with_name("precious")
    precious.touch()
    path.symlink_to(precious)

    with pytest.raises(ProviderError, match=r"cannot use .*jobs\.sqlite: it is a link"):
        names(database)

    assert precious.read_bytes() == b""


def test_the_room_of_what_was_deleted_goes_back_to_the_disk_once_it_is_much(
    database: Database, path: Path
) -> None:
    for number in range(400):
        add(database, f"{number:04}" * 500)
    with database.open() as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    full_bytes = path.stat().st_size
    assert full_bytes > 400 * 2000

    database.change("DELETE FROM job WHERE name < '0010'")
    database.compact()
    assert path.stat().st_size == full_bytes
    database.change("DELETE FROM job WHERE name < '0390'")
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM job").fetchall()
        database.compact()  # as far as a reader lets it
        other.execute("COMMIT")
    add(database, "another")
    database.compact()

    assert names(Database(path, (FIRST,))) == [f"{n:04}" * 500 for n in range(390, 400)] + [
        "another"
    ]
    with database.open() as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    assert path.stat().st_size < full_bytes / 4
