"""The SQLite file of the queue: opening it, its schema, and its errors in our words."""

import fcntl
import os
import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qjobs.errors import ProviderError
from qjobs.providers.local.folder import Folder

SCHEMA_VERSION = 5
BUSY_S = 10.0

_SCHEMA = """
CREATE TABLE queued_job (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id TEXT NOT NULL UNIQUE,
    tag TEXT NOT NULL UNIQUE,
    backend TEXT NOT NULL,
    file TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL,
    start_index INTEGER NOT NULL,
    experiments_count INTEGER NOT NULL,
    qubits INTEGER NOT NULL,
    options TEXT NOT NULL,
    sweep TEXT NOT NULL DEFAULT '',
    observables TEXT NOT NULL DEFAULT '',
    folder TEXT NOT NULL DEFAULT '',
    first INTEGER NOT NULL DEFAULT 0,
    mark TEXT NOT NULL DEFAULT '',
    definition TEXT NOT NULL DEFAULT '',
    status TEXT NOT NULL,
    cancelling INTEGER NOT NULL DEFAULT 0,
    deaths INTEGER NOT NULL DEFAULT 0,
    message TEXT NOT NULL DEFAULT '',
    failed TEXT
);
CREATE INDEX by_status ON queued_job (status, number);
"""

# What brings a file of a version to the next one. The table of version 1 has another name: a
# supervisor of then that still runs must fail, not run circuits without their parameters; so must
# one of version 3, which asks for the column `path`, and would import what anybody had named.
_MIGRATIONS = {
    1: """
ALTER TABLE job RENAME TO queued_job;
ALTER TABLE queued_job ADD COLUMN sweep TEXT NOT NULL DEFAULT '';
ALTER TABLE queued_job ADD COLUMN observables TEXT NOT NULL DEFAULT '';
ALTER TABLE queued_job ADD COLUMN folder TEXT NOT NULL DEFAULT '';
""",
    2: """
ALTER TABLE queued_job ADD COLUMN failed TEXT;
ALTER TABLE queued_job ADD COLUMN first INTEGER NOT NULL DEFAULT 0;
""",
    3: """
ALTER TABLE queued_job RENAME COLUMN path TO file;
ALTER TABLE queued_job ADD COLUMN mark TEXT NOT NULL DEFAULT '';
UPDATE queued_job SET file = relative(file);
UPDATE queued_job SET sweep = json_set(sweep, '$[0][0]', relative(sweep ->> '$[0][0]'))
    WHERE sweep != '';
UPDATE queued_job SET observables = json_set(observables, '$[0]', relative(observables ->> '$[0]'))
    WHERE observables != '';
""",
    4: "ALTER TABLE queued_job ADD COLUMN definition TEXT NOT NULL DEFAULT '';",
}


class Database:
    """The file in a provider's folder; both are made on first use.

    One connection, used by one thread at a time: SQLite writes one after another anyway.
    Raises ProviderError if the file is damaged, cannot be written, or is busy for too long.
    """

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._mutex = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    @contextmanager
    def open(self) -> Iterator[sqlite3.Connection]:
        """The connection; each statement is a transaction of its own, durable when it ends."""
        path = self._folder.queue
        with self._mutex:
            try:
                if self._connection is None:
                    self._folder.make()
                    self._connection = _connect(self._folder)
                    weakref.finalize(self, self._connection.close)
                yield self._connection
            except sqlite3.Error as error:
                raise ProviderError(
                    f"the queue of the local provider, {path}, cannot be used: {error}",
                    hint="make room if the disk is full; if the file is damaged, put it back from "
                    f"a backup, or move {path}* away",
                ) from error
            except OSError as error:
                raise ProviderError(f"cannot open {path}: {error.strerror or error}") from error

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """The connection, where all statements together are one transaction, or none of them."""
        with self.open() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                connection.rollback()
                raise


def _connect(folder: Folder) -> sqlite3.Connection:
    path = folder.queue
    # SQLite gives its journal the permissions of the database.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600))
    connection = sqlite3.connect(
        path, timeout=BUSY_S, isolation_level=None, check_same_thread=False
    )
    try:
        connection.execute("PRAGMA synchronous = FULL")
        if _version(connection) < SCHEMA_VERSION:
            _prepare(connection, folder)
        _check_version(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, folder: Folder) -> None:
    """Make the tables, or bring those of an earlier version up to date."""

    def relative(path: str) -> str:
        # Of a set, wherever the state folder was when its jobs were queued.
        here = folder.path.parent.joinpath(*Path(path).parts[-3:])
        return folder.relative(str(here) if here.exists() else path)

    connection.create_function("relative", 1, relative)
    # SQLite does not wait for others when it changes to WAL, so only one may do it.
    lock = os.open(folder.path, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _version(connection) == 0:
            connection.execute("PRAGMA journal_mode = WAL")
            _change(connection, _SCHEMA, SCHEMA_VERSION)
        while (version := _version(connection)) in _MIGRATIONS:
            _change(connection, _MIGRATIONS[version], version + 1)
    finally:
        os.close(lock)


def _change(connection: sqlite3.Connection, statements: str, version: int) -> None:
    connection.executescript(
        f"BEGIN IMMEDIATE; {statements} PRAGMA user_version = {version}; COMMIT;"
    )


def _check_version(connection: sqlite3.Connection, path: Path) -> None:
    version = _version(connection)
    if version > SCHEMA_VERSION:
        raise ProviderError(
            f"a newer qjobs wrote the queue {path}: its version is {version}, not {SCHEMA_VERSION}",
            hint="update qiskit-qjobs",
        )


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
