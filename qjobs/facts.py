"""What can happen to a job: facts, and the ledger that adds them up."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

from qjobs.failed import FailedCircuits
from qjobs.model import (
    Accepted,
    Attempt,
    Attempted,
    Dropped,
    Finished,
    Job,
    JobState,
    JobStatus,
    Planned,
    Refused,
    Session,
    Slice,
)


class FactKind(StrEnum):
    """What can happen to an attempt; the comment says what the fact's `value` is."""

    PLANNED = "planned"  # why a further attempt was opened
    DROPPED = "dropped"  # why it will never be sent
    ATTEMPTED = "attempted"  # the tag
    LOST = "lost"  # why nobody knows whether the provider took it
    DEFERRED = "deferred"  # why the provider surely did not take it, for now
    REFUSED = "refused"  # why the provider surely did not take it
    SPLIT = "split"  # how many circuits the attempt to come is to have; a new job has the rest
    ACCEPTED = "accepted"  # the job id
    WITHDRAWN = "withdrawn"  # why it is to be cancelled, should a call in flight be accepted
    ABANDONED = "abandoned"  # why nobody waits to learn any more what became of the call
    DUPLICATE = "duplicate"  # the id of a further provider job with the same tag
    FINISHED = "finished"  # DONE, ERROR or CANCELLED; `message` says more
    FAILED = "failed"  # its circuits that gave nothing although it is DONE; `message`: the first's
    RETRIED = "retried"  # those of them, one run, that a new job is to have
    OPENED = "opened"  # the id of a session that jobs of the set are about to join
    CLOSED = "closed"  # that of one which takes no more jobs


class Fact(NamedTuple):
    """One thing that happened to one attempt (counted from 1) at one job (from 0).

    What happened to the set, of sessions, is told of attempt 1 at job 0.
    """

    job: int
    attempt: int
    at: datetime
    kind: FactKind
    value: str
    message: str = ""


MOST_CHARACTERS = 4000
"""Of a message from outside that is recorded: enough for a traceback, not for a flood."""


def shortened(message: str) -> str:
    """A message from outside, as much of it as is recorded."""
    if len(message) <= MOST_CHARACTERS:
        return message
    return f"{message[:MOST_CHARACTERS]} ... ({len(message)} characters)"


# Bound once: in Python 3.11 each `FactKind.X` costs as much as half of adding a fact.
_PLANNED: Final = FactKind.PLANNED
_DROPPED: Final = FactKind.DROPPED
_ATTEMPTED: Final = FactKind.ATTEMPTED
_LOST: Final = FactKind.LOST
_DEFERRED: Final = FactKind.DEFERRED
_REFUSED: Final = FactKind.REFUSED
_SPLIT: Final = FactKind.SPLIT
_ACCEPTED: Final = FactKind.ACCEPTED
_WITHDRAWN: Final = FactKind.WITHDRAWN
_ABANDONED: Final = FactKind.ABANDONED
_FINISHED: Final = FactKind.FINISHED
_FAILED: Final = FactKind.FAILED
_RETRIED: Final = FactKind.RETRIED
_OPENED: Final = FactKind.OPENED
_CLOSED: Final = FactKind.CLOSED

# For each stage of an attempt, which facts may follow and the stage that they lead to.
_STAGE_AFTER: dict[FactKind, dict[FactKind, FactKind]] = {
    _PLANNED: {_ATTEMPTED: _ATTEMPTED, _DROPPED: _DROPPED},
    _DROPPED: {},
    _ATTEMPTED: {
        _DEFERRED: _PLANNED, _REFUSED: _REFUSED, _ACCEPTED: _ACCEPTED, _ABANDONED: _ABANDONED
    },
    _ABANDONED: {_ACCEPTED: _ACCEPTED},
    _REFUSED: {_ACCEPTED: _ACCEPTED},
    _ACCEPTED: {_FINISHED: _FINISHED},
    _FINISHED: {},
}  # fmt: skip
# An attempt that has an id keeps every further one as a duplicate.
_FURTHER_IDS = (_ACCEPTED, FactKind.DUPLICATE)
_NUMBER = re.compile(r"[1-9][0-9]{0,17}")
_STATUSES = {status.value: status for status in JobStatus if status.final}


class _Entry:
    """One attempt while facts are being added up; mutable, because there are so many."""

    __slots__ = ("at", "duplicates", "job_id", "message", "stage", "value", "withdrawn")

    at: datetime  # of the last change of stage; not there while nothing has happened

    def __init__(self) -> None:
        self.stage = _PLANNED
        self.value = ""
        self.message = ""
        self.job_id: str | None = None
        self.duplicates: tuple[str, ...] = ()
        self.withdrawn = False

    def admit(self, fact: Fact) -> bool:
        _, _, at, kind, value, message = fact
        if kind is _LOST:
            return self._lose(value)
        stage = _STAGE_AFTER[self.stage].get(kind)
        if stage is None:
            if kind is _WITHDRAWN or kind is _DROPPED:
                return self._withdraw(kind)
            return kind in _FURTHER_IDS and self._keep_duplicate(value)
        if stage is _ACCEPTED:
            self.job_id = value
            if self.stage is _ABANDONED:  # whoever found it all the same decides anew
                self.withdrawn = False
        elif stage is _ABANDONED:
            value = self.value  # the tag, by which a job of it may be found
        elif stage is _FINISHED and value not in _STATUSES:
            return False
        elif stage is _PLANNED and self.withdrawn:
            stage = _DROPPED
        self.stage = stage
        self.at = at
        self.value = value
        # What is kept with an attempt of unknown fate is why it is unknown.
        self.message = "" if stage is _ATTEMPTED else message
        return True

    def _lose(self, reason: str) -> bool:
        if self.stage is not _ATTEMPTED or self.message:
            return False
        self.message = reason
        return True

    def _withdraw(self, kind: FactKind) -> bool:
        """Take a wish to cancel that comes while a call is in flight.

        If nothing came of the call, the attempt is dropped at once; that this is said once more,
        is for those who do not know of the wish.
        """
        if kind is _DROPPED:
            return self.withdrawn and self.stage is _DROPPED
        if self.withdrawn or self.stage is not _ATTEMPTED:
            return False
        self.withdrawn = True
        return True

    def _keep_duplicate(self, job_id: str) -> bool:
        if self.job_id is None or job_id == self.job_id or job_id in self.duplicates:
            return False
        self.duplicates += (job_id,)
        return True

    @property
    def done(self) -> bool:
        return self.stage is _FINISHED and self.value == JobStatus.DONE

    def state(self) -> JobState:
        # The states of nearly all jobs of a large set come first.
        if self.job_id is not None:
            if self.stage is _ACCEPTED:
                return Accepted(self.job_id)
            return Finished(self.job_id, _STATUSES[self.value], self.message)
        if self.stage is _PLANNED:
            return Planned()
        if self.stage is _ATTEMPTED:
            return Attempted(self.value, self.at, self.message)
        if self.stage is _REFUSED:
            return Refused(self.value)
        return Dropped(self.value if self.stage is _ABANDONED else "")


class Ledger:
    """The jobs of one set as the facts so far have left them.

    There is one for each slice that was planned, and a further one for each split, and for each
    run of failed circuits that is retried. A circuit is the newest's of the jobs that have it.
    """

    def __init__(self, planned: Iterable[Slice], facts: Iterable[Fact] = ()) -> None:
        self._slices = list(planned)
        self._attempts = [[_Entry()] for _ in self._slices]
        self._larger_slices: dict[int, list[tuple[int, Slice]]] = {}
        self._failed = FailedCircuits()
        self._sessions: dict[str, Session] = {}
        for fact in facts:
            self.admit(fact)

    def admit(self, fact: Fact) -> bool:
        """Let the fact happen. False, and no change, if it cannot follow what is known."""
        job, attempt, _, kind, value, message = fact
        if not 0 <= job < len(self._attempts):
            return False
        if kind is _PLANNED:
            return self._open(job, attempt)
        if kind is _SPLIT or kind is _RETRIED or kind is _OPENED or kind is _CLOSED:
            return self._admit_rare(fact)
        attempts = self._attempts[job]
        # Only the newest attempt may still be sent.
        if not 1 <= attempt <= len(attempts) or (kind is _DEFERRED and attempt != len(attempts)):
            return False
        entry = attempts[attempt - 1]
        if kind is not _FAILED:
            return entry.admit(fact)
        return (entry.stage is _ACCEPTED or entry.done) and self._failed.learn(
            job, attempt, self._slices[job], value, message
        )

    def _admit_rare(self, fact: Fact) -> bool:
        """One that adds a job, or is of the set."""
        if fact.kind is _SPLIT:
            return self._split(fact)
        if fact.kind is _RETRIED:
            return self._retry(fact)
        known = self._sessions.get(fact.value)
        if fact.kind is _OPENED:
            self._sessions.setdefault(fact.value, Session(fact.value, fact.at))
            return known is None
        if known is None or known.closed is not None:
            return False
        self._sessions[fact.value] = known._replace(closed=fact.at)
        return True

    def _open(self, job: int, attempt: int) -> bool:
        """A further attempt, never while the last one may still be sent or is alive.

        Nor where a part of the circuits is another job's by now.
        """
        attempts = self._attempts[job]
        if attempt != len(attempts) + 1 or attempts[-1].stage in (_PLANNED, _ACCEPTED):
            return False
        if self._failed.retried(job):
            return False
        attempts.append(_Entry())
        return True

    def _split(self, fact: Fact) -> bool:
        """The attempt to come has the first circuits of the slice, a new job the others.

        That is the next attempt at a job that was refused, and the one that is planned.
        """
        attempts, part = self._attempts[fact.job], self._slices[fact.job]
        kept = int(fact.value) if _NUMBER.fullmatch(fact.value) else 0
        if fact.attempt != len(attempts) or attempts[-1].stage not in (_REFUSED, _PLANNED):
            return False
        if attempts[-1].withdrawn:
            return False
        if not 0 < kept < part.experiments_count:
            return False
        if attempts[-1].stage is _REFUSED:
            attempts.append(_Entry())
        if len(attempts) > 1:
            larger = len(attempts) - 1, part
            self._larger_slices.setdefault(fact.job, []).append(larger)
        self._slices[fact.job] = Slice(part.start_index, kept)
        self._slices.append(Slice(part.start_index + kept, part.experiments_count - kept))
        self._attempts.append([_Entry()])
        return True

    def unexplained(self, odd: Iterable[Fact]) -> list[Fact]:
        """Those of some facts, none of which could follow, that speak of what is not known here.

        Each is evidence of a call, and perhaps of a job: an id that no attempt has, an end of
        an attempt without an id, an attempt or a split that never came about.
        """
        return [fact for fact in odd if not self._knows_of(fact)]

    def _knows_of(self, fact: Fact) -> bool:
        attempts = self._attempts[fact.job] if 0 <= fact.job < len(self._attempts) else []
        if not 1 <= fact.attempt <= len(attempts) or fact.kind in (_SPLIT, _RETRIED):
            return False
        entry = attempts[fact.attempt - 1]
        if fact.kind in _FURTHER_IDS:
            return fact.value == entry.job_id or fact.value in entry.duplicates
        if fact.kind is _FINISHED:
            return entry.job_id is not None
        return fact.kind is not _ATTEMPTED or entry.stage is not _DROPPED

    def _retry(self, fact: Fact) -> bool:
        """A new job has a run of circuits of one that is DONE; the others stay with it."""
        attempts = self._attempts[fact.job]
        if fact.attempt != len(attempts) or not attempts[-1].done:
            return False
        run = self._failed.retry(fact.job, self._slices[fact.job], fact.value)
        if run is None:
            return False
        self._slices.append(run)
        self._attempts.append([_Entry()])
        return True

    @property
    def sessions(self) -> tuple[Session, ...]:
        """Those that were opened for jobs of the set, the oldest first."""
        return tuple(self._sessions.values())

    @property
    def slices(self) -> Sequence[Slice]:
        """The slice of each job."""
        return self._slices

    def parts(self, index: int) -> tuple[Slice, ...]:
        """The circuits that are a job's own: its slice, but for those that newer jobs have."""
        return self._failed.left(index, self._slices[index])

    def job_of(self, circuit: int) -> Job:
        """The job that a circuit is in: of several the newest."""
        for index in range(len(self._slices) - 1, -1, -1):
            part = self._slices[index]
            if 0 <= circuit - part.start_index < part.experiments_count:
                return self.job(index)
        raise IndexError(f"no job has circuit {circuit}")

    def job(self, index: int) -> Job:
        """The job of that index."""
        return Job(
            index,
            self._slices[index],
            tuple(
                Attempt(
                    number,
                    entry.state(),
                    entry.duplicates,
                    self._failed.of(index, number),
                    entry.withdrawn,
                )
                for number, entry in enumerate(self._attempts[index], start=1)
            ),
            tuple(self._larger_slices.get(index, ())),
            self._failed.retried(index),
        )

    def jobs(self) -> list[Job]:
        """All jobs: those that were planned, in order, then those that were added, likewise."""
        return [self.job(index) for index in range(len(self._slices))]
