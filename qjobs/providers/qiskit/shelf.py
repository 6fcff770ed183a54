"""What processes wrote down about the jobs of their backend objects, for other processes.

Jobs and their results are in one SQLite file, and a process that has jobs holds a lock on a
file of its own for as long as it lives, however it ends.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import groupby
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from qjobs.errors import ProviderError, StateError
from qjobs.model import JobStatus
from qjobs.store import files
from qjobs.store.lock import FileLock

if TYPE_CHECKING:
    from sqlite3 import Connection

    from qjobs.circuits.outcomes import Layout

_FORMAT = 1
_DIED = "the Python process that ran it ended before the job did"
_WAIT_S = 30.0  # for other processes to finish their transactions

# An empty status is that of a job that has not ended, as far as anybody wrote it down.
_TABLES = f"""
CREATE TABLE job (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id TEXT NOT NULL UNIQUE,
    tag TEXT NOT NULL,
    backend TEXT NOT NULL,
    process TEXT NOT NULL,
    retrievable INTEGER NOT NULL,
    shots INTEGER NOT NULL,
    memory INTEGER NOT NULL,
    layouts TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT '',
    message TEXT NOT NULL DEFAULT '',
    unwanted INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE result (number INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE INDEX by_tag ON job (tag);
CREATE INDEX by_process ON job (process, unwanted);
PRAGMA user_version = {_FORMAT};
"""


class Entry(NamedTuple):
    """One accepted job.

    `process` is the one that has its object. A job is `retrievable` if others can get such
    an object too.
    """

    job_id: str
    tag: str
    backend: str
    process: str
    retrievable: bool
    shots: int
    memory: bool
    status: str = ""
    message: str = ""
    number: int = 0


class Shelf:
    """The files in `folder`, private to their owner.

    Any thread of any process may use them at once; one that is killed at any moment leaves
    them whole. Raises ProviderError where they cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / "jobs.sqlite"
        self._lock = Lock()  # for the connection, and because SQLite would let threads sleep
        self._connection: Connection | None = None
        self._inherited: Connection | None = None

    # Jobs

    def add(self, entry: Entry, layouts: "Sequence[Layout]" = ()) -> int | None:
        """Write a new job down and return its number; None if there is one of this id.

        `layouts` are those of its circuits, for those who retrieve the job.
        """
        with self._write() as connection:
            cursor = connection.execute(
                "INSERT OR IGNORE INTO job (job_id, tag, backend, process, retrievable, shots,"
                " memory, layouts) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (*entry[:7], _encode(layouts)),
            )
            return cursor.lastrowid if cursor.rowcount else None

    def find(self, tag: str) -> list[str]:
        """The ids of the jobs that carry a tag, the oldest first."""
        with self._read() as connection:
            rows = connection.execute(
                "SELECT job_id FROM job WHERE tag = ? AND tag != '' ORDER BY number", (tag,)
            )
            return [job_id for (job_id,) in rows]

    def entries(self, job_ids: Sequence[str]) -> dict[str, Entry]:
        """The jobs of these ids; those unknown are left out."""
        import json

        with self._read() as connection:
            rows = connection.execute(
                "SELECT job_id, tag, backend, process, retrievable, shots, memory, status, message,"
                " number FROM job WHERE job_id IN (SELECT value FROM json_each(?))",
                (json.dumps(list(job_ids)),),
            )
            return {row[0]: Entry._make(row) for row in rows}

    def layouts(self, number: int) -> "list[Layout] | None":
        """Those of a job's circuits, if they were written down."""
        with self._read() as connection:
            rows = connection.execute("SELECT layouts FROM job WHERE number = ?", (number,))
            return _decode("".join(text for (text,) in rows)) or None

    def end(self, number: int, status: JobStatus, message: str, body: bytes = b"") -> None:
        """Write down how a job ended, and its results if it is DONE. The first word counts."""
        with self._write() as connection:
            cursor = connection.execute(
                "UPDATE job SET status = ?, message = ? WHERE number = ? AND status = ''",
                (status.value, message, number),
            )
            if cursor.rowcount and status is JobStatus.DONE:
                connection.execute("INSERT INTO result VALUES (?, ?)", (number, body))

    def abandon(self, process: str) -> None:
        """Write down that the jobs of a dead process died with it, but for the retrievable."""
        with self._write() as connection:
            connection.execute(
                "UPDATE job SET status = ?, message = ?"
                " WHERE process = ? AND status = '' AND NOT retrievable",
                (JobStatus.ERROR.value, _DIED, process),
            )
        with suppress(OSError):
            self._process(process).unlink()

    def take_over(self, entry: Entry, process: str) -> bool:
        """Make a job that of another process. False if somebody else was faster."""
        with self._write() as connection:
            cursor = connection.execute(
                "UPDATE job SET process = ? WHERE number = ? AND process = ? AND status = ''",
                (process, entry.number, entry.process),
            )
            return cursor.rowcount == 1

    def result(self, job_id: str) -> bytes:
        """The results of a job that is DONE."""
        with self._read() as connection:
            rows = connection.execute(
                "SELECT body FROM result JOIN job USING (number) WHERE job_id = ?", (job_id,)
            )
            for (body,) in rows:
                return bytes(body)
        raise ProviderError(f"{self._path} has no result of job {job_id}")

    # Cancelling from other processes

    def ask_to_cancel(self, entry: Entry) -> None:
        """Leave word for the process that has the job."""
        with self._write() as connection:
            connection.execute("UPDATE job SET unwanted = 1 WHERE number = ?", (entry.number,))

    def take_unwanted(self, process: str) -> list[str]:
        """The ids of a process's jobs that others asked to cancel since the last time."""
        chosen = "process = ? AND unwanted = 1 AND status = ''"
        with self._read() as connection:
            rows = connection.execute(f"SELECT job_id FROM job WHERE {chosen}", (process,))  # noqa: S608  our own text
            job_ids = [job_id for (job_id,) in rows]
        if job_ids:
            with self._write() as connection:
                connection.execute(f"UPDATE job SET unwanted = 2 WHERE {chosen}", (process,))  # noqa: S608  our own text
        return job_ids

    # Processes

    def enter(self, process: str) -> FileLock:
        """Let a process be alive, as long as the lock is not closed."""
        lock = FileLock(self._process(process))
        try:
            files.make_folder(self._process(process).parent)
            lock.acquire(wait_s=0)
        except (OSError, StateError) as error:
            raise _unusable(self._process(process), error) from error
        return lock

    def leave(self, process: str, lock: FileLock) -> None:
        """Let a process be dead."""
        with suppress(OSError):
            self._process(process).unlink()
        lock.close()

    def lives(self, process: str) -> bool:
        """Whether a process has not left, nor ended in any other way."""
        path = self._process(process)
        if not path.exists():
            return False
        lock = FileLock(path)
        try:
            return not lock.acquire(wait_s=0)
        except StateError as error:
            raise _unusable(path, error) from error
        finally:
            lock.close()

    # The files

    def _process(self, process: str) -> Path:
        return self._folder / "processes" / f"{process}.lock"

    @contextmanager
    def _read(self) -> "Iterator[Connection]":
        import sqlite3

        try:
            with self._lock:
                yield self._open()
        except (sqlite3.Error, OverflowError, OSError, StateError) as error:
            raise _unusable(self._path, error) from error

    @contextmanager
    def _write(self) -> "Iterator[Connection]":
        """One transaction, alone among all processes, and on the disk when it ends."""
        with self._read() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                connection.rollback()
                raise

    def _open(self) -> "Connection":
        if self._connection is None:
            files.make_folder(self._folder)
            self._connection = _connect(self._path)
            if sys.platform != "win32" and self._inherited is None:
                os.register_at_fork(after_in_child=self._forked)
        return self._connection

    def _forked(self) -> None:
        """In the child of a fork: the connection is its parent's. It is left alone, not closed."""
        self._lock = Lock()
        if self._connection is not None:
            self._inherited, self._connection = self._connection, None


def _encode(layouts: "Sequence[Layout]") -> str:
    import json

    # Equal ones that follow each other are written once: a sweep has a million of them.
    return json.dumps([(sum(1 for _ in same), layout) for layout, same in groupby(layouts)])


def _decode(text: str) -> "list[Layout]":
    import json

    from qjobs.circuits.outcomes import Layout

    return [
        layout
        for number, (clbits, registers, bits) in json.loads(text)
        for layout in [Layout(clbits, tuple(map(tuple, registers)), tuple(bits))] * number
    ]


def _connect(path: Path) -> "Connection":
    import sqlite3

    # SQLite gives its journal the permissions of the database.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    connection = sqlite3.connect(
        path, timeout=_WAIT_S, isolation_level=None, check_same_thread=False
    )
    try:
        _prepare(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: "Connection", path: Path) -> None:
    if _version(connection) == 0:
        # SQLite does not wait for others when it changes to WAL, so only one may do it.
        with FileLock(path.with_suffix(".lock")).held(wait_s=_WAIT_S):
            if _version(connection) == 0:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.executescript(f"BEGIN IMMEDIATE; {_TABLES} COMMIT;")
    if _version(connection) > _FORMAT:
        raise ProviderError(f"a newer qjobs wrote {path}", hint="update qjobs")


def _version(connection: "Connection") -> int:
    ((version,),) = connection.execute("PRAGMA user_version").fetchall()
    return int(version)


def _unusable(path: Path, error: Exception) -> ProviderError:
    said = getattr(error, "strerror", None) or error
    return ProviderError(
        f"cannot use {path}: {said}", hint="is the disk full, or the file damaged?"
    )
