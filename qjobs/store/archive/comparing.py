"""Whether two copies of a set are one, and which of them knows more of it."""

from qjobs import files
from qjobs.model import (
    Accepted,
    Attempted,
    Dropped,
    Finished,
    Job,
    JobSet,
    Planned,
    Refused,
)
from qjobs.store.folder import SetFolder

_PROGRESS = {Planned: 0, Attempted: 1, Refused: 2, Dropped: 2, Accepted: 3, Finished: 4}
"""How much is known of an attempt: what has less is older."""


def knows_all(one: SetFolder, other: SetFolder) -> bool:
    """Whether a copy of a set has all that another has: jobs, attempts, ends and results.

    Raises StateError if a result cannot be read.
    """
    if _identity(one.job_set) != _identity(other.job_set):
        return False
    known = {job.index: job for job in one.jobs()}
    return all(
        job.index in known
        and _is_of(known[job.index], job)
        and all(_has_result(one, other, job.index, attempt.number) for attempt in job.attempts)
        for job in other.jobs()
    )


def became(before: SetFolder, after: SetFolder) -> bool:
    """Whether a copy is what another became, with all that this knows. Raises as `knows_all`."""
    return before.job_set.destination == after.job_set.destination and knows_all(after, before)


def _identity(job_set: JobSet) -> tuple[object, ...]:
    """What no label, and no redaction, changes."""
    return (
        job_set.created, job_set.provider, job_set.backend, job_set.circuits, job_set.fingerprint,
        job_set.circuits_sha256, job_set.parameters_sha256, job_set.observables_sha256,
    )  # fmt: skip


def _is_of(later: Job, job: Job) -> bool:
    """Whether a job can have become another."""
    if later.attempt.number < job.attempt.number or not {*job.job_ids} <= {*later.job_ids}:
        return False
    if later.attempt.number > job.attempt.number:
        return True
    if isinstance(later.state, Finished) and isinstance(job.state, Finished):
        return later.state.status is job.state.status
    return _PROGRESS[type(later.state)] >= _PROGRESS[type(job.state)]


def _has_result(one: SetFolder, other: SetFolder, job: int, attempt: int) -> bool:
    if not other.results.has(job, attempt):
        return True
    if not one.results.has(job, attempt):
        return False
    found, expected = (
        files.sha256(folder.results.path(job, attempt))[0] for folder in (one, other)
    )
    return found == expected
