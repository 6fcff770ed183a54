"""The facts of one set, appended to its state file: on the disk before the caller goes on.

A fact is written only if it can follow what all processes have written so far: the file is
locked, what others appended is read, the ledger is asked, and what it admits is appended and
synced. So no two processes can both attempt one job. Threads that wait together share one
write and one sync.
"""

import os
import re
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from types import MappingProxyType
from typing import Self

from qjobs.errors import QjobsError, StateDamaged, StateError
from qjobs.facts import Fact, FactKind, Ledger
from qjobs.model import Job
from qjobs.store import document, exact, files, layout, reading
from qjobs.store.lock import FileLock

_LOCK_WAIT_S = 30.0
# Reading so many facts one by one costs about as much as starting Python does.
_MOST_LOOSE = 1000


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

    def __init__(self, path: Path, state: reading.State, *, wait_s: float = _LOCK_WAIT_S) -> None:
        """Go on from `state`, which is read anew if the file has changed.

        Other writers are waited for, at most `wait_s` seconds. Raises StateTooNew,
        StateUnwritable, StateDamaged.
        """
        self._path = path
        self._wait_s = wait_s
        self._file_lock = FileLock(path.with_name("state.lock"))
        self._descriptor: int | None = None
        self._writing = Lock()
        self._waiting: deque[_Request] = deque()
        self._warnings: list[str] = []
        self._ledger: Ledger | None = None
        try:
            with self._file_lock.held(wait_s=wait_s):
                self._open(state if state.stamp == files.stamp(path.stat()) else None)
                self._compact()
        except OSError as error:
            raise files.unwritable(path, error) from error
        finally:
            if self._ledger is None:
                self._file_lock.close()

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

    def job(self, index: int) -> Job:
        """A job as this process knows it, with everything that it has recorded."""
        with self._writing:
            return self._known().job(index)

    def jobs(self) -> list[Job]:
        """All jobs as this process knows them."""
        with self._writing:
            return self._known().jobs()

    def job_of(self, circuit: int) -> Job:
        """The job that a circuit is in, as this process knows it."""
        with self._writing:
            return self._known().job_of(circuit)

    def label(
        self,
        *,
        name: str | None = None,
        tags: Sequence[str] | None = None,
        extra: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Give the set another name or tags, or `extra` options other values, which are texts.

        It is the one change that is no fact.

        The file is replaced by one that differs in these lines. Raises StateUnwritable,
        StateDamaged, and then nothing has changed.
        """
        with self._writing:
            try:
                with self._file_lock.held(wait_s=self._wait_s):
                    self._catch_up()
                    self._relabel(name, tags, extra)
            except OSError as error:
                raise files.unwritable(self._path, error) from error
            finally:
                self._forget()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the user should know of the file, found while writing."""
        return tuple(self._warnings)

    def close(self) -> None:
        """Let go of the file. Compacts it if it has grown long."""
        with self._writing:
            with suppress(OSError, QjobsError), self._file_lock.held(wait_s=self._wait_s):
                self._catch_up()
                self._compact()
            self._forget()
            self._file_lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _record(self, requests: list[_Request]) -> None:
        """Write what the ledger admits of the requests, and settle each of them."""
        try:
            with self._file_lock.held(wait_s=self._wait_s):
                ledger = self._catch_up()
                tables: list[bytes] = []
                refused = set()
                for request in requests:
                    for fact, table in request.facts:
                        if ledger.admit(fact):
                            tables.append(table)
                        else:
                            refused.add(request)
                self._write(tables)
        except (OSError, QjobsError) as error:
            self._forget()
            problem: Exception = error
            if isinstance(error, OSError):
                problem = files.unwritable(self._path, error)
                problem.__cause__ = error
            for request in requests:
                request.error = problem
        except BaseException:
            # An interrupted thread leaves the work to the next.
            self._forget()
            self._waiting.extendleft(reversed(requests))
            raise
        else:
            for request in requests:
                request.admitted = request not in refused

    def _known(self) -> Ledger:
        if self._ledger is None:
            self._ledger = reading.read_state(self._path).ledger()
        return self._ledger

    def _forget(self) -> None:
        """Read everything anew before the next fact: what is known may not be on the disk."""
        self._ledger = None
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    # What follows is done while the file lock is held.

    def _open(self, state: reading.State | None) -> Ledger:
        """Take the file as it is now, and cut off a fact that was never finished."""
        self._forget()
        state = state or reading.read_state(self._path)
        if state.contents.newer:
            raise reading.too_new(self._path)
        if not state.contents.exact:
            _check_extensible(self._path, state.good_bytes)
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_APPEND)
        # Whoever compacted the file may have died before its new place was on the disk.
        files.sync_folder(self._path.parent)
        torn_bytes = state.stamp.size_bytes - state.good_bytes
        if torn_bytes:
            os.ftruncate(self._descriptor, state.good_bytes)
            self._warnings.append(
                f"{self._path}: cut off {torn_bytes} bytes at the end, an unfinished fact"
            )
        self._stamp = state.stamp
        self._good_bytes = state.good_bytes
        self._loose = state.contents.loose
        self._ledger = state.ledger()
        return self._ledger

    def _catch_up(self) -> Ledger:
        """Learn what other processes have written since we last looked."""
        now = files.stamp(self._path.stat())
        if (
            self._descriptor is None
            or self._ledger is None
            or not now.same_file(self._stamp)  # compacted, or put there by hand
            or now.size_bytes < self._good_bytes
        ):
            return self._open(None)
        if now.size_bytes > self._good_bytes:
            tail = files.read_from(self._descriptor, self._good_bytes)
            try:
                facts = exact.read_tables(tail.decode())
            except ValueError:
                return self._open(None)
            for fact in facts:
                self._ledger.admit(fact)
            self._good_bytes += len(tail)
            self._loose += len(facts)
        return self._ledger

    def _write(self, tables: list[bytes]) -> None:
        if not tables or self._descriptor is None:
            return
        data = b"".join(tables)
        try:
            files.write_all(self._descriptor, data)
        except BaseException:
            with suppress(OSError):
                os.ftruncate(self._descriptor, self._good_bytes)
            raise
        self._good_bytes += len(data)
        self._loose += len(tables)

    def _relabel(
        self, name: str | None, tags: Sequence[str] | None, extra: Mapping[str, str]
    ) -> None:
        before = reading.read_state(self._path).contents
        job_set = before.job_set
        text = self._path.read_bytes().decode()
        if name is not None:
            job_set = replace(job_set, name=layout.writable(name))
            text = _with_line(text, layout.name_line(name))
        if tags is not None:
            job_set = replace(job_set, tags=tuple(map(layout.writable, tags)))
            text = _with_line(text, layout.tags_line(tags))
        if extra:
            options = replace(job_set.options, extra={**job_set.options.extra, **extra})
            job_set = replace(job_set, options=options)
            for key, value in extra.items():
                text = _with_line(text, f"{key} = {layout.string(value)}", "[set.options]\n")
        wanted = before._replace(job_set=job_set)
        try:
            done = reading.understand(text) == wanted
        except document.Wrong:
            done = False
        if not done:
            raise StateDamaged(
                f"{self._path}: what is to be changed is not where qjobs writes it",
                hint="change it in that file, by hand",
            )
        files.replace(self._path, text.encode())

    def _compact(self) -> None:
        """Put the facts into columns, if they are many and all of the file is as we write it."""
        if self._loose <= _MOST_LOOSE:
            return
        # The facts are safe as they are: that the file stays long is no failure.
        with suppress(OSError, QjobsError):
            self._replace()

    def _replace(self) -> None:
        state = reading.read_state(self._path)
        if not state.contents.exact:
            return
        header = self._path.read_bytes()[: state.header_bytes]
        compacted = header + layout.columns(state.contents.facts)
        if reading.understand(compacted.decode()).facts != state.contents.facts:
            raise StateError(f"compacting {self._path} would change it")
        files.replace(self._path, compacted)
        self._open(None)


def _with_line(text: str, line: str, head: str = "[set]\n") -> str:
    """The text of a state file with a line of a table replaced, or added to it."""
    start = text.find(head) + len(head)
    end = text.find("\n[", start) + 1 or len(text)
    table, found = re.subn(
        rf"^{line.partition(' = ')[0]} = .*$", lambda _: line, text[start:end], flags=re.MULTILINE
    )
    return text[:start] + (table if found else f"{line}\n{table}") + text[end:]


def _check_extensible(path: Path, good_bytes: int) -> None:
    """Make sure that a fact can be appended to a file that is not as we write it."""
    example = Fact(0, 1, datetime.min.replace(tzinfo=UTC), FactKind.DROPPED, "")
    try:
        document.parse((path.read_bytes()[:good_bytes] + layout.table(example)).decode())
    except document.Wrong as wrong:
        raise StateDamaged(
            f"{path}: no fact can be appended: {wrong.what}",
            hint="write each fact as a table [[fact]], as qjobs does",
        ) from wrong
