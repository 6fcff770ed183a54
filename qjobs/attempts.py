"""One attempt at a job as the facts so far have left it, and which facts may follow."""

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import Any, Final, NamedTuple, cast

from qjobs import failed
from qjobs.facts import Fact, FactKind
from qjobs.model import (
    Accepted,
    Attempt,
    Attempted,
    Dropped,
    Failed,
    Finished,
    JobState,
    JobStatus,
    Planned,
    Refused,
    Slice,
)

# Bound once: in Python 3.11 each `FactKind.X` costs as much as half of adding a fact.
_PLANNED: Final = FactKind.PLANNED
_DROPPED: Final = FactKind.DROPPED
_ATTEMPTED: Final = FactKind.ATTEMPTED
_LOST: Final = FactKind.LOST
_DEFERRED: Final = FactKind.DEFERRED
_REFUSED: Final = FactKind.REFUSED
_ACCEPTED: Final = FactKind.ACCEPTED
_WITHDRAWN: Final = FactKind.WITHDRAWN
_ABANDONED: Final = FactKind.ABANDONED
_STARTED: Final = FactKind.STARTED
_FINISHED: Final = FactKind.FINISHED

_MAY_FOLLOW: dict[FactKind, tuple[FactKind, ...]] = {
    _PLANNED: (_ATTEMPTED, _DROPPED),
    _DROPPED: (),
    _ATTEMPTED: (_DEFERRED, _REFUSED, _ACCEPTED, _ABANDONED),
    _ABANDONED: (_ACCEPTED,),
    _REFUSED: (_ACCEPTED,),
    _ACCEPTED: (_FINISHED,),
    _FINISHED: (),
}
"""The facts that change the stage of an attempt, by the stage that it is in."""

FURTHER_IDS = (_ACCEPTED, FactKind.DUPLICATE)
"""An attempt that has an id keeps every further one as a duplicate."""

_STATUSES = {status.value: status for status in JobStatus if status.final}


class RecordedAttempt(NamedTuple):
    """All that is on record of one attempt. None is what no fact has told, or what is over.

    `stage` is one of PLANNED, ATTEMPTED, REFUSED, ACCEPTED, FINISHED (with a `status`), DROPPED
    and ABANDONED. There is a `tag` while nobody knows what came of the call. The times are those
    of the last call, of its acceptance, of when it began to run, and of the end, whichever that
    was. Of `failed_so_far` further pieces are to come.
    """

    stage: FactKind = _PLANNED
    status: JobStatus | None = None
    tag: str | None = None
    job_id: str | None = None
    message: str = ""
    attempted: datetime | None = None
    submitted: datetime | None = None
    started: datetime | None = None
    finished: datetime | None = None
    withdrawn: bool = False
    duplicates: tuple[str, ...] = ()
    failed: Failed | None = None
    failed_so_far: Failed | None = None

    def after(self, fact: Fact) -> "RecordedAttempt | None":
        """The attempt once the fact has happened; None if that cannot follow."""
        _, _, at, kind, value, message = fact
        if kind not in _MAY_FOLLOW[self.stage]:
            return self._aside(at, kind, value)
        # These are nearly all facts of a large set; `_replace` would take ten times as long.
        if kind is _ATTEMPTED:
            return new((kind, None, value, None, "", at, None, None, None, *self[9:]))
        if kind is _ACCEPTED:
            # Whoever finds a job of a call that was given up decides anew.
            wish = self.withdrawn and self.stage is not _ABANDONED
            began = self.attempted
            return new((kind, None, None, value, "", began, at, None, None, wish, *self[10:]))
        if kind is _FINISHED:
            status = _STATUSES.get(value)
            end = (kind, status, None, self.job_id, message, *self[5:8], at, *self[9:])
            return new(end) if status else None
        if kind is _DEFERRED and not self.withdrawn:
            return self._replace(stage=_PLANNED, tag=None, message=value)
        stage = _DROPPED if kind is _DEFERRED else kind
        tag = self.tag if kind is _ABANDONED else None
        return self._replace(stage=stage, tag=tag, message=value, finished=at)

    def _aside(self, at: datetime, kind: FactKind, value: str) -> "RecordedAttempt | None":
        """The attempt after a fact that leaves its stage as it is."""
        if kind in FURTHER_IDS:
            known = (self.job_id, *self.duplicates)
            if self.job_id is None or value in known:
                return None
            return self._replace(duplicates=(*self.duplicates, value))
        change: dict[str, Any] | None = None
        if kind is _LOST and self.stage is _ATTEMPTED and not self.message:
            change = {"message": value}
        # A wish to cancel that comes while a call is in flight.
        elif kind is _WITHDRAWN and self.stage is _ATTEMPTED and not self.withdrawn:
            change = {"withdrawn": True}
        # A job that its provider began anew has begun when it did so last.
        elif kind is _STARTED and self.job_id is not None and self.started != at:
            change = {"started": at}
        # If nothing came of the call, the attempt is dropped at once; that this is said once
        # more, is for those who do not know of the wish.
        elif kind is _DROPPED and self.withdrawn and self.stage is _DROPPED:
            change = {}
        return None if change is None else self._replace(**change)

    def learn_failed(self, part: Slice, piece: str, reason: str) -> "RecordedAttempt | None":
        """The attempt once a piece of its failed circuits is known; None if that says nothing."""
        if self.stage is not _ACCEPTED and not self.done:
            return None
        learnt = failed.learn(self.failed, self.failed_so_far, part, piece, reason)
        return learnt and self._replace(failed=learnt[0], failed_so_far=learnt[1])

    @property
    def done(self) -> bool:
        """Whether its job ran to a good end."""
        return self.status is JobStatus.DONE

    def state(self) -> JobState:
        """Where it stands."""
        # The states of nearly all jobs of a large set come first.
        if self.job_id is not None:
            if self.status is None:
                return Accepted(self.job_id)
            return Finished(self.job_id, self.status, self.message)
        if self.stage is _PLANNED:
            return Planned()
        if self.stage is _ATTEMPTED:
            assert self.tag is not None
            assert self.attempted is not None
            return Attempted(self.tag, self.attempted, self.message)
        if self.stage is _REFUSED:
            return Refused(self.message)
        return Dropped(self.tag or "")

    def numbered(self, number: int) -> Attempt:
        """The attempt as all floors speak of it."""
        return Attempt(
            number, self.state(), self.duplicates, self.failed, self.withdrawn,
            self.submitted, self.started, self.finished,
        )  # fmt: skip


# A named tuple's own constructor is a function in Python; this one is not.
new = cast("Callable[[Iterable[object]], RecordedAttempt]", partial(tuple.__new__, RecordedAttempt))
