"""Ask a provider for more than the status of jobs: when they ran or will, what they used."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

from qjobs import pool
from qjobs.contract import Details, JobDetails, JobTimes
from qjobs.engine.address import Target
from qjobs.engine.asking import connections
from qjobs.engine.endings import ran_facts
from qjobs.engine.report import FINAL, WAITING, JobReport, SetReport, with_times
from qjobs.engine.workspace import Workspace
from qjobs.errors import ProviderError, StateError
from qjobs.model import JobSet

MOST_ASKED = 50
"""Jobs of a set that are asked for: each costs the provider a question."""


def details(
    workspace: Workspace, job_set: JobSet, jobs: Sequence[JobReport]
) -> Mapping[int, JobDetails]:
    """Ask the provider for details of jobs, by their indices; empty if it has none.

    These are the first ones, of those that go on before others. A job that it does not answer
    for is left out.
    """
    known = [job for job in jobs if job.job_id]
    asked = sorted(known, key=lambda job: not job.pending)[:MOST_ASKED]
    if not asked:
        return {}
    try:
        provider = workspace.provider_at(job_set.destination)
        if not isinstance(provider, Details):
            return {}
        width = min(connections(provider, job_set.backend), len(asked))
    except ProviderError:
        return {}
    tell = provider.details

    def ask(job: JobReport) -> tuple[int, JobDetails | None]:
        try:
            return job.index, tell(job.job_id, backend=job_set.backend)
        except ProviderError:
            return job.index, None

    answers = pool.each(ask, asked, width=width)
    return {index: found for index, found in sorted(answers) if found is not None}


def with_details(target: Target, report: SetReport, told: Mapping[int, JobDetails]) -> SetReport:
    """The report with the times of the details, by the indices of the jobs.

    When jobs began that have ended is recorded, as far as it was not yet.
    """
    began: dict[int, datetime] = {}
    jobs = []
    for job in report.jobs:
        times = _times(told.get(job.index, JobDetails()))
        if job.state in FINAL and job.started is None and times.started:
            began[job.index] = times.started
            jobs.append(replace(job, started=times.started))
        else:
            jobs.append(with_times(job, times) if job.queue_position is None else job)
    attempts = {job.index: job.attempt for job in report.jobs}
    facts = [
        fact
        for job in target.folder.jobs()
        if job.index in began and job.attempt.number == attempts[job.index]
        for fact in ran_facts(job, began[job.index])
    ]
    if facts:
        with suppress(StateError), target.folder.journal() as journal:
            journal.append(*facts)
    return report._replace(jobs=tuple(jobs))


def first_in_line(workspace: Workspace, report: SetReport) -> SetReport:
    """The report with the place in the queue of the first job that waits.

    That is one question, to a provider that tells it of one job at a time. Of others, the report
    has it already, or nobody knows.
    """
    waiting = [job for job in report.jobs if job.state in WAITING and job.job_id]
    if not waiting or any(job.queue_position or job.estimated_start for job in report.jobs):
        return report
    told = details(workspace, report.job_set, waiting[:1])
    return report._replace(
        jobs=tuple(
            with_times(job, _times(told[job.index])) if job.index in told else job
            for job in report.jobs
        )
    )


def _times(told: JobDetails) -> JobTimes:
    return JobTimes(
        _moment(told.started), _moment(told.ended), told.queue_position,
        _moment(told.estimated_start),
    )  # fmt: skip


def _moment(text: str | None) -> datetime | None:
    """A time in ISO 8601; one without a zone is local, as `datetime` has it."""
    try:
        return None if text is None else datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
