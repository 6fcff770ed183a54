"""The submit protocol: the steps of one job, from its plan to the provider's answer.

Have the call ready, record the intent (`attempted`, with the tag), call the provider, record
the answer (`accepted` with the job id, or `refused`). Whatever dies in between leaves an
`attempted` fact, and then the provider is asked which jobs carry the tag before anything is
sent again. Nothing is ever resent blindly.
"""

import threading
from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from math import ceil
from typing import NamedTuple, TypeAlias, assert_never

from qjobs.circuits.foreign import describe
from qjobs.circuits.slices import CircuitSlice
from qjobs.contract import Prepares, Provider
from qjobs.engine.sending.adopting import Adopter
from qjobs.engine.sending.halving import can_be_halved, halve
from qjobs.engine.sending.lookup import Found, NotYet, Unclear, look_up
from qjobs.engine.sending.sessions import Sessions
from qjobs.errors import (
    InputError,
    JobRefused,
    NoneAccepted,
    NotAccepted,
    NotNow,
    QjobsError,
    StateError,
    UnreadableCircuit,
)
from qjobs.facts import Fact, FactKind, shortened
from qjobs.model import (
    Accepted,
    Attempted,
    Dropped,
    Finished,
    Job,
    JobSet,
    Planned,
    Refused,
    Slice,
)
from qjobs.store.journal import Journal
from qjobs.store.pace import Pace

# A call whose answer got lost is looked up and sent again at most this often in one run.
_MOST_LOST_ANSWERS = 3
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0
# Whatever a provider says of when to come back: a longer time than this is no time to the system.
_LONGEST_WAIT_S = 86_400.0
_LOOK_S = 2.0
"""While a job waits, how often it is looked whether it was cancelled meanwhile."""


class Wait(NamedTuple):
    """Nothing can be done for a job for so long, and why."""

    reason: str
    wait_s: float


Steps: TypeAlias = Generator[Wait, None, str]
"""The way of one job. No lock is held and no call is in flight while it waits."""

_Call: TypeAlias = Callable[[], str]
"""Has the provider make a job, and gives its id."""


@dataclass(frozen=True, slots=True)
class Submitter:
    """Starts jobs of one set. Safe in many threads: the journal decides who may send what."""

    job_set: JobSet
    journal: Journal
    provider: Provider
    circuits: Callable[[Slice], CircuitSlice]
    clock: Callable[[], datetime]
    stop: threading.Event
    say: Callable[[str], None]
    sessions: Sessions
    pace: Pace | None = None
    halves: bool = True
    split_off: deque[int] = field(default_factory=deque)

    def submit(self, index: int) -> str:
        """Go the way of one job, waiting where it has to; return what `steps` does."""
        steps = self.steps(index)
        try:
            while True:
                wait = next(steps)
                self.say(wait.reason)
                self._wait(index, wait.wait_s)
        except StopIteration as end:
            return str(end.value)

    def _wait(self, index: int, wait_s: float) -> None:
        """Wait so long, or until the user has had enough, of this job or of all."""
        while wait_s > 0 and not isinstance(self.journal.job(index).state, Dropped):
            if self.stop.wait(min(wait_s, _LOOK_S)):
                return
            wait_s -= _LOOK_S
            self.journal.catch_up()

    def steps(self, index: int) -> Steps:  # noqa: C901 - the protocol is read in one piece
        """Bring one job as far as it gets; return what is left to say about it, if anything.

        A job that is too large for the provider keeps the first half of its circuits, and goes
        on; a new one has the others, and joins those that are `split_off`, to be started, too.
        Whoever drives it waits as it is told, or until there may be news. Raises NoneAccepted
        and InputError (the set's circuits are gone), because no other job would fare better, and
        StateError.
        """
        lost_answers = 0
        pause_s = _FIRST_PAUSE_S
        call: _Call | None = None
        while not self.stop.is_set():
            job = self.journal.job(index)
            match job.state:
                case Attempted():
                    problem = yield from self._ask(job, job.state)
                    if problem:
                        return problem
                case Planned():
                    try:
                        if call is None:
                            call = self._prepare(job)
                            continue
                        wait = self._wait_for_a_turn()
                        if wait is None:
                            problem = self._send(job, call)
                            lost_answers += bool(problem)
                            if lost_answers == _MOST_LOST_ANSWERS:
                                return problem
                            if not problem:
                                call = None  # of a job that was halved, it is another one
                            continue
                    except NotNow as error:
                        call = None if self.sessions.over(error) else call
                        wait_s = min(error.retry_after_s or pause_s, _LONGEST_WAIT_S)
                        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
                        wait = Wait(f"{error.message.rstrip('.')}: waiting {wait_s:.0f} s", wait_s)
                    yield wait
                case Dropped() | Refused() | Accepted() | Finished():
                    break
                case unexpected:
                    assert_never(unexpected)
        return self._adopter.stop_withdrawn(index)

    def _ask(self, job: Job, unknown: Attempted) -> Steps:
        """Ask the provider what became of an attempt; return why that is not possible."""
        match look_up(self.provider, self.job_set, unknown, self.clock()):
            case Found(job_ids):
                self._adopter.found(job.index, job.attempt.number, job_ids)
            case NotYet(retry_after_s):
                ask_again_s = min(retry_after_s, _LONGEST_WAIT_S)
                lost = f"job {job.index}: its answer was lost; asking the provider for it"
                yield Wait(f"{lost} in {ceil(ask_again_s)} s", ask_again_s)
                if self.stop.is_set():
                    return f"job {job.index}: stopped before the provider knew what became of it"
            case Unclear(reason, for_good):
                if for_good and job.attempt.withdrawn:
                    self._record(job, FactKind.ABANDONED, reason)
                why = f": {unknown.reason}" if unknown.reason else ""
                return f"job {job.index}: {reason}{why}; its tag is {unknown.tag}"
            case unexpected:
                assert_never(unexpected)
        return ""

    def _wait_for_a_turn(self) -> Wait | None:
        """None if it is this job's turn, by what the provider allows in a minute."""
        if self.pace is None:
            return None
        wait_s = self.pace.take(self.clock().timestamp())
        if not wait_s:
            return None
        most = f"at most {self.pace.per_minute:g} submissions a minute"
        return Wait(f"{most}: waiting {ceil(wait_s)} s", wait_s)

    def _prepare(self, job: Job) -> _Call | None:
        """Make the one call of an attempt ready; None if the job is refused without it."""
        circuits, tag = self.circuits(job.slice), self._tag(job)
        backend, options = self.job_set.backend, self.job_set.options
        try:
            circuits = replace(circuits, session=self.sessions.join())
            if not isinstance(self.provider, Prepares):
                return partial(
                    self.provider.submit, circuits, backend=backend, options=options, tag=tag
                )
            return self.provider.prepare(circuits, backend=backend, options=options, tag=tag)
        except UnreadableCircuit as error:
            if self._record(job, FactKind.ATTEMPTED, tag):
                self._refuse(job, error.refusal())
            return None
        except (NotNow, NoneAccepted, InputError, StateError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever a plug-in lets through, nothing was sent
            if self._record(job, FactKind.ATTEMPTED, tag):
                refusal = error if isinstance(error, NotAccepted) else JobRefused(describe(error))
                self._refuse(job, refusal)
            return None

    def _send(self, job: Job, call: _Call) -> str:
        """Make the one call of an attempt. Returns a problem if its outcome is unknown."""
        self.circuits(job.slice)  # which may have been changed while the job waited for its turn
        if not self._record(job, FactKind.ATTEMPTED, self._tag(job)):
            return ""  # somebody dropped the job in the meantime
        try:
            job_id = call()
        except UnreadableCircuit as error:
            self._refuse(job, error.refusal())
            return ""
        except (NotNow, NoneAccepted, InputError) as error:
            self._adopter.deferred(job.index, job.attempt.number, error.message)
            raise
        except NotAccepted as error:
            self._refuse(job, error)
            return ""
        except Exception as error:  # noqa: BLE001 - whatever a plug-in lets through, the job may exist
            reason = error.message if isinstance(error, QjobsError) else describe(error)
            self._record(job, FactKind.LOST, shortened(reason))
            return f"job {job.index}: {reason}"
        self._adopter.accepted(job.index, job.attempt.number, [job_id])
        return ""

    def _refuse(self, job: Job, error: NotAccepted) -> None:
        refused = self._fact(job, FactKind.REFUSED, shortened(error.message))
        if not (self.halves and can_be_halved(job, error)):
            self.journal.append(refused)
            return
        rest = halve(self.journal, job, refused)
        if rest is not None:
            self.split_off.append(rest.index)
            self.say(f"{refused.value}: job {rest.index} takes circuits {rest.slice}")

    @property
    def _adopter(self) -> Adopter:
        return Adopter(self.job_set, self.journal, self.provider, self.clock, self.say)

    def _tag(self, job: Job) -> str:
        return self.job_set.job_tag(job.index, job.attempt.number)

    def _record(self, job: Job, kind: FactKind, value: str) -> bool:
        return self.journal.append(self._fact(job, kind, value))

    def _fact(self, job: Job, kind: FactKind, value: str) -> Fact:
        return Fact(job.index, job.attempt.number, self.clock(), kind, value)
