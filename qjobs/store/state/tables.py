"""Writes the tables of jobs and sessions, which say all that is on record at one moment.

    [[session]]                 id, opened, [closed]
    [[job]]                     index, start_index, experiments_count, then those of an attempt:
                                the newest; and what few jobs have: retried, split_from, retry_of
    [[job.earlier]]             an earlier attempt of the job, the oldest first, with the
                                experiments_count that its slice had, if that was larger

An attempt has state, job_id, attempt (its number), attempted, submitted, started, finished,
message, failed, as far as there is something to say, and what few have: tag, withdrawn,
duplicates, failed_message.
"""

from collections.abc import Iterator

from qjobs import spans
from qjobs.attempts import RecordedAttempt
from qjobs.facts import FactKind
from qjobs.ledger import Recorded, RecordedJob
from qjobs.store.state import format as layout
from qjobs.store.state.records import STAGES

_STATES = {stage: state for (state, _), stage in reversed(STAGES.items())} | {
    (FactKind.ABANDONED, None): "cancelled"
}


def written(recorded: Recorded) -> bytes:
    """All tables."""
    parts = []
    for session in recorded.sessions:
        closed = f"closed = {layout.time(session.closed)}\n" if session.closed else ""
        parts.append(
            f"\n[[session]]\nid = {layout.string(session.session_id)}\n"
            f"opened = {layout.time(session.opened)}\n{closed}"
        )
    for index, job in enumerate(recorded.jobs):
        start_index, count = job.slice.start_index, job.slice.experiments_count
        parts.append(
            f"\n[[job]]\nindex = {index}\nstart_index = {start_index}\n"
            f"experiments_count = {count}\n{_lines(job.attempts[-1], len(job.attempts))}"
        )
        if job[2:] != ((), (), None, None) or len(job.attempts) > 1:
            parts += _rare_lines(job)
    return "".join(parts).encode()


def _lines(attempt: RecordedAttempt, number: int) -> str:
    """What is to be said of an attempt."""
    (
        stage, status, tag, job_id, message, attempted, submitted, started, finished,
        withdrawn, duplicates, failed, so_far,
    ) = attempt  # fmt: skip
    told, more = (failed, "") if failed else (so_far, ",")
    text = f'state = "{_STATES[stage, status]}"\n'
    if job_id is not None:
        text += f"job_id = {layout.string(job_id)}\n"
    text += f"attempt = {number}\n"
    if attempted:
        text += f"attempted = {layout.time(attempted)}\n"
    if submitted:
        text += f"submitted = {layout.time(submitted)}\n"
    if started:
        text += f"started = {layout.time(started)}\n"
    if finished:
        text += f"finished = {layout.time(finished)}\n"
    if message:
        text += f"message = {layout.string(message)}\n"
    if told:
        text += f'failed = "{spans.written(told.circuits)}{more}"\n'
    if (tag, withdrawn, duplicates, told) == (None, False, (), None):
        return text
    rare = {
        "tag": tag if tag is None else layout.string(tag),
        "withdrawn": "true" if withdrawn else None,
        "duplicates": layout.array(map(layout.string, duplicates)) if duplicates else None,
        "failed_message": layout.string(told.reason) if told and told.reason else None,
    }
    return text + "".join(f"{key} = {value}\n" for key, value in rare.items() if value)


def _rare_lines(job: RecordedJob) -> Iterator[str]:
    """What few jobs have, and their earlier attempts."""
    if job.retried:
        runs = (layout.string(spans.written([run])) for run in job.retried)
        yield f"retried = {layout.array(runs)}\n"
    if job.split_from is not None:
        yield f"split_from = {job.split_from}\n"
    if job.retry_of is not None:
        yield f"retry_of = {job.retry_of}\n"
    for number, attempt in enumerate(job.attempts[:-1], start=1):
        larger = next((part for last, part in job.larger_slices if number <= last), None)
        count = f"experiments_count = {larger.experiments_count}\n" if larger else ""
        yield f"\n[[job.earlier]]\n{_lines(attempt, number)}{count}"
