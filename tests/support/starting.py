"""Start the jobs of a set in a test, and see what that left on the disk."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

from qjobs.contract import Provider
from qjobs.engine.sending.submission import SubmitReport, submit_jobs
from qjobs.engine.workspace import Workspace
from qjobs.model import JobState
from qjobs.store.folder import SetFolder


def now() -> datetime:
    return datetime.now(UTC)


class Clock:
    """A clock that stands still until it is put forward, however slow the machine is."""

    def __init__(self) -> None:
        self._now = now()

    def __call__(self) -> datetime:
        return self._now

    def put_forward(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)


def run(
    folder: SetFolder, provider: Provider, stop: threading.Event, **options: Any
) -> SubmitReport:
    jobs = options.pop("jobs", range(len(folder.job_set.slices)))
    options.setdefault("clock", now)
    return submit_jobs(folder, provider, jobs=jobs, stop=stop, **options)


def states(workspace: Workspace, folder: SetFolder) -> list[JobState]:
    return [job.state for job in workspace.store.open(folder.job_set.set_id).jobs()]
