"""Hand over what was not handed over yet: the end of `submit`, `retry` and `resume` alike."""

import threading
from collections.abc import Callable, Sequence

from qjobs.engine.start import Progress, StartReport, start
from qjobs.engine.workspace import Workspace
from qjobs.model import Attempted, Planned
from qjobs.store.folder import SetFolder


def resume(
    workspace: Workspace,
    folder: SetFolder,
    *,
    stop: threading.Event,
    jobs: Sequence[int] | None = None,
    max_workers: int | None = None,
    resend_unknown: bool = False,
    progress: Callable[[Progress], None] = lambda _: None,
) -> StartReport:
    """Hand over what was not handed over yet, in as many threads as the backend takes.

    `jobs` limits it to some jobs of the set, `max_workers` the threads. See `start.start`.
    """
    open_jobs = [index for index in unsent_jobs(folder) if jobs is None or index in jobs]
    if not open_jobs:
        return StartReport()
    return start(
        folder,
        workspace.load_provider(folder.job_set.provider),
        jobs=open_jobs,
        clock=workspace.clock,
        stop=stop,
        max_workers=max_workers,
        resend_unknown=resend_unknown,
        progress=progress,
    )


def unsent_jobs(folder: SetFolder) -> list[int]:
    """The jobs of a set that are planned, or whose fate is unknown, by their indices."""
    return [job.index for job in folder.jobs() if isinstance(job.state, Planned | Attempted)]
