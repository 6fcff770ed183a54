"""The managed jobs of an open set: there are more of them when some are split."""

import threading
from collections.abc import Iterator

from qjobs.engine.report import JobReport, SetReport
from qjobs.managed.job import ManagedJob
from qjobs.managed.open_set import OpenSet


class Members:
    """The managed jobs of a set, in the order of their indices; only ever more are added."""

    def __init__(self, job_set: OpenSet) -> None:
        self.job_set = job_set
        self.jobs = [ManagedJob.of(job_set, index) for index in job_set.jobs]
        self._growing = threading.Lock()

    def job(self, index: int) -> ManagedJob:
        """The managed job of that index, which may have been split off a moment ago."""
        if index >= len(self.jobs):
            self.pairs(self.job_set.look(cached=True))
        return self.jobs[index]

    def pairs(self, report: SetReport) -> Iterator[tuple[ManagedJob, JobReport]]:
        """The jobs of a report of all jobs, each with its managed job, new ones among them."""
        with self._growing:
            self.jobs += [
                ManagedJob.of(self.job_set, job.index) for job in report.jobs[len(self.jobs) :]
            ]
        return zip(self.jobs, report.jobs, strict=False)

    def being_sent(self) -> bool:
        """Whether this process is still handing some of them over."""
        return any(managed.future and not managed.future.done() for managed in self.jobs)

    def wait_until_sent(self) -> None:
        """Wait until all were submitted, or could not be."""
        from concurrent.futures import wait

        wait([managed.future for managed in self.jobs if managed.future is not None])
