"""What the tables of jobs say, however they were read; what cannot be is refused."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby, pairwise
from typing import Any

from qjobs import spans
from qjobs.attempts import RecordedAttempt, new
from qjobs.facts import FactKind
from qjobs.ledger import RecordedJob
from qjobs.model import Failed, JobStatus, Slice
from qjobs.store.state.any_toml import Table

ATTEMPT_KEYS = frozenset((
    "state", "job_id", "attempt", "attempted", "submitted", "started", "finished", "message",
    "failed", "tag", "withdrawn", "duplicates", "failed_message", "experiments_count",
))  # fmt: skip
"""The keys of the table of an earlier attempt."""
JOB_KEYS = ATTEMPT_KEYS | {
    "index", "start_index", "retried", "split_from", "retry_of", "earlier"
}  # fmt: skip
"""The keys of the table of a job."""
_TIMES = ("attempted", "submitted", "started", "finished")
_RARE: Mapping[str, type] = {
    "tag": str,
    "withdrawn": bool,
    "duplicates": list,
    "failed_message": str,
    "retried": list,
    "split_from": int,
    "retry_of": int,
    "experiments_count": int,
}
"""The keys that few tables have, in their order, and the types of their values."""

# What a state of the tables, with or without a job id, means. Of all states of a job that is with
# the provider, `queued` is written: it was that once. The others are understood.
_PENDING = ("queued", "initializing", "validating", "running")
STAGES: dict[tuple[str, bool], tuple[FactKind, JobStatus | None]] = {
    ("planned", False): (FactKind.PLANNED, None),
    ("unknown", False): (FactKind.ATTEMPTED, None),
    ("refused", False): (FactKind.REFUSED, None),
    **{(state, True): (FactKind.ACCEPTED, None) for state in _PENDING},
    ("done", True): (FactKind.FINISHED, JobStatus.DONE),
    ("error", True): (FactKind.FINISHED, JobStatus.ERROR),
    ("cancelled", True): (FactKind.FINISHED, JobStatus.CANCELLED),
    ("cancelled", False): (FactKind.DROPPED, None),
}
_WORDS = {state for state, _ in STAGES}


_MOST_CIRCUITS = 10**9


class Inconsistent(ValueError):
    """Tables that cannot be: what is wrong, with which job."""

    def __init__(self, what: str, job: int = 0) -> None:
        super().__init__(what)
        self.what = what
        self.job = job


def part(start_index: int, experiments_count: int) -> Slice:
    """The slice of a job. Raises Inconsistent."""
    if start_index + experiments_count > _MOST_CIRCUITS:
        raise Inconsistent(f"a set has at most {_MOST_CIRCUITS:,} circuits")
    try:
        return Slice(start_index, experiments_count)
    except ValueError as error:
        raise Inconsistent(str(error)) from error


def attempt(
    state: str,
    job_id: str | None,
    times: Sequence[datetime | None],
    message: str = "",
    failed: str | None = None,
    rare: Mapping[str, Any] = {},
) -> RecordedAttempt:
    """The attempt of a table, whose values are of the right types. Raises Inconsistent.

    The times are those of `attempted`, `submitted`, `started` and `finished`.
    """
    attempted, submitted, started, finished = times
    has_id = job_id is not None
    found = STAGES.get((state, has_id))
    if found is None:
        what = f"`state` is {state!r}, which is none"
        if state in _WORDS:
            what = f"a job that is {state} has {'no' if has_id else 'a'} `job_id`"
        raise Inconsistent(what)
    stage, status = found
    if has_id is (submitted is None):
        raise Inconsistent("`job_id` and `submitted` are there together or not at all")
    if not rare and failed is None and stage is not FactKind.ATTEMPTED:
        return new(
            (stage, status, None, job_id, message, attempted, submitted, started, finished,
             False, (), None, None)
        )  # fmt: skip
    tag = rare.get("tag")
    if stage is FactKind.DROPPED and tag is not None:
        stage = FactKind.ABANDONED
    calls = stage in (FactKind.ATTEMPTED, FactKind.ABANDONED)
    if calls is (tag is None) or (calls and attempted is None):
        raise Inconsistent("`tag` and `attempted` belong to a call of which nobody knows the end")
    duplicates = rare.get("duplicates", ())
    if duplicates and not has_id:
        raise Inconsistent("`duplicates` belong to a job with an id")
    told: Failed | None = None
    if failed is not None:
        try:
            runs = spans.read(failed.removesuffix(","))
        except ValueError as error:
            raise Inconsistent(f"`failed`: {error}") from error
        told = Failed(runs, rare.get("failed_message", ""))
    unfinished = failed is not None and failed.endswith(",")
    return RecordedAttempt(
        stage, status, tag, job_id, message, attempted, submitted, started, finished,
        rare.get("withdrawn", False), tuple(duplicates),
        None if unfinished else told, told if unfinished else None,
    )  # fmt: skip


def attempt_of(row: Table, number: int) -> RecordedAttempt:
    """The attempt of any table, which should have that number. Raises Inconsistent and Wrong."""
    if row.need("attempt", int) != number:
        raise Inconsistent(f"this is attempt {number}, not {row.values['attempt']}")
    return attempt(
        row.need("state", str),
        row.find("job_id", str),
        [row.find(key, datetime) for key in _TIMES],
        row.get("message", ""),
        row.find("failed", str),
        rare(row),
    )


def rare(row: Table) -> dict[str, Any]:
    """The values of the keys that few tables have. Raises Wrong."""
    found: dict[str, Any] = {}
    for key in _RARE.keys() & row.values.keys():
        kind = _RARE[key]
        found[key] = row.texts(key) if kind is list else row.need(key, kind)
    return found


def job(
    part: Slice,
    newest: RecordedAttempt,
    rare: Mapping[str, Any],
    earlier: Sequence[tuple[RecordedAttempt, int | None]],
) -> RecordedJob:
    """The job of a table. Of each earlier attempt there is the size of its slice, if it differed.

    Raises Inconsistent.
    """
    if any(attempt.stage is FactKind.PLANNED for attempt, _ in earlier):
        raise Inconsistent("an earlier attempt is planned")
    sizes = [size or part.experiments_count for _, size in earlier]
    larger = []
    for number, (size, then) in enumerate(pairwise([*sizes, part.experiments_count]), start=1):
        if size < then:
            raise Inconsistent("the slice of an earlier attempt was not larger")
        if size > then:
            larger.append((number, Slice(part.start_index, size)))
    try:
        retried = tuple(run for text in rare.get("retried", ()) for run in spans.read(text))
    except ValueError as error:
        raise Inconsistent(f"`retried`: {error}") from error
    return RecordedJob(
        part, (*(attempt for attempt, _ in earlier), newest), tuple(larger), retried,
        rare.get("split_from"), rare.get("retry_of"),
    )  # fmt: skip


def planned(jobs: Sequence[RecordedJob]) -> tuple[Slice, ...]:
    """The slices that were planned, before some were split. Raises Inconsistent."""
    added = [job.split_from is not None or job.retry_of is not None for job in jobs]
    first = added.index(True) if True in added else len(jobs)
    if first == len(jobs) and not any(job.retried for job in jobs):
        return tuple(job.slice for job in jobs)
    roots = list(range(first))
    for index, job in enumerate(jobs[first:], start=first):
        origins = [origin for origin in (job.split_from, job.retry_of) if origin is not None]
        if len(origins) != 1 or not 0 <= origins[0] < index:
            raise Inconsistent("a job that was added is of one that stands before it", index)
        roots.append(index if job.split_from is None else roots[job.split_from])
    extents = {}
    family = sorted(
        range(len(jobs)), key=lambda index: (roots[index], jobs[index].slice.start_index)
    )
    for root, members in groupby(family, key=roots.__getitem__):
        parts = [jobs[index].slice for index in members]
        if parts[0] != jobs[root].slice or any(
            one.end_index + 1 != other.start_index for one, other in pairwise(parts)
        ):
            raise Inconsistent("the jobs that were split from it have other circuits", root)
        extents[root] = Slice(parts[0].start_index, parts[-1].end_index + 1 - parts[0].start_index)
    for index, job in enumerate(jobs):
        retries = tuple(extents[root] for root in extents if jobs[root].retry_of == index)
        if retries != job.retried:
            raise Inconsistent("the circuits that are retried are not those of its new jobs", index)
    return tuple(extents[index] for index in range(first))
