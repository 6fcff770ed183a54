"""Submit what was not submitted yet: the end of `submit`, `retry` and `resume` alike."""

import threading
from collections.abc import Callable, Mapping, Sequence

from qjobs.contract import Plans
from qjobs.engine.asking import away
from qjobs.engine.sending.sessions import close_left
from qjobs.engine.sending.submission import Progress, SubmitReport, submit_jobs
from qjobs.engine.trusting import check_trusted
from qjobs.engine.workspace import Workspace
from qjobs.errors import UsageError
from qjobs.model import Accepted, Attempted, Planned, Scalar
from qjobs.store.folder import SetFolder


def submit_unsent(
    workspace: Workspace,
    folder: SetFolder,
    *,
    stop: threading.Event,
    jobs: Sequence[int] | None = None,
    max_workers: int | None = None,
    resend_unknown: bool = False,
    recalibrated: bool = False,
    progress: Callable[[Progress], None] = lambda _: None,
    enough: Callable[[], bool] = lambda: False,
) -> SubmitReport:
    """Submit the jobs that were not submitted yet, in as many threads as the backend takes.

    `jobs` limits it to some jobs of the set, `max_workers` the threads. See
    `submission.submit_jobs`.
    `recalibrated` goes on although the backend is not as it was when the set was planned, and
    records how it is. Sessions that an earlier process has left open are closed. Raises
    UsageError where only another program can go on.
    """
    folder.check_writable()
    left = [*unsent_jobs(folder), *_unstopped_jobs(folder)]
    open_jobs = [index for index in left if jobs is None or index in jobs]
    if not open_jobs:
        close_left(workspace, folder)
        return SubmitReport()
    provider = workspace.provider_at(folder.job_set.destination)
    check_trusted(provider, folder, verb="resume")
    if gone := away(provider, folder.job_set):
        raise UsageError(f"{gone.who} can go on with the set", hint=gone.hint)
    if recalibrated and isinstance(provider, Plans):
        job_set = folder.job_set
        changed = provider.replan(backend=job_set.backend, options=job_set.options)
        if changed:
            record_options(folder, changed)
    return submit_jobs(
        folder,
        provider,
        jobs=open_jobs,
        clock=workspace.clock,
        stop=stop,
        max_workers=max_workers,
        resend_unknown=resend_unknown,
        progress=progress,
        enough=enough,
    )


def record_options(folder: SetFolder, extra: Mapping[str, Scalar]) -> None:
    """Give `extra` options of a set other values. Raises StateError."""
    with folder.claim_submission(), folder.journal() as journal:
        journal.label(extra=extra)
    folder.refresh()


def unsent_jobs(folder: SetFolder) -> list[int]:
    """The jobs of a set that are planned, or whose fate is unknown, by their indices."""
    return [job.index for job in folder.jobs() if isinstance(job.state, Planned | Attempted)]


def _unstopped_jobs(folder: SetFolder) -> list[int]:
    """The jobs that were cancelled during a call, and are not known to have ended."""
    return [
        job.index
        for job in folder.jobs()
        if isinstance(job.state, Accepted) and job.attempt.withdrawn
    ]
