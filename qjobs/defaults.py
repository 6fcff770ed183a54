"""What a provider need not write: the usual answers, and questions for many jobs one by one."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from qjobs import pool
from qjobs.contract import (
    BackendInfo,
    CancelOutcome,
    Capabilities,
    Finding,
    Limits,
    Provider,
    TriesOut,
)
from qjobs.errors import AuthError, ProviderError, QjobsError, UnknownBackend
from qjobs.model import JobStatus, RunOptions
from qjobs.near import near_ones

Answer = TypeVar("Answer")


def one_by_one(
    job_ids: Sequence[str], ask: Callable[[str], Answer], *, connections: int
) -> dict[str, Answer]:
    """The answer for each job, asked for `connections` at a time. Raises what `ask` does."""
    jobs = [*dict.fromkeys(job_ids)]
    answers = pool.each(
        lambda job_id: (job_id, ask(job_id)), jobs, width=min(connections, len(jobs))
    )
    found = dict(answers)
    return {job_id: found[job_id] for job_id in jobs}


def see_cancelled(
    before: Mapping[str, JobStatus],
    look: Callable[[], Mapping[str, JobStatus]],
    *,
    limit_s: float,
    poll_s: float,
) -> dict[str, CancelOutcome]:
    """What becomes of a wish to cancel jobs that were so `before`.

    They are looked at until all that `look` tells of have ended, or for so long. A job that nobody
    knows was UNKNOWN before, and `look` does not tell of it.
    """
    until_s = time.monotonic() + limit_s
    after = look()
    while not all(status.final for status in after.values()) and time.monotonic() < until_s:
        time.sleep(poll_s)
        after = look()
    return {job_id: _cancelled(known, after.get(job_id, known)) for job_id, known in before.items()}


def _cancelled(before: JobStatus, after: JobStatus) -> CancelOutcome:
    if after is JobStatus.CANCELLED and not before.final:
        return CancelOutcome.CANCELLED
    if after.final:
        return CancelOutcome.ALREADY_FINAL
    unknown = before is after is JobStatus.UNKNOWN
    return CancelOutcome.REFUSED if unknown else CancelOutcome.REQUESTED


def try_out(provider: Provider) -> Iterator[Finding]:
    """What a provider finds out of itself, or else whether it lists backends. Submits no more."""
    if isinstance(provider, TriesOut):
        yield from provider.try_out()
        return
    try:
        number = len(provider.backends())
        yield Finding("backends", works=bool(number), detail=f"it lists {number}")
    except QjobsError as error:
        yield Finding("backends", works=False, detail=error.message, hint=error.hint)


class Defaults:
    """A base class for providers. `backends`, `submit`, `find` and `result` are left to write.

    And either `statuses` or `status`, for one job. All backends are alike: any number of circuits
    a job, found by their tags at once. A provider that can cancel has `cancel_one`, or `cancel`.
    """

    connections = Limits().connections
    """How many threads may ask, or submit, at once."""

    def backends(self) -> Sequence[BackendInfo]:
        """The backends that the user may name."""
        raise NotImplementedError

    def capabilities(self, backend: str) -> Capabilities:
        """Every job is found by its tag, at once. Raises UnknownBackend."""
        self.check(backend, RunOptions())
        return Capabilities(finds=True)

    def limits(self, backend: str) -> Limits:
        """None but the `connections`. Raises UnknownBackend."""
        self.check(backend, RunOptions())
        return Limits(connections=self.connections)

    def check(self, backend: str, options: RunOptions) -> None:
        """Raise UnknownBackend, naming near ones, for what is none of the `backends`."""
        names = [info.name for info in self.backends()]
        if backend and backend not in names:
            raise UnknownBackend(
                f"no backend {backend!r}{near_ones(backend, names)}",
                hint="qjobs backends lists those that there are",
            )

    def status(self, job_id: str, *, backend: str) -> JobStatus:
        """The status of one job; UNKNOWN if there is no such job."""
        raise NotImplementedError

    def statuses(self, job_ids: Sequence[str], *, backend: str) -> dict[str, JobStatus]:
        """The `status` of each job, one question each.

        One that cannot be asked is UNKNOWN, unless that is so for all of them.
        """
        problems: list[ProviderError] = []

        def ask(job_id: str) -> JobStatus:
            try:
                return self.status(job_id, backend=backend)
            except AuthError:
                raise
            except ProviderError as error:
                problems.append(error)
                return JobStatus.UNKNOWN

        statuses = one_by_one(job_ids, ask, connections=self.connections)
        if problems and len(problems) == len(statuses):
            raise problems[0]
        return statuses

    def error_message(self, job_id: str, *, backend: str) -> str:
        """Nothing."""
        return ""

    def cancel_one(self, job_id: str, *, backend: str) -> CancelOutcome:
        """Say that jobs cannot be cancelled."""
        return CancelOutcome.NOT_SUPPORTED

    def cancel(self, job_ids: Sequence[str], *, backend: str) -> dict[str, CancelOutcome]:
        """Ask for jobs to be stopped by `cancel_one`, one request each."""
        return one_by_one(
            job_ids,
            lambda job_id: self.cancel_one(job_id, backend=backend),
            connections=self.connections,
        )
