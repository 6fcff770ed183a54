"""Sets that are removed: out of sight in one step, then off the disk, whoever dies meanwhile.

The folder is renamed, so that no verb sees it, and deleted then. What a process that died has
left of it is found by its name, and its `state.toml`, which is deleted last, tells what else
there was of the set.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from qjobs import disk, files
from qjobs.errors import NotFound, StateError
from qjobs.lock import FileLock
from qjobs.model import JobSet
from qjobs.store.folder import STATE, SUBMITTING, SetFolder
from qjobs.store.state import reading

_PREFIX = ".removed-"
_LOCK_WAIT_S = 30.0


class Removed(NamedTuple):
    """A set that nobody sees any more, in the `folder` that it was moved to."""

    folder: Path

    def told(self) -> tuple[JobSet, list[str]] | None:
        """The set and the ids of its jobs; None if what is left does not say. Raises StateError."""
        try:
            state = reading.read_state(self.folder / STATE)
        except NotFound:
            return None
        ledger, _ = state.ledger()
        ids = [job_id for job in ledger.jobs() for job_id in job.job_ids]
        return state.contents.job_set, ids

    def delete(self, *, but_the_state: bool = False) -> int:
        """Take it off the disk, and give the bytes that this freed.

        `but_the_state` leaves what `told` needs. Raises StateUnwritable.
        """
        last = [self.folder / STATE, self.folder / SUBMITTING]
        freed_bytes = 0
        try:
            for path in self.folder.iterdir():
                if path not in last:
                    freed_bytes += disk.remove(path)
            if not but_the_state:
                freed_bytes += sum(map(disk.remove, [*last, self.folder]))
        except FileNotFoundError:
            pass  # another process removes it, too
        except OSError as error:
            raise files.unwritable(self.folder, error) from error
        return freed_bytes

    @contextmanager
    def held(self) -> Iterator[bool]:
        """Be the one process that removes it; False if another does."""
        lock = FileLock(self.folder / SUBMITTING)
        try:
            yield lock.acquire(wait_s=0)
        finally:
            lock.close()


@contextmanager
def taken_away(folder: SetFolder, check: Callable[[], None]) -> Iterator[Removed]:
    """Take a set out of sight, and be the one process that removes it.

    `check` is called where nobody else submits the set or records anything of it, and raises what
    keeps it. Raises BeingSubmitted, StateUnwritable and StateError; then the set is as it was.
    """
    place = folder.state_path.parent
    if place.is_symlink():
        raise StateError(f"{place} is a link: remove it, and what it leads to, by hand")
    hidden = place.with_name(f"{_PREFIX}{place.name}-{os.urandom(4).hex()}")
    recording = FileLock(place / "state.lock")
    try:
        with folder.claim_submission():
            with recording.held(wait_s=_LOCK_WAIT_S):
                folder.refresh()
                check()
                try:
                    place.rename(hidden)
                    files.sync_folder(place.parent)
                except OSError as error:
                    raise files.unwritable(place, error) from error
            yield Removed(hidden)
    finally:
        recording.close()


def begun(sets: Path) -> list[Removed]:
    """The sets in a folder whose removal was begun, perhaps by processes that died."""
    found = sorted(sets.glob(f"{_PREFIX}*"))
    return [Removed(path) for path in found if path.is_dir() and not path.is_symlink()]
