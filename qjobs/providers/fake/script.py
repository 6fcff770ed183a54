"""What a fake backend is told to do: the part after the colon of `fake:fail=2,delay=0.1`.

A script is a comma-separated list of `key=value`; without any the backend is calm, takes every
job and finishes it at once. Seconds may have a fraction, N is a whole number, 0 or absent is
none. Faults that strike the first N times are counted for each job set apart (more exactly:
for all tags that agree up to their last two dashes), so the same script goes wrong in the
same way for every set.

Time
  delay=S              a job runs for S seconds
  queue=S              a job waits S seconds before it runs
  latency=S            every submit takes S seconds
  slow=S               every question for statuses takes S seconds

Limits
  circuits=N           circuits a job
  executions=N         circuits times shots a job
  pending=N            unfinished jobs, of all sets and processes together
  rate=N               calls that submit a minute, of all sets and processes together
  burst=N              submits that may come at once before `rate` counts (1)
  connections=N        threads that may call at once (4)
  jobs=N               jobs that a set is best cut into (4)
  together=N           jobs that are taken in one call (1); each has faults of its own
  stated=no            the limits hold, but are not told beforehand

Submitting
  auth=no              the credentials are not accepted
  refuse=N             the first N submits are refused
  refuse_circuits=A;B  a job with one of these circuits, counted from 0, is always refused
  drop=N               N submits never arrive; the client cannot know
  lose=N               N submits arrive, but their answers get lost
  hold=N               from the Nth submit on, calls wait until the file `release` is in the
                       provider's folder, `fake` in $QJOBS_HOME
  double=N             N submits make two jobs, as a client does that repeats its request
  die_before=N         the process is killed within its Nth submit, before the job is taken
  die_after=N          the process is killed within its Nth submit, after the job is taken

Finding
  settle=S             a job can be found by its tag only after S seconds
  find=no              jobs cannot be found by their tags
  find_error=N         the first N searches fail

Running
  fail=N               the first N jobs end in ERROR; a retry of them is a later job, and passes
  fail_every=N         every Nth job ends in ERROR
  blank_circuits=A;B   these circuits, counted from 0, have no counts in the results
  status_error=N       the first N questions for statuses fail
  odd_status=S         for its first S seconds a job says a word that nobody knows
  runnable=N           a job of more than N circuits is taken, and ends in ERROR as too large
  gone=N               the first N requests for results find that they are gone for good
  result_error=N       the first N requests for results fail
  once=yes             results can be read only once
  cancel=no            jobs cannot be cancelled
"""

import math
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

from qjobs.errors import UnknownBackend
from qjobs.near import near_ones

_MOST = 1_000_000_000
_MOST_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Script:
    """One field a key, as the module says; those in seconds end in `_s` here."""

    delay_s: float = 0.0
    queue_s: float = 0.0
    latency_s: float = 0.0
    slow_s: float = 0.0
    circuits: int = 0
    executions: int = 0
    pending: int = 0
    rate: int = 0
    burst: int = 1
    connections: int = 4
    jobs: int = 4
    together: int = 1
    stated: bool = True
    auth: bool = True
    refuse: int = 0
    refuse_circuits: tuple[int, ...] = ()
    drop: int = 0
    lose: int = 0
    hold: int = 0
    double: int = 0
    die_before: int = 0
    die_after: int = 0
    settle_s: float = 0.0
    find: bool = True
    find_error: int = 0
    fail: int = 0
    fail_every: int = 0
    blank_circuits: tuple[int, ...] = ()
    status_error: int = 0
    odd_status_s: float = 0.0
    runnable: int = 0
    gone: int = 0
    result_error: int = 0
    once: bool = False
    cancel: bool = True


def _seconds(text: str) -> float:
    seconds = float(text)
    if not (math.isfinite(seconds) and 0 <= seconds <= _MOST_S):
        raise ValueError
    return seconds


def _number(text: str) -> int:
    number = int(text)
    if not 0 <= number <= _MOST:
        raise ValueError
    return number


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(_number(part) for part in text.split(";"))


def _yes_or_no(text: str) -> bool:
    return {"yes": True, "no": False}[text]


_READERS = {
    float: (_seconds, f"a number of seconds up to {_MOST_S:.0f}"),
    int: (_number, f"a whole number up to {_MOST}"),
    tuple[int, ...]: (_numbers, "whole numbers with ';' between"),
    bool: (_yes_or_no, "yes or no"),
}

# The fields by the keys that stand for them.
KEYS = {field.name.removesuffix("_s"): field for field in fields(Script)}


@lru_cache(maxsize=64)  # every job is asked for its script at every question for its status
def parse_script(text: str) -> Script:
    """Read a script. Raises UnknownBackend for what is not one, naming near keys."""
    values: dict[str, Any] = {}
    for item in text.split(",") if text else ():
        key, _, value = (part.strip() for part in item.partition("="))
        field = KEYS.get(key)
        if field is None:
            raise _unknown_key(key)
        if field.name in values:
            raise UnknownBackend(f"fake backend: {key!r} is there twice")
        read, wanted = _READERS[field.type]  # type: ignore[index]  # classes, not strings, here
        try:
            values[field.name] = read(value)
        except (ValueError, KeyError) as error:
            raise UnknownBackend(f"fake backend: {key!r} takes {wanted}, not {value!r}") from error
    for key in ("burst", "connections", "jobs", "together"):
        if values.get(key) == 0:
            raise UnknownBackend(f"fake backend: {key!r} must be at least 1")
    return Script(**values)


def _unknown_key(key: str) -> UnknownBackend:
    return UnknownBackend(
        f"fake backend: no key {key!r}{near_ones(key, KEYS)}",
        hint=f"keys: {', '.join(KEYS)}",
    )
