"""Ask the provider how the jobs of sets are, and record what will not change any more."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from qjobs import pool
from qjobs.engine.address import Target
from qjobs.engine.asking import away, connections, has_accounts
from qjobs.engine.endings import ending_facts, failed_facts
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
from qjobs.facts import Fact
from qjobs.model import Accepted, Attempted, Destination, Failed, Job, JobSet, JobStatus, Slice
from qjobs.spans import within

if TYPE_CHECKING:
    from qjobs.contract import Away, JobTimes, Provider

_SIDE_BY_SIDE = 8
"""So many destinations are asked at a time."""


class _Told(NamedTuple):
    """What a provider said of jobs, by their ids, or the `error` that it said nothing for."""

    live: Mapping[str, JobStatus] = MappingProxyType({})
    messages: Mapping[str, str] = MappingProxyType({})
    failed: Mapping[str, Failed] = MappingProxyType({})
    times: "Mapping[str, JobTimes]" = MappingProxyType({})
    run: Mapping[str, int] = MappingProxyType({})
    error: QjobsError | None = None


class _Asked(NamedTuple):
    """A set of which something is asked: those of its jobs that are meant, and those asked for."""

    target: Target
    jobs: list[Job]
    accepted: dict[str, Job]


def status(workspace: Workspace, target: Target, *, cached: bool = False) -> SetReport:
    """How the target's jobs are; as `statuses`."""
    (report,) = statuses(workspace, [target], cached=cached)
    return report


def statuses(
    workspace: Workspace,
    targets: Sequence[Target],
    *,
    cached: bool = False,
    or_as_recorded: bool = False,
) -> list[SetReport]:
    """How the targets' jobs are: one bulk question a destination for those that are not final.

    What became final is recorded and never asked again; that it cannot be recorded is a
    problem, and so is, never recorded, a provider that cannot be reached: its jobs are then
    unknown or, with `or_as_recorded`, as they were last heard of. `cached` asks nobody.
    """
    asked = [_asked(target) for target in targets]
    told = {} if cached else _ask_all(workspace, asked)
    reports = []
    for one in asked:
        answer = told.get(one.target.folder.job_set.destination)
        if answer and answer.error and one.accepted and or_as_recorded:
            recorded = _report(workspace, one, None, cached=True)
            reports.append(recorded._replace(problems=(*recorded.problems, answer.error.message)))
        else:
            reports.append(_report(workspace, one, answer, cached=cached))
    return reports


def _asked(target: Target) -> _Asked:
    jobs = target.chosen(target.folder.jobs())
    accepted = {job.state.job_id: job for job in jobs if isinstance(job.state, Accepted)}
    return _Asked(target, jobs, accepted)


def _ask_all(workspace: Workspace, asked: Sequence[_Asked]) -> dict[Destination, _Told]:
    """Ask each destination once, side by side."""
    wanted: dict[Destination, dict[str, Job]] = {}
    for one in asked:
        if one.accepted:
            destination = one.target.folder.job_set.destination
            wanted.setdefault(destination, {}).update(one.accepted)
    if len(wanted) == 1:
        return {
            destination: _ask(workspace, destination, wanted[destination]) for destination in wanted
        }
    for destination in wanted:
        # In this thread, and before any other begins: it may be the first to import Qiskit.
        with suppress(QjobsError):
            workspace.provider_at(destination)
    width = min(len(wanted), _SIDE_BY_SIDE)
    answers = pool.each(
        lambda destination: (destination, _ask(workspace, destination, wanted[destination])),
        list(wanted),
        width=width,
    )
    return dict(answers) if wanted else {}


def _ask(workspace: Workspace, destination: Destination, jobs: Mapping[str, Job]) -> _Told:
    """Ask one destination for jobs, by their ids."""
    try:
        provider = workspace.provider_at(destination)
        live = provider.statuses(list(jobs), backend=destination.backend)
        messages = _final_messages(provider, destination.backend, live)
        done = {
            job_id: jobs[job_id].slice
            for job_id, said in live.items()
            if said is JobStatus.DONE and job_id in jobs
        }
        failed = told_failed(provider, destination.backend, done)
        times = _times(provider, destination.backend, list(jobs))
        run = _circuits_run(provider, destination.backend, live)
        return _Told(live, messages, failed, times, run)
    except QjobsError as error:
        return _Told(error=error)


def _report(workspace: Workspace, asked: _Asked, told: _Told | None, *, cached: bool) -> SetReport:
    """What is to be said of a set; what became final of it is recorded."""
    report = _answered(workspace, asked, told, cached=cached)
    folder = asked.target.folder
    problems = (
        f"the session {session.session_id} was left open; "
        f"to close it: qjobs resume {folder.job_set.set_id}"
        for session in left_open(folder)
    )
    return report._replace(problems=(*report.problems, *problems), sessions=folder.sessions)


def _answered(
    workspace: Workspace, asked: _Asked, told: _Told | None, *, cached: bool
) -> SetReport:
    folder, jobs = asked.target.folder, asked.jobs
    circuits = asked.target.circuits
    finds, gone = (True, None) if cached else _fate(workspace, folder.job_set, jobs)
    if told is None or not asked.accepted:
        reports = report_jobs(jobs, None, circuits=circuits)
        return SetReport(folder.job_set, reports, folder.warnings, finds, away=gone)
    now = workspace.clock()
    try:
        if told.error:
            raise told.error
        provider = workspace.provider_at(folder.job_set.destination)
        gone = away(provider, folder.job_set)
        elsewhere = _elsewhere(
            provider, folder.job_set, [told.live.get(job_id) for job_id in asked.accepted]
        )
        if gone:
            elsewhere = f"{gone.who} can ask for this job"
    except ProviderError as error:
        reports = report_jobs(jobs, {}, error.message, circuits=circuits)
        if isinstance(error, AuthError):
            return SetReport(folder.job_set, reports, folder.warnings, finds, error)
        return SetReport(folder.job_set, reports, (*folder.warnings, error.message), finds)
    facts = _facts(asked.accepted, told, now)
    warnings = folder.warnings
    if facts:
        try:
            with folder.journal() as journal:
                journal.append(*facts)
                jobs = [journal.job(job.index) for job in jobs]
        except (StateDamaged, StateTooNew, StateUnwritable) as error:
            warnings = tuple(dict.fromkeys((*warnings, error.message)))
    reports = report_jobs(
        jobs, told.live, elsewhere, circuits=circuits, away=gone is not None, times=told.times
    )
    reports = tuple(_with_progress(job, told.run) for job in reports)
    return SetReport(folder.job_set, reports, warnings, finds, away=gone, asked=now)


def _facts(accepted: Mapping[str, Job], told: _Told, now: datetime) -> list[Fact]:
    """What is to be recorded of jobs that have ended."""
    facts = []
    for job_id, job in accepted.items():
        said = told.live.get(job_id, JobStatus.UNKNOWN)
        # Which circuits failed comes first: a job is never on record as DONE without it.
        if job_id in told.failed:
            facts += failed_facts(job, told.failed[job_id], now)
        if said.final:
            message = told.messages.get(job_id, "")
            facts += ending_facts(job, said, message, told.times.get(job_id), now)
    return facts


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


def _elsewhere(provider: "Provider", job_set: JobSet, said: Sequence[JobStatus | None]) -> str:
    """The message for jobs that the provider does not know: they may be in another instance."""
    if JobStatus.UNKNOWN not in said or not has_accounts(provider, job_set.backend):
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


def _times(provider: "Provider", backend: str, job_ids: Sequence[str]) -> "Mapping[str, JobTimes]":
    """When jobs began and ended, as far as the provider knows without being asked once more."""
    from qjobs.contract import TellsTimes

    return provider.times(job_ids, backend=backend) if isinstance(provider, TellsTimes) else {}


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
