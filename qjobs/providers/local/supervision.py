"""Whether a supervisor lives, starting one, and stopping it.

A supervisor holds a lock on a file for as long as it lives; the kernel frees it however it
ends. Who wants one to run tries to take the lock, and if that works, starts a supervisor
that inherits it. So there is never a moment at which two run, and none at which one was
started but cannot be seen yet.
"""

import fcntl
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass

from qjobs.errors import ProviderError
from qjobs.providers.local.folder import Folder
from qjobs.regular import open_log

MOST_WORKERS = 4096
MOST_DEATHS = 1_000_000
LONGEST_IDLE_S = 1e9
_ASK_AGAIN_S = 1.0  # to end: what a signal raises may be lost where it comes
RESTARTS = 5
RESTARTS_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Staffing:
    """How many workers run, how long they wait for work, and how often one job may kill one."""

    workers: int
    idle_s: float = 30.0
    deaths: int = 3

    def __post_init__(self) -> None:
        possible = 1 <= self.workers <= MOST_WORKERS and 1 <= self.deaths <= MOST_DEATHS
        if not possible or not 0 <= self.idle_s <= LONGEST_IDLE_S:
            raise ValueError(
                f"workers={self.workers}, idle_s={self.idle_s:g}, deaths={self.deaths}"
            )


class Supervision:
    """Sees to it that the jobs in a folder have a supervisor, asked by any thread."""

    def __init__(self, folder: Folder, staffing: Staffing) -> None:
        self._folder = folder
        self._staffing = staffing
        self._started: list[float] = []

    def ensure(self) -> None:
        """Start a supervisor if none lives. Raises ProviderError if none can live."""
        lock = try_lock(self._folder)
        if lock is None:
            return
        try:
            self._check_restarts()
            _start(self._folder, self._staffing, lock)
        except OSError as error:
            raise ProviderError(f"cannot start the local provider's supervisor: {error}") from error
        finally:
            # Closed, not unlocked: the supervisor has it now.
            os.close(lock)

    def _check_restarts(self) -> None:
        now = time.monotonic()
        self._started = [at for at in self._started if now - at < RESTARTS_WITHIN_S] + [now]
        if len(self._started) > RESTARTS:
            raise ProviderError(
                "the local provider's supervisor keeps dying", hint=f"see {self._folder.log}"
            )


def try_lock(folder: Folder) -> int | None:
    """Take the supervisor's lock and return its descriptor; None if a supervisor lives.

    Whoever has it may do what a supervisor does; closing it lets go. Raises ProviderError.
    """
    try:
        lock = os.open(folder.lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise ProviderError(f"cannot open {folder.lock}: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    except OSError as error:
        os.close(lock)
        raise ProviderError(f"cannot lock {folder.lock}: {error.strerror}") from error
    return lock


def stop(folder: Folder, *, timeout_s: float = 10.0) -> None:
    """End the supervisor and its workers if there are any. The jobs stay as they are.

    Raises ProviderError if it does not go away in time.
    """
    if not folder.lock.exists():
        return
    until = time.monotonic() + timeout_s
    asked, again = 0, 0.0
    while (lock := try_lock(folder)) is None:
        if time.monotonic() > until:
            raise ProviderError(f"the supervisor that holds {folder.lock} does not end")
        # Empty where it has the lock but has not come so far as to write down its id.
        holder = folder.lock.read_text(encoding="ascii")
        if holder and (int(holder) != asked or time.monotonic() > again):
            asked, again = int(holder), time.monotonic() + _ASK_AGAIN_S
            with suppress(ProcessLookupError):
                os.kill(asked, signal.SIGTERM)
        time.sleep(0.005)
    os.close(lock)


def _start(folder: Folder, staffing: Staffing, lock: int) -> None:
    # Imported here: most commands find a supervisor, or need none.
    import subprocess

    # The id of an earlier holder must not be taken for the new one's.
    os.ftruncate(lock, 0)
    log = open_log(folder.log)
    try:
        process = subprocess.Popen(
            [
                sys.executable,
                "-P",  # the user's working folder is no place to import from
                "-m",
                "qjobs.providers.local.supervisor",
                str(folder.path),
                str(lock),
                str(staffing.workers),
                str(staffing.idle_s),
                str(staffing.deaths),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",  # pins no folder that somebody may want to unmount
            start_new_session=True,
            pass_fds=(lock,),
        )
    finally:
        os.close(log)
    # Somebody has to take note of its end, or it stays as a zombie while this process lives.
    threading.Thread(target=process.wait, daemon=True, name="supervisor").start()
