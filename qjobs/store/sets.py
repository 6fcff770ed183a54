"""The job sets on disk: made whole or not at all, found again, opened."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from operator import attrgetter
from pathlib import Path
from typing import Protocol, TypeVar

from qjobs.errors import NotFound, StateDamaged, StateError, StateUnwritable
from qjobs.facts import Ledger
from qjobs.model import Job, JobSet
from qjobs.store import files, layout, reading
from qjobs.store.document import SetHeader
from qjobs.store.journal import Journal
from qjobs.store.lock import FileLock
from qjobs.store.results import ResultFiles

STATE = "state.toml"
CIRCUITS = "circuits.qpy"
SOURCES = "sources.json"

_LOCK_WAIT_S = 30.0
# Somebody who only asks whether a set is being submitted holds the lock for a moment.
_CLAIM_WAIT_S = 0.2
_STALE = timedelta(days=1)
_SET_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


class BeingSubmitted(StateError):
    """Another process is submitting the set."""

    code = "being_submitted"


@dataclass(frozen=True, slots=True)
class Source:
    """The file that a run of a set's circuits came from; `sha256` is that of its bytes."""

    path: str
    sha256: str
    format: str
    start_index: int
    experiments_count: int


class SourceLike(Protocol):
    """Whatever has the fields of a `Source`."""

    @property
    def path(self) -> str:
        """The file as the user named it."""

    @property
    def sha256(self) -> str:
        """Of the file's bytes, in hexadecimal."""

    @property
    def format(self) -> str:
        """What the file was read as."""

    @property
    def start_index(self) -> int:
        """The index in the set of its first circuit."""

    @property
    def experiments_count(self) -> int:
        """How many circuits it gave."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The sets there are, the newest first, and what is wrong with those that cannot be read."""

    headers: tuple[SetHeader, ...]
    damaged: tuple[str, ...] = ()


class Store:
    """All job sets under one home folder. `clock` tells the time, with its zone."""

    def __init__(self, home: Path, *, clock: Callable[[], datetime]) -> None:
        self._home = home
        self._sets = home / "sets"
        self._clock = clock

    def check_writable(self) -> None:
        """Make the folders, and try what recording will do. Raises StateUnwritable."""
        try:
            files.make_folder(self._sets)
            probe = files.temporary(self._sets / "probe")
            files.create(probe, b"qjobs\n")
            probe.unlink()
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
            raise StateUnwritable(f"there is already a {folder}", hint="try again") from error
        except OSError as error:
            raise files.unwritable(folder, error) from error
        return Draft(set_id, folder)

    def has(self, set_id: str) -> bool:
        """Whether there is a set of that id."""
        return bool(_SET_ID.fullmatch(set_id)) and (self._sets / set_id / STATE).exists()

    def listing(self) -> Listing:
        """Find all sets; only the start of each file is read. A broken one hides no other."""
        headers = []
        damaged = []
        for folder in self._folders():
            try:
                headers.append(_check_id(folder, reading.read_header(folder / STATE)))
            except NotFound:
                continue  # a draft
            except StateError as error:
                damaged.append(error.message)
        headers.sort(key=attrgetter("created", "set_id"), reverse=True)
        return Listing(tuple(headers), tuple(damaged))

    def open(self, set_id: str) -> "SetFolder":
        """Read one set. Raises NotFound, StateDamaged, StateTooNew, StateError."""
        if not self.has(set_id):
            raise NotFound(f"there is no job set {set_id!r}", hint="qjobs list")
        return SetFolder(self._sets / set_id)

    def find_fingerprint(self, fingerprint: str) -> "SetFolder | None":
        """The newest set of that fingerprint."""
        for header in self.listing().headers:
            if header.fingerprint == fingerprint:
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
        """Remove drafts that nobody has touched for a day."""
        stale = (self._clock() - _STALE).timestamp()
        for folder in self._folders():
            with suppress(OSError):
                if not (folder / STATE).exists() and all(
                    path.stat().st_mtime < stale for path in (folder, *folder.iterdir())
                ):
                    Draft(folder.name, folder).abandon()


@dataclass(frozen=True, slots=True)
class Draft:
    """A set that is being made: a folder without a state file."""

    set_id: str
    folder: Path

    @property
    def circuits_path(self) -> Path:
        """Where the circuits are to be written, before `commit`."""
        return self.folder / CIRCUITS

    def commit(self, job_set: JobSet, sources: Iterable[SourceLike] = ()) -> "SetFolder":
        """Make it a set: what the state refers to first, the state last.

        Raises StateUnwritable; then it is still a draft.
        """
        if job_set.set_id != self.set_id:
            raise ValueError(f"the draft of {self.set_id} cannot become {job_set.set_id}")
        rows = [
            {field.name: getattr(source, field.name) for field in fields(Source)}
            for source in sources
        ]
        try:
            self.circuits_path.chmod(0o600)
            files.sync_file(self.circuits_path)
            document = {"format": 1, "sources": rows}
            files.create(self.folder / SOURCES, json.dumps(document).encode())
            files.replace(self.folder / STATE, layout.header(job_set))
            files.sync_folder(self.folder.parent)
        except OSError as error:
            raise files.unwritable(self.folder, error) from error
        return SetFolder(self.folder)

    def abandon(self) -> None:
        """Remove what a draft can consist of, unless it has become a set."""
        if (self.folder / STATE).exists():
            return
        with suppress(OSError):
            paths = list(self.folder.iterdir())
            # Anything else is somebody's, and perhaps this was a set before.
            if all(
                path.name.startswith((CIRCUITS, SOURCES)) or path.suffix == ".tmp" for path in paths
            ):
                for path in paths:
                    path.unlink()
                self.folder.rmdir()


class SetFolder:
    """One job set on disk; `journal` changes it."""

    def __init__(self, folder: Path) -> None:
        """Raises NotFound, StateDamaged, StateTooNew, StateError."""
        self._folder = folder
        self._read()

    @property
    def job_set(self) -> JobSet:
        """The set as it was planned."""
        return self._state.contents.job_set

    @property
    def circuits_path(self) -> Path:
        """The circuits as submitted; the file may be gone if the set was carried here."""
        return self._folder / CIRCUITS

    @property
    def results(self) -> ResultFiles:
        """The results that were fetched."""
        return ResultFiles(self._folder / "results")

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the user should know of the state file."""
        return self._warnings

    def jobs(self) -> list[Job]:
        """The jobs, in the order of their slices, as they are on disk now."""
        self.refresh()
        return self._ledger.jobs()

    def refresh(self) -> None:
        """Read the set again, if its file has changed. Raises as the constructor does."""
        path = self._folder / STATE
        with suppress(OSError):
            if files.stamp(path.stat()) == self._state.stamp:
                return
        self._read()

    def journal(self) -> Journal:
        """Open the set for writing. Raises StateTooNew, StateUnwritable, StateDamaged."""
        return Journal(self._folder / STATE, self._state)

    def sources(self) -> tuple[Source, ...]:
        """Where the circuits came from, by ascending `start_index`; () if that is lost."""
        path = self._folder / SOURCES
        try:
            rows = json.loads(files.read(path)[0])["sources"]
            return tuple(_source(row) for row in rows)
        except NotFound:
            return ()
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise StateDamaged(
                f"{path} does not say where circuits came from",
                hint="remove it: everything but the names of the files is known without it",
            ) from error

    @contextmanager
    def claim_submission(self) -> Iterator[None]:
        """Be the one process that submits this set; the kernel ends it if the process dies.

        Raises BeingSubmitted if there is another, StateUnwritable.
        """
        lock = FileLock(self._folder / "submitting.lock")
        try:
            if not lock.acquire(wait_s=_CLAIM_WAIT_S):
                raise BeingSubmitted(
                    f"another process is submitting the set {self.job_set.set_id}",
                    hint=f"qjobs wait {self.job_set.set_id}",
                )
            yield
        finally:
            lock.close()

    def being_submitted(self) -> bool:
        """Whether a process, perhaps this one, is submitting the set at this moment."""
        path = self._folder / "submitting.lock"
        if not path.exists():
            return False
        lock = FileLock(path)
        try:
            return not lock.acquire(wait_s=0)
        except StateUnwritable:  # another user's: they may be
            return True
        finally:
            lock.close()

    def _read(self) -> None:
        state = reading.read_state(self._folder / STATE)
        _check_id(self._folder, state.contents.job_set)
        self._state = state
        self._ledger = Ledger(state.contents.job_set.slices)
        odd = [fact for fact in state.contents.facts if not self._ledger.admit(fact)]
        self._warnings = state.warnings
        if odd:
            first = f"job {odd[0].job} {odd[0].kind} {odd[0].value!r}"
            problem = f"left out {len(odd)} facts that contradict earlier ones, first {first}"
            self._warnings += (f"{self._folder / STATE}: {problem}",)


def _source(row: Mapping[str, object]) -> Source:
    """A row of the file, by name. Raises KeyError, TypeError."""
    for field in fields(Source):
        if type(row[field.name]) is not field.type:
            raise TypeError(f"{field.name} is not what it should be")
    return Source(**{field.name: row[field.name] for field in fields(Source)})  # type: ignore[arg-type]  # checked above


SetLike = TypeVar("SetLike", SetHeader, JobSet)


def _check_id(folder: Path, found: SetLike) -> SetLike:
    """A copy under another name would send the same jobs again."""
    if found.set_id != folder.name:
        raise StateDamaged(
            f"{folder / STATE}: this is the set {found.set_id!r}, in a folder of another name",
            hint=f"name the folder {found.set_id}, or remove it if it is a copy",
        )
    return found
