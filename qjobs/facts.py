"""What can happen to a job, one fact after the other."""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


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
    STARTED = "started"  # nothing: `at` is when it began to run, as the provider tells
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
