"""Ask the provider how the jobs of a set are, and record what will not change any more."""

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

from qjobs import pool
from qjobs.engine.address import Target
from qjobs.engine.report import SetReport, report_jobs
from qjobs.engine.workspace import Workspace
from qjobs.errors import ProviderError, StateDamaged, StateTooNew, StateUnwritable
from qjobs.facts import Fact, FactKind, shortened
from qjobs.model import Accepted, JobStatus

if TYPE_CHECKING:
    from qjobs.providers.interface import Provider

_NEVER = threading.Event()


def status(workspace: Workspace, target: Target, *, cached: bool = False) -> SetReport:
    """How the target's jobs are: one bulk question for those that are not final.

    What became final is recorded and never asked again; that it cannot be recorded is a
    problem, and so is, never recorded, a provider that cannot be reached. `cached` asks nobody.
    """
    folder = target.folder
    jobs = target.chosen(folder.jobs())
    asked = {job.state.job_id: job for job in jobs if isinstance(job.state, Accepted)}
    if cached or not asked:
        return SetReport(folder.job_set, report_jobs(jobs, None), folder.warnings)
    try:
        provider = workspace.provider_of(folder.job_set)
        live = provider.statuses(list(asked), backend=folder.job_set.backend)
        messages = _final_messages(provider, folder.job_set.backend, live)
    except ProviderError as error:
        reports = report_jobs(jobs, {}, error.message)
        return SetReport(folder.job_set, reports, (*folder.warnings, error.message))
    facts = [
        Fact(
            job.index, job.attempt.number, workspace.clock(),
            FactKind.FINISHED, live[job_id].value, shortened(messages.get(job_id, "")),
        )
        for job_id, job in asked.items()
        if live.get(job_id, JobStatus.UNKNOWN).final
    ]  # fmt: skip
    warnings = folder.warnings
    if facts:
        try:
            with folder.journal() as journal:
                journal.append(*facts)
                jobs = [journal.job(job.index) for job in jobs]
        except (StateDamaged, StateTooNew, StateUnwritable) as error:
            warnings = tuple(dict.fromkeys((*warnings, error.message)))
    return SetReport(folder.job_set, report_jobs(jobs, live), warnings)


def _final_messages(
    provider: "Provider", backend: str, live: Mapping[str, JobStatus]
) -> Mapping[str, str]:
    """Why each job that just failed did so; asked once, before the failure is recorded."""
    failed = [
        job_id
        for job_id, status in live.items()
        if status in (JobStatus.ERROR, JobStatus.CANCELLED)
    ]
    if not failed:
        return {}
    width = min(provider.limits(backend).connections, len(failed))
    return dict(
        pool.each(
            lambda job_id: (job_id, provider.error_message(job_id, backend=backend)),
            failed,
            width=width,
            stop=_NEVER,
        )
    )
