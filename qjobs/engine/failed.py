"""Which circuits failed in jobs that are DONE: asked of the provider, or read in the results."""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from qjobs.engine.address import Target
from qjobs.engine.endings import failed_facts
from qjobs.engine.report import JobReport, SetReport, State, report_jobs
from qjobs.engine.result import fetch
from qjobs.engine.status import told_failed
from qjobs.engine.workspace import Workspace
from qjobs.errors import AuthError, NotFound, ProviderError, StateError
from qjobs.model import Failed
from qjobs.spans import runs_of

if TYPE_CHECKING:
    from qjobs.store.folder import SetFolder


def look_into(
    workspace: Workspace,
    target: Target,
    report: SetReport,
    *,
    stop: threading.Event,
    fetches: bool = True,
) -> SetReport:
    """The report with what failed in those jobs that are done, which is recorded.

    A provider that cannot tell by itself has given the results, or is asked for them once now, if
    this `fetches`: they are kept. What could not be learnt is a problem.
    """
    from qjobs.contract import TellsFailed

    folder = target.folder
    report = _renewed(target, report)
    unclear = [job for job in report.jobs if job.state is State.DONE and not job.looked_into]
    if not unclear:
        return report
    problems: list[str] = []
    try:
        provider = workspace.provider_at(folder.job_set.destination)
        if not isinstance(provider, TellsFailed):
            if fetches:
                problems += fetch(workspace, folder, unclear, stop=stop)
                report = _renewed(target, report)
                unclear = [job for job in unclear if not job.gone]
            found = _read(folder, unclear, problems)
        elif any(job.pending for job in report.jobs):
            return report  # it told with the status of each job, and is asked again at the end
        else:
            by_id = {job.job_id: job.slice for job in unclear}
            told = told_failed(provider, folder.job_set.backend, by_id)
            found = {job.index: told.get(job.job_id, Failed()) for job in unclear}
    except ProviderError as error:
        if isinstance(error, AuthError):
            return report._replace(denied=error)
        return report._replace(problems=(*report.problems, error.message))
    return _with(workspace, target, report, found, problems)


def _renewed(target: Target, report: SetReport) -> SetReport:
    """The report with what was recorded since of jobs that are done, but of which nothing is kept.

    To fetch their results may have shown that there are none any more.
    """
    kept = target.folder.results
    bare = {
        (job.index, job.attempt)
        for job in report.jobs
        if job.state is State.DONE and not job.gone and not kept.has(job.index, job.attempt)
    }
    if not bare:
        return report
    gone = [
        job
        for job in target.folder.jobs()
        if (job.index, job.attempt.number) in bare and (job.attempt.failed or Failed()).gone
    ]
    return _replaced(report, report_jobs(gone, None, circuits=target.circuits))


def _replaced(report: SetReport, jobs: Iterable[JobReport]) -> SetReport:
    """The report with newer ones of some jobs."""
    renewed = {job.index: job for job in jobs}
    return report._replace(jobs=tuple(renewed.get(job.index, job) for job in report.jobs))


def _read(folder: "SetFolder", jobs: Sequence[JobReport], problems: list[str]) -> dict[int, Failed]:
    """The failed circuits of those jobs whose results are kept, by their indices."""
    found = {}
    for job in jobs:
        if not folder.results.has(job.index, job.attempt):
            continue
        try:
            positions, reason = folder.results.read(job.index, job.attempt).failed()
        except (StateError, NotFound) as error:
            problems.append(error.message)
            continue
        except ValueError as error:
            problems.append(f"job {job.index} ({job.job_id}): its results are no results: {error}")
            continue
        start = job.slice.start_index
        found[job.index] = Failed(runs_of(start + position for position in positions), reason)
    return found


def _with(
    workspace: Workspace,
    target: Target,
    report: SetReport,
    found: dict[int, Failed],
    problems: list[str],
) -> SetReport:
    """The report with what was found, once that is recorded."""
    jobs = {job.index: job for job in target.folder.jobs() if job.index in found}
    facts = [
        fact
        for index, failed in found.items()
        for fact in failed_facts(jobs[index], failed, workspace.clock())
    ]
    if facts:
        try:
            with target.folder.journal() as journal:
                journal.append(*facts)
        except StateError as error:
            problems.append(error.message)
    known = {
        index: replace(
            job, attempts=(*job.attempts[:-1], job.attempt._replace(failed=found[index]))
        )
        for index, job in jobs.items()
    }
    renewed = report_jobs(known.values(), None, circuits=target.circuits)
    return _replaced(report, renewed)._replace(problems=(*report.problems, *problems))
