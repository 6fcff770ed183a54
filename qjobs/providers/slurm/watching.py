"""How tasks are: by what they left in the shared folder, and by what Slurm says of the others."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from qjobs.contract import UNDATED, JobTimes
from qjobs.model import JobStatus
from qjobs.providers.slurm import commands
from qjobs.providers.slurm.commands import Entry
from qjobs.providers.slurm.shared import VOID, Array
from qjobs.providers.slurm.states import FORGOTTEN, STOPPED, UNHEARD, status

Ask: TypeAlias = Callable[[], Iterable[Entry]]
"""The question to Slurm for all tasks that it knows."""

_UNSEEN_S = commands.SUBMIT_S + 30.0
"""So long after its submission a task may be missing from what Slurm says."""


def statuses(
    arrays: Mapping[str, Array],
    job_ids: Sequence[str],
    *,
    ask: Ask,
    silent_s: float,
    now_s: float,
) -> dict[str, JobStatus]:
    """The status of each task; those that left no outcome are asked for in one question.

    `arrays` are known by what the ids of their tasks begin with; `ask` is the question. One
    that was not heard of for `silent_s` seconds is not believed to run. `now_s` is since the epoch.
    """
    found: dict[str, JobStatus] = {}
    for job_id in job_ids:
        if (ended := _ended(arrays, job_id)) is not None:
            found[job_id] = ended
    left = [job_id for job_id in job_ids if job_id not in found]
    if not left:
        return found
    # By their comments: what Slurm calls an array, another may have been called before.
    entries = {(entry.comment, entry.task): entry for entry in ask()}
    gone = []
    for job_id in left:
        array, task = task_of(arrays, job_id)
        if array is not None and (array.key, str(task)) not in entries and "@" not in job_id:
            gone.append(job_id)
    told = {(entry.array, entry.task): entry for entry in commands.accounted(gone)}
    for job_id in left:
        array, task = task_of(arrays, job_id)
        if array is None:
            found[job_id] = JobStatus.UNKNOWN
            continue
        entry = entries.get((array.key, str(task))) or told.get((array.slurm_id, str(task)))
        heard_s = array.silent_s(task, now_s)
        lives = heard_s is not None and heard_s < silent_s
        if entry is None:
            now = _unlisted(array, task, now_s, lives=lives)
        else:
            # One that was never heard of may have begun just now.
            dead = entry.ran_s > silent_s if heard_s is None else not lives
            now = _listed(array, task, entry.state, lives=lives, dead=dead)
        # Once more: it may have ended since.
        found[job_id] = _ended(arrays, job_id) or now
    return found


def _listed(array: Array, task: int, state: str, *, lives: bool, dead: bool) -> JobStatus:
    """How a task is that has left no outcome, by Slurm's word and by its own signs of life."""
    now = status(state)
    if now is JobStatus.RUNNING and dead and state not in STOPPED:
        return JobStatus.UNKNOWN
    if now is JobStatus.DONE:  # perhaps the file system has not shown its outcome yet
        now = JobStatus.RUNNING if lives else JobStatus.ERROR
    if now.final:
        array.keep_ending(task, state)
    return now


def _unlisted(array: Array, task: int, now_s: float, *, lives: bool) -> JobStatus:
    """How a task is that Slurm does not know, any more or yet.

    A controller that dies forgets what it took in its last seconds. What has not begun by then is
    ruled out, so that it may be submitted anew.
    """
    if lives:
        return JobStatus.RUNNING
    if now_s - created(array).timestamp() < _UNSEEN_S:
        return JobStatus.QUEUED
    try:
        never = array.take(task, VOID) or array.is_void(task)
    except OSError:
        return JobStatus.UNKNOWN  # it may begin yet
    array.keep_ending(task, FORGOTTEN if never else UNHEARD)
    return JobStatus.ERROR


def times(arrays: Mapping[str, Array], job_ids: Sequence[str], *, ask: Ask) -> dict[str, JobTimes]:
    """When tasks ran, by what they left; of the others, `ask` is asked once, what Slurm says."""
    entries: dict[tuple[str, str], Entry] | None = None
    found = {}
    for job_id in job_ids:
        array, task = task_of(arrays, job_id)
        if array is None:
            continue
        if (outcome := array.outcome(task)) is not None:
            found[job_id] = JobTimes(_at(outcome.get("started")), _at(outcome.get("finished")))
            continue
        if entries is None:
            entries = {(entry.comment, entry.task): entry for entry in ask()}
        if entry := entries.get((array.key, str(task))):
            found[job_id] = times_of(entry)
    return found


def times_of(entry: Entry) -> JobTimes:
    """What Slurm says of a task; its times have no zone, and are local."""
    try:
        start = datetime.fromisoformat(entry.start).astimezone(UTC)
    except (ValueError, OverflowError):
        return JobTimes()
    now = status(entry.state)
    if not now.final:
        waits = now is JobStatus.QUEUED
        return JobTimes(estimated_start=start) if waits else JobTimes(started=start)
    # Of one that was cancelled while it waited, Slurm has it start when it ended.
    end = start + timedelta(seconds=entry.ran_s)
    return JobTimes(start if entry.ran_s else None, end)


def _at(seconds: object) -> datetime | None:
    """A time that a task wrote down."""
    try:
        return datetime.fromtimestamp(float(str(seconds)), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def task_of(arrays: Mapping[str, Array], job_id: str) -> tuple[Array | None, int]:
    """The array of a task, and its number there; None if there is no such task."""
    name, _, task = job_id.partition("_")
    array = arrays.get(name)
    if array is None or not task.isdecimal() or int(task) >= len(array.tasks):
        return None, 0
    return array, int(task)


def _ended(arrays: Mapping[str, Array], job_id: str) -> JobStatus | None:
    """How a task ended, by what it or somebody who asked Slurm has left."""
    array, task = task_of(arrays, job_id)
    if array is None:
        return None
    if (outcome := array.outcome(task)) is not None:
        return JobStatus.ERROR if outcome["message"] else JobStatus.DONE
    if ending := array.ending(task):
        now = status(ending)
        return JobStatus.ERROR if now is JobStatus.DONE or not now.final else now
    return None


def created(array: Array) -> datetime:
    """When an array was written down."""
    try:
        return datetime.fromisoformat(str(array.manifest.get("created")))
    except ValueError:
        return UNDATED
