"""An exclusive lock between processes that the kernel takes back when its holder dies.

Written here because recording a fact costs about 100 us, and the `filelock` package was
measured at 170 us an acquisition and 30 ms of import.
"""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qjobs.errors import StateUnwritable

_FIRST_PAUSE_S = 0.0005
_LONGEST_PAUSE_S = 0.02

if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


class FileLock:
    """The lock on one file, which is made where it is missing and holds nothing.

    Two of these on one file exclude each other, in one process as in several. One of these
    is for one thread at a time.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self, *, wait_s: float) -> bool:
        """Take the lock, within about `wait_s` seconds. Raises StateUnwritable."""
        try:
            if self._descriptor is None:
                self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            if _try_lock(self._descriptor):
                return True
            end = time.monotonic() + wait_s
            pause_s = _FIRST_PAUSE_S
            while time.monotonic() < end:
                time.sleep(pause_s)
                if _try_lock(self._descriptor):
                    return True
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
        except OSError as error:
            raise StateUnwritable(f"cannot lock {self._path}: {error.strerror}") from error
        return False

    def release(self) -> None:
        """Let go of the lock; the next `acquire` finds the file open."""
        if self._descriptor is not None:
            _unlock(self._descriptor)

    @contextmanager
    def held(self, *, wait_s: float) -> Iterator[None]:
        """Hold the lock for a while. Raises StateUnwritable if it does not come free in time."""
        if not self.acquire(wait_s=wait_s):
            raise StateUnwritable(
                f"another process has held {self._path} for {wait_s:.0f} seconds",
                hint=f"end the process that holds it (fuser {self._path} names it), and run the "
                "command again",
            )
        try:
            yield
        finally:
            self.release()

    def close(self) -> None:
        """Let go of the lock and the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
