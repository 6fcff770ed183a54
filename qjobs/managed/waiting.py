"""Wait for the jobs of a set, and take what they gave."""

import threading
from collections.abc import Iterator

from qjobs.engine.report import FAILED, FINAL, SetReport
from qjobs.managed.errors import JobManagerTimeoutError
from qjobs.managed.job import ManagedJob
from qjobs.managed.members import Members
from qjobs.managed.notebook import progress, report_html
from qjobs.managed.open_set import OpenSet


def wait(members: Members, timeout: float | None) -> SetReport:
    """How the jobs are at their end. Raises JobManagerTimeoutError after `timeout` seconds."""
    *_, report = _follow(members.job_set, timeout, threading.Event())
    return _in_time(members.job_set, report, timeout)


def as_they_end(
    members: Members, timeout: float | None, stop: threading.Event
) -> Iterator[ManagedJob]:
    """The jobs, each as soon as it has come to its end, until `stop` is set.

    Raises JobManagerTimeoutError after `timeout` seconds.
    """
    ended: set[int] = set()
    report = None
    for report in _follow(members.job_set, timeout, stop):
        for managed, job in members.pairs(report):
            if job.state in FINAL and job.index not in ended:
                ended.add(job.index)
                managed.learn(job)
                yield managed
    if report is not None and not stop.is_set():
        _in_time(members.job_set, report, timeout)


def take_results(members: Members, report: SetReport, *, partial: bool) -> bool:
    """Let all managed jobs know how they have ended; whether there is nothing more to have.

    Of a job that gave nothing a warning says why, but where `partial` results are wanted.
    """
    kept = members.job_set.kept
    whole = True
    for managed, job in members.pairs(report):
        managed.learn(job)
        if not kept.has(job):
            whole = whole and job.state in FAILED
            if not partial:
                managed.result_in(report, job, partial=False)
    return whole


def error_messages(members: Members) -> str | None:
    """Wait for the jobs, and say why those that failed did so; None if none has."""
    report, _ = members.job_set.wait(None, None)
    lines = []
    for managed, job in members.pairs(report):
        message = managed.error_in(report)
        if message is not None:
            lines.append(
                f"Experiments {managed.start_index}-{managed.end_index}, "
                f"job index={job.index}, job ID={job.job_id or None}:"
            )
            lines += [f"  {line}" for line in message.split("\n")]
    return "\n".join(lines) or None


def _follow(job_set: OpenSet, timeout: float | None, stop: threading.Event) -> Iterator[SetReport]:
    """How the jobs are until they stand still or the time is up, shown in a notebook."""
    show = progress()
    for report in job_set.follow(None, timeout, stop):
        show(report_html(report, job_set.name))
        yield report


def _in_time(job_set: OpenSet, report: SetReport, timeout: float | None) -> SetReport:
    """The last report of some. Raises JobManagerTimeoutError if jobs are not at their end."""
    report, moving = job_set.rest(report, timeout)
    if moving:
        first = min(job.slice.start_index for job in moving)
        last = job_set.folder.job_set.indices.stop - 1
        raise JobManagerTimeoutError(
            f"no results of experiments {first}-{last} within {timeout} seconds"
        )
    return report
