"""SQLite files that any thread of any process may use at once; nothing else here opens one."""

import os
import sqlite3
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from threading import Lock
from types import MappingProxyType
from typing import Any, TypeAlias

from qjobs import files
from qjobs.errors import ProviderError, StateError
from qjobs.lock import FileLock

WAIT_S = 30.0

_FEW_PAGES = 64
_LOOSE = 0.25
"""The share of a file that may be free, and so the work of compacting it is less than it saves."""

Connection: TypeAlias = sqlite3.Connection


class Database:
    """The file at `path`, private to its owner; it is made on first use, and its folder with it.

    Each of `steps` is the SQL that leads from one format to the next, the first one from an
    empty file; `functions` are what they may call besides SQLite's own, each with one text.
    A process that is killed at any moment leaves the file whole, and what was written is on the
    disk; not `durable`, it is quicker, and a power cut may cost some of it. Other processes get
    `wait_s` seconds to finish their transactions.

    One connection, used by one thread at a time: SQLite writes one after another anyway, and
    would let threads sleep. While the process forks there is none, and then each opens its own.

    Raises ProviderError where the file cannot be used, is busy for too long, or has a newer format.
    """

    def __init__(
        self,
        path: Path,
        steps: Sequence[str],
        *,
        functions: Mapping[str, Callable[[str], str]] = MappingProxyType({}),
        durable: bool = True,
        wait_s: float = WAIT_S,
    ) -> None:
        self._path = path
        self._steps = steps
        self._functions = functions
        self._wait_s = wait_s
        self._synchronous = "FULL" if durable else "OFF"
        self._mutex = Lock()
        self._opened: list[Connection] = []  # the one, or none
        weakref.finalize(self, _close, self._opened)
        _pause_at_forks(weakref.WeakMethod(self._paused))

    @contextmanager
    def open(self) -> Iterator[Connection]:
        """The connection, for this thread alone; each statement is a transaction of its own."""
        try:
            with self._mutex:
                if not self._opened:
                    self._opened.append(self._connect())
                yield self._opened[0]
        except (sqlite3.Error, OverflowError, OSError, StateError) as error:
            raise unusable(self._path, error) from error

    def rows(self, statement: str, *values: object) -> list[Any]:
        """What one statement gives, which is a transaction of its own."""
        with self.open() as connection:
            return connection.execute(statement, values).fetchall()

    def change(self, statement: str, *values: object) -> int:
        """Do one statement, which is a transaction of its own; how many rows it changed."""
        with self.open() as connection:
            return connection.execute(statement, values).rowcount

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """The connection, where all statements together are one transaction, or none of them.

        It is alone among all processes from its start.
        """
        with self.open() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                connection.rollback()
                raise

    def compact(self) -> None:
        """Give the room of what was deleted back to the disk, once it is a good part of the file.

        As far as that is possible now; what follows uses that room, too.
        """
        with self.open() as connection, suppress(sqlite3.OperationalError):
            ((free,), (pages,)) = (
                connection.execute(f"PRAGMA {name}").fetchone()
                for name in ("freelist_count", "page_count")
            )
            if free >= _FEW_PAGES and free >= _LOOSE * pages:
                connection.execute("VACUUM")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    @contextmanager
    def _paused(self) -> Iterator[None]:
        """Nobody uses the file meanwhile, and no connection is open."""
        with self._mutex:
            _close(self._opened)
            yield

    def _connect(self) -> Connection:
        if self._path.is_symlink():
            raise OSError("it is a link, not a file")
        if not self._path.exists():
            files.make_folder(self._path.parent)
            # SQLite gives what it makes beside the file the same permissions. Only a new one is
            # opened and closed here: that takes away all locks that this process has on it, also
            # those of another connection, and others would delete what that goes on to write.
            with self._alone(), suppress(FileExistsError):
                files.create(self._path, b"")
        connection = sqlite3.connect(
            self._path, timeout=self._wait_s, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute(f"PRAGMA synchronous = {self._synchronous}")
            connection.execute("PRAGMA fullfsync = ON")  # macOS leaves it in the drive's cache
            self._update(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _update(self, connection: Connection) -> None:
        """Take the steps that are left, all or none of them."""
        newest = len(self._steps)
        if _version(connection) < newest:
            for name, function in self._functions.items():
                connection.create_function(name, 1, function)
            with self._alone():
                if (version := _version(connection)) < newest:
                    connection.execute("PRAGMA journal_mode = WAL")
                    steps = f"{''.join(self._steps[version:])} PRAGMA user_version = {newest};"
                    connection.executescript(f"BEGIN IMMEDIATE; {steps} COMMIT;")
        if _version(connection) > newest:
            raise ProviderError(f"a newer qjobs wrote {self._path}", hint="update qiskit-qjobs")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Only one makes or changes a file: SQLite does not wait where it changes to WAL."""
        lock = FileLock(self._path.with_suffix(".lock"))
        try:
            with lock.held(wait_s=self._wait_s):
                yield
        finally:
            lock.close()


def _close(opened: list[Connection]) -> None:
    while opened:
        opened.pop().close()


def _version(connection: Connection) -> int:
    ((version,),) = connection.execute("PRAGMA user_version").fetchall()
    return int(version)


def _pause_at_forks(
    paused: "weakref.WeakMethod[Callable[[], AbstractContextManager[None]]]",
) -> None:
    """Have no connection while the process forks.

    SQLite forbids a child to use one of its parent's, to close it, or to open another one beside.
    """
    entered: list[AbstractContextManager[None]] = []

    def before() -> None:
        if (method := paused()) is not None:
            pause = method()
            pause.__enter__()
            entered.append(pause)

    def after() -> None:
        if entered:
            entered.pop().__exit__(None, None, None)

    os.register_at_fork(before=before, after_in_parent=after, after_in_child=after)


def unusable(path: Path, error: Exception) -> ProviderError:
    """What to raise when a file does not do what it should."""
    if isinstance(error, StateError) and error.hint:
        return ProviderError(f"cannot use {path}: {error.message}", hint=error.hint)
    said = getattr(error, "strerror", None) or error
    return ProviderError(
        f"cannot use {path}: {said}",
        hint="make room if the disk is full; if the file is damaged, put it back from a "
        f"backup, or move {path}* away",
    )
