"""Follow jobs until nothing more will happen by itself, keeping results as they come."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

from qjobs.engine.address import Target
from qjobs.engine.asking import polls_s
from qjobs.engine.deadline import Deadline, within
from qjobs.engine.failed import look_into
from qjobs.engine.report import SetReport, State
from qjobs.engine.result import fetch
from qjobs.engine.sending.sessions import close_left
from qjobs.engine.status import status, statuses
from qjobs.engine.workspace import Workspace
from qjobs.errors import ProviderError, StateError

_SLOWER = 1.5
_MOST_TRIES = 3
"""Of fetching results when nothing else is to be waited for."""


class Limit(NamedTuple):
    """How long to wait in all (`timeout_s` None: for ever) and at most between two looks.

    With `max_fails` nobody waits on, nor submits more, once so many jobs went wrong.
    """

    timeout_s: float | None = None
    poll_s: float | None = None
    max_fails: int | None = None

    def reached(self, reports: Sequence[SetReport]) -> bool:
        """Whether as many jobs went wrong as may."""
        if self.max_fails is None:
            return False
        return sum(len(_wrong(report)) for report in reports) >= self.max_fails


NO_LIMIT = Limit()


def follow(
    workspace: Workspace,
    targets: Sequence[Target],
    *,
    limit: Limit = NO_LIMIT,
    stop: threading.Event,
    monotonic: Callable[[], float] = time.monotonic,
) -> Iterator[tuple[SetReport, ...]]:
    """Yield how the targets are after each look, until they stand still.

    They stand still when every job is final, refused, or waits for `resume`; or when so many
    have failed as the limit says. Results are fetched and kept as soon as a job is done. The
    loop also ends when `stop` is set, or the time is up, whatever hangs: the last report tells
    which. Raises AuthError after a report if the provider does not answer whoever asks.
    """
    deadline = Deadline(limit.timeout_s, monotonic=monotonic)
    workspace = within(workspace, deadline)
    _close_left(workspace, targets)
    first_s, longest_s = _pauses(workspace, targets, limit)
    pause_s = first_s
    before: list[tuple[State, int | None]] | None = None
    tries = _MOST_TRIES
    while True:
        # Asked before looking: whoever submits a set may finish that just after we looked.
        submitting = [target.folder.being_submitted() for target in targets]
        reports = tuple(
            _fetched(workspace, target, report, stop)
            for target, report in zip(targets, statuses(workspace, targets), strict=True)
        )
        yield reports
        for report in reports:
            if report.denied:
                raise report.denied
        if stop.is_set():
            return
        if not any(map(moves, reports, submitting)):
            # Results that could not be fetched may have come a moment too soon.
            tries -= 1
            if not tries or not any(map(unclear, reports)):
                return
        if limit.reached(reports):
            return
        seen = [(job.state, job.queue_position) for report in reports for job in report.jobs]
        pause_s = first_s if seen != before else min(pause_s * _SLOWER, longest_s)
        before = seen
        if (left_s := deadline.left_s()) is not None:
            if not left_s:
                return
            pause_s = min(pause_s, left_s)
        stop.wait(pause_s)


def watch(
    workspace: Workspace,
    target: Target,
    limit: Limit,
    *,
    monotonic: Callable[[], float] = time.monotonic,
) -> Callable[[], bool]:
    """A question to ask while jobs are submitted: whether as many went wrong since as may.

    It looks at the jobs anew once the provider's pause is over; until then, nothing is new.
    """
    most = limit.max_fails
    if most is None:
        return lambda: False
    before = _wrong(status(workspace, target, cached=True))
    pause_s, _ = _pauses(workspace, [target], limit)
    stop = threading.Event()
    due = monotonic()
    reached = False

    def enough() -> bool:
        nonlocal due, reached
        if not reached and monotonic() >= due:
            with suppress(ProviderError):  # whoever submits is told
                report = _fetched(workspace, target, status(workspace, target), stop)
                reached = len(_wrong(report) - before) >= most
            due = monotonic() + pause_s
        return reached

    return enough


def _wrong(report: SetReport) -> set[tuple[int, int]]:
    """The attempts that went wrong, each by the index of its job and its number."""
    return {(job.index, job.attempt) for job in report.jobs if job.went_wrong}


def moves(report: SetReport, submitting: bool) -> bool:  # noqa: FBT001 - its only question
    """Whether something may still happen to the jobs without anybody doing anything.

    `submitting` says whether somebody was submitting the set just before the report was made.
    """
    return any(job.pending or (submitting and job.unsent) for job in report.jobs)


def failed(report: SetReport) -> bool:
    """Whether any job has failed, been refused or been cancelled, or any of its circuits has."""
    return any(job.went_wrong for job in report.jobs)


def unclear(report: SetReport) -> bool:
    """Whether nobody could say yet which circuits failed in jobs that are done."""
    return any(job.state is State.DONE and not job.looked_into for job in report.jobs)


def _fetched(
    workspace: Workspace, target: Target, report: SetReport, stop: threading.Event
) -> SetReport:
    """What a report says once results that are there were fetched."""
    if report.denied:
        return report
    problems = fetch(workspace, target.folder, report.jobs, stop=stop)
    report = report._replace(problems=(*report.problems, *problems))
    return look_into(workspace, target, report, stop=stop, fetches=False)


def _close_left(workspace: Workspace, targets: Sequence[Target]) -> None:
    """Close the sessions that are left open, as far as that is possible; the reports tell."""
    for target in targets:
        with suppress(ProviderError, StateError):
            close_left(workspace, target.folder)


def _pauses(workspace: Workspace, targets: Sequence[Target], limit: Limit) -> tuple[float, float]:
    """The shortest first and longest pause that the providers concerned suggest."""
    polls = [
        polls_s(workspace.provider_at(job_set.destination), job_set.backend)
        for job_set in (target.folder.job_set for target in targets)
    ]
    first_s = min(first for first, _ in polls)
    longest_s = min(longest for _, longest in polls)
    if limit.poll_s is not None:
        longest_s = limit.poll_s
    return min(first_s, longest_s), longest_s
