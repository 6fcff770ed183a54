"""Carry sets elsewhere: into one file, and from it into the state folder of another machine."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from qjobs import __version__
from qjobs.engine.workspace import Workspace
from qjobs.errors import InputError, NotFound, StateDamaged, StateError, StateUnwritable
from qjobs.model import (
    Accepted,
    Attempted,
    Dropped,
    Finished,
    Job,
    JobSet,
    JobStatus,
    Planned,
    Refused,
)
from qjobs.store.archive import arriving, manifest, reading, snapshot
from qjobs.store.archive.manifest import Packed
from qjobs.store.archive.snapshot import Snapshot
from qjobs.store.archive.writing import Writer
from qjobs.store.folder import RESULTS, SetFolder

_PROGRESS = {Planned: 0, Attempted: 1, Refused: 2, Dropped: 2, Accepted: 3, Finished: 4}
"""How much is known of an attempt: what has less is older."""
_SPARE_BYTES = 16 << 20
"""So much room is left beside what is unpacked."""


class Carried(NamedTuple):
    """A set in an archive: its plan, and its jobs as that says they are.

    Of these it has so many `results`. It is `here` if the state folder had it before, and
    `updated` if the archive knew more of it.
    """

    job_set: JobSet
    jobs: tuple[Job, ...]
    results: int
    missing: tuple[int, ...]
    """Jobs that are done without their results, by their indices."""
    here: bool = False
    updated: bool = False

    @property
    def under_way(self) -> tuple[int, ...]:
        """Jobs that had not ended, as far as is recorded, but that the provider may have."""
        return tuple(job.index for job in self.jobs if isinstance(job.state, Accepted | Attempted))


def export(
    folders: Sequence[SetFolder],
    stream: BinaryIO,
    *,
    redacted: bool = False,
    warn: Callable[[str], None] = lambda _: None,
) -> list[Carried]:
    """Write an archive of sets to a stream, each as it is at one moment.

    What `redacted` leaves out is in `docs/carrying.md`. Nobody is asked: results are those that are
    kept in the sets. Those that are damaged are left out, and `warn` is told. Raises NotFound,
    StateDamaged, StateError; InputError if it is too much for one archive; OSError.
    """
    told: list[dict[str, Any]] = []
    packed: list[Packed] = []
    carried = []
    with Writer(stream) as writer:
        for folder in sorted(folders, key=lambda folder: folder.job_set.set_id):
            taken = snapshot.take(folder, redacted=redacted)
            files = [*_pack(writer, taken, warn)]
            one = _carried(taken.job_set, taken.jobs, files)
            carried.append(one)
            packed += files
            told.append(_told(one))
        contents = manifest.written(told, packed, qjobs=__version__, redacted=redacted)
        writer.add(manifest.NAME, contents)
    return carried


def _pack(writer: Writer, taken: Snapshot, warn: Callable[[str], None]) -> Iterator[Packed]:
    set_id, sums = taken.job_set.set_id, taken.sums
    for name, source in taken.files(warn):
        packed = writer.add(manifest.member(set_id, name), source)
        if packed.sha256 != sums.get(name, packed.sha256):
            raise StateDamaged(
                f"{source!s} is not what was planned: its sha256 is {packed.sha256[:12]}..., "
                f"not {sums[name][:12]}...; nothing is exported",
                hint="put it back from a backup, or move it away to export the set without it",
            )
        yield packed


def _carried(job_set: JobSet, jobs: Sequence[Job], files: Sequence[Packed]) -> Carried:
    start = manifest.member(job_set.set_id, f"{RESULTS}/")
    results = {file.path.removeprefix(start) for file in files if file.path.startswith(start)}
    missing = [
        job.index
        for job in jobs
        if isinstance(job.state, Finished)
        and job.state.status is JobStatus.DONE
        and f"{job.index}-{job.attempt.number}.jsonl" not in results
    ]
    return Carried(job_set, tuple(jobs), len(results), tuple(missing))


def _told(one: Carried) -> dict[str, Any]:
    """What the manifest says of a set, for those who look into it without qjobs."""
    plan = one.job_set
    return {
        "id": plan.set_id,
        "name": plan.name,
        "provider": plan.provider,
        "backend": plan.backend,
        "created": plan.created.isoformat().replace("+00:00", "Z"),
        "circuits": plan.circuits,
        "shots": plan.options.shots,
        "jobs": len(one.jobs),
        "results": one.results,
        "versions": dict(plan.versions),
    }


def bring_in(workspace: Workspace, path: Path) -> list[Carried]:
    """Take the sets of an archive into the state folder: all of them, or none.

    A set that is here is left alone, if the archive knows nothing of it that is not known here, and
    brought up to date, if nothing is known here that the archive does not know.
    Nothing that the archive names is run, or asked. Whoever dies meanwhile leaves whole sets only.
    Raises InputError for what is no archive, is damaged, or has a set that is here with another
    content; StateTooNew, StateUnwritable.
    """
    sets = workspace.store.sets
    with reading.opened(path) as archive:
        files = archive.manifest.files
        _check_room(workspace.store.home, archive.size_bytes)
        with arriving.arriving(sets) as place:
            for file in files:
                set_id, _, name = file.path.removeprefix("sets/").partition("/")
                arriving.put(place / set_id / name, archive.pieces(file))
            arrived = [_arrived(path, place / one, files) for one in archive.manifest.set_ids]
            carried = [_compared(workspace, path, *one) for one in arrived]
            for (arrived_here, _), one in zip(arrived, carried, strict=True):
                if one.updated:
                    done = _update(workspace, arrived_here)
                else:
                    done = one.here or arriving.appear(place / one.job_set.set_id, sets)
                if not done:
                    raise _other(path, one.job_set.set_id)
    return carried


def _check_room(home: Path, size_bytes: int) -> None:
    """Raise StateUnwritable, before anything is unpacked, if there is no room for it."""
    there = next(folder for folder in (home, *home.parents) if folder.exists())
    free_bytes = shutil.disk_usage(there).free
    if free_bytes < size_bytes + _SPARE_BYTES:
        raise StateUnwritable(
            f"there is no room for {size_bytes:,} bytes in {home}: {free_bytes:,} are free",
            hint="make room there, or set QJOBS_HOME to another folder",
        )


def _arrived(path: Path, folder: Path, files: Sequence[Packed]) -> tuple[SetFolder, Carried]:
    """A set that was unpacked. Raises InputError if it is none, or its files are not its own."""
    try:
        arrived = SetFolder(folder)
        job_set, jobs = arrived.job_set, arrived.jobs()
    except (NotFound, StateDamaged) as error:
        message = error.message.replace(f"{folder.parent}/", "sets/")
        raise InputError(
            f"{path}: nothing was imported: {message}", hint="have it exported and sent again"
        ) from error
    sums = {file.path: file.sha256 for file in files}
    for name, checksum in Snapshot(folder, job_set, (), b"", redacted=False).sums.items():
        member = manifest.member(job_set.set_id, name)
        if sums.get(member, checksum) != checksum:
            raise InputError(
                f"{path}: nothing was imported: {member} is not what its set was planned with",
                hint="have it exported and sent again",
            )
    return arrived, _carried(job_set, jobs, files)


def _compared(workspace: Workspace, path: Path, arrived: SetFolder, one: Carried) -> Carried:
    """The set, perhaps known to be here. Raises InputError if it is here as another."""
    set_id = one.job_set.set_id
    if not (workspace.store.sets / set_id).exists():
        return one
    try:
        before = workspace.store.open(set_id)
        if _knows_all(before, arrived):
            return one._replace(here=True)
        if _may_update(before, arrived):
            return one._replace(here=True, updated=True)
    except (NotFound, StateError):
        pass
    raise _other(path, set_id)


def _update(workspace: Workspace, arrived: SetFolder) -> bool:
    """Bring a set that is here up to date; False if it has another content by now."""
    before = workspace.store.open(arrived.job_set.set_id)

    def check() -> bool:
        before.check_writable()
        return _may_update(before, arrived)

    return arriving.bring_up_to_date(before, arrived, check)


def _may_update(before: SetFolder, arrived: SetFolder) -> bool:
    """Whether what arrived is what became of the set that is here, with all that is known here."""
    return before.job_set.destination == arrived.job_set.destination and _knows_all(arrived, before)


def _knows_all(before: SetFolder, arrived: SetFolder) -> bool:
    """Whether a set that is here is the one that arrived, or what became of it since."""
    if _identity(before.job_set) != _identity(arrived.job_set):
        return False
    known = {job.index: job for job in before.jobs()}
    for job in arrived.jobs():
        same = known.get(job.index)
        if same is None or same.attempt.number < job.attempt.number:
            return False
        newest = same.attempt.number == job.attempt.number
        if newest and _PROGRESS[type(same.state)] < _PROGRESS[type(job.state)]:
            return False
        if not {*job.job_ids} <= {*same.job_ids}:
            return False
        number = job.attempt.number
        if arrived.results.has(job.index, number) and not before.results.has(job.index, number):
            return False
    return True


def _identity(job_set: JobSet) -> tuple[object, ...]:
    """What no label, and no redaction, changes."""
    return (
        job_set.created, job_set.provider, job_set.backend, job_set.circuits, job_set.fingerprint,
        job_set.circuits_sha256, job_set.parameters_sha256, job_set.observables_sha256,
    )  # fmt: skip


def _other(path: Path, set_id: str) -> InputError:
    return InputError(
        f"{path}: nothing was imported: the set {set_id} is here with another content",
        hint=f"to look at it all the same: QJOBS_HOME=another-folder qjobs import {path}",
    )
