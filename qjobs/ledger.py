"""The ledger: the jobs of a set as all that is on record has left them."""

import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple, Self

from qjobs import spans
from qjobs.attempts import FURTHER_IDS, RecordedAttempt
from qjobs.facts import Fact, FactKind
from qjobs.model import Job, Session, Slice

# Bound once: in Python 3.11 each `FactKind.X` costs as much as half of adding a fact.
_PLANNED: Final = FactKind.PLANNED
_ATTEMPTED: Final = FactKind.ATTEMPTED
_DROPPED: Final = FactKind.DROPPED
_DEFERRED: Final = FactKind.DEFERRED
_REFUSED: Final = FactKind.REFUSED
_SPLIT: Final = FactKind.SPLIT
_ACCEPTED: Final = FactKind.ACCEPTED
_FINISHED: Final = FactKind.FINISHED
_FAILED: Final = FactKind.FAILED
_RETRIED: Final = FactKind.RETRIED
_OPENED: Final = FactKind.OPENED
_CLOSED: Final = FactKind.CLOSED

_NUMBER = re.compile(r"[1-9][0-9]{0,17}")
_UNTOUCHED = RecordedAttempt()


class RecordedJob(NamedTuple):
    """All that is on record of one job.

    `larger_slices` and `retried` are those of a `Job`. A job that was not planned has the other
    circuits of the job that it was `split_from`, or is the `retry_of` failed ones; these are
    indices.
    """

    slice: Slice
    attempts: tuple[RecordedAttempt, ...] = (_UNTOUCHED,)
    larger_slices: tuple[tuple[int, Slice], ...] = ()
    retried: tuple[Slice, ...] = ()
    split_from: int | None = None
    retry_of: int | None = None


class Recorded(NamedTuple):
    """All that is on record of a set at one moment."""

    jobs: tuple[RecordedJob, ...]
    sessions: tuple[Session, ...] = ()


class Ledger:
    """The jobs of one set as the facts so far have left them.

    There is one for each slice that was planned, and a further one for each split, and for each
    run of failed circuits that is retried. A circuit is the newest's of the jobs that have it.
    """

    def __init__(self, planned: Iterable[Slice], facts: Iterable[Fact] = ()) -> None:
        self._slices = list(planned)
        self._attempts = [[_UNTOUCHED] for _ in self._slices]
        # What few jobs have, by their indices.
        self._larger_slices: dict[int, tuple[tuple[int, Slice], ...]] = {}
        self._retried: dict[int, tuple[Slice, ...]] = {}
        self._split_from: dict[int, int] = {}
        self._retry_of: dict[int, int] = {}
        self._sessions: dict[str, Session] = {}
        for fact in facts:
            self.admit(fact)

    @classmethod
    def of(cls, recorded: Recorded) -> Self:
        """Go on from what is on record."""
        ledger = cls(())
        ledger._slices = [job.slice for job in recorded.jobs]
        ledger._attempts = [list(job.attempts) for job in recorded.jobs]
        for index, (_, _, larger, retried, split_from, retry_of) in enumerate(recorded.jobs):
            if larger:
                ledger._larger_slices[index] = larger
            if retried:
                ledger._retried[index] = retried
            if split_from is not None:
                ledger._split_from[index] = split_from
            if retry_of is not None:
                ledger._retry_of[index] = retry_of
        ledger._sessions = {session.session_id: session for session in recorded.sessions}
        return ledger

    def recorded(self) -> Recorded:
        """All that is on record by now."""
        jobs = (
            RecordedJob(
                part, tuple(attempts), self._larger_slices.get(index, ()),
                self._retried.get(index, ()), self._split_from.get(index),
                self._retry_of.get(index),
            )
            for index, (part, attempts) in enumerate(
                zip(self._slices, self._attempts, strict=True)
            )
        )  # fmt: skip
        return Recorded(tuple(jobs), self.sessions)

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
        if kind is _FAILED:
            changed = entry.learn_failed(self._slices[job], value, message)
        else:
            changed = entry.after(fact)
        if changed is None:
            return False
        attempts[attempt - 1] = changed
        return True

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
        if job in self._retried:
            return False
        attempts.append(_UNTOUCHED)
        return True

    def _split(self, fact: Fact) -> bool:
        """The attempt to come has the first circuits of the slice, a new job the others.

        That is the next attempt at a job that was refused, and the one that is planned.
        """
        job, attempts, part = fact.job, self._attempts[fact.job], self._slices[fact.job]
        kept = int(fact.value) if _NUMBER.fullmatch(fact.value) else 0
        if fact.attempt != len(attempts) or attempts[-1].stage not in (_REFUSED, _PLANNED):
            return False
        if attempts[-1].withdrawn:
            return False
        if not 0 < kept < part.experiments_count:
            return False
        if attempts[-1].stage is _REFUSED:
            attempts.append(_UNTOUCHED)
        larger, last = self._larger_slices.get(job, ()), len(attempts) - 1
        if last > (larger[-1][0] if larger else 0):
            self._larger_slices[job] = (*larger, (last, part))
        self._slices[job] = Slice(part.start_index, kept)
        self._split_from[len(self._slices)] = job
        self._add(Slice(part.start_index + kept, part.experiments_count - kept))
        return True

    def _add(self, part: Slice) -> None:
        self._slices.append(part)
        self._attempts.append([_UNTOUCHED])

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
        if fact.kind in FURTHER_IDS:
            return fact.value == entry.job_id or fact.value in entry.duplicates
        if fact.kind is _FINISHED:
            return entry.job_id is not None
        return fact.kind is not _ATTEMPTED or entry.stage is not _DROPPED

    def _retry(self, fact: Fact) -> bool:
        """A new job has a run of circuits of one that is DONE; the others stay with it."""
        job, attempts = fact.job, self._attempts[fact.job]
        if fact.attempt != len(attempts) or not attempts[-1].done:
            return False
        try:
            (run,) = spans.read(fact.value)
        except ValueError:
            return False
        if spans.without([run], self.parts(job)):
            return False
        self._retried[job] = (*self._retried.get(job, ()), run)
        self._retry_of[len(self._slices)] = job
        self._add(run)
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
        return spans.left(self._slices[index], self._retried.get(index, ()))

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
            tuple(entry.numbered(n) for n, entry in enumerate(self._attempts[index], start=1)),
            self._larger_slices.get(index, ()),
            self._retried.get(index, ()),
        )

    def jobs(self) -> list[Job]:
        """All jobs: those that were planned, in order, then those that were added, likewise."""
        return [self.job(index) for index in range(len(self._slices))]
