"""One job set on disk as the library's face uses it: looked at, waited for, cancelled."""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC
from typing import TYPE_CHECKING

from qjobs.contract import JobDetails, Provider
from qjobs.engine import cancel as cancelling
from qjobs.engine.address import Target, of_jobs
from qjobs.engine.asking import away
from qjobs.engine.deadline import Deadline, within
from qjobs.engine.details import details
from qjobs.engine.report import JobReport, SetReport
from qjobs.engine.status import status
from qjobs.engine.wait import Limit, follow
from qjobs.engine.workspace import Workspace
from qjobs.errors import ProviderError, UsageError
from qjobs.managed.circuit_names import CircuitNames
from qjobs.managed.errors import JobManagerInvalidStateError
from qjobs.managed.kept import KeptResults
from qjobs.store.folder import SetFolder

if TYPE_CHECKING:
    from concurrent.futures import Future

_LOG = logging.getLogger(__name__)


class OpenSet:
    """A job set and what is needed to work on it. Its methods may be called from any thread."""

    def __init__(self, workspace: Workspace, folder: SetFolder) -> None:
        self.workspace = workspace
        self.folder = folder
        self.circuits = CircuitNames(folder)
        self.kept = KeptResults(folder, self.circuits, backend_name=self.backend_name)
        self.last: SetReport | None = None
        self.wake: Callable[[], None] = lambda: None  # whoever hands its jobs over

    @property
    def provider(self) -> Provider:
        """The provider of the set. Raises ProviderError."""
        return self.workspace.provider_at(self.folder.job_set.destination)

    @property
    def name(self) -> str:
        """The set's name; the time it was made, in UTC, if it was given none."""
        job_set = self.folder.job_set
        return job_set.name or job_set.created.astimezone(UTC).replace(tzinfo=None).isoformat()

    @property
    def backend_name(self) -> str:
        """The name of the backend; of the provider, if that chooses it."""
        return self.folder.job_set.backend or self.folder.job_set.provider

    @property
    def jobs(self) -> range:
        """The indices of the jobs."""
        return range(len(self.folder.slices))

    def check(self) -> None:
        """Raise JobManagerInvalidStateError if no job of the set could run, as things are."""
        job_set = self.folder.job_set
        if gone := away(self.provider, job_set):
            raise JobManagerInvalidStateError(
                f"{gone.who} can go on with the set", hint="give it: resume(backend)"
            )
        try:
            self.provider.check(job_set.backend, job_set.options)
        except UsageError as error:
            raise JobManagerInvalidStateError(error.message, hint=error.hint) from error

    def label(self, *, name: str | None = None, tags: Sequence[str] | None = None) -> None:
        """Give the set another name, other tags, or both. Raises StateError."""
        with self.folder.journal() as journal:
            journal.label(name=name, tags=tags)
        self.folder.refresh()

    def look(self, jobs: Sequence[int] | None = None, *, cached: bool = False) -> SetReport:
        """How jobs are, in one question to the provider; `cached` asks nobody."""
        report = status(self.workspace, self.target(jobs), cached=cached)
        if jobs is None:
            self.last = report
        return report

    def details(self, job: int) -> JobDetails:
        """The provider's details of a job beyond its status; empty if it has none."""
        report = self.look([job], cached=True)
        found = details(self.workspace, self.folder.job_set, report.jobs)
        return found.get(job, JobDetails())

    def follow(
        self, jobs: Sequence[int] | None, timeout_s: float | None, stop: threading.Event
    ) -> Iterator[SetReport]:
        """How jobs are, again and again until they stand still or the time is up.

        The results of what is done are on the disk before a report says so.
        """
        limit = Limit(timeout_s=timeout_s)
        for (report,) in follow(self.workspace, [self.target(jobs)], limit=limit, stop=stop):
            if jobs is None:
                self.last = report
            yield report

    def wait(
        self, jobs: Sequence[int] | None, timeout_s: float | None
    ) -> tuple[SetReport, list[JobReport]]:
        """How jobs are when they stand still or the time is up; see `rest`."""
        *_, report = self.follow(jobs, timeout_s, threading.Event())
        return self.rest(report, timeout_s)

    def rest(self, report: SetReport, timeout_s: float | None) -> tuple[SetReport, list[JobReport]]:
        """A report, and those of its jobs that may still come to an end by themselves.

        The report is made anew if some jobs had not been sent: they may have been since. If there
        is a `timeout_s`, it is over by now, and nobody waits long for that.
        """
        submitting = self.folder.being_submitted()
        if any(job.unsent for job in report.jobs):
            deadline = Deadline(None if timeout_s is None else 0)
            target = self.target([job.index for job in report.jobs])
            report = status(within(self.workspace, deadline), target)
        return report, [job for job in report.jobs if job.pending or (submitting and job.unsent)]

    def cancel(self, jobs: Sequence[int]) -> tuple[cancelling.CancelReport, ...]:
        """Drop what was not sent and ask for the rest to be stopped. Raises ProviderError."""
        try:
            return cancelling.cancel(self.workspace, self.target(jobs))
        finally:
            self.wake()

    def stop(self, jobs: "Mapping[int, Future[None] | None]") -> bool:
        """Stop jobs; whether none of them will run on. What could not be is logged.

        One that is being submitted at this moment, as its future tells, is let through, and then
        stopped.
        """
        from concurrent.futures import wait

        try:
            reports = self.cancel([*jobs])
            if not all(report.stopped and not report.in_flight for report in reports):
                wait([future for future in jobs.values() if future is not None])
                reports = self.cancel([*jobs])
        except ProviderError as error:
            _LOG.warning("jobs of the set %s: %s", self.folder.job_set.set_id, error)
            return False
        for report in reports:
            if not report.stopped:
                _LOG.warning(
                    "the job %s for experiments %s was not cancelled: %s",
                    report.job_id, report.slice, report.outcome,
                )  # fmt: skip
        return all(report.stopped for report in reports)

    def target(self, jobs: Sequence[int] | None) -> Target:
        """Address some jobs of the set, or all of them."""
        if jobs is None:
            return Target(self.folder, self.folder.job_set.indices)
        return of_jobs(self.folder, jobs)
