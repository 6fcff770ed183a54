"""When the faults of a script strike: counted on disk, so that all processes share the count."""

from qjobs.errors import AuthError, JobRefused, PendingLimit, RateLimited, TooLarge
from qjobs.model import RunOptions, Slice
from qjobs.providers.fake.books import Page
from qjobs.providers.fake.script import Script
from qjobs.tags import set_tag_of


class Faults:
    """The faults of the series that a tag belongs to, while a page of the books is open."""

    def __init__(self, page: Page, tag: str, script: Script) -> None:
        self._page = page
        self._series = set_tag_of(tag)
        self._script = script

    def strikes(self, name: str) -> bool:
        """Whether the fault of this key strikes now: the first N times that it may."""
        most = getattr(self._script, name)
        return bool(most) and self._page.count(self._series, name) <= most

    def reached(self, name: str) -> bool:
        """Whether the fault of this key strikes now: the Nth time alone."""
        turn = getattr(self._script, name)
        return bool(turn) and self._page.count(self._series, name) == turn

    def job_fails(self) -> bool:
        """Whether the job that is being accepted is to end in ERROR."""
        script = self._script
        if not (script.fail or script.fail_every):
            return False
        ordinal = self._page.count(self._series, "fail")
        return ordinal <= script.fail or bool(script.fail_every and not ordinal % script.fail_every)


def turn_away(faults: Faults, script: Script, part: Slice, options: RunOptions) -> None:
    """Raise a NotAccepted where the script says that this job is not wanted, now or ever."""
    if not script.auth:
        raise AuthError("the credentials are not accepted (auth)")
    if script.circuits and part.experiments_count > script.circuits:
        raise TooLarge(f"a job may have {script.circuits} circuits, not {part.experiments_count}")
    executions = part.experiments_count * options.shots
    if script.executions and executions > script.executions:
        raise TooLarge(f"a job may have {script.executions} executions, not {executions}")
    for index in script.refuse_circuits:
        if part.start_index <= index <= part.end_index:
            raise JobRefused(f"circuit {index} cannot be run (refuse_circuits)")
    if faults.strikes("refuse"):
        raise JobRefused("the job was refused (refuse)")


def check_pending(page: Page, script: Script, backend: str, now_s: float) -> None:
    """Raise PendingLimit while there are as many unfinished jobs as the script allows."""
    if script.pending and page.unfinished(backend, now_s) >= script.pending:
        raise PendingLimit(f"there are {script.pending} unfinished jobs, no more are allowed")


def keep_pace(page: Page, script: Script, backend: str, now_s: float) -> None:
    """Raise RateLimited while there are too many calls that submit a minute.

    The pace is a token bucket in the form that needs one number: when the next submit would be
    due if all kept to the rate, and `burst` of them may come early.
    """
    if not script.rate:
        return
    interval_s = 60 / script.rate
    due_s = max(page.due_s(backend), now_s)
    wait_s = due_s - (script.burst - 1) * interval_s - now_s
    if wait_s > 0:
        raise RateLimited(f"more than {script.rate} submits a minute", retry_after_s=wait_s)
    page.set_due(backend, due_s + interval_s)
