"""A set as it is at one moment, whoever writes it meanwhile: what an archive holds of it."""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from qjobs import files
from qjobs.errors import NotFound, StateDamaged, StateError, StateUnwritable
from qjobs.lock import FileLock
from qjobs.model import Job, JobSet
from qjobs.store import results
from qjobs.store.archive import redacting
from qjobs.store.archive.writing import Source
from qjobs.store.folder import CIRCUITS, OBSERVABLES, PARAMETERS, RESULTS, SOURCES, STATE, SetFolder
from qjobs.store.state import reading

_LOCK_WAIT_S = 10.0
_LOOKS = 10
_RESULT = re.compile(r"([0-9]{1,9})-([0-9]{1,9})\.jsonl")


class Snapshot(NamedTuple):
    """A set at one moment: its plan, its jobs, and the bytes of its state file."""

    folder: Path
    job_set: JobSet
    jobs: tuple[Job, ...]
    state: bytes
    redacted: bool

    def files(self, warn: Callable[[str], None]) -> Iterator[tuple[str, Source]]:
        """What goes into an archive: the state, and what belongs to the attempts that it has.

        A result that is damaged is left out, and `warn` is told. Raises StateDamaged, StateError.
        """
        yield STATE, self.state
        for name in (CIRCUITS, PARAMETERS, OBSERVABLES):
            if (self.folder / name).exists():
                yield name, self.folder / name
        with suppress(NotFound):
            yield SOURCES, self._sources()
        known = {(job.index, attempt.number) for job in self.jobs for attempt in job.attempts}
        for key, path in _results(self.folder / RESULTS):
            if key not in known:
                continue
            try:
                results.check(path)
            except (NotFound, StateError) as error:
                warn(f"left out: {error.message}")
                continue
            yield f"{RESULTS}/{path.name}", path

    def _sources(self) -> Source:
        path = self.folder / SOURCES
        data = files.read(path)[0]
        if not self.redacted:
            return path
        try:
            return redacting.redacted_sources(data, self.job_set)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise StateDamaged(
                f"{path} does not say where circuits came from",
                hint="remove it: everything but the names of the files is known without it",
            ) from error

    @property
    def sums(self) -> dict[str, str]:
        """The sha256 of the files that the set was planned with, as far as they are known."""
        planned = {
            CIRCUITS: self.job_set.circuits_sha256,
            PARAMETERS: self.job_set.parameters_sha256,
            OBSERVABLES: self.job_set.observables_sha256,
        }
        return {name: checksum for name, checksum in planned.items() if checksum}


def take(folder: SetFolder, *, redacted: bool) -> Snapshot:
    """Look at a set while nobody records anything of it. Raises NotFound, StateError."""
    path = folder.state_path
    lock = FileLock(path.with_name("state.lock"))
    try:
        with suppress(StateUnwritable):  # on a disk that cannot be written nobody records anything
            lock.acquire(wait_s=_LOCK_WAIT_S)
        state, data = _read(path)
    finally:
        lock.close()
    job_set, jobs = state.contents.job_set, tuple(state.ledger()[0].jobs())
    if redacted:
        data = redacting.redacted_state(state)
    return Snapshot(path.parent, job_set, jobs, data, redacted)


def _read(path: Path) -> tuple[reading.State, bytes]:
    for _ in range(_LOOKS):
        state = reading.read_state(path)
        data, stamp = files.read(path)
        if stamp == state.stamp:
            return state, data[: state.good_bytes]
    raise StateError(f"{path} is written all the time")


def _results(folder: Path) -> list[tuple[tuple[int, int], Path]]:
    try:
        names = [path.name for path in folder.iterdir()]
    except OSError:  # there are none yet
        return []
    found = [(name, _RESULT.fullmatch(name)) for name in names]
    return sorted(((int(match[1]), int(match[2])), folder / name) for name, match in found if match)
