"""Submit managed jobs of one set."""

import threading
from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Protocol, assert_never

from qjobs import pool
from qjobs.engine.report import JobReport, report_jobs
from qjobs.engine.sending.lookup import open_resends
from qjobs.engine.sending.reconcile import reconcile
from qjobs.engine.sending.steps import Submitter, Wait
from qjobs.engine.sending.submission import submission
from qjobs.errors import JobRefused, ProviderError, QjobsError
from qjobs.managed.at_exit import stay_for
from qjobs.managed.open_set import OpenSet
from qjobs.managed.submit_queue import JobSteps, Lock, queue_of
from qjobs.managed.warning import warn
from qjobs.model import Accepted, Attempted, Dropped, Finished, Planned, Refused

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future


class Submitted(Protocol):
    """What a managed job is to those who submit it."""

    index: int
    future: "Future[None] | None"
    submit_error: Exception | None

    def settled(self, job: JobReport, error: QjobsError | None) -> None:
        """Take in how submitting the job has ended."""


def submit(
    job_set: OpenSet,
    jobs: Sequence[Submitted],
    lock: Lock,
    executor: "Executor",
    *,
    split_off: Callable[[int], Submitted] | None,
    resend_unknown: bool = False,
) -> None:
    """Submit jobs of a set in this order, when the lock and the executor have time for it.

    What is too large for the backend is halved; `split_off` gives the managed jobs that this
    makes, by their indices. Where it is None, such a job is refused. Each job is told how that
    went, in the thread that did it. Raises StateError, among others if another process is at it,
    and ProviderError if it cannot be learnt what an earlier process has submitted.
    """
    by_index = {job.index: job for job in jobs}
    for job in jobs:
        job.submit_error = None

    def settled(job: JobReport, error: QjobsError | None) -> None:
        managed = by_index.get(job.index) or (split_off and split_off(job.index))
        if managed:
            managed.settled(job, error)

    from concurrent.futures import Future

    queue = queue_of(lock)
    provider = job_set.provider  # on this thread: it may be the first to import Qiskit
    futures: dict[int, Future[None]] = {index: Future() for index in by_index}

    def begin(stack: ExitStack) -> None:
        stay_for(job_set, queue, futures.values())
        submitter = stack.enter_context(
            submission(
                job_set.folder, provider,
                clock=job_set.workspace.clock, stop=queue.stop, warn=warn,
                halves=split_off is not None,
            )
        )  # fmt: skip
        reconcile(
            job_set.folder, submitter.provider, submitter.journal, clock=submitter.clock, say=warn
        )  # fmt: skip
        if resend_unknown:
            open_resends(
                submitter.provider, submitter.job_set, submitter.journal, [*by_index],
                clock=submitter.clock,
            )  # fmt: skip
        jobs_of_set = _Jobs(submitter, settled)
        job_set.wake = queue.wake
        for index, job in by_index.items():
            job.future = futures[index]
            queue.enqueue(jobs_of_set.steps(index), futures[index], lock, executor)

    try:
        _uninterrupted(begin, futures.values())
    except BaseException:
        # What has begun goes on, and the set is let go of after that; the rest stays planned.
        for future in futures.values():
            future.cancel()
        raise


def _uninterrupted(begin: Callable[[ExitStack], None], futures: "Collection[Future[None]]") -> None:
    """Add jobs to the queue in a thread of its own: whoever waits may be interrupted, that is not.

    Ctrl-C strikes the main thread anywhere, even between the taking of a lock and its release.
    What is put on the stack is closed as soon as this and the futures of all jobs are done.
    """
    from concurrent.futures import Future

    stack = ExitStack()
    problems: list[BaseException] = []
    ended: Future[None] = Future()

    def run() -> None:
        _after_all([*futures, ended], stack.close)
        try:
            begin(stack)
        except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
            problems.append(error)
        ended.set_result(None)

    thread = threading.Thread(target=run, name="qjobs-submit-queue")
    thread.start()
    pool.join(thread)
    for problem in problems:
        raise problem


def _after_all(futures: "Collection[Future[None]]", close: Callable[[], None]) -> None:
    """Have something closed as soon as all of some futures are done."""
    # An iterator gives each number once, to whichever thread.
    left = iter(range(len(futures) - 1, -1, -1))

    def one_done(_future: object) -> None:
        if next(left) == 0:
            close()

    for future in futures:
        future.add_done_callback(one_done)


class _Jobs:
    """Jobs of one set that are being submitted."""

    def __init__(
        self, submitter: Submitter, settled: Callable[[JobReport, QjobsError | None], None]
    ) -> None:
        self._submitter = submitter
        self._settled = settled
        self._warned = False
        self._hopeless: QjobsError | None = None

    def steps(self, index: int) -> JobSteps:
        """The steps of one job, and of those that were split off by then."""
        yield from self._steps(index)
        while self._submitter.split_off:
            with suppress(IndexError):  # where another thread was faster
                yield from self._steps(self._submitter.split_off.popleft())

    def _steps(self, index: int) -> JobSteps:
        """One job's steps. What no other job would survive is tried with none of them."""
        problem = ""
        if self._hopeless is None:
            try:
                problem = yield from self._with_warning(index)
            except QjobsError as error:
                self._hopeless = error
        try:
            job = self._submitter.journal.job(index)
        except QjobsError as error:
            # Nothing is known of any job by now; what was said before may hold a job's id.
            warn(str(self._hopeless or error))
            raise self._hopeless or error from error
        (report,) = report_jobs([job], None)
        match job.state:
            case Refused(message):
                self._settled(report, JobRefused(message))
            case Attempted():
                self._settled(report, self._hopeless or ProviderError(problem or report.message))
            case Planned():
                self._settled(report, self._hopeless)
            case Dropped() | Accepted() | Finished():
                self._settled(report, None)
            case unexpected:
                assert_never(unexpected)

    def _with_warning(self, index: int) -> Generator[Wait, None, str]:
        """The steps of one job; that they have to wait is said once a set."""
        steps = self._submitter.steps(index)
        while True:
            try:
                wait = next(steps)
            except StopIteration as end:
                return str(end.value[index])
            if not self._warned:
                self._warned = True
                warn(wait.reason)
            yield wait
