"""The detached process that takes jobs from the queue in order and has workers run them.

`python -m qjobs.providers.local.supervisor FOLDER LOCK WORKERS IDLE_S DEATHS`, where LOCK is
the inherited descriptor of the supervisor's lock. It never loads Qiskit: a circuit that eats
all memory kills a worker, and this process lives to tell.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from qjobs.children.child import Died
from qjobs.model import JobStatus
from qjobs.providers.local.crew import Crew, Worker
from qjobs.providers.local.folder import Folder
from qjobs.providers.local.queue import Queue
from qjobs.providers.local.supervision import Staffing
from qjobs.simulators.job import SimulatorJob
from qjobs.simulators.sharing import Share, machine_bytes

POLL_S = 0.02
"""How soon new jobs and requests to cancel are seen. A look costs some 30 microseconds."""

GONE = "its circuits are gone: the folder of the set was deleted or moved away"


class Supervisor:
    """Runs the jobs of a folder until there have been none for a while, or the folder is gone."""

    def __init__(
        self,
        folder: Folder,
        staffing: Staffing,
        *,
        memory_bytes: int,
        clock: Callable[[], float],
    ) -> None:
        self._folder = folder
        self._staffing = staffing
        self._share = Share(staffing.workers, memory_bytes)
        self._clock = clock
        self._queue = Queue(folder)
        self._crew = Crew(folder, staffing.workers)
        self._opened: tuple[tuple[int, int], ...] | None = None

    def run(self, release: Callable[[], None]) -> None:
        """Serve until idle, then call `release`, which frees the lock. Raises ProviderError.

        Where the folder is not here any more, it ends without that.
        """
        try:
            self._queue.recover(self._folder.has_result)
            self._folder.sweep()
            self._opened = self._folder.identity()
            self._serve(release)
        finally:
            self._crew.dismiss_all()

    def _serve(self, release: Callable[[], None]) -> None:
        seen = None
        busy_at = self._clock()
        while True:
            # Read before the queue is: what changes in between is seen the next time.
            version = self._queue.version()
            if version != seen:
                seen = version
                self._cancel()
                self._assign()
            if self._crew.jobs:
                busy_at = self._clock()
            elif self._clock() - busy_at >= self._staffing.idle_s and self._queue.leave(release):
                return
            ready = tuple(self._crew.wait(POLL_S))
            # Before it is heard that a worker has failed, which it may have because of that.
            if self._is_moved():
                return
            for worker in ready:
                self._hear(worker)
                self._assign()
            self._stop_orphans()

    def _is_moved(self) -> bool:
        """Whether the folder is not here any more: who uses it elsewhere starts a supervisor."""
        found = self._folder.identity()
        return found is None or found != self._opened

    def _is_orphan(self, job: SimulatorJob) -> bool:
        """Whether nobody can ask for the job any more, for its set was deleted."""
        return not Path(job.file).parent.exists() and not self._is_moved()

    def _stop_orphans(self) -> None:
        for job in filter(self._is_orphan, self._crew.jobs):
            worker = self._crew.running(job.job_id)
            if worker is not None:
                self._crew.dismiss(worker)
                self._queue.finish(job.job_id, JobStatus.ERROR, GONE)
                self._assign()

    def _assign(self) -> None:
        while True:
            job, waiting = self._queue.head()
            if job is None:
                return
            if self._is_orphan(job):
                if self._queue.start(job.job_id):
                    self._queue.finish(job.job_id, JobStatus.ERROR, GONE)
                continue
            jobs = self._crew.jobs
            needs_bytes = self._share.needs_bytes
            if jobs and sum(map(needs_bytes, [job, *jobs])) > self._share.memory_bytes:
                return
            worker = self._crew.free()
            if worker is None:
                return
            self._folder.forget(job.job_id)  # a worker that died of it may have been further
            if self._queue.start(job.job_id):
                worker.give(job, threads=self._threads(job, len(jobs) + waiting))

    def _threads(self, job: SimulatorJob, unfinished: int) -> int:
        """How many threads a job gets."""
        return self._crew.size // self._share.side_by_side(job, unfinished)

    def _hear(self, worker: Worker) -> None:
        job = worker.job
        try:
            ended = worker.hear()
        except Died as death:
            self._crew.dismiss(worker)
            if job is not None:
                self._bury(job.job_id, str(death))
            return
        if job is not None:
            worker.job = None
            status = JobStatus.ERROR if ended.message else JobStatus.DONE
            self._queue.finish(
                job.job_id, status, ended.message or ended.reason, failed=ended.failed
            )

    def _bury(self, job_id: str, reason: str) -> None:
        if self._folder.has_result(job_id):
            self._queue.finish(job_id, JobStatus.DONE)
        else:
            self._queue.give_back(job_id, reason=reason, deaths_allowed=self._staffing.deaths)

    def _cancel(self) -> None:
        for job_id in self._queue.to_cancel():
            worker = self._crew.running(job_id)
            if worker is not None:
                self._crew.dismiss(worker)
            if self._folder.has_result(job_id):
                self._queue.finish(job_id, JobStatus.DONE)
            else:
                self._queue.finish(job_id, JobStatus.CANCELLED, "cancelled while it ran")


def _end(*_: object) -> None:
    raise SystemExit(0)


def main(arguments: list[str]) -> None:
    """Run as a process of its own."""
    path, lock, workers, idle_s, deaths = arguments
    held = int(lock)
    signal.signal(signal.SIGTERM, _end)
    os.pwrite(held, str(os.getpid()).encode(), 0)
    folder = Folder(Path(path))
    mine = os.fstat(held)
    if (mine.st_dev, mine.st_ino) not in (folder.identity() or ()):
        return  # moved while this process started; to open the queue would make another one
    supervisor = Supervisor(
        folder,
        Staffing(int(workers), float(idle_s), int(deaths)),
        memory_bytes=machine_bytes(),
        clock=time.monotonic,
    )
    supervisor.run(lambda: os.close(held))


if __name__ == "__main__":
    main(sys.argv[1:])
