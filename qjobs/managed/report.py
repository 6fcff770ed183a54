"""The predecessor's reports, in its layout, with counts that add up."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from qjobs.engine.report import JobReport, State

if TYPE_CHECKING:
    from qiskit.providers import JobStatus

_HEADINGS = {
    State.DONE: "Successful",
    State.ERROR: "Failed",
    State.REFUSED: "Failed",
    State.CANCELLED: "Cancelled",
    State.RUNNING: "Running",
}
"""Of a job that has come so far; all others are pending."""


def qiskit_status(job: JobReport, *, sending: Callable[[], bool]) -> "JobStatus | None":
    """A job's state in Qiskit's words; None for one refused, or of which nothing is known.

    `sending` tells whether somebody is submitting jobs of the set at this moment.
    """
    from qiskit.providers import JobStatus

    match job.state:
        case State.REFUSED:
            return None
        case State.PLANNED:
            return JobStatus.INITIALIZING
        case State.UNKNOWN:
            return None if job.job_id or not sending() else JobStatus.INITIALIZING
        case state:
            return JobStatus[state.name]


def summary_lines(jobs: Iterable[JobReport]) -> list[str]:
    """How many jobs there are of each kind: they add up. One with failed circuits has failed."""
    counts = Counter(
        "Failed" if job.failed else _HEADINGS.get(job.state, "Pending") for job in jobs
    )
    counts["Total"] = counts.total()
    kinds = ("Total", "Successful", "Failed", "Cancelled", "Running", "Pending")
    return ["Summary report:", *(f"{kind:>12} jobs: {counts[kind]}" for kind in kinds)]


class Described(Protocol):
    """The attributes of a managed job that a report shows."""

    start_index: int
    end_index: int
    submit_error: Exception | None

    @property
    def job(self) -> Any:
        """The provider's own job object, if there is one."""

    def being_sent(self) -> bool:
        """Whether somebody is submitting the jobs of the set at this moment."""


def detail_lines(
    jobs: Sequence[JobReport], managed: Sequence[Described], name: str
) -> Iterator[str]:
    """Describe each job of the set called `name`."""
    from qiskit.providers import JobStatus

    # There may be more by now: jobs are split at times.
    for job, managed_job in zip(jobs, managed, strict=False):
        yield f"  experiments: {managed_job.start_index}-{managed_job.end_index}"
        yield f"    job index: {job.index}"
        error = managed_job.submit_error
        if error is not None:
            yield f"    status: job submit failed: {error}"
            continue
        status = qiskit_status(job, sending=managed_job.being_sent)
        if job.job_id:
            yield f"    job ID: {job.job_id}"
            yield f"    name: {name}_{job.index}_"
        yield f"    status: {status.value if status else 'Unknown'}"
        if status is JobStatus.QUEUED:
            position = _queue_position(managed_job.job)
            if position is not None:
                yield f"    queue position: {position}"
        elif status is JobStatus.ERROR or job.failed:
            yield "    error_message:"
            yield from (f"      {line}" for line in job.message.split("\n"))


def _queue_position(job: object) -> int | None:
    """The place in the queue, of a vendor's job that tells it."""
    ask = getattr(job, "queue_position", None)
    try:
        position = ask() if callable(ask) else None
    except Exception:  # noqa: BLE001 - a vendor's; the report goes on without it
        return None
    return position if isinstance(position, int) else None
