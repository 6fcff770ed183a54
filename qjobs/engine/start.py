"""The submit protocol: each planned job of a set is handed to its provider exactly once.

For one job: record the intent (`attempted`, with the tag), call the provider, record the
answer (`accepted` with the job id, or `refused`). Whatever dies in between leaves an
`attempted` fact, and then the provider is asked which jobs carry the tag before anything is
sent again. Nothing is ever resent blindly.
"""

import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, TypeAlias

from qjobs import pool
from qjobs.circuits.slices import CircuitSlice
from qjobs.engine.circuits import circuit_slice
from qjobs.errors import AuthError, InputError, NotAccepted, NotNow, ProviderError, StateUnwritable
from qjobs.facts import Fact, FactKind, shortened
from qjobs.model import Accepted, Attempted, Finished, JobSet, Planned, Refused
from qjobs.providers.interface import Provider
from qjobs.store.folder import SetFolder
from qjobs.store.journal import Journal

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
    credentials: AuthError | None = None


@dataclass(frozen=True, slots=True)
class Starter:
    """Starts jobs of one set. Safe in many threads: the journal decides who may send what."""

    job_set: JobSet
    journal: Journal
    provider: Provider
    circuits: Callable[[int], CircuitSlice]
    clock: Callable[[], datetime]
    stop: threading.Event
    say: Callable[[str], None]

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

        Whoever drives it waits as it is told, or until there may be news. Raises AuthError and
        InputError (the set's circuits are gone), because no other job would fare better, and
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
                    try:
                        problem = self._send(index, number)
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

    def _record(self, index: int, number: int, kind: FactKind, value: str) -> bool:
        return self.journal.append(Fact(index, number, self.clock(), kind, value))

    def _send(self, index: int, number: int) -> str:
        """Make the one call of an attempt. Returns a problem if its outcome is unknown."""
        tag = self.job_set.job_tag(index, number)
        if not self._record(index, number, FactKind.ATTEMPTED, tag):
            return ""  # somebody dropped the job in the meantime
        try:
            job_id = self.provider.submit(
                self.circuits(index),
                backend=self.job_set.backend,
                options=self.job_set.options,
                tag=tag,
            )
        except (NotNow, AuthError, InputError) as error:
            self._record(index, number, FactKind.DEFERRED, shortened(error.message))
            raise
        except NotAccepted as error:
            self._record(index, number, FactKind.REFUSED, shortened(error.message))
            return ""
        except ProviderError as error:
            return f"job {index}: {error.message}"
        except Exception as error:  # noqa: BLE001 - whatever a plug-in lets through, the job may exist
            return f"job {index}: {type(error).__name__}: {error}"
        self._accept(index, number, job_id)
        return ""

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
        while True:
            age_s = (self.clock() - at).total_seconds()
            settled = not 0 <= age_s < capabilities.settle_s
            try:
                found = self.provider.find(tag, backend=self.job_set.backend)
            except ProviderError as error:
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
            yield Wait(
                f"job {index}: its answer was lost; asking the provider for it",
                min(_FIRST_PAUSE_S, capabilities.settle_s - age_s),
            )
            if self.stop.is_set():
                return f"job {index}: stopped before the provider knew what became of it"


@contextmanager
def submission(
    folder: SetFolder,
    provider: Provider,
    *,
    clock: Callable[[], datetime],
    stop: threading.Event,
    say: Callable[[str], None] = lambda _: None,
) -> Iterator[Starter]:
    """Be the one process that submits a set. Raises StateError: BeingSubmitted or another."""
    with folder.claim_submission(), folder.journal() as journal:
        yield Starter(
            folder.job_set, journal, provider,
            lambda index: circuit_slice(folder, index),
            clock, stop, say,
        )  # fmt: skip


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
    settled = 0

    def say(waiting: str) -> None:
        progress(Progress(settled, len(jobs), waiting))

    with submission(folder, provider, clock=clock, stop=stop, say=say) as starter:
        if resend_unknown:
            open_resends(starter, jobs)
        width = provider.limits(job_set.backend).connections
        say("")
        try:
            for problem in pool.each(
                starter.start, jobs, width=min(width, max_workers or width), stop=stop
            ):
                settled += 1
                say("")
                if problem:
                    report.problems.append(problem)
        except AuthError as error:
            report.credentials = error
        _count(report, starter.journal, jobs)
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
