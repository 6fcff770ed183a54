"""Sets on their way into the state folder: hidden until each appears by one rename."""

import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from qjobs import files
from qjobs.lock import FileLock
from qjobs.regular import create_private
from qjobs.store.folder import SetFolder

_PREFIX = ".arriving-"
_LOCK_WAIT_S = 30.0


@contextmanager
def arriving(sets: Path) -> Iterator[Path]:
    """A hidden folder beside the sets, which is gone in the end with what is left in it.

    It is locked as long as its maker lives. Raises StateUnwritable.
    """
    for folder in left(sets):
        shutil.rmtree(folder, ignore_errors=True)
    place = sets / f"{_PREFIX}{os.urandom(6).hex()}"
    try:
        files.make_folder(sets)
        files.make_folder(place)
        lock = None if sys.platform == "win32" else os.open(place, os.O_RDONLY)
    except OSError as error:
        raise files.unwritable(place, error) from error
    try:
        if lock is not None:
            files.claim(lock)
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def left(sets: Path) -> list[Path]:
    """The folders of processes that died before all of their sets had appeared."""
    found = sorted(sets.glob(f"{_PREFIX}*"))
    return [
        path for path in found if path.is_dir() and not path.is_symlink() and files.is_left(path)
    ]


def put(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a file that arrives; it is on the disk when this returns. Raises StateUnwritable."""
    try:
        files.make_folder(path.parent.parent)
        files.make_folder(path.parent)
        with create_private(path) as file:
            for piece in pieces:
                file.write(piece)
            file.flush()
            files.sync(file.fileno())
    except OSError as error:
        raise files.unwritable(path, error) from error


def bring_up_to_date(before: SetFolder, arrived: SetFolder, check: Callable[[], bool]) -> bool:
    """Give a set that is here the results and the state of one that knows all of it, and more.

    `check` is asked where nobody else submits the set or records anything of it; if it says no,
    nothing is changed, and so is False. What the state refers to is there before it is. Raises
    BeingSubmitted, StateError, StateUnwritable.
    """
    recording = FileLock(before.state_path.with_name("state.lock"))
    try:
        with before.claim_submission(), recording.held(wait_s=_LOCK_WAIT_S):
            if not check():
                return False
            files.make_folder(before.results.folder)
            for job in arrived.jobs():
                for attempt in job.attempts:
                    fresh = arrived.results.path(job.index, attempt.number)
                    if fresh.exists():
                        before.results.put(fresh, job.index, attempt.number)
            files.sync_folder(before.results.folder)
            arrived.state_path.replace(before.state_path)
            files.sync_folder(before.state_path.parent)
    except OSError as error:
        raise files.unwritable(before.state_path, error) from error
    finally:
        recording.close()
    return True


def appear(folder: Path, sets: Path) -> bool:
    """Have a set be seen, all of it, from now on; False if one of its id is there by now.

    Raises StateUnwritable.
    """
    place = sets / folder.name
    try:
        for path in (folder / "results", folder):
            with suppress(FileNotFoundError):
                files.sync_folder(path)
        if place.exists():
            return False
        folder.rename(place)
        files.sync_folder(sets)
    except FileExistsError:
        return False
    except OSError as error:
        if place.exists():
            return False
        raise files.unwritable(place, error) from error
    return True
