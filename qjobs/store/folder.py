"""One job set on disk: its plan, its jobs, its results, and who may submit it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, TypeVar, get_args, get_type_hints

from qjobs import files
from qjobs.errors import BeingSubmitted, NotFound, StateDamaged, StateUnwritable, Unreadable
from qjobs.facts import Fact, FactKind
from qjobs.lock import FileLock
from qjobs.model import Attempted, Job, JobSet, Session, Slice, Source
from qjobs.store.state import reading
from qjobs.store.state.document import SetHeader

if TYPE_CHECKING:
    # Imported where they are needed: commands that only look at a set should not pay for them.
    from qjobs.store.journal import Journal
    from qjobs.store.pace import Pace
    from qjobs.store.results import ResultFiles

STATE = "state.toml"
CIRCUITS = "circuits.qpy"
PARAMETERS = "parameters.npy"
OBSERVABLES = "observables.json"
SOURCES = "sources.json"
RESULTS = "results"
SUBMITTING = "submitting.lock"
TRUSTED = "trusted"

# Somebody who only asks whether a set is being submitted holds the lock for a moment.
_CLAIM_WAIT_S = 0.2


class Skipped(NamedTuple):
    """Files that were left out: how many, and those that are kept with their reasons."""

    number: int
    files: tuple[Unreadable, ...]


class SetFolder:
    """One job set on disk; `journal` changes it."""

    def __init__(
        self,
        folder: Path,
        *,
        planned: Mapping[Path, files.Stamp] = MappingProxyType({}),
        state: reading.State | None = None,
    ) -> None:
        """Raises NotFound, StateDamaged, StateTooNew, StateError.

        `planned` are the files, and `state` is the state, of a set that this process has just made.
        """
        self._folder = folder
        self._planned = dict(planned)
        self.compared = bool(planned)
        """Whether this process knows that the provider has no job that is not recorded here."""
        self.made_here = bool(planned)
        """Whether this process has made the set."""
        self._claimed = False
        self._take(state or reading.read_state(self.state_path))

    @property
    def job_set(self) -> JobSet:
        """The set as it was planned."""
        return self._state.contents.job_set

    @property
    def state_path(self) -> Path:
        """The state file."""
        return self._folder / STATE

    @property
    def circuits_path(self) -> Path:
        """The circuits as submitted; the file may be gone if the set was carried here."""
        return self._folder / CIRCUITS

    @property
    def parameters_path(self) -> Path:
        """The values of the parameters, if the set has some; likewise."""
        return self._folder / PARAMETERS

    @property
    def observables_path(self) -> Path:
        """The observables, if the set has some; likewise."""
        return self._folder / OBSERVABLES

    def check_files(self) -> None:
        """Raise StateDamaged unless the circuits, and what belongs to them, are those planned.

        A file is read through once, and again where it was touched since. What is not there
        is left to those who need it.
        """
        job_set = self.job_set
        for path, expected in (
            (self.circuits_path, job_set.circuits_sha256),
            (self.parameters_path, job_set.parameters_sha256),
            (self.observables_path, job_set.observables_sha256),
        ):
            if not expected:
                continue
            with suppress(OSError):
                if files.stamp(path.stat()) == self._planned.get(path):
                    continue
            try:
                found, stamp = files.sha256(path)
            except NotFound:
                continue
            if found != expected:
                raise StateDamaged(
                    f"{path} is not what was planned: its sha256 is {found[:12]}..., "
                    f"not {expected[:12]}...; nothing is sent",
                    hint="put it back from a backup, or submit the circuits as a new set",
                )
            self._planned[path] = stamp

    @property
    def results(self) -> "ResultFiles":
        """The results that were fetched."""
        from qjobs.store.results import ResultFiles

        return ResultFiles(self._folder / RESULTS)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the user should know of the state file."""
        return self._warnings

    @property
    def slices(self) -> Sequence[Slice]:
        """The slice of each job, as last read; a job that was split off comes after all others."""
        return self._ledger.slices

    @property
    def parts(self) -> Sequence[tuple[Slice, ...]]:
        """The circuits that are each job's own: its slice, but for those that newer jobs have."""
        return [self._ledger.parts(index) for index in range(len(self._ledger.slices))]

    @property
    def sessions(self) -> tuple[Session, ...]:
        """The sessions that were opened for the set, as last read, the oldest first."""
        return self._ledger.sessions

    def jobs(self) -> list[Job]:
        """The jobs as they are on disk now, in the order of `slices`."""
        self.refresh()
        return self._ledger.jobs()

    def refresh(self) -> None:
        """Read the set again, if its file has changed. Raises as the constructor does."""
        path = self.state_path
        with suppress(OSError):
            if files.stamp(path.stat()) == self._state.stamp:
                return
        try:
            self._take(reading.read_state(path))
        except NotFound as error:
            raise NotFound(f"the job set {self.job_set.set_id} was removed meanwhile") from error

    def pace(self, per_minute: float) -> "Pace":
        """The turns to submit to the set's provider, which all of its sets share."""
        from qjobs.store.pace import Pace

        return Pace(self._folder.parents[1] / self.job_set.provider / "pace", per_minute)

    def journal(self) -> "Journal":
        """Open the set for writing. Raises StateTooNew, StateUnwritable, StateDamaged."""
        from qjobs.store.journal import Journal

        for folder in (self._folder, self._folder / RESULTS):
            files.sweep(folder)
        # Whoever submits with the last version could not go on in a file of the new format.
        upgrades = self._claimed or not self.being_submitted()
        return Journal(self.state_path, self._state, upgrades=upgrades, closed=self._take)

    def sources(self) -> tuple[Source, ...]:
        """Where the circuits came from, by ascending `start_index`; () if that is lost.

        These are the circuits of the files, each of which counts once however many bindings
        the set has.
        """
        return self._origins()[0]

    def skipped(self) -> "Skipped":
        """The files that were left out when the set was made; none if that is lost."""
        return self._origins()[1]

    def _origins(self) -> "tuple[tuple[Source, ...], Skipped]":
        path = self._folder / SOURCES
        try:
            document = json.loads(files.read(path)[0])
            skipped = tuple(_row(Unreadable, row) for row in document.get("skipped", ()))
            number = max(len(skipped), int(document.get("skipped_count", 0)))
            return tuple(_row(Source, row) for row in document["sources"]), Skipped(number, skipped)
        except NotFound:
            return (), Skipped(0, ())
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise StateDamaged(
                f"{path} does not say where circuits came from",
                hint="remove it: everything but the names of the files is known without it",
            ) from error

    def check_writable(self) -> None:
        """Raise StateTooNew or StateDamaged if nothing may be added to the state file."""
        self.refresh()
        self._state.check_writable(self.state_path)

    def check_sendable(self) -> None:
        """Raise StateDamaged if the file speaks of a call, and perhaps of a job, that nobody knows.

        What that says of one job, another's facts may say of this one: nothing is sent.
        """
        self.check_writable()
        path = self.state_path
        if (key := self._state.contents.unknown_key) is not None:
            raise StateDamaged(
                f"{path}:{reading.line_of_wrong(path, key)}: {key.what}: nothing is sent",
                hint="update qiskit-qjobs, or put the file back from a backup; a note of yours "
                "stands well behind a #",
            )
        if self._state.contents.unknown:
            raise StateDamaged(
                f"{path}:{reading.line_of_unknown(path)}: {self._state.contents.unknown} facts are "
                "of kinds unknown to this qjobs: nothing is sent",
                hint="update qiskit-qjobs, or put the file back from a backup",
            )
        for fact in (*self._ledger.unexplained(self._odd), *self._strange_attempts()):
            raise StateDamaged(
                f"{path}:{reading.line_of(path, fact)}: job {fact.job} {fact.kind} {fact.value!r} "
                "cannot follow what is known, but may tell of a job: nothing is sent",
                hint="put the file back from a backup; or see that the provider has no such job, "
                "and remove that fact",
            )

    def _strange_attempts(self) -> Iterator[Fact]:
        """Attempts of unknown fate that carry the tag of another: looking for it would not help."""
        for job in self._ledger.jobs() if not self.job_set.recovered else ():
            number = job.attempt.number
            match job.state:
                case Attempted(tag, at, _) if tag != self.job_set.job_tag(job.index, number):
                    yield Fact(job.index, number, at, FactKind.ATTEMPTED, tag)

    @contextmanager
    def claim_submission(self) -> Iterator[None]:
        """Be the one process that submits this set; the kernel ends it if the process dies.

        Raises BeingSubmitted if there is another, StateUnwritable.
        """
        lock = FileLock(self._folder / SUBMITTING)
        try:
            if not lock.acquire(wait_s=_CLAIM_WAIT_S):
                raise BeingSubmitted(
                    f"another process is submitting the set {self.job_set.set_id}",
                    hint=f"qjobs wait {self.job_set.set_id}",
                )
            self._claimed = True
            yield
        finally:
            self._claimed = False
            lock.close()

    def being_submitted(self) -> bool:
        """Whether a process, perhaps this one, is submitting the set at this moment."""
        path = self._folder / SUBMITTING
        if not path.exists():
            return False
        lock = FileLock(path)
        try:
            return not lock.acquire(wait_s=0)
        except StateUnwritable:  # another user's: they may be
            return True
        finally:
            lock.close()

    def _take(self, state: reading.State) -> None:
        check_id(self._folder, state.contents.job_set)
        ledger, odd = state.ledger()
        self._warnings = state.warnings
        if odd:
            first = f"job {odd[0].job} {odd[0].kind} {odd[0].value!r}"
            problem = f"left out {len(odd)} facts that contradict earlier ones, first {first}"
            self._warnings += (f"{self.state_path}: {problem}",)
        # Last, and the ledger before its stamp: another thread may look at any moment.
        self._odd = odd
        self._ledger = ledger
        self._state = state


Row = TypeVar("Row", Source, Unreadable)


def _row(kind: type[Row], row: Mapping[str, object]) -> Row:
    """A row of the file, by name. Raises KeyError, TypeError."""
    row = {**kind._field_defaults, **row}
    for name, hint in get_type_hints(kind).items():
        if type(row[name]) not in (get_args(hint) or (hint,)):
            raise TypeError(f"{name} is not what it should be")
    return kind(**{name: row[name] for name in kind._fields})  # type: ignore[arg-type]  # checked above


SetLike = TypeVar("SetLike", SetHeader, JobSet)


def check_id(folder: Path, found: SetLike) -> SetLike:
    """A copy under another name would send the same jobs again."""
    if found.set_id != folder.name:
        raise StateDamaged(
            f"{folder / STATE}: this is the set {found.set_id!r}, in a folder of another name",
            hint=f"name the folder {found.set_id}, or remove it if it is a copy",
        )
    return found
