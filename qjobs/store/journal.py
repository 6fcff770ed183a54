"""The facts of one set, appended to its state file: on the disk before the caller goes on.

A fact is written only if it can follow what all processes have written so far: the file is
locked, what others appended is read, the ledger is asked, and what it admits is appended and
synced. So no two processes can both attempt one job. Threads that wait together share one
write and one sync.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from types import MappingProxyType
from typing import Self

from qjobs import files
from qjobs.errors import QjobsError
from qjobs.facts import Fact
from qjobs.lock import FileLock
from qjobs.model import Job, Scalar, Session
from qjobs.store.state import format as layout
from qjobs.store.state import reading
from qjobs.store.state.open import StateFile
from qjobs.store.state.relabel import relabel

_LOCK_WAIT_S = 30.0


class _Request:
    """The facts of one call of `append`, on their way to the disk."""

    __slots__ = ("admitted", "error", "facts")

    def __init__(self, facts: tuple[Fact, ...]) -> None:
        self.facts = [(fact, layout.table(fact)) for fact in map(_clean, facts)]
        self.admitted: bool | None = None
        self.error: Exception | None = None

    @property
    def waits(self) -> bool:
        return self.admitted is None and self.error is None


def _clean(fact: Fact) -> Fact:
    """The fact as it will be read again."""
    if fact.value.isascii() and fact.message.isascii():
        return fact
    return fact._replace(value=layout.writable(fact.value), message=layout.writable(fact.message))


class Journal:
    """Appends facts to a state file. All methods may be called from several threads at once."""

    def __init__(
        self,
        path: Path,
        state: reading.State,
        *,
        upgrades: bool = True,
        closed: Callable[[reading.State], None] = lambda _: None,
        wait_s: float = _LOCK_WAIT_S,
    ) -> None:
        """Go on from `state`, which is read anew if the file has changed.

        Other writers are waited for, at most `wait_s` seconds. With `upgrades` a file of format 1
        becomes one of format 2. `closed` is given the state of the file in the end, if that
        is known. Raises StateTooNew, StateUnwritable, StateDamaged.
        """
        self._path = path
        self._wait_s = wait_s
        self._closed = closed
        self._file_lock = FileLock(path.with_name("state.lock"))
        self._writing = Lock()
        self._waiting: deque[_Request] = deque()
        self._file = StateFile(path, upgrades=upgrades)
        try:
            with self._file_lock.held(wait_s=wait_s):
                self._file.open(state if state.stamp == files.stamp(path.stat()) else None)
                self._file.fold()
        except BaseException as error:
            self._file.forget()
            self._file_lock.close()
            if isinstance(error, OSError):
                raise files.unwritable(path, error) from error
            raise

    def append(self, *facts: Fact) -> bool:
        """Record facts, in their order; when this returns they are on the disk.

        False if one of them could not follow what is known by now: that one is not written,
        the others are. Raises StateUnwritable, and then none of them is recorded;
        StateDamaged if somebody else has spoilt the file.
        """
        request = _Request(facts)
        self._waiting.append(request)
        with self._writing:
            # Unless the thread before us has written our facts with its own.
            if request.waits:
                self._record([self._waiting.popleft() for _ in range(len(self._waiting))])
        if request.error is not None:
            raise request.error
        return request.admitted is True

    def catch_up(self) -> None:
        """Learn what other processes have recorded meanwhile, as far as that is possible now."""
        with self._writing, suppress(OSError, QjobsError), self._file_lock.held(wait_s=0):
            self._file.catch_up()

    def job(self, index: int) -> Job:
        """A job as this process knows it, with everything that it has recorded."""
        with self._writing:
            return self._file.known().job(index)

    def jobs(self) -> list[Job]:
        """All jobs as this process knows them."""
        with self._writing:
            return self._file.known().jobs()

    def sessions(self) -> tuple[Session, ...]:
        """The sessions that were opened for the set, as this process knows them."""
        with self._writing:
            return self._file.known().sessions

    def job_of(self, circuit: int) -> Job:
        """The job that a circuit is in, as this process knows it."""
        with self._writing:
            return self._file.known().job_of(circuit)

    def label(
        self,
        *,
        name: str | None = None,
        tags: Sequence[str] | None = None,
        extra: Mapping[str, Scalar] = MappingProxyType({}),
    ) -> None:
        """Give the set another name or tags, or `extra` options other values.

        It is the one change that is no fact.

        The file is replaced by one that differs in these lines. Raises StateUnwritable,
        StateDamaged, and then nothing has changed.
        """
        with self._writing:
            try:
                with self._file_lock.held(wait_s=self._wait_s):
                    self._file.catch_up()
                    relabel(self._path, name=name, tags=tags, extra=extra)
            except OSError as error:
                raise files.unwritable(self._path, error) from error
            finally:
                self._file.forget()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the user should know of the file, found while writing."""
        return tuple(self._file.warnings)

    def close(self) -> None:
        """Let go of the file, once its tables say all that is on record."""
        with self._writing:
            with suppress(OSError, QjobsError), self._file_lock.held(wait_s=self._wait_s):
                self._file.catch_up()
                self._file.fold()
                if self._file.folded is not None:
                    self._closed(self._file.folded)
            self._file.forget()
            self._file_lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _record(self, requests: list[_Request]) -> None:
        """Write what the ledger admits of the requests, and settle each of them."""
        try:
            with self._file_lock.held(wait_s=self._wait_s):
                ledger = self._file.catch_up()
                tables: list[bytes] = []
                refused = set()
                for request in requests:
                    for fact, table in request.facts:
                        if ledger.admit(fact):
                            tables.append(table)
                        else:
                            refused.add(request)
                self._file.append(tables)
        except (OSError, QjobsError) as error:
            self._file.forget()
            problem: Exception = error
            if isinstance(error, OSError):
                problem = files.unwritable(self._path, error)
                problem.__cause__ = error
            for request in requests:
                request.error = problem
        except BaseException:
            # An interrupted thread leaves the work to the next.
            self._file.forget()
            self._waiting.extendleft(reversed(requests))
            raise
        else:
            for request in requests:
                request.admitted = request not in refused
