"""Ask the provider how the jobs of a set are, and record what will not change any more."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from qjobs import pool
from qjobs.engine.address import Target
from qjobs.engine.asking import away, connections, has_accounts
from qjobs.engine.report import JobReport, SetReport, State, report_jobs
from qjobs.engine.sending.sessions import left_open
from qjobs.engine.workspace import Workspace
from qjobs.errors import (
    AuthError,
    ProviderError,
    QjobsError,
    StateDamaged,
    StateTooNew,
    StateUnwritable,
)
from qjobs.facts import Fact, FactKind, shortened
from qjobs.failed import pieces
from qjobs.model import Accepted, Attempted, Failed, Job, JobSet, JobStatus, Slice
from qjobs.spans import within

if TYPE_CHECKING:
    from qjobs.contract import Away, Provider


def status(workspace: Workspace, target: Target, *, cached: bool = False) -> SetReport:
    """How the target's jobs are: one bulk question for those that are not final.

    What became final is recorded and never asked again; that it cannot be recorded is a
    problem, and so is, never recorded, a provider that cannot be reached. `cached` asks nobody.
    """
    report = _status(workspace, target, cached=cached)
    set_id = report.job_set.set_id
    problems = (
        f"the session {session.session_id} was left open; to close it: qjobs resume {set_id}"
        for session in left_open(target.folder)
    )
    return report._replace(problems=(*report.problems, *problems), sessions=target.folder.sessions)


def _status(workspace: Workspace, target: Target, *, cached: bool) -> SetReport:
    folder = target.folder
    jobs = target.chosen(folder.jobs())
    asked = {job.state.job_id: job for job in jobs if isinstance(job.state, Accepted)}
    finds, gone = (True, None) if cached else _fate(workspace, folder.job_set, jobs)
    if cached or not asked:
        reports = report_jobs(jobs, None, circuits=target.circuits)
        return SetReport(folder.job_set, reports, folder.warnings, finds, away=gone)
    try:
        provider = workspace.provider_at(folder.job_set.destination)
        live = provider.statuses(list(asked), backend=folder.job_set.backend)
        messages = _final_messages(provider, folder.job_set.backend, live)
        done = {
            job_id: asked[job_id].slice for job_id, said in live.items() if said is JobStatus.DONE
        }
        told = told_failed(provider, folder.job_set.backend, done)
        run = _circuits_run(provider, folder.job_set.backend, live)
        gone = away(provider, folder.job_set)
        elsewhere = _elsewhere(provider, folder.job_set, live)
        if gone:
            elsewhere = f"{gone.who} can ask for this job"
    except ProviderError as error:
        reports = report_jobs(jobs, {}, error.message, circuits=target.circuits)
        if isinstance(error, AuthError):
            return SetReport(folder.job_set, reports, folder.warnings, finds, error)
        return SetReport(folder.job_set, reports, (*folder.warnings, error.message), finds)
    # Which circuits failed comes first: a job is never on record as DONE without it.
    facts = [
        fact
        for job_id, failed in told.items()
        for fact in failed_facts(asked[job_id], failed, workspace.clock())
    ]
    facts += [
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
    reports = report_jobs(jobs, live, elsewhere, circuits=target.circuits, away=gone is not None)
    reports = tuple(_with_progress(job, run) for job in reports)
    return SetReport(folder.job_set, reports, warnings, finds, away=gone)


def _fate(workspace: Workspace, job_set: JobSet, jobs: Sequence[Job]) -> "tuple[bool, Away | None]":
    """Whether the provider can tell what became of the unknown ones of these jobs, if any.

    And who can, if it is away.
    """
    if not any(isinstance(job.state, Attempted) for job in jobs):
        return True, None
    with suppress(QjobsError):  # of a provider that cannot be had, other verbs tell
        provider = workspace.provider_at(job_set.destination)
        return provider.capabilities(job_set.backend).finds, away(provider, job_set)
    return True, None


def _elsewhere(provider: "Provider", job_set: JobSet, live: Mapping[str, JobStatus]) -> str:
    """The message for jobs that the provider does not know: they may be in another instance."""
    if JobStatus.UNKNOWN not in live.values() or not has_accounts(provider, job_set.backend):
        return ""
    where = job_set.instance_name or job_set.instance or "that is used now"
    return (
        f"{job_set.provider} does not know this job, or how it is, in the instance {where}: "
        "is it in another one, or of another account?"
    )


def _circuits_run(
    provider: "Provider", backend: str, live: Mapping[str, JobStatus]
) -> Mapping[str, int]:
    """How many circuits of the jobs that run have been run, where the provider tells."""
    # Imported here, as the provider is by now.
    from qjobs.contract import TellsProgress

    running = [job_id for job_id, said in live.items() if said is JobStatus.RUNNING]
    if not running or not isinstance(provider, TellsProgress):
        return {}
    with suppress(ProviderError):  # how they are is known without it
        return provider.circuits_run(running, backend=backend)
    return {}


def _with_progress(job: JobReport, run: Mapping[str, int]) -> JobReport:
    if job.state is not State.RUNNING or job.job_id not in run:
        return job
    circuits = max(0, min(run[job.job_id], job.slice.experiments_count))
    return replace(job, circuits_run=circuits)


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
    width = min(connections(provider, backend), len(failed))
    return dict(
        pool.each(
            lambda job_id: (job_id, provider.error_message(job_id, backend=backend)),
            failed,
            width=width,
        )
    )


def told_failed(provider: "Provider", backend: str, done: Mapping[str, Slice]) -> dict[str, Failed]:
    """Ask a provider which circuits failed in jobs that are DONE, by the ids of the jobs.

    Nothing of a provider that only tells in the results. Raises ProviderError.
    """
    # Imported here, as the provider is by now: a set that is at its end needs neither.
    from qjobs.contract import TellsFailed

    if not done or not isinstance(provider, TellsFailed):
        return {}
    told = provider.failed_circuits(list(done), backend=backend)
    return {
        job_id: Failed(
            within(
                [
                    Slice(done[job_id].start_index + run.start_index, run.experiments_count)
                    for run in failed.runs
                ],
                [done[job_id]],
            ),
            failed.reason,
        )
        for job_id, failed in told.items()
        if job_id in done and failed.runs
    }


def failed_facts(job: Job, failed: Failed, at: datetime) -> list[Fact]:
    """The facts that record which circuits of a job's newest attempt failed.

    That there are none is worth a fact where one had to look: nobody has to do so again.
    """
    return [
        Fact(job.index, job.attempt.number, at, FactKind.FAILED, piece, shortened(failed.reason))
        for piece in pieces(failed)
    ]
