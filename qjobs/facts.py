"""What can happen to a job, and the job it leaves behind: facts, and the ledger that adds them up."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, assert_never

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
    Slice,
)


class FactKind(StrEnum):
    """What can happen to an attempt; the comment says what the fact's `value` is."""

    PLANNED = "planned"  # why a further attempt was opened
    DROPPED = "dropped"  # why it will never be sent
    ATTEMPTED = "attempted"  # the tag
    DEFERRED = "deferred"  # why the provider surely did not take it, for now
    REFUSED = "refused"  # why the provider surely did not take it
    ACCEPTED = "accepted"  # the job id
    DUPLICATE = "duplicate"  # the id of a further provider job with the same tag
    FINISHED = "finished"  # DONE, ERROR or CANCELLED; `message` says more


class Fact(NamedTuple):
    """One thing that happened to one attempt (counted from 1) at one job (from 0)."""

    job: int
    attempt: int
    at: datetime
    kind: FactKind
    value: str
    message: str = ""


# Which facts may follow which. DEFERRED leaves an attempt PLANNED. An id is accepted at any
# time after the call, even when the attempt has one: it is kept as a duplicate.
_MAY_FOLLOW = {
    FactKind.PLANNED: (FactKind.ATTEMPTED, FactKind.DROPPED),
    FactKind.DROPPED: (),
    FactKind.ATTEMPTED: (FactKind.DEFERRED, FactKind.REFUSED, FactKind.ACCEPTED),
    FactKind.REFUSED: (FactKind.ACCEPTED,),
    FactKind.ACCEPTED: (FactKind.FINISHED, FactKind.ACCEPTED, FactKind.DUPLICATE),
    FactKind.FINISHED: (FactKind.ACCEPTED, FactKind.DUPLICATE),
}


class _Entry:
    """One attempt while facts are being added up; mutable, because there are so many."""

    __slots__ = ("duplicates", "job_id", "message", "stage", "value")

    def __init__(self) -> None:
        self.stage = FactKind.PLANNED
        self.value = ""
        self.message = ""
        self.job_id = ""
        self.duplicates: tuple[str, ...] = ()

    def admit(self, fact: Fact) -> bool:
        kind = fact.kind
        if kind not in _MAY_FOLLOW[self.stage]:
            return False
        if self.job_id and kind is not FactKind.FINISHED:
            if fact.value == self.job_id or fact.value in self.duplicates:
                return False
            self.duplicates += (fact.value,)
            return True
        if kind is FactKind.ACCEPTED:
            self.job_id = fact.value
        self.stage = FactKind.PLANNED if kind is FactKind.DEFERRED else kind
        self.value = fact.value
        self.message = fact.message
        return True

    def state(self) -> JobState:
        match self.stage:
            # The states of nearly all jobs of a large set come first.
            case FactKind.FINISHED:
                return Finished(self.job_id, JobStatus(self.value), self.message)
            case FactKind.ACCEPTED | FactKind.DUPLICATE:
                return Accepted(self.job_id)
            case FactKind.PLANNED | FactKind.DEFERRED:
                return Planned()
            case FactKind.ATTEMPTED:
                return Attempted(self.value)
            case FactKind.REFUSED:
                return Refused(self.value)
            case FactKind.DROPPED:
                return Dropped()
            case _:
                assert_never(self.stage)


class Ledger:
    """The jobs of one set, one a slice, as the facts so far have left them."""

    def __init__(self, slices: Sequence[Slice], facts: Iterable[Fact] = ()) -> None:
        self._slices = slices
        self._attempts = [[_Entry()] for _ in slices]
        for fact in facts:
            self.admit(fact)

    def admit(self, fact: Fact) -> bool:
        """Let the fact happen. False, and no change, if it cannot follow what is known."""
        if not 0 <= fact.job < len(self._attempts):
            return False
        attempts = self._attempts[fact.job]
        if fact.kind is FactKind.PLANNED:
            # A further attempt, never while the last one may still be sent or is alive.
            if fact.attempt != len(attempts) + 1 or attempts[-1].stage in (
                FactKind.PLANNED,
                FactKind.ACCEPTED,
            ):
                return False
            attempts.append(_Entry())
            return True
        if not 1 <= fact.attempt <= len(attempts):
            return False
        return attempts[fact.attempt - 1].admit(fact)

    def job(self, index: int) -> Job:
        """The job of the slice `index`."""
        return Job(
            index,
            self._slices[index],
            tuple(
                Attempt(number, entry.state(), entry.duplicates)
                for number, entry in enumerate(self._attempts[index], start=1)
            ),
        )

    def jobs(self) -> list[Job]:
        """All jobs, in the order of their slices."""
        return [self.job(index) for index in range(len(self._slices))]
