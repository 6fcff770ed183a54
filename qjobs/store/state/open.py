"""A state file that is open for writing: what others append is learnt, the own is appended."""

import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from qjobs import files
from qjobs.errors import QjobsError, StateDamaged, StateError
from qjobs.facts import Fact, FactKind, Ledger
from qjobs.store.state import any_toml as document
from qjobs.store.state import checks, reading
from qjobs.store.state import fast as exact
from qjobs.store.state import format as layout

# Reading so many facts one by one costs about as much as starting Python does.
_MOST_LOOSE = 1000
# Of a writer that is at it for long: its file must not become larger than anybody reads.
_MOST_LOOSE_WHILE_OPEN = 500_000


class StateFile:
    """A state file and the ledger of all that it says, for one thread at a time.

    The lock beside the file is held while `open`, `catch_up`, `append` or `compact` runs. These may
    raise OSError and a StateError; call `forget` then.
    """

    def __init__(self, path: Path) -> None:
        self.warnings: list[str] = []
        self._path = path
        self._ledger: Ledger | None = None
        self._descriptor: int | None = None

    def known(self) -> Ledger:
        """The ledger as it was last, which needs no lock. Raises a StateError."""
        if self._ledger is None:
            self._ledger = reading.read_state(self._path).ledger()
        return self._ledger

    def forget(self) -> None:
        """Read everything anew before the next fact: what is known may not be on the disk."""
        self._ledger = None
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def open(self, state: reading.State | None) -> Ledger:
        """Take the file as it is now, and cut off a fact that was never finished.

        `state` is what the file says, None if it has to be read.
        """
        self.forget()
        state = state or reading.read_state(self._path)
        state.check_writable(self._path)
        if not state.contents.exact:
            _check_extensible(self._path, state.good_bytes)
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_APPEND)
        # Whoever compacted the file may have died before its new place was on the disk.
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
        self._loose = state.contents.loose
        self._ledger = state.ledger()
        return self._ledger

    def catch_up(self) -> Ledger:
        """Learn what other processes have written since we last looked."""
        now = files.stamp(self._path.stat())
        if (
            self._descriptor is None
            or self._ledger is None
            or not now.same_file(self._stamp)  # compacted, or put there by hand
            or now.size_bytes < self._good_bytes
        ):
            return self.open(None)
        if now.size_bytes > self._good_bytes:
            tail = files.read_from(self._descriptor, self._good_bytes)
            try:
                facts = exact.read_tables(tail.decode())
            except ValueError:
                return self.open(None)
            for fact in facts:
                self._ledger.admit(fact)
            self._good_bytes += len(tail)
            self._total = checks.add(tail, self._total)
            self._loose += len(facts)
        return self._ledger

    def append(self, tables: list[bytes]) -> None:
        """Write facts that the ledger has admitted; they are on the disk when this returns.

        They share a check line.
        """
        if not tables or self._descriptor is None:
            return
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
        self._loose += len(tables)
        self.compact(_MOST_LOOSE_WHILE_OPEN)

    def compact(self, most_loose: int = _MOST_LOOSE) -> None:
        """Put the facts into columns, if they are many and all of the file is as we write it."""
        if self._loose <= most_loose:
            return
        # The facts are safe as they are: that the file stays long is no failure.
        with suppress(OSError, QjobsError):
            self._replace()

    def _replace(self) -> None:
        state = reading.read_state(self._path)
        if not state.contents.exact:
            return
        header = self._path.read_bytes()[: state.header_bytes]
        compacted = checks.closed(header + layout.columns(state.contents.facts))
        if reading.understand(compacted.decode()).facts != state.contents.facts:
            raise StateError(f"compacting {self._path} would change it")
        files.replace(self._path, compacted)
        self.open(None)


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
