"""The worker processes, as the supervisor sees them: who is free, who said what, who died."""

import selectors
from collections.abc import Iterator
from dataclasses import asdict

from qjobs.children.child import Child, Expired
from qjobs.providers.local.folder import Folder
from qjobs.simulators.ending import Ended
from qjobs.simulators.job import SimulatorJob

_ANSWERING_S = 60.0  # for the rest of an answer, once it has begun
_LOG = 2  # stderr, which the supervisor was given as its log


class Worker:
    """One worker process and the job it has."""

    def __init__(self, folder: Folder) -> None:
        self.job: SimulatorJob | None = None
        self.child = Child.of("qjobs.providers.local.worker", folder.path, printed=_LOG)

    def give(self, job: SimulatorJob, *, threads: int) -> None:
        """Have a job run on `threads` threads."""
        self.job = job
        try:
            self.child.send({"job": asdict(job), "threads": threads})
        except Expired:
            self.child.kill()  # which is noticed where its answers are read

    def hear(self) -> Ended:
        """Read how its job ended, when there is something to read. Raises Died."""
        return Ended(**self.child.answer(limit_s=_ANSWERING_S).fields["ended"])


class Crew:
    """At most `size` workers, started when there is work for them."""

    def __init__(self, folder: Folder, size: int) -> None:
        self.size = size
        self._folder = folder
        self._workers: list[Worker] = []
        self._selector = selectors.DefaultSelector()

    @property
    def jobs(self) -> list[SimulatorJob]:
        """The jobs that run."""
        return [worker.job for worker in self._workers if worker.job is not None]

    def free(self) -> Worker | None:
        """A worker without a job, a new one if need be; None if all are busy."""
        for worker in self._workers:
            if worker.job is None:
                return worker
        if len(self._workers) == self.size:
            return None
        worker = Worker(self._folder)
        self._selector.register(worker.child, selectors.EVENT_READ, worker)
        self._workers.append(worker)
        return worker

    def wait(self, timeout_s: float) -> Iterator[Worker]:
        """The workers that have something to say or died, as soon as there is one."""
        for key, _ in self._selector.select(timeout_s):
            yield key.data

    def dismiss(self, worker: Worker) -> None:
        """End a worker, dead or alive."""
        self._selector.unregister(worker.child)
        self._workers.remove(worker)
        worker.child.end()

    def dismiss_all(self) -> None:
        """End all workers."""
        for worker in tuple(self._workers):
            self.dismiss(worker)

    def running(self, job_id: str) -> Worker | None:
        """The worker that has a job."""
        for worker in self._workers:
            if worker.job is not None and worker.job.job_id == job_id:
                return worker
        return None
