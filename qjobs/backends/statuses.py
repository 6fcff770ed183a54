"""The statuses of vendors' jobs, in our words."""

from typing import Any

from qjobs.model import JobStatus

# The words of the vendors, in lower case and without punctuation.
_WORDS = {
    JobStatus.INITIALIZING: "initializing initialized created submitted new",
    JobStatus.QUEUED: "queued ready waiting pending scheduled",
    JobStatus.VALIDATING: "validating",
    JobStatus.RUNNING: (
        "running started processing executing ongoing finishing cancelling canceling inprogress"
    ),
    JobStatus.DONE: "done completed complete succeeded success finished",
    JobStatus.ERROR: "error failed failure aborted rejected",
    JobStatus.CANCELLED: "cancelled canceled",
}
_STATUSES = {word: status for status, words in _WORDS.items() for word in words.split()}


def status_named(said: object) -> JobStatus:
    """The status that an enum, a text or anything else names."""
    for word in (getattr(said, "name", None), getattr(said, "value", None), said):
        if isinstance(word, str):
            plain = "".join(filter(str.isalpha, word.rpartition(".")[2].lower()))
            if plain in _STATUSES:
                return _STATUSES[plain]
    return JobStatus.UNKNOWN


def status_of_tasks(job: Any) -> tuple[JobStatus, str]:
    """DONE, unless one of several tasks behind the job says something else.

    Amazon Braket runs each circuit as a task, and was seen to call them DONE when one was.
    """
    tasks = getattr(job, "_tasks", None)
    if not isinstance(tasks, list | tuple):
        return JobStatus.DONE, ""
    found = [(task, status_named(task.state())) for task in tasks]
    for worst in (JobStatus.ERROR, JobStatus.CANCELLED):
        failed = [str(getattr(task, "id", "")) for task, status in found if status is worst]
        if failed:
            reasons = [_task_failure(task) for task, status in found if status is worst]
            named = ", ".join(failed[:3])
            why = "; ".join(filter(None, reasons[:3]))
            return JobStatus.ERROR, (
                f"{len(failed)} of {len(found)} tasks ended in {worst}: {named}"
                + (f": {why}" if why else "")
            )
    unfinished = [status for _, status in found if status is not JobStatus.DONE]
    return (unfinished[0], "") if unfinished else (JobStatus.DONE, "")


def _task_failure(task: Any) -> str:
    try:
        return str(task.metadata().get("failureReason") or "")
    except Exception:  # noqa: BLE001 - only a word more
        return ""
