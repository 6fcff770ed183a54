"""The job sets on disk: made whole or not at all, found again, opened."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from qjobs import files
from qjobs.errors import NotFound, StateError, StateUnwritable, Unreadable
from qjobs.facts import Fact
from qjobs.ledger import Ledger
from qjobs.lock import FileLock
from qjobs.model import JobSet, Source
from qjobs.store.folder import (
    CIRCUITS,
    OBSERVABLES,
    PARAMETERS,
    SOURCES,
    STATE,
    TRUSTED,
    SetFolder,
    check_id,
)
from qjobs.store.state import format as layout
from qjobs.store.state import reading
from qjobs.store.state.document import SetHeader
from qjobs.store.state.fold import assembled

MOST_SKIPPED = 10_000
"""Files left out that a set keeps for good, each with its reason; of the others, how many."""

DRAFT_LOCK = "draft.lock"

_LOCK_WAIT_S = 30.0
_STALE = timedelta(days=1)
_SET_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


class Listing(NamedTuple):
    """The sets there are, the newest first, and what is wrong with those that cannot be read."""

    headers: tuple[SetHeader, ...]
    errors: tuple[StateError, ...] = ()

    @property
    def damaged(self) -> tuple[str, ...]:
        """What is wrong with each set that cannot be read."""
        return tuple(error.message for error in self.errors)

    def groups(self) -> list[list[SetHeader]]:
        """The sets that stand together: those of one program, the oldest first; each other alone.

        The group with the newest set comes first.
        """
        groups: dict[str, list[SetHeader]] = {}
        for header in self.headers:
            groups.setdefault(header.program or header.set_id, []).append(header)
        return [group[::-1] for group in groups.values()]


class Store:
    """All job sets under one home folder. `clock` tells the time, with its zone."""

    def __init__(self, home: Path, *, clock: Callable[[], datetime]) -> None:
        self._home = home
        self._sets = home / "sets"
        self._clock = clock

    @property
    def home(self) -> Path:
        """The state folder."""
        return self._home

    @property
    def sets(self) -> Path:
        """The folder of the sets, which may not be there yet."""
        return self._sets

    def ids(self) -> list[str]:
        """The ids of all sets and drafts, whether they can be read or not. Raises StateError."""
        return sorted(folder.name for folder in self._folders())

    def check_writable(self) -> None:
        """Make the folders, and try what recording will do. Raises StateUnwritable."""
        try:
            files.make_folder(self._sets)
            with files.temporary(self._sets / "probe", b"qjobs\n"):
                pass
        except OSError as error:
            raise files.unwritable(self._sets, error) from error

    def draft(self, set_id: str) -> "Draft":
        """Start a new set. Until it is committed there is none. Raises StateUnwritable."""
        if not _SET_ID.fullmatch(set_id):
            raise ValueError(f"not a set id: {set_id!r}")
        self._sweep()
        folder = self._sets / set_id
        try:
            files.make_folder(self._sets)
            folder.mkdir(mode=0o700)
        except FileExistsError as error:
            raise StateUnwritable(
                f"there is already a {folder}", hint=f"move it out of {self._sets}"
            ) from error
        except OSError as error:
            raise files.unwritable(folder, error) from error
        lock = FileLock(folder / DRAFT_LOCK)
        draft = Draft(set_id, folder, lock)
        try:
            lock.acquire(wait_s=0)
        except BaseException:
            draft.abandon()
            raise
        return draft

    def has(self, set_id: str) -> bool:
        """Whether there is a set of that id."""
        return bool(_SET_ID.fullmatch(set_id)) and (self._sets / set_id / STATE).exists()

    def listing(self) -> Listing:
        """Find all sets; only the start of each file is read. A broken one hides no other."""
        headers = []
        errors = []
        for folder in self._folders():
            try:
                headers.append(check_id(folder, reading.read_header(folder / STATE)))
            except NotFound:
                continue  # a draft
            except StateError as error:
                errors.append(error)
        headers.sort(key=attrgetter("created", "set_id"), reverse=True)
        return Listing(tuple(headers), tuple(errors))

    def open(self, set_id: str) -> "SetFolder":
        """Read one set. Raises NotFound, StateDamaged, StateTooNew, StateError."""
        if not self.has(set_id):
            raise NotFound(f"there is no job set {set_id!r}", hint="qjobs list")
        return SetFolder(self._sets / set_id)

    def mentioning(self, job_id: str) -> list[str]:
        """The ids of those sets in whose files a job id stands somewhere, and perhaps of others."""
        text = layout.string(job_id)[1:-1].encode()
        found = []
        for folder in self._folders():
            with suppress(StateError, NotFound):
                if text in files.read(folder / STATE)[0]:
                    found.append(folder.name)
        return found

    def find_fingerprint(self, fingerprint: str) -> "SetFolder | None":
        """The newest set of that fingerprint; of one that was recovered its beginning is known."""
        for header in self.listing().headers:
            if header.fingerprint and fingerprint.startswith(header.fingerprint):
                return self.open(header.set_id)
        return None

    @contextmanager
    def exclusively(self) -> Iterator[None]:
        """Keep all others that ask for it from the sets. Raises StateUnwritable."""
        lock = FileLock(self._home / "sets.lock")
        try:
            with lock.held(wait_s=_LOCK_WAIT_S):
                yield
        finally:
            lock.close()

    def _folders(self) -> list[Path]:
        try:
            return [folder for folder in self._sets.iterdir() if _SET_ID.fullmatch(folder.name)]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StateError(f"cannot read {self._sets}: {error.strerror}") from error

    def _sweep(self) -> None:
        """Remove what processes that are gone began."""
        files.sweep(self._sets)
        for draft in self.left_drafts():
            draft.abandon()

    def left_drafts(self) -> Iterator["Draft"]:
        """The drafts of processes that are gone, and those that nobody touched for a day."""
        stale = (self._clock() - _STALE).timestamp()
        for folder in self._folders():
            with suppress(OSError):
                draft = Draft(folder.name, folder)
                if draft.disposable and (
                    files.is_left(folder / DRAFT_LOCK)
                    or all(path.stat().st_mtime < stale for path in (folder, *folder.iterdir()))
                ):
                    yield draft


class Draft(NamedTuple):
    """A set that is being made: a folder without a state file.

    Who makes it holds its `lock`, which the kernel takes back when they die.
    """

    set_id: str
    folder: Path
    lock: FileLock | None = None

    @property
    def circuits_path(self) -> Path:
        """Where the circuits are to be written, before `commit`."""
        return self.folder / CIRCUITS

    @property
    def parameters_path(self) -> Path:
        """Where the values of parameters are to be written, if the set has some."""
        return self.folder / PARAMETERS

    @property
    def observables_path(self) -> Path:
        """Where the observables are to be written, if the set has some."""
        return self.folder / OBSERVABLES

    def commit(
        self,
        job_set: JobSet,
        sources: Iterable[Source] = (),
        *,
        skipped: Sequence[Unreadable] = (),
        facts: Sequence[Fact] = (),
    ) -> "SetFolder":
        """Make it a set: what the state refers to first, the state last.

        `skipped` are the files that were left out; the first `MOST_SKIPPED` are kept. A set that
        was `recovered` has no circuits, and `facts` from the start. Raises StateUnwritable; then
        it is still a draft.
        """
        if job_set.set_id != self.set_id:
            raise ValueError(f"the draft of {self.set_id} cannot become {job_set.set_id}")
        rows = [_told(source) for source in sources]
        try:
            written = [self.circuits_path]
            written += [self.parameters_path] if job_set.parameters else []
            written += [self.observables_path] if job_set.observables else []
            written = [] if job_set.recovered else written
            for path in written:
                path.chmod(0o600)
                files.sync_file(path)
            document: dict[str, object] = {"format": 1, "sources": rows}
            if skipped:
                document["skipped_count"] = len(skipped)
                document["skipped"] = [file._asdict() for file in skipped[:MOST_SKIPPED]]
            files.create(self.folder / SOURCES, json.dumps(document).encode())
            ledger = Ledger(job_set.slices)
            odd = [layout.table(fact) for fact in facts if not ledger.admit(fact)]
            header = layout.header(job_set, len(ledger.slices))
            data = assembled(header, ledger.recorded()) + b"".join(odd)
            stamp = files.replace(self.folder / STATE, data)
            files.sync_folder(self.folder.parent)
            self._unlock()
        except OSError as error:
            raise files.unwritable(self.folder, error) from error
        state = None
        if not facts and b"?" not in data:  # it may stand for what no file can hold
            state = reading.written(job_set, ledger.recorded(), data, stamp)
        planned = {path: files.stamp(path.stat()) for path in written}
        return SetFolder(self.folder, planned=planned, state=state)

    @property
    def disposable(self) -> bool:
        """Whether it is no set, and all of it is what a draft can consist of. Raises OSError."""
        # Anything else is somebody's, and perhaps this was a set before.
        ours = (CIRCUITS, PARAMETERS, OBSERVABLES, SOURCES, DRAFT_LOCK, TRUSTED)
        return not (self.folder / STATE).exists() and all(
            path.name.startswith(ours) or path.suffix == ".tmp" for path in self.folder.iterdir()
        )

    def abandon(self) -> None:
        """Remove what a draft can consist of, unless it has become a set."""
        if (self.folder / STATE).exists():
            return
        with suppress(OSError):
            if self.disposable:
                # Imported here: most sets become what they should.
                import shutil

                shutil.rmtree(self.folder)
        self._unlock()

    def _unlock(self) -> None:
        """Let go of the lock, whose file no set has."""
        with suppress(OSError):
            (self.folder / DRAFT_LOCK).unlink()
        if self.lock is not None:
            self.lock.close()


def _told(source: Source) -> dict[str, object]:
    """A source as it is written: what is as usual need not be."""
    usual = Source._field_defaults
    return {
        name: value
        for name, value in source._asdict().items()
        if name not in usual or value != usual[name]
    }
