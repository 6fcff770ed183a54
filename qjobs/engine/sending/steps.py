"""The submit protocol: the steps of some jobs, from their plan to the provider's answers.

Have the call ready, record the intents (`attempted`, with the tag), call the provider, record
the answers (`accepted` with the job id, or `refused`). Whatever dies in between leaves
`attempted` facts, and then the provider is asked which jobs carry the tags before anything is
submitted again. Nothing is ever resubmitted blindly.
"""

import threading
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple, TypeAlias, assert_never

from qjobs.engine.sending.adopting import Known
from qjobs.engine.sending.call import Caller, Ready
from qjobs.engine.sending.lookup import Found, NotYet, Unclear, look_up
from qjobs.errors import NotNow
from qjobs.facts import FactKind
from qjobs.model import Accepted, Attempted, Dropped, Finished, Job, Planned, Refused
from qjobs.store.pace import Pace

# A call whose answer got lost is looked up and made again at most this often in one run.
_MOST_LOST_ANSWERS = 3
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0
# Whatever a provider says of when to come back: a longer time than this is no time to the system.
_LONGEST_WAIT_S = 86_400.0
_LOOK_S = 2.0
"""While jobs wait, how often it is looked whether they were cancelled meanwhile."""


class Wait(NamedTuple):
    """Nothing can be done for some jobs for `wait_s` seconds, and why."""

    reason: str
    wait_s: float


Steps: TypeAlias = Generator[Wait, None, dict[int, str]]
"""The steps of some jobs. No lock is held and no call is in flight while they wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitter(Caller):
    """Submits jobs of one set. Safe in many threads: the journal decides who may submit what."""

    stop: threading.Event
    pace: Pace | None = None

    def submit(self, *jobs: int) -> dict[int, str]:
        """Take the steps of some jobs, waiting where they have to; return what `steps` does."""
        steps = self.steps(*jobs)
        try:
            while True:
                wait = next(steps)
                self.say(wait.reason)
                self._wait(jobs, wait.wait_s)
        except StopIteration as end:
            problems: dict[int, str] = end.value
            return problems

    def _wait(self, jobs: tuple[int, ...], wait_s: float) -> None:
        """Wait, at most until the user has had enough of these jobs or of all."""
        while wait_s > 0 and not all(
            isinstance(self.journal.job(index).state, Dropped) for index in jobs
        ):
            if self.stop.wait(min(wait_s, _LOOK_S)):
                return
            wait_s -= _LOOK_S
            self.journal.catch_up()

    def steps(self, *jobs: int) -> Steps:
        """Bring jobs, whose calls may be made in one, as far as they get.

        Returns for each what is left to say about it, if anything. A job that is too large for the
        provider keeps the first half of its circuits, and goes on; a new one has the others, and
        joins those that are `split_off`, to be submitted, too. Whoever takes the steps waits as
        they say, or until there may be news. Raises NoneAccepted and InputError (the set's
        circuits are gone), because no other job would fare better, and StateError.
        """
        problems: dict[int, str] = {}
        left = [*jobs]
        ready: dict[str, Ready] = {}
        lost_answers: Counter[int] = Counter()
        pause_s = _FIRST_PAUSE_S
        most = len(jobs)
        while left and not self.stop.is_set():
            planned = yield from self._settle(left, problems)
            if not planned or len(planned) < len(left):
                continue  # until what became of all of them is known
            try:
                if not self._are_ready(planned[:most], ready, alone=len(jobs) == 1):
                    continue
                wait = self._wait_for_a_turn()
                if wait is None:
                    calls = [ready[self.tag(job)] for job in planned[:most]]
                    outcome = self.call(calls)
                    for index, problem in outcome.lost:
                        lost_answers[index] += 1
                        if lost_answers[index] == _MOST_LOST_ANSWERS:
                            problems[index] = problem
                            left.remove(index)
                    most = max(1, len(calls) // 2) if outcome.fewer else min(2 * most, len(jobs))
                    pause_s = _FIRST_PAUSE_S if outcome.accepted else pause_s
                    if outcome.put_off is None:
                        continue
                    raise outcome.put_off
            except NotNow as error:
                if self.sessions.over(error):
                    ready.clear()
                wait_s = min(error.retry_after_s or pause_s, _LONGEST_WAIT_S)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
                wait = Wait(f"{error.message.rstrip('.')}: waiting {wait_s:.0f} s", wait_s)
            yield wait
        problems |= {index: self.adopter.stop_withdrawn(index) for index in left}
        return problems

    def _settle(
        self, left: list[int], problems: dict[int, str]
    ) -> Generator[Wait, None, list[Job]]:
        """Have the jobs that are planned; ask about those whose answers were lost.

        Those that go no further leave `left`.
        """
        planned: list[Job] = []
        for index in [*left]:
            job = self.journal.job(index)
            match job.state:
                case Attempted() if not self.stop.is_set():
                    problem = yield from self._ask(job, job.state)
                    if problem:
                        problems[index] = problem
                        left.remove(index)
                case Attempted():
                    pass
                case Planned():
                    planned.append(job)
                case Dropped() | Refused() | Accepted() | Finished():
                    problems[index] = self.adopter.stop_withdrawn(index)
                    left.remove(index)
                case unexpected:
                    assert_never(unexpected)
        return planned

    def _ask(self, job: Job, unknown: Attempted) -> Generator[Wait, None, str]:
        """Ask the provider what became of an attempt; return why that is not possible."""
        match look_up(self.provider, self.job_set, unknown, self.clock()):
            case Found(job_ids):
                self.adopter.record(Known(job.index, job.attempt.number, job_ids))
            case NotYet(retry_after_s):
                ask_again_s = min(retry_after_s, _LONGEST_WAIT_S)
                lost = f"job {job.index}: its answer was lost; asking the provider for it"
                yield Wait(f"{lost} in {ceil(ask_again_s)} s", ask_again_s)
                if self.stop.is_set():
                    return f"job {job.index}: stopped before the provider knew what became of it"
            case Unclear(reason, for_good):
                if for_good and job.attempt.withdrawn:
                    self.journal.append(self.fact(job, FactKind.ABANDONED, reason))
                why = f": {unknown.reason}" if unknown.reason else ""
                return f"job {job.index}: {reason}{why}; its tag is {unknown.tag}"
            case unexpected:
                assert_never(unexpected)
        return ""

    def _are_ready(self, planned: list[Job], ready: dict[str, Ready], *, alone: bool) -> bool:
        """Whether jobs were ready; if not, they are made so, which may end some of them."""
        fresh = [job for job in planned if self.tag(job) not in ready]
        for job in fresh:
            if made := self.make_ready(job, alone=alone):
                ready[self.tag(job)] = made
        return not fresh

    def _wait_for_a_turn(self) -> Wait | None:
        """None if a call may be made now, by what the provider allows in a minute."""
        if self.pace is None:
            return None
        wait_s = self.pace.take(self.clock().timestamp())
        if not wait_s:
            return None
        most = f"at most {self.pace.per_minute:g} submissions a minute"
        return Wait(f"{most}: waiting {ceil(wait_s)} s", wait_s)
