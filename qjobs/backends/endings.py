"""How a vendor's job ended: with results, or why without."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from qjobs.errors import ProviderError
from qjobs.failures import Failures
from qjobs.model import JobStatus, RunOptions
from qjobs.results import About, CircuitResult, JobResult

if TYPE_CHECKING:
    from qjobs.circuits.layout import Layout

_MOST_READS = 10  # of a result, while the network fails
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0
_FAILED = (JobStatus.ERROR, JobStatus.CANCELLED)


class Ending(NamedTuple):
    """How a job ended. `result` is there only if it could not be put on the disk."""

    status: JobStatus
    message: str = ""
    result: JobResult | None = None


def ending_of(
    job: Any,
    layouts: "Sequence[Layout] | None",
    *,
    options: RunOptions,
    order: Sequence[int] = (),
) -> Ending:
    """Wait for a vendor's job to end, and read what it measured, once.

    Of the results the first has the place `order[0]`, and so on; without an order, its own.
    """
    from qjobs.backends import jobs

    try:
        circuits, about = _read(job, layouts, options)
    except ProviderError as error:
        status, reason = _last_status(job)
        if status is JobStatus.CANCELLED:
            return Ending(status, reason)
        said = jobs.said_error(job) if status is JobStatus.ERROR else ""
        return Ending(JobStatus.ERROR, said or reason or error.message)
    if order:
        placed = dict(zip(order, circuits, strict=True))
        circuits = [placed[place] for place in range(len(circuits))]
    failures = Failures(0, of=" of the job")
    circuits = [*failures.watch(circuits)]
    if circuits and failures.count == len(circuits):
        return Ending(JobStatus.ERROR, failures.message)
    return Ending(JobStatus.DONE, result=JobResult.of(circuits, about))


def _read(
    job: Any, layouts: "Sequence[Layout] | None", options: RunOptions
) -> "tuple[list[CircuitResult], About]":
    """See `jobs.outcome`. A network that fails is given time. Raises ProviderError."""
    from qjobs.backends import jobs, refusals

    pause_s = _FIRST_PAUSE_S
    for _ in range(_MOST_READS - 1):
        try:
            return jobs.outcome(job, layouts, options=options)
        except ProviderError as error:
            if not refusals.may_have_arrived(error) or _last_status(job)[0] in _FAILED:
                raise
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
    return jobs.outcome(job, layouts, options=options)


def _last_status(job: Any) -> tuple[JobStatus, str]:
    from qjobs.backends import jobs

    try:
        return jobs.status(job)
    except ProviderError as error:
        return JobStatus.UNKNOWN, error.message
