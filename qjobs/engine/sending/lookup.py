"""What became of an attempt whose answer was lost: the provider is asked for its tag."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple

from qjobs.contract import Provider
from qjobs.errors import NotNow, ProviderError, UnknownBackend
from qjobs.facts import Fact, FactKind
from qjobs.model import Attempted, JobSet
from qjobs.store.journal import Journal


class Found(NamedTuple):
    """The provider's jobs of an attempt, the oldest first. If it has none, it got no call."""

    job_ids: Sequence[str]


class NotYet(NamedTuple):
    """The provider may come to know in a while."""

    ask_again_s: float


class Unclear(NamedTuple):
    """Nobody can tell, and why; nor ever will, if it is `for_good`."""

    reason: str
    for_good: bool = False


def look_up(
    provider: Provider, job_set: JobSet, attempt: Attempted, now: datetime
) -> Found | NotYet | Unclear:
    """Ask the provider, once that can be of use, for the jobs that carry an attempt's tag.

    Which there are, or that there is none, is sure only after the provider's settle time, and
    only if it finds every job that it has.
    """
    try:
        capabilities = provider.capabilities(job_set.backend)
        young_s = capabilities.settle_s - (now - attempt.at).total_seconds()
        if capabilities.finds and 0 < young_s <= capabilities.settle_s:
            return NotYet(young_s)
        found = provider.find(attempt.tag, backend=job_set.backend)
    except UnknownBackend as error:
        return Unclear(f"cannot ask what became of it: {error.message}")
    except ProviderError as error:
        if isinstance(error, NotNow) and error.retry_after_s is not None:
            # It knows better than we when the call itself was made.
            return NotYet(error.retry_after_s)
        return Unclear(f"cannot ask what became of it: {error.message}")
    if not found and not capabilities.finds:
        reason = f"it may or may not have been accepted, and {job_set.provider} cannot tell"
        return Unclear(reason, for_good=True)
    return Found(found)


def open_resends(
    provider: Provider,
    job_set: JobSet,
    journal: Journal,
    jobs: Sequence[int],
    *,
    clock: Callable[[], datetime],
) -> None:
    """Open a further attempt for each unknown job that the provider cannot find for us."""
    if provider.capabilities(job_set.backend).finds:
        return
    for index in jobs:
        job = journal.job(index)
        # What it happens to know is adopted later on, and so is what it cannot look up now.
        with suppress(ProviderError):
            if not isinstance(job.state, Attempted) or job.attempt.withdrawn:
                continue
            if not provider.find(job.state.tag, backend=job_set.backend):
                number = job.attempt.number + 1
                journal.append(Fact(index, number, clock(), FactKind.PLANNED, "resent on request"))
