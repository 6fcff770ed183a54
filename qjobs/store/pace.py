"""Keeps all processes of a user together to a provider's limit of submissions a minute.

The latest turns are in a small file, a time in seconds since the epoch a line. A turn is free
as long as fewer than `most` were taken in the last `window_s`: so the limit holds for any
minute that the provider may look at, which it would not for a bucket that is filled drop by
drop and may be emptied at once.
"""

import threading
from math import isfinite
from pathlib import Path

from qjobs import files
from qjobs.lock import FileLock
from qjobs.regular import create_private, open_regular

_LOCK_WAIT_S = 30.0
# More turns than these are given out in shorter windows: they are all written for each.
_MOST_TURNS = 30
_LARGEST_BYTES = 1 << 16
# The provider counts calls as they arrive, and some take longer to than others.
_SLACK = 1.02


class Pace:
    """The turns to submit, one file for all. Its methods may be called from any thread."""

    def __init__(self, path: Path, per_minute: float) -> None:
        """Give out at most `per_minute` turns, which is above 0, in any minute."""
        self._path = path
        self._lock = threading.Lock()
        rate = int(per_minute) or per_minute
        self.per_minute = per_minute
        self.most = max(1, min(int(per_minute), _MOST_TURNS))
        self.window_s = 60 * self.most / rate * _SLACK

    def take(self, now_s: float) -> float:
        """Take a turn and return 0, or return how many seconds later one may be free.

        `now_s` is the time since the epoch. Raises StateUnwritable.
        """
        lock = FileLock(self._path.with_name(f"{self._path.name}.lock"))
        try:
            with self._lock:
                files.make_folder(self._path.parent)
                with lock.held(wait_s=_LOCK_WAIT_S):
                    return self._take(now_s)
        except OSError as error:
            raise files.unwritable(self._path, error) from error
        finally:
            lock.close()

    def _take(self, now_s: float) -> float:
        known = self._turns()
        # A file that does not tell is taken for a full one; a turn of the future, where the
        # clock was set back, for one of this moment.
        turns = [now_s] * self.most
        if known is not None:
            turns = sorted(min(turn, now_s) for turn in known if turn > now_s - self.window_s)
        wait_s = 0.0
        if len(turns) < self.most:
            turns.append(now_s)
        else:
            wait_s = turns[-self.most] + self.window_s - now_s
        if turns != known:
            # It need not outlive a power failure, and whatever a crash leaves can be read.
            with create_private(self._path) as file:
                file.write("".join(f"{turn!r}\n" for turn in turns).encode())
        return wait_s

    def _turns(self) -> list[float] | None:
        """The turns taken, None if the file does not tell."""
        try:
            with open_regular(self._path) as file:
                text = file.read(_LARGEST_BYTES)
        except FileNotFoundError:
            return []
        try:
            turns = [float(line) for line in text.splitlines()]
        except ValueError:
            return None
        return turns if turns and all(map(isfinite, turns)) else None
