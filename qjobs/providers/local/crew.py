"""The worker processes, as the supervisor sees them: who is free, who said what, who died."""

import json
import os
import selectors
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from typing import NamedTuple

from qjobs.children import channel
from qjobs.children.lifetime import death
from qjobs.providers.local.folder import Folder
from qjobs.providers.local.queued import QueuedJob

LARGEST_REPLY_BYTES = 1 << 16
_ENDING_S = 5.0  # between the end of the answers and that of the process, with a core dump
_LOG = 2  # stderr, which the supervisor was given as its log


class Ended(NamedTuple):
    """How a job ended: with the `message` of what went wrong, or its results are there.

    Of these, `failed` are the circuits that gave nothing all the same, as runs of their
    positions, and `reason` is why the first did not.
    """

    message: str = ""
    failed: str | None = None
    reason: str = ""


class Worker:
    """One worker process and the job it has."""

    def __init__(self, folder: Folder) -> None:
        self.job: QueuedJob | None = None
        command = [sys.executable, "-P", "-m", "qjobs.providers.local.worker"]
        command += [str(folder.path), str(os.getpid())]
        self.process, self.replies = channel.start(command, printed=_LOG)
        self._heard = b""

    def give(self, job: QueuedJob, *, threads: int) -> None:
        """Have a job run on so many threads."""
        self.job = job
        assert self.process.stdin is not None
        request = json.dumps({"job": asdict(job), "threads": threads}).encode() + b"\n"
        # If it died, that is noticed where its replies are read.
        with suppress(BrokenPipeError):
            self.process.stdin.write(request)
            self.process.stdin.flush()

    def hear(self) -> Ended | None:
        """Read what it said: how its job ended, or None if it died.

        Call only when there is something to read.
        """
        self._heard = b""
        while not self._heard.endswith(b"\n"):
            said = os.read(self.replies.fileno(), LARGEST_REPLY_BYTES)
            if not said:
                return None
            self._heard += said
        return Ended(**json.loads(self._heard))

    def end(self, *, ending: bool = False) -> str:
        """Make sure that it is dead and say what it died of.

        One that is `ending` by itself gets a moment for it: killed, it would have died of that.
        """
        if ending:
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(_ENDING_S)
        self.process.kill()
        code = self.process.wait()
        for pipe in (self.process.stdin, self.replies):
            assert pipe is not None
            with suppress(BrokenPipeError):
                pipe.close()
        return death(code)


class Crew:
    """At most `size` workers, started when there is work for them."""

    def __init__(self, folder: Folder, size: int) -> None:
        self.size = size
        self._folder = folder
        self._workers: list[Worker] = []
        self._selector = selectors.DefaultSelector()

    @property
    def jobs(self) -> list[QueuedJob]:
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
        self._selector.register(worker.replies, selectors.EVENT_READ, worker)
        self._workers.append(worker)
        return worker

    def wait(self, timeout_s: float) -> Iterator[Worker]:
        """The workers that have something to say or died, as soon as there is one."""
        for key, _ in self._selector.select(timeout_s):
            yield key.data

    def dismiss(self, worker: Worker, *, ending: bool = False) -> str:
        """End a worker, dead, `ending` or alive, and say what it died of."""
        self._selector.unregister(worker.replies)
        self._workers.remove(worker)
        return worker.end(ending=ending)

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
