"""Slurm's words for how a task is, and what they mean to a person."""

from pathlib import Path

from qjobs.model import JobStatus
from qjobs.regular import open_regular

UNHEARD = "UNHEARD"
"""Our own word: Slurm has forgotten the task, which had begun, and left no outcome."""

FORGOTTEN = "FORGOTTEN"
"""Our own word: Slurm has forgotten the task before it began, and it will not begin any more."""

STOPPED = ("SUSPENDED", "STOPPED")
"""A task that is so gives no sign of life, and will go on."""

# From https://slurm.schedmd.com/job_state_codes.html
_STATUSES = {
    "PENDING": JobStatus.QUEUED,
    "REQUEUED": JobStatus.QUEUED,
    "REQUEUE_FED": JobStatus.QUEUED,
    "REQUEUE_HOLD": JobStatus.QUEUED,
    "SPECIAL_EXIT": JobStatus.QUEUED,
    "RESV_DEL_HOLD": JobStatus.QUEUED,
    "CONFIGURING": JobStatus.INITIALIZING,
    "RUNNING": JobStatus.RUNNING,
    "COMPLETING": JobStatus.RUNNING,
    "STAGE_OUT": JobStatus.RUNNING,
    "SIGNALING": JobStatus.RUNNING,
    "STOPPED": JobStatus.RUNNING,
    "SUSPENDED": JobStatus.RUNNING,
    "RESIZING": JobStatus.RUNNING,
    "COMPLETED": JobStatus.DONE,
    "CANCELLED": JobStatus.CANCELLED,
    "REVOKED": JobStatus.CANCELLED,
}
_FAILED = {
    "FAILED": "the task failed before it could say why",
    "TIMEOUT": "the task ran into its time limit; qjobs retry --option time=2:00:00 gives it more, "
    "--per-job N fewer circuits",
    "DEADLINE": "the task was not done before its deadline",
    "OUT_OF_MEMORY": "the task needed more memory than it had; qjobs retry --option mem=8G",
    "NODE_FAIL": "the node of the task failed; qjobs retry sends it to another",
    "BOOT_FAIL": "the node of the task did not start; qjobs retry sends it to another",
    "LAUNCH_FAILED": "the node could not start the task",
    "RECONFIG_FAIL": "the node could not be configured for the task",
    "PREEMPTED": "another job had precedence, and the task was stopped; qjobs retry sends it again",
    "COMPLETED": "the task ended without leaving an outcome",
    "CANCELLED": "it was cancelled",
    UNHEARD: "Slurm has forgotten the task, which had begun and left no outcome; "
    "qjobs retry sends it again",
    FORGOTTEN: "Slurm has forgotten the task before it began; qjobs retry sends it again",
}
_LOG_BYTES = 2000
# What slurmstepd writes where Slurm itself, and not the kernel, watches the memory
# (JobAcctGatherParams=OverMemoryKill): the state is then FAILED.
_OVER_MEMORY = "Exceeded job memory limit"


def status(state: str) -> JobStatus:
    """What Slurm's word for a state means: of those that are not known, UNKNOWN."""
    if state in _STATUSES:
        return _STATUSES[state]
    return JobStatus.ERROR if state in _FAILED else JobStatus.UNKNOWN


def advice(ending: str, *, log: Path) -> str:
    """What a person should know of a task that ended so, and the end of what it printed."""
    try:
        with open_regular(log) as file:
            file.seek(max(0, log.stat().st_size - _LOG_BYTES))
            printed = " ".join(file.read(_LOG_BYTES).decode("utf-8", "replace").split())
    except OSError:
        printed = ""
    if ending == "FAILED" and _OVER_MEMORY in printed:
        ending = "OUT_OF_MEMORY"
    said = _FAILED.get(ending, f"Slurm says {ending}" if ending else "")
    return f"{said}; it printed: {printed[-300:]}" if said and printed else said
