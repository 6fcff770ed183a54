"""The jobs whose vendor objects this process has: their results are kept as soon as they end."""

import atexit
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from qjobs.backends.endings import Ending, ending_of
from qjobs.circuits.foreign import describe
from qjobs.contract import CancelOutcome
from qjobs.errors import ProviderError
from qjobs.lock import FileLock
from qjobs.model import JobStatus, RunOptions
from qjobs.providers.held.known_jobs import KnownJobs

if TYPE_CHECKING:
    from qjobs.circuits.layout import Layout

_MOST_THREADS = 16
_CANCEL_POLL_S = 0.25
_LAST_WAIT_S = 60.0


class HeldJob:
    """A vendor's job object and what is needed to read it. Safe in many threads.

    `layouts` are those of its circuits as the job has them; `order` are their places in the slice,
    if these are others.
    """

    def __init__(
        self,
        job: Any,
        *,
        job_id: str,
        number: int | None,
        layouts: "Sequence[Layout] | None",
        options: RunOptions,
        order: Sequence[int] = (),
    ) -> None:
        self.job = job
        self.job_id = job_id
        self.number = number
        self.layouts = layouts
        self.order = order
        self.options = options
        self._changing = threading.Lock()
        self._claimed = False
        self._ended = threading.Event()
        self._ending: Ending | None = None

    @property
    def ending(self) -> Ending | None:
        """How it ended; None while it has not, or its result is not kept."""
        return self._ending

    def wait(self, timeout_s: float) -> Ending | None:
        """Its ending, waited for a little."""
        self._ended.wait(timeout_s)
        return self._ending

    def claim(self) -> bool:
        """True for one thread alone, which then asks for the result: some can be read once."""
        with self._changing:
            claimed, self._claimed = self._claimed, True
            return not claimed

    def end(self, known_jobs: KnownJobs, ending: Ending) -> None:
        """Let it end so, unless it has ended. The disk is told first."""
        with self._changing:
            if self._ending is not None:
                return
            body = ending.result.body if ending.result else b""
            if self.number is not None:
                # What cannot be kept on the disk is kept here, for as long as the process lives.
                with suppress(ProviderError):
                    known_jobs.end(self.number, ending.status, ending.message, body)
                    ending = ending._replace(result=None)
            self._ending = ending
            self._ended.set()


class Collector:
    """The held jobs of one process, and daemon threads that ask for their results.

    The process is alive among the known jobs from its first job on. A fork has none of the jobs.
    """

    def __init__(self, known_jobs: KnownJobs) -> None:
        self._known_jobs = known_jobs
        self._reset()

    def _reset(self) -> None:
        self._changing = threading.Lock()
        self._jobs: dict[str, HeldJob] = {}
        self._unfinished: dict[str, HeldJob] = {}
        self._waiting: deque[HeldJob] = deque()
        self._threads = 0
        self._watching = False
        self._process = ""
        self._life: FileLock | None = None

    def process(self) -> str:
        """The name under which this process is known to be alive. Raises ProviderError."""
        with self._changing:
            if self._life is None:
                self._process = f"{os.getpid()}-{os.urandom(6).hex()}"
                self._life = self._known_jobs.processes.enter(self._process)
                atexit.register(self._finish)
                if sys.platform != "win32":
                    os.register_at_fork(after_in_child=self._forked)
            return self._process

    def get(self, job_id: str) -> HeldJob | None:
        """The job of an id, if this process has it."""
        return self._jobs.get(job_id)

    def add(self, held: HeldJob) -> None:
        """See to it that the job's result is kept as soon as it ends."""
        with self._changing:
            self._jobs[held.job_id] = self._unfinished[held.job_id] = held
            self._waiting.append(held)
            if self._threads < _MOST_THREADS:
                self._threads += 1
                threading.Thread(target=self._work, name="qjobs-keep", daemon=True).start()
            if not self._watching:
                self._watching = True
                threading.Thread(target=self._watch, name="qjobs-cancel", daemon=True).start()

    def status(self, held: HeldJob, *, until: float) -> JobStatus:
        """What the vendor says; but a job has ended only when what came of it is kept.

        For that it waits until the time `until` of the monotonic clock.
        """
        from qjobs.backends import jobs

        if held.ending is not None:
            return held.ending.status
        try:
            status, reason = jobs.status(held.job)
        except ProviderError:
            return JobStatus.UNKNOWN
        if not status.final:
            return status
        ending = held.wait(max(0.0, until - time.monotonic()))
        if ending is not None:
            return ending.status
        if status is JobStatus.DONE:
            self._hasten(held)
            return JobStatus.RUNNING
        # The result of a job that failed or was cancelled may never come.
        self._end(held, Ending(status, jobs.said_error(held.job) or reason))
        return status

    def cancel(self, held: HeldJob) -> CancelOutcome:
        """Ask the vendor's job to stop. Raises ProviderError."""
        from qjobs.backends import jobs

        if held.ending is not None:
            return CancelOutcome.ALREADY_FINAL
        outcome = jobs.cancel(held.job)
        if outcome is CancelOutcome.CANCELLED:
            self._end(held, Ending(JobStatus.CANCELLED))
        return outcome

    def _collect(self, held: HeldJob) -> None:
        """Wait for a job to end and keep its result, unless another thread does."""
        if not held.claim():
            return
        try:
            ending = ending_of(held.job, held.layouts, options=held.options, order=held.order)
        except BaseException as error:  # noqa: BLE001 - a panic of compiled code is no Exception
            ending = Ending(JobStatus.ERROR, describe(error))
        self._end(held, ending)

    def _hasten(self, held: HeldJob) -> None:
        """Ask a job for its result out of turn: the threads may be waiting for hanging ones."""
        threading.Thread(target=self._collect, args=(held,), name="qjobs-keep", daemon=True).start()

    def _end(self, held: HeldJob, ending: Ending) -> None:
        """Keep how a job ended; the first word counts."""
        held.end(self._known_jobs, ending)
        with self._changing:
            self._unfinished.pop(held.job_id, None)

    def _work(self) -> None:
        while True:
            with self._changing:
                if not self._waiting:
                    self._threads -= 1
                    return
                held = self._waiting.popleft()
            self._collect(held)

    def _watch(self) -> None:
        """Cancel what other processes want cancelled, as long as there are unfinished jobs."""
        while True:
            time.sleep(_CANCEL_POLL_S)
            with self._changing:
                if not self._unfinished:
                    self._watching = False
                    return
            with suppress(ProviderError):
                for job_id in self._known_jobs.take_unwanted(self._process):
                    self._cancel(job_id)

    def _cancel(self, job_id: str) -> None:
        held = self._jobs.get(job_id)
        if held is not None:
            with suppress(ProviderError):
                self.cancel(held)

    def _finish(self) -> None:
        """Keep the results of the jobs that have ended, for the process is about to end."""
        from qjobs.backends import jobs

        for held in list(self._unfinished.values()):
            with suppress(Exception):
                if jobs.status(held.job)[0].final:
                    self._collect(held)
                    held.wait(_LAST_WAIT_S)
        if self._life is not None:
            self._known_jobs.processes.leave(self._process, self._life)

    def _forked(self) -> None:
        """In the child of a fork: threads and jobs stayed with the parent, the lock must too."""
        if self._life is not None:
            self._life.close()
        self._reset()
