"""A state file that is open for writing: what others append is learnt, the own is appended."""

import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from qjobs import files
from qjobs.errors import QjobsError, StateDamaged
from qjobs.facts import Fact, FactKind
from qjobs.ledger import Ledger
from qjobs.store.state import any_toml, checks, fast, fold, format1, reading
from qjobs.store.state import format as layout

# Of a writer that is at it for long: its file must not become larger than anybody reads.
_MOST_FACTS = 500_000


class StateFile:
    """A state file and the ledger of all that it says, for one thread at a time.

    The lock beside the file is held while `open`, `catch_up`, `append` or `fold` runs. These may
    raise OSError and a StateError; call `forget` then. `upgrades` says whether a file of format 1
    may become one of format 2.
    """

    def __init__(self, path: Path, *, upgrades: bool) -> None:
        self.warnings: list[str] = []
        self.folded: reading.State | None = None  # what the file says, if all of it is tables
        self._upgrades = upgrades
        self._path = path
        self._ledger: Ledger | None = None
        self._descriptor: int | None = None

    def known(self) -> Ledger:
        """The ledger as it was last, which needs no lock. Raises a StateError."""
        if self._ledger is None:
            self._ledger, _ = reading.read_state(self._path).ledger()
        return self._ledger

    def forget(self) -> None:
        """Read everything anew before the next fact: what is known may not be on the disk."""
        self._ledger = None
        self._let_go()

    def _let_go(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def open(self, state: reading.State | None) -> Ledger:
        """Take the file as it is now, and cut off a fact that was never finished.

        `state` is what the file says, None if it has to be read.
        """
        self.forget()
        self.folded = None
        state = state or reading.read_state(self._path)
        state.check_writable(self._path)
        if not state.contents.exact:
            _check_extensible(self._path, state.good_bytes)
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_APPEND)
        # Whoever replaced the file may have died before its new place was on the disk.
        files.sync_folder(self._path.parent)
        torn_bytes = state.stamp.size_bytes - state.good_bytes
        if torn_bytes:
            os.ftruncate(self._descriptor, state.good_bytes)
            self.warnings.append(
                f"{self._path}: cut off {torn_bytes} bytes at the end, an unfinished fact"
            )
        self._stamp = state.stamp
        self._good_bytes = state.good_bytes
        self._total = state.total
        self._state = state
        self._facts = len(state.contents.facts)
        self._ledger, odd = state.ledger()
        self._foldable = state.contents.exact and not odd
        return self._ledger

    def catch_up(self) -> Ledger:
        """Learn what other processes have written since we last looked."""
        now = files.stamp(self._path.stat())
        if (
            self._descriptor is None
            or self._ledger is None
            or not now.same_file(self._stamp)  # replaced by another writer, or by hand
            or now.size_bytes < self._good_bytes
        ):
            return self.open(None)
        if now.size_bytes > self._good_bytes:
            tail = files.read_from(self._descriptor, self._good_bytes)
            try:
                facts = fast.read_facts(tail.decode())
            except ValueError:
                return self.open(None)
            for fact in facts:
                self._foldable &= self._ledger.admit(fact)
            self._good_bytes += len(tail)
            self._total = checks.add(tail, self._total)
            self._facts += len(facts)
        return self._ledger

    def append(self, tables: list[bytes]) -> None:
        """Write facts that the ledger has admitted; they are on the disk when this returns.

        They share a check line.
        """
        if not tables or self._descriptor is None:
            return
        self.folded = None
        data = b"".join(tables)
        data += checks.line(checks.add(data, self._total))
        try:
            files.write_all(self._descriptor, data)
        except BaseException:
            with suppress(OSError):
                os.ftruncate(self._descriptor, self._good_bytes)
            raise
        self._good_bytes += len(data)
        self._total = checks.add(data, self._total)
        self._facts += len(tables)
        if self._facts > _MOST_FACTS:
            self.fold()

    def fold(self) -> None:
        """Put what the facts say into the tables, if all of the file is as we write it.

        A file of format 1 gets its tables so. The file is replaced by a whole one.
        """
        old = self._state.contents.format == format1.FORMAT
        if not self._foldable or not (self._facts or old) or (old and not self._upgrades):
            return
        # The facts are safe as they are: that the file stays as it is is no failure.
        with suppress(OSError, QjobsError):
            self._replace(self.known())

    def _replace(self, ledger: Ledger) -> None:
        job_set, recorded = self._state.contents.job_set, ledger.recorded()
        tables = fold.folded(self._state.header, job_set, recorded)
        with files.temporary(self._path, tables) as fresh:
            # Last: where somebody's hand was here meanwhile, the next reader is to look at it.
            data = self._path.read_bytes()
            if len(data) != self._good_bytes or checks.add(data) != self._total:
                return
            stamp = files.stamp(fresh.stat())
            fresh.replace(self._path)
        self._let_go()
        files.sync_folder(self._path.parent)
        self.folded = reading.written(job_set, recorded, tables, stamp)


def _check_extensible(path: Path, good_bytes: int) -> None:
    """Make sure that a fact can be appended to a file that is not as we write it."""
    example = Fact(0, 1, datetime.min.replace(tzinfo=UTC), FactKind.DROPPED, "")
    try:
        any_toml.parse((path.read_bytes()[:good_bytes] + layout.table(example)).decode())
    except any_toml.Wrong as wrong:
        raise StateDamaged(
            f"{path}: no fact can be appended: {wrong.what}",
            hint="write each fact as a table [[fact]], as qjobs does",
        ) from wrong
