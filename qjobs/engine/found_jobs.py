"""The jobs of a set that its provider still has, sorted by what their labels say."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from qjobs import spans
from qjobs.contract import RemoteJob
from qjobs.engine.set.notes import Note, Outline, is_note, read_note
from qjobs.model import JobStatus, Slice
from qjobs.tags import JobTag


class Place(NamedTuple):
    """A slice of the set, and the index of the job at the provider that has it, if one has."""

    slice: Slice
    job: int | None


class Retried(NamedTuple):
    """A job of circuits that failed in another one, which is DONE. Both by their numbers there."""

    slice: Slice
    job: int
    parent: int


class Remains(NamedTuple):
    """The jobs of one set by index and attempt; of several the oldest first that did not fail.

    `owner` is somebody else who has some of them, empty if nobody has. `outline` is None where no
    note can be read. `slices` are those of the jobs whose notes can.
    """

    backend: str
    outline: Outline | None
    attempts: Mapping[int, Mapping[int, Sequence[RemoteJob]]]
    slices: Mapping[int, Slice]
    problems: Sequence[str]
    owner: str = ""


def sort_remains(set_tag: str, jobs: Sequence[RemoteJob]) -> Remains:
    """Sort the jobs that carry the tag of a set; there is at least one."""
    backend = Counter(job.backend for job in jobs).most_common(1)[0][0]
    attempts: dict[int, dict[int, list[RemoteJob]]] = {}
    notes: dict[str, Note] = {}
    problems = []
    unique = {(job.job_id, *(() if job.job_id else job.labels)): job for job in jobs}.values()
    for job in sorted(unique, key=_rank):
        index, attempt = _read_tag(set_tag, job)
        if not attempt:
            problems.append(f"job {job.job_id} is left out: its tags are {_listed(job)}")
            continue
        if job.backend != backend:
            problems.append(f"job {job.job_id} is left out: it is on {job.backend}, not {backend}")
            continue
        attempts.setdefault(index, {}).setdefault(attempt, []).append(job)
        try:
            (label,) = filter(is_note, job.labels)
            notes[job.job_id] = read_note(label, set_tag=set_tag)
        except ValueError:
            problems.append(
                f"which circuits job {job.job_id} has is not among its tags, {_listed(job)}"
            )
    # They can only differ where somebody has written notes of his own.
    outlines = Counter(note.outline for note in notes.values()).most_common(1)
    outline = outlines[0][0] if outlines else None
    slices = {}
    for index, tries in attempts.items():
        for job in (job for attempt in sorted(tries) for job in reversed(tries[attempt])):
            note = notes.get(job.job_id)
            if note and note.outline == outline:
                slices[index] = note.slice
    owner = next((job.owner for job in jobs if job.owner), "")
    return Remains(backend, outline, attempts, slices, problems, owner)


def _rank(job: RemoteJob) -> tuple[bool, datetime, str]:
    # A duplicate may well have been cancelled, and it may be the older one.
    failed = job.status in (JobStatus.ERROR, JobStatus.CANCELLED)
    return failed, job.created, job.job_id


def _read_tag(set_tag: str, job: RemoteJob) -> tuple[int, int]:
    """The index and the attempt, which is 0 where the tags do not say."""
    found = [tag for tag in map(JobTag.read, job.labels) if tag]
    if len(found) != 1 or found[0].set_tag != set_tag:
        return 0, 0
    return found[0].job, found[0].attempt


def _listed(job: RemoteJob) -> str:
    return ", ".join(map(repr, job.labels))


def place_jobs(outline: Outline, remains: Remains) -> list[Place]:
    """Slices that cover the set, those that are known and, between them, such as may have been.

    Jobs keep their indices, unless some had been halved: then all are numbered by their circuits,
    and one whose circuits are not known has no place.
    """
    slices = _in_order(remains.slices, outline)
    if slices and max(remains.attempts, default=0) < len(slices):
        return [
            Place(part, index if index in remains.attempts else None)
            for index, part in enumerate(slices)
        ]
    return _by_circuits(remains.slices, outline)


def split_retried(remains: Remains) -> tuple[Remains, list[Retried]]:
    """The jobs that were planned or halved, and those of failed circuits, by their numbers.

    Of the latter each has only circuits of an earlier one that is DONE; of several, the newest.
    """
    retried: list[Retried] = []
    for job, part in sorted(remains.slices.items()):
        for parent in sorted((index for index in remains.slices if index < job), reverse=True):
            whole = remains.slices[parent]
            if not spans.without([part], [whole]) and _is_done(remains, parent):
                retried.append(Retried(part, job, parent))
                break
    gone = {one.job for one in retried}
    return (
        remains._replace(
            attempts={job: found for job, found in remains.attempts.items() if job not in gone},
            slices={job: part for job, part in remains.slices.items() if job not in gone},
        ),
        retried,
    )


def _is_done(remains: Remains, job: int) -> bool:
    attempts = remains.attempts[job]
    return attempts[max(attempts)][0].status is JobStatus.DONE


def _in_order(known: Mapping[int, Slice], outline: Outline) -> list[Slice]:
    """Slices such that each known one is at its index; [] if there are none such."""
    usual = max((part.experiments_count for part in known.values()), default=0)
    slices: list[Slice] = []
    end = 0
    for index in [*sorted(known), outline.jobs]:
        part = known.get(index)
        start = part.start_index if part else outline.circuits
        missing, circuits = index - len(slices), start - end
        if circuits < missing or (circuits > 0) is not (missing > 0):
            return []
        slices += _cut(end, circuits, missing, usual)
        if part:
            slices.append(part)
            end = part.end_index + 1
    return slices


def _cut(start: int, circuits: int, jobs: int, usual: int) -> list[Slice]:
    """As many slices, all of the usual size but the last, if that can be; else alike."""
    if jobs and (jobs - 1) * usual < circuits <= jobs * usual:
        sizes = [usual] * (jobs - 1) + [circuits - (jobs - 1) * usual]
    else:
        sizes = [circuits // jobs + (n < circuits % jobs) for n in range(jobs)]
    slices = []
    for size in sizes:
        slices.append(Slice(start, size))
        start += size
    return slices


def _by_circuits(known: Mapping[int, Slice], outline: Outline) -> list[Place]:
    """The known slices one after the other, each up to the next, with one in every gap."""
    places: list[Place] = []
    end = 0
    for index, part in sorted(known.items(), key=lambda item: (item[1].start_index, -item[0])):
        start = part.start_index
        if start > end:
            places.append(Place(Slice(end, start - end), None))
        elif start < end:
            before = places.pop()
            first = before.slice.start_index
            if start > first:
                places.append(Place(Slice(first, start - first), before.job))
        places.append(Place(part, index))
        end = part.end_index + 1
    if end < outline.circuits:
        places.append(Place(Slice(end, outline.circuits - end), None))
    return places
