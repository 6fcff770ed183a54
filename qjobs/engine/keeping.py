"""What keeps a set from being removed: jobs that may run, and what cannot be had again."""

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from qjobs.engine.address import Target
from qjobs.engine.asking import polls_s
from qjobs.engine.cancel import NotAsked, cancel
from qjobs.engine.report import FINAL
from qjobs.engine.status import status
from qjobs.engine.workspace import Workspace
from qjobs.errors import ProviderError, QjobsError, StateDamaged, Unfinished, UsageError
from qjobs.model import (
    Accepted,
    Attempt,
    Attempted,
    Dropped,
    Finished,
    Job,
    JobStatus,
    Planned,
)
from qjobs.store.folder import SetFolder

if TYPE_CHECKING:
    from qjobs.contract import Provider

_STOPPING_S = 10.0
"""For so long jobs that were asked to stop are looked at again."""


def check_known(workspace: Workspace, folder: SetFolder) -> None:
    """See that all jobs of the set are on record, as far as anybody can tell.

    Raises BeingSubmitted, and StateDamaged or StateTooNew if the file may not tell all jobs.
    """
    try:
        folder.check_sendable()
        with folder.claim_submission():
            _compare(workspace, folder)
    except StateDamaged as error:
        what = error.message.removesuffix(": nothing is sent")
        raise StateDamaged(f"{what}; the set stays", hint=error.hint) from error


def _compare(workspace: Workspace, folder: SetFolder) -> None:
    """Record the jobs that the provider has and an older copy of the state does not know of.

    As far as it can be asked: what is recorded must do where it is out of reach.
    """
    if folder.compared:
        return
    # Imported here: whoever removes what this process has submitted needs none of it.
    from qjobs.engine.sending.reconcile import learn

    try:
        provider = workspace.provider_at(folder.job_set.destination)
    except QjobsError:  # which keeps the set, unless it is to go all the same
        return
    with suppress(ProviderError, UsageError), folder.journal() as journal:
        learn(folder, provider, journal, clock=workspace.clock)


def stop(workspace: Workspace, target: Target) -> None:
    """Cancel the jobs, and see that they end. Raises Unfinished if one may run on."""
    job_set = target.folder.job_set
    set_id = job_set.set_id
    lost = [job.index for job in target.folder.jobs() if isinstance(job.state, Attempted)]
    for report in cancel(workspace, target):
        if not report.stopped:
            raise Unfinished(
                f"{set_id}/{report.index} could not be stopped: {report.outcome.value}",
                hint=f"qjobs status {set_id}",
            )
        if report.outcome is NotAsked.DROPPED and report.index in lost:
            raise Unfinished(
                f"{set_id}/{report.index} may run: whether {job_set.provider} accepted it cannot "
                f"be learnt from here; look there for the tag {report.tag}",
                hint=f"once no job of it runs: qjobs rm --force {set_id}",
            )
    until, waiting = time.monotonic() + _STOPPING_S, threading.Event()
    while any(job.pending for job in status(workspace, target).jobs):
        if time.monotonic() > until:
            break
        pause_s, _ = polls_s(workspace.provider_at(job_set.destination), job_set.backend)
        waiting.wait(pause_s)


def check_ended(workspace: Workspace, target: Target, *, force: bool) -> None:
    """Raise Unfinished if a job of the set may run on, or is still to be submitted."""
    folder = target.folder
    set_id = folder.job_set.set_id
    report = status(workspace, target)
    if report.denied:
        raise report.denied
    open_jobs = [job for job in report.jobs if job.state not in FINAL]
    if open_jobs:
        states = [job.state.value for job in open_jobs]
        counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
        why = next((f": {job.message}" for job in open_jobs if job.message), "")
        verb = "resume" if any(job.unsent for job in open_jobs) else "wait"
        stop = "" if force else f"; or, to stop them first: qjobs rm --force {set_id}"
        raise Unfinished(
            f"{set_id} has unfinished jobs: {counts}{why}",
            hint=report.away.hint if report.away else f"qjobs {verb} {set_id}{stop}",
        )
    jobs = folder.jobs()
    dropped = [job.state.tag for job in jobs if isinstance(job.state, Dropped) and job.state.tag]
    if dropped and not force:
        raise Unfinished(
            f"{set_id} has a job that was dropped, and may run: look at {folder.job_set.provider} "
            f"for the tag {dropped[0]}",
            hint=f"once no job of it runs: qjobs rm --force {set_id}",
        )
    if further := unwanted(jobs):
        provider = workspace.provider_at(folder.job_set.destination)
        said = provider.statuses(further, backend=folder.job_set.backend)
        live = [job_id for job_id in further if not said.get(job_id, JobStatus.UNKNOWN).final]
        if live:
            raise Unfinished(
                f"{set_id} has duplicates of jobs that may run: {' '.join(live)}",
                hint=f"qjobs cancel --duplicates {set_id}",
            )


def unwanted(jobs: Sequence[Job]) -> list[str]:
    """The ids of further provider jobs, of which nobody has recorded the end."""
    return [job_id for job in jobs for job_id in job.unwanted]


def given_once(folder: SetFolder, provider: "Provider") -> tuple[int, ...]:
    """The jobs with results that nobody can have a second time."""
    # Imported here, as the provider is by now.
    from qjobs.contract import GivesOnce

    job_set = folder.job_set
    if not isinstance(provider, GivesOnce):
        return ()
    if not provider.gives_once(backend=job_set.backend, options=job_set.options):
        return ()
    return tuple(job.index for job in folder.jobs() if any(map(_gave, job.attempts)))


def _gave(attempt: Attempt) -> bool:
    """Whether an attempt came to results, which are not known to be gone."""
    done = isinstance(attempt.state, Finished) and attempt.state.status is JobStatus.DONE
    return done and not (attempt.failed and attempt.failed.gone)


def check_recorded(folder: SetFolder) -> None:
    """Raise Unfinished if somebody has begun something since."""
    open_jobs = [
        job for job in folder.jobs() if isinstance(job.state, Planned | Attempted | Accepted)
    ]
    if open_jobs:
        set_id = folder.job_set.set_id
        raise Unfinished(
            f"{set_id}/{open_jobs[0].index} is not on record as finished",
            hint=f"qjobs status {set_id}",
        )
