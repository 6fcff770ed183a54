"""Which processes are alive: each holds a lock on a file of its own, however it ends."""

from contextlib import suppress
from pathlib import Path

from qjobs import files
from qjobs.errors import StateError
from qjobs.known_jobs.database import unusable
from qjobs.lock import FileLock


class Processes:
    """The lock files in `folder`. Raises ProviderError where they cannot be used."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def enter(self, process: str) -> FileLock:
        """Let a process be alive, as long as the lock is not closed."""
        lock = FileLock(self._path(process))
        try:
            files.make_folder(self._folder)
            lock.acquire(wait_s=0)
        except (OSError, StateError) as error:
            raise unusable(self._path(process), error) from error
        return lock

    def leave(self, process: str, lock: FileLock) -> None:
        """Let a process be dead."""
        self.forget(process)
        lock.close()

    def forget(self, process: str) -> None:
        """Take away the file of a process that is dead, or is about to be."""
        with suppress(OSError):
            self._path(process).unlink()

    def live(self, process: str) -> bool:
        """Whether a process has not left, nor ended in any other way."""
        path = self._path(process)
        if not path.exists():
            return False
        lock = FileLock(path)
        try:
            return not lock.acquire(wait_s=0)
        except StateError as error:
            raise unusable(path, error) from error
        finally:
            lock.close()

    def _path(self, process: str) -> Path:
        return self._folder / f"{process}.lock"
