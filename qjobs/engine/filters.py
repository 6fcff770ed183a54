"""Which job sets, and which of their jobs, a verb is to look at: one rule for all that choose."""

from collections.abc import Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

from qjobs.engine.report import FINAL, JobReport, SetReport, State
from qjobs.model import JobSet

if TYPE_CHECKING:
    from qjobs.store.state.document import SetHeader


class SetFilter(NamedTuple):
    """What sets must be like: all of it, where it is not empty or None.

    They were created from `since` on and before `until`. The `name` is a pattern, and so is the
    `backend`: of `provider:backend`, or of one of the two. The set has all of the `tags`.
    """

    name: str = ""
    backend: str = ""
    tags: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None

    def takes_header(self, header: "SetHeader | JobSet") -> bool:
        """Whether a set may be one of them, by what is read of its file first."""
        return (
            (not self.name or fnmatchcase(header.name, self.name))
            and (self.since is None or header.created >= self.since)
            and (self.until is None or header.created < self.until)
        )

    def takes(self, job_set: JobSet) -> bool:
        """Whether a set is one of them, if `takes_header` says so of its header."""
        names = (str(job_set.destination), job_set.provider, job_set.backend)
        return (not self.backend or any(fnmatchcase(name, self.backend) for name in names)) and set(
            self.tags
        ) <= set(job_set.tags)

    def takes_both(self, job_set: JobSet) -> bool:
        """Whether a set whose state is read is one of them."""
        return self.takes_header(job_set) and self.takes(job_set)


class JobFilter(NamedTuple):
    """What jobs must be like: one of it, where anything is chosen.

    `failed` are those that gave no results, or not of all circuits, `pending` those that have not
    ended, `done` those that are done, and `states` those in one of these.
    """

    failed: bool = False
    pending: bool = False
    done: bool = False
    states: Sequence[State] = ()

    @property
    def chooses(self) -> bool:
        """Whether not all jobs are meant."""
        return any(self)

    def takes(self, job: JobReport) -> bool:
        """Whether a job is one of them."""
        return not self.chooses or (
            (self.failed and job.went_wrong)
            or (self.pending and job.state not in FINAL)
            or (self.done and job.state is State.DONE)
            or job.state in self.states
        )

    def takes_set(self, report: SetReport) -> bool:
        """Whether a set has such jobs; one is `done` when all of its jobs are."""
        if self.done and report.state is State.DONE:
            return True
        others = self._replace(done=False)
        if self.chooses and not others.chooses:
            return False
        return any(map(others.takes, report.jobs))


ALL_SETS = SetFilter()
ALL_JOBS = JobFilter()
