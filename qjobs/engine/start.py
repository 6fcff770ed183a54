"""The submit protocol: each planned job of a set is handed to its provider exactly once.

For one job: record the intent (`attempted`, with the tag), call the provider, record the
answer (`accepted` with the job id, or `refused`). Whatever dies in between leaves an
`attempted` fact, and then the provider is asked which jobs carry the tag before anything is
sent again. Nothing is ever resent blindly.
"""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from math import ceil
from typing import NamedTuple, TypeAlias

from qjobs import pool
from qjobs.circuits.slices import CircuitSlice
from qjobs.engine.circuits import circuit_slice
from qjobs.errors import (
    InputError,
    NoneAccepted,
    NotAccepted,
    NotNow,
    ProviderError,
    StateUnwritable,
    TooLarge,
)
from qjobs.facts import Fact, FactKind, shortened
from qjobs.model import Accepted, Attempted, Finished, Job, JobSet, Planned, Refused, Slice
from qjobs.providers.interface import Concludes, Provider
from qjobs.store.folder import SetFolder
from qjobs.store.journal import Journal
from qjobs.store.pace import Pace

# A call whose answer got lost is looked up and sent again at most this often in one run.
_MOST_LOST_ANSWERS = 3
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far submitting has come: jobs settled, of all; and what we are waiting for, if so."""

    settled: int
    jobs: int
    waiting: str = ""


class Wait(NamedTuple):
    """Nothing can be done for a job for so long, and why."""

    reason: str
    wait_s: float


Steps: TypeAlias = Generator[Wait, None, str]
"""The way of one job. Nothing is held and no call is in flight while it waits."""


@dataclass(slots=True)
class StartReport:
    """What became of the jobs that were to be started; `problems` are for the user to read."""

    accepted: int = 0
    refused: int = 0
    unknown: int = 0
    planned: int = 0
    problems: list[str] = field(default_factory=list)
    stopped_by: NoneAccepted | None = None


@dataclass(frozen=True, slots=True)
class Starter:
    """Starts jobs of one set. Safe in many threads: the journal decides who may send what."""

    job_set: JobSet
    journal: Journal
    provider: Provider
    circuits: Callable[[Slice], CircuitSlice]
    clock: Callable[[], datetime]
    stop: threading.Event
    say: Callable[[str], None]
    pace: Pace | None = None
    halves: bool = True
    split_off: deque[int] = field(default_factory=deque)

    def start(self, index: int) -> str:
        """Go the way of one job, waiting where it has to; return what `steps` does."""
        steps = self.steps(index)
        try:
            while True:
                wait = next(steps)
                self.say(wait.reason)
                self.stop.wait(wait.wait_s)
        except StopIteration as end:
            return str(end.value)

    def steps(self, index: int) -> Steps:
        """Bring one job as far as it gets; return what is left to say about it, if anything.

        A job that is too large for the provider keeps the first half of its circuits, and goes
        on; a new one has the others, and joins those that are `split_off`, to be started, too.
        Whoever drives it waits as it is told, or until there may be news. Raises NoneAccepted
        and InputError (the set's circuits are gone), because no other job would fare better, and
        StateError.
        """
        lost_answers = 0
        pause_s = _FIRST_PAUSE_S
        while not self.stop.is_set():
            job = self.journal.job(index)
            number = job.attempt.number
            match job.state:
                case Attempted(tag, at):
                    problem = yield from self._reconcile(index, number, tag, at)
                    if problem:
                        return problem
                case Planned():
                    wait = self._wait_for_a_turn()
                    if wait is not None:
                        yield wait
                        continue
                    try:
                        problem = self._send(job)
                    except NotNow as error:
                        wait_s = error.retry_after_s or pause_s
                        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
                        yield Wait(f"{error.message}: waiting {wait_s:.0f} s", wait_s)
                        continue
                    if problem:
                        lost_answers += 1
                        if lost_answers == _MOST_LOST_ANSWERS:
                            return problem
                case _:
                    return ""
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

    def _record(self, index: int, number: int, kind: FactKind, value: str) -> bool:
        return self.journal.append(Fact(index, number, self.clock(), kind, value))

    def _send(self, job: Job) -> str:
        """Make the one call of an attempt. Returns a problem if its outcome is unknown."""
        index, number = job.index, job.attempt.number
        tag = self.job_set.job_tag(index, number)
        circuits = self.circuits(job.slice)
        if not self._record(index, number, FactKind.ATTEMPTED, tag):
            return ""  # somebody dropped the job in the meantime
        try:
            job_id = self.provider.submit(
                circuits,
                backend=self.job_set.backend,
                options=self.job_set.options,
                tag=tag,
            )
        except (NotNow, NoneAccepted, InputError) as error:
            self._record(index, number, FactKind.DEFERRED, shortened(error.message))
            raise
        except NotAccepted as error:
            refused = Fact(index, number, self.clock(), FactKind.REFUSED, shortened(error.message))
            if self.halves and isinstance(error, TooLarge) and job.slice.experiments_count > 1:
                self._halve(job, refused)
            else:
                self.journal.append(refused)
            return ""
        except ProviderError as error:
            return f"job {index}: {error.message}"
        except Exception as error:  # noqa: BLE001 - whatever a plug-in lets through, the job may exist
            return f"job {index}: {type(error).__name__}: {error}"
        self._accept(index, number, job_id)
        return ""

    def _halve(self, job: Job, refused: Fact) -> None:
        """Have a job that was too large keep half of its circuits, and a new one have the rest."""
        kept = job.slice.experiments_count // 2
        split = refused._replace(kind=FactKind.SPLIT, value=str(kept))
        if self.journal.append(refused, split):
            rest = self.journal.job_of(job.slice.start_index + kept)
            self.split_off.append(rest.index)
            self.say(f"{refused.value}: job {rest.index} takes circuits {rest.slice}")

    def _accept(self, index: int, number: int, job_id: str) -> None:
        try:
            self._record(index, number, FactKind.ACCEPTED, job_id)
        except StateUnwritable as error:
            # The one place where an id could be lost: say it, so that the user has it.
            raise StateUnwritable(
                f"{error.message}\nthe provider has accepted job {index} as {job_id}",
                hint=error.hint or "make room, then run: qjobs resume",
            ) from error

    def _reconcile(self, index: int, number: int, tag: str, at: datetime) -> Steps:
        """Find out what became of an unknown attempt; returns why that is not possible.

        One provider job: it is adopted. Several: the oldest is, the others are recorded as
        duplicates. None, after the provider's settle time: the attempt is planned again, but
        only if the provider finds every job that it has.
        """
        capabilities = self.provider.capabilities(self.job_set.backend)
        waiting = f"job {index}: its answer was lost; asking the provider for it"
        stopped = f"job {index}: stopped before the provider knew what became of it"
        while True:
            age_s = (self.clock() - at).total_seconds()
            settled = not 0 <= age_s < capabilities.settle_s
            try:
                found = self.provider.find(tag, backend=self.job_set.backend)
            except ProviderError as error:
                if isinstance(error, NotNow) and error.retry_after_s is not None:
                    # It knows better than we when the call itself was made.
                    yield Wait(waiting, min(_FIRST_PAUSE_S, error.retry_after_s))
                    if self.stop.is_set():
                        return stopped
                    continue
                return f"job {index}: cannot ask what became of it: {error.message}"
            if found:
                self._accept(index, number, found[0])
                for job_id in found[1:]:
                    self._record(index, number, FactKind.DUPLICATE, job_id)
                    self.say(f"job {index}: the provider made a duplicate, {job_id}")
                return ""
            if not capabilities.finds:
                return (
                    f"job {index} may or may not have been accepted, and "
                    f"{self.job_set.provider} cannot tell"
                )
            if settled:
                self._record(index, number, FactKind.DEFERRED, "no job carries the tag")
                return ""
            yield Wait(waiting, min(_FIRST_PAUSE_S, capabilities.settle_s - age_s))
            if self.stop.is_set():
                return stopped


@contextmanager
def submission(
    folder: SetFolder,
    provider: Provider,
    *,
    clock: Callable[[], datetime],
    stop: threading.Event,
    say: Callable[[str], None] = lambda _: None,
    halves: bool = True,
) -> Iterator[Starter]:
    """Be the one process that submits a set. Raises StateError: BeingSubmitted or another.

    Unless it `halves` them, jobs that are too large for the provider are refused.
    """
    per_minute = provider.limits(folder.job_set.backend).submits_per_minute
    with folder.claim_submission(), folder.journal() as journal:
        try:
            yield Starter(
                folder.job_set, journal, provider,
                lambda part: circuit_slice(folder, part),
                clock, stop, say,
                pace=folder.pace(per_minute) if per_minute else None,
                halves=halves,
            )  # fmt: skip
        finally:
            if isinstance(provider, Concludes):
                # What is left open costs the user something, but no job.
                with suppress(ProviderError):
                    provider.conclude(folder.job_set.tag)


def start(
    folder: SetFolder,
    provider: Provider,
    *,
    jobs: Sequence[int],
    clock: Callable[[], datetime],
    stop: threading.Event,
    max_workers: int | None = None,
    resend_unknown: bool = False,
    progress: Callable[[Progress], None] = lambda _: None,
) -> StartReport:
    """Hand the jobs that are planned, or whose fate is unknown, to the provider.

    Calls run in as many threads as the backend takes, at most `max_workers`. Once `stop` is
    set, calls in flight are finished and recorded and the rest stays planned. With
    `resend_unknown`, jobs of a provider that cannot find are sent anew although they may
    exist already. Raises StateError, among others if another process is submitting the set.
    """
    job_set = folder.job_set
    report = StartReport()
    known = [*jobs]
    settled = 0

    def say(waiting: str) -> None:
        progress(Progress(settled, len(known), waiting))

    with submission(folder, provider, clock=clock, stop=stop, say=say) as starter:
        if resend_unknown:
            open_resends(starter, jobs)
        width = provider.limits(job_set.backend).connections
        say("")
        waiting: Sequence[int] = jobs
        try:
            while waiting:
                for problem in pool.each(
                    starter.start, waiting, width=min(width, max_workers or width), stop=stop
                ):
                    settled += 1
                    say("")
                    if problem:
                        report.problems.append(problem)
                waiting = [*starter.split_off]
                starter.split_off.clear()
                known += waiting
        except NoneAccepted as error:
            report.stopped_by = error
        _count(report, starter.journal, [*known, *starter.split_off])
    return report


def open_resends(starter: Starter, jobs: Sequence[int]) -> None:
    """Open a further attempt for each unknown job that the provider cannot find for us."""
    provider, journal, backend = starter.provider, starter.journal, starter.job_set.backend
    if provider.capabilities(backend).finds:
        return
    for index in jobs:
        job = journal.job(index)
        # What it happens to know is adopted later on, and so is what it cannot look up now.
        with suppress(ProviderError):
            if isinstance(job.state, Attempted) and not provider.find(
                job.state.tag, backend=backend
            ):
                number = job.attempt.number + 1
                fact = Fact(index, number, starter.clock(), FactKind.PLANNED, "resent on request")
                journal.append(fact)


def _count(report: StartReport, journal: Journal, jobs: Sequence[int]) -> None:
    for index in jobs:
        match journal.job(index).state:
            case Accepted() | Finished():
                report.accepted += 1
            case Refused(message):
                report.refused += 1
                report.problems.append(f"job {index} was refused: {message}")
            case Attempted():
                report.unknown += 1
            case Planned():
                report.planned += 1
            case _:
                pass
