"""One SQLite file that any thread of any process may use at once."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from qjobs import files
from qjobs.errors import ProviderError, StateError
from qjobs.lock import FileLock

if TYPE_CHECKING:
    from sqlite3 import Connection

_WAIT_S = 30.0  # for other processes to finish their transactions


class Database:
    """The file at `path`, private to its owner, with `tables` that have a format number.

    A process that is killed at any moment leaves it whole. Raises ProviderError where it cannot
    be used, and where it has a newer format.
    """

    def __init__(self, path: Path, tables: str, *, version: int) -> None:
        self._path = path
        self._tables = tables
        self._version = version
        self._lock = Lock()  # for the connection, and because SQLite would let threads sleep
        self._connection: Connection | None = None
        self._inherited: Connection | None = None

    @contextmanager
    def read(self) -> "Iterator[Connection]":
        """The connection, for this thread alone."""
        import sqlite3

        try:
            with self._lock:
                yield self._open()
        except (sqlite3.Error, OverflowError, OSError, StateError) as error:
            raise unusable(self._path, error) from error

    @contextmanager
    def write(self) -> "Iterator[Connection]":
        """One transaction, alone among all processes, and on the disk when it ends."""
        with self.read() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                connection.rollback()
                raise

    def _open(self) -> "Connection":
        if self._connection is None:
            files.make_folder(self._path.parent)
            self._connection = self._connect()
            if sys.platform != "win32" and self._inherited is None:
                os.register_at_fork(after_in_child=self._forked)
        return self._connection

    def _forked(self) -> None:
        """In the child of a fork: the connection is its parent's. It is left alone, not closed."""
        self._lock = Lock()
        if self._connection is not None:
            self._inherited, self._connection = self._connection, None

    def _connect(self) -> "Connection":
        import sqlite3

        # SQLite gives its journal the permissions of the database.
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
        connection = sqlite3.connect(
            self._path, timeout=_WAIT_S, isolation_level=None, check_same_thread=False
        )
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: "Connection") -> None:
        if _version(connection) == 0:
            # SQLite does not wait for others when it changes to WAL, so only one may do it.
            with FileLock(self._path.with_suffix(".lock")).held(wait_s=_WAIT_S):
                if _version(connection) == 0:
                    connection.execute("PRAGMA journal_mode = WAL")
                    numbered = f"{self._tables} PRAGMA user_version = {self._version};"
                    connection.executescript(f"BEGIN IMMEDIATE; {numbered} COMMIT;")
        if _version(connection) > self._version:
            raise ProviderError(f"a newer qjobs wrote {self._path}", hint="update qiskit-qjobs")


def _version(connection: "Connection") -> int:
    ((version,),) = connection.execute("PRAGMA user_version").fetchall()
    return int(version)


def unusable(path: Path, error: Exception) -> ProviderError:
    """What to raise when a file does not do what it should."""
    said = getattr(error, "strerror", None) or error
    return ProviderError(
        f"cannot use {path}: {said}",
        hint="make room if the disk is full; if the file is damaged, put it back from a "
        f"backup, or move {path}* away",
    )
