"""The local provider's folder: what lies where, and results that are written once."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from qjobs import files
from qjobs.errors import ProviderError
from qjobs.regular import open_regular

_DIGITS = 19  # of the number in a file that is written over and over


@dataclass(frozen=True, slots=True)
class Folder:
    """The folder at `path`, private to its owner; everything the provider knows is in it."""

    path: Path

    @property
    def queue(self) -> Path:
        """The jobs."""
        return self.path / "queue.db"

    def identity(self) -> tuple[tuple[int, int], ...] | None:
        """Which lock and queue are here, as devices and inodes; None unless both are."""
        try:
            return tuple(
                (found.st_dev, found.st_ino) for found in (self.lock.stat(), self.queue.stat())
            )
        except OSError:
            return None

    @property
    def lock(self) -> Path:
        """Held as long as a supervisor lives; says its process id."""
        return self.path / "supervisor.lock"

    @property
    def log(self) -> Path:
        """The log: stderr of supervisors and workers."""
        return self.path / "supervisor.log"

    def relative(self, path: str) -> str:
        """How a path stands in the queue: from the state folder, for that may be moved."""
        home = self.path.parent
        return str(Path(path).relative_to(home)) if Path(path).is_relative_to(home) else path

    def moved(self, path: str) -> str:
        """That of a path that was written whole, wherever the state folder was at that time."""
        here = self.path.parent.joinpath(*Path(path).parts[-3:])  # sets/<id>/<name>
        return self.relative(str(here) if here.exists() else path)

    def located(self, path: str) -> str:
        """Where a path of the queue is now."""
        return str(self.path.parent / path)

    def result(self, job_id: str) -> Path:
        """The results of a job: the body of a `JobResult`, there as a whole or not at all.

        Raises ProviderError for an id that would lead out of the folder: it is none of ours.
        """
        return self.path / "results" / f"{self._own(job_id)}.jsonl"

    def _own(self, job_id: str) -> str:
        if "/" in job_id:
            raise ProviderError(f"{self.queue} has a job that is none of ours: {job_id!r}")
        return job_id

    def has_result(self, job_id: str) -> bool:
        """Whether the job has run to its end, whatever became of those who ran it."""
        # An id that is none of ours is no reason for the supervisor to die: its job fails.
        return "/" not in job_id and self.result(job_id).exists()

    def sweep(self) -> None:
        """Remove what workers that are gone have not finished writing."""
        files.sweep(self.path / "results")
        with suppress(OSError), os.scandir(self.path / "running") as entries:
            for entry in entries:
                self.forget(entry.name)

    def _running(self, job_id: str) -> Path:
        return self.path / "running" / self._own(job_id)

    @contextmanager
    def telling(self, job_id: str) -> Iterator[Callable[[int], None]]:
        """While a job runs, write down how many of its circuits have been run, as one is told.

        That takes 2 microseconds, for it is not flushed: it is of interest only while the job runs.
        Where it cannot be written, nobody is told.
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
        try:
            path = self._running(job_id)
            path.parent.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(path, flags, 0o600)
        except (OSError, ProviderError):
            yield lambda _: None
            return

        def tell(circuits: int) -> None:
            with suppress(OSError):
                os.pwrite(descriptor, b"%*d" % (_DIGITS, circuits), 0)

        try:
            yield tell
        finally:
            os.close(descriptor)
            self.forget(job_id)

    def told(self, job_id: str) -> int | None:
        """How many circuits of a running job have been run, if that is written down."""
        try:
            with open_regular(self._running(job_id)) as file:
                return int(file.read(_DIGITS))
        except (OSError, ValueError, ProviderError):
            return None

    def forget(self, job_id: str) -> None:
        """Remove what was written down of a job that runs no more."""
        with suppress(OSError, ProviderError):
            self._running(job_id).unlink()

    def keep_result(self, job_id: str, body: bytes) -> None:
        """Write the results of a job durably. The first ones stay. Raises OSError."""
        path = self.result(job_id)
        if not path.exists():
            files.make_folder(path.parent)
            files.replace(path, body)
