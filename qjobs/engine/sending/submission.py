"""Submit the jobs of a set, some at a time."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import assert_never

from qjobs import pool
from qjobs.contract import Provider
from qjobs.engine.sending.call import jobs_a_call
from qjobs.engine.sending.lookup import open_resends
from qjobs.engine.sending.reconcile import reconcile
from qjobs.engine.sending.sessions import Sessions
from qjobs.engine.sending.steps import Submitter
from qjobs.engine.set.parcel import planned_slice
from qjobs.errors import NoneAccepted, ProviderError, QjobsError
from qjobs.model import Accepted, Attempted, Dropped, Finished, Planned, Refused
from qjobs.store.folder import SetFolder


@dataclass(frozen=True, slots=True)
class Progress:
    """How far submitting has come: jobs settled, of all; and what we are waiting for, if so.

    Of these `circuits_settled` of all `circuits` are in them.
    """

    settled: int
    jobs: int
    waiting: str = ""
    circuits_settled: int = 0
    circuits: int = 0


@dataclass(slots=True)
class SubmitReport:
    """What became of the jobs that were to be submitted; `problems` are for the user to read."""

    accepted: int = 0
    refused: int = 0
    unknown: int = 0
    planned: int = 0
    cancelled: int = 0  # by somebody else meanwhile
    untold: list[int] = field(default_factory=list)  # unknown, and the provider can never tell
    problems: list[str] = field(default_factory=list)
    stopped_by: NoneAccepted | None = None
    gave_up: bool = False  # before all were submitted, because too many went wrong


@contextmanager
def submission(
    folder: SetFolder,
    provider: Provider,
    *,
    clock: Callable[[], datetime],
    stop: threading.Event,
    say: Callable[[str], None] = lambda _: None,
    warn: Callable[[str], None] = lambda _: None,
    halves: bool = True,
) -> Iterator[Submitter]:
    """Be the one process that submits a set. Raises StateError: BeingSubmitted or another.

    Unless it `halves` them, jobs that are too large for the provider are refused. Sessions that
    an earlier process has left open are closed, and in the end those of this one.
    """
    per_minute = provider.limits(folder.job_set.backend).submits_per_minute
    with folder.claim_submission(), folder.journal() as journal:
        sessions = Sessions(folder.job_set, journal, provider, clock)
        with suppress(ProviderError):  # before the next is opened, they must be
            sessions.close()
        folder.check_files()
        try:
            yield Submitter(
                job_set=folder.job_set,
                journal=journal,
                provider=provider,
                circuits=lambda part: planned_slice(folder, part),
                clock=clock,
                say=say,
                sessions=sessions,
                halves=halves,
                stop=stop,
                pace=folder.pace(per_minute) if per_minute else None,
            )
        finally:
            try:
                sessions.close()
            except QjobsError as error:  # it costs the user something, but no job
                warn(f"{error.message}; to close it: qjobs resume {folder.job_set.set_id}")


def submit_jobs(
    folder: SetFolder,
    provider: Provider,
    *,
    jobs: Sequence[int],
    clock: Callable[[], datetime],
    stop: threading.Event,
    max_workers: int | None = None,
    resend_unknown: bool = False,
    progress: Callable[[Progress], None] = lambda _: None,
    enough: Callable[[], bool] = lambda: False,
) -> SubmitReport:
    """Submit the jobs that are planned, or whose fate is unknown.

    Calls run in as many threads as the backend takes, at most `max_workers`. Once `stop` is
    set, calls in flight are finished and recorded and the rest stays planned; it is set if there
    is `enough`, which is asked after each job. With `resend_unknown`, jobs of a provider that
    cannot find are submitted anew although they may exist already. Raises StateError, among others
    if another process is submitting the set.
    """
    job_set = folder.job_set
    report = SubmitReport()
    known = [*jobs]
    settled = circuits = 0
    all_circuits = sum(folder.slices[index].experiments_count for index in jobs)

    def say(waiting: str) -> None:
        progress(Progress(settled, len(known), waiting, circuits, all_circuits))

    warn = report.problems.append
    with submission(folder, provider, clock=clock, stop=stop, say=say, warn=warn) as submitter:
        try:
            reconcile(folder, provider, submitter.journal, clock=clock, say=say)
        except ProviderError as error:
            if isinstance(error, NoneAccepted):
                report.stopped_by = error
            mend = f"; {error.hint}" if error.hint else ""
            why = f"nothing is sent before it is known what was: {error.message}{mend}"
            report.problems.append(why)
            _count(report, submitter, known)
            return report
        if resend_unknown:
            open_resends(provider, job_set, submitter.journal, jobs, clock=clock)
        limits = provider.limits(job_set.backend)
        width, together = limits.connections, jobs_a_call(provider, limits)
        say("")
        waiting: Sequence[int] = jobs
        try:
            while waiting:
                calls = [
                    waiting[start : start + together] for start in range(0, len(waiting), together)
                ]
                for problems in pool.each(
                    lambda jobs: submitter.submit(*jobs),
                    calls,
                    width=min(width, max_workers or width),
                    stop=stop,
                ):
                    settled += len(problems)
                    settled_jobs = map(submitter.journal.job, problems)
                    circuits += sum(job.slice.experiments_count for job in settled_jobs)
                    say("")
                    report.problems += filter(None, problems.values())
                    if not report.gave_up and enough():
                        report.gave_up = True
                        stop.set()
                waiting = [*submitter.split_off]
                submitter.split_off.clear()
                known += waiting
        except NoneAccepted as error:
            report.stopped_by = error
        _count(report, submitter, [*known, *submitter.split_off])
    return report


def _count(report: SubmitReport, submitter: Submitter, jobs: Sequence[int]) -> None:
    unknown = []
    for index in jobs:
        attempt = submitter.journal.job(index).attempt
        match attempt.state:
            case Dropped():
                report.cancelled += 1
            case Accepted() | Finished() if attempt.withdrawn:
                report.cancelled += 1
            case Accepted() | Finished():
                report.accepted += 1
            case Refused(message):
                report.refused += 1
                report.problems.append(f"job {index} was refused: {message}")
            case Attempted():
                unknown.append(index)
            case Planned():
                report.planned += 1
            case unexpected:
                assert_never(unexpected)
    report.unknown += len(unknown)
    if unknown:
        with suppress(ProviderError):  # of one that does not answer any more, other verbs tell
            if not submitter.provider.capabilities(submitter.job_set.backend).finds:
                report.untold += unknown
