"""Files of results that can be read only once: first comes the room; if all fails, any place."""

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from qjobs import files
from qjobs.errors import NoRoom, StateError, StateUnwritable
from qjobs.lock import FileLock
from qjobs.store.results import ResultFiles

_MARGIN_BYTES = 256 << 10
"""That is left free besides, for what is written meanwhile: facts, the provider's own notes."""

_WAIT_S = 10.0

_CANNOT = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)
"""What file systems say that reserve nothing."""


class Room:
    """The file that a result is about to become, with room on the disk for all of it."""

    def __init__(self, results: ResultFiles, job: int, attempt: int, path: Path) -> None:
        self._results = results
        self._place = job, attempt
        self._path = path

    def fill(self, data: bytes) -> None:
        """Make it the file of the result; it is on the disk when this returns.

        Raises StateUnwritable.
        """
        try:
            descriptor = os.open(self._path, os.O_WRONLY)
            try:
                # Cut off at the end only: until then the room is ours.
                files.write_all(descriptor, data)
                os.ftruncate(descriptor, len(data))
                files.sync(descriptor)
            finally:
                os.close(descriptor)
            self._results.put(self._path, *self._place)
            files.sync_folder(self._path.parent)
        except OSError as error:
            raise files.unwritable(self._results.path(*self._place), error) from error


@contextmanager
def room(results: ResultFiles, job: int, attempt: int, size_bytes: int) -> Iterator[Room | None]:
    """Be the one process that gets a result, and have room for it on the disk.

    None if another process has put it there meanwhile. Raises NoRoom and StateUnwritable.
    """
    path = results.path(job, attempt)
    part = path.with_name(f"{path.name}.part")
    try:
        files.make_folder(results.folder, parents=False)
    except OSError as error:
        raise files.unwritable(results.folder, error) from error
    lock = FileLock(part)
    try:
        if not lock.acquire(wait_s=_WAIT_S):
            raise StateUnwritable(f"another process is fetching {path}")
        if results.has(job, attempt):
            _remove(part)
            yield None
            return
        _reserve(part, size_bytes)
        try:
            yield Room(results, job, attempt, part)
        finally:
            # It keeps its name while somebody may wait for it, unless it is needed no more.
            _remove(part) if results.has(job, attempt) else _empty(part)
    finally:
        lock.close()


def _reserve(path: Path, size_bytes: int) -> None:
    """Take room for so many bytes. Raises NoRoom."""
    # Imported here, like tempfile: to load them takes as long as to look at a set.
    import shutil

    _empty(path)
    try:
        free_bytes = shutil.disk_usage(path.parent).free
        if free_bytes < size_bytes + _MARGIN_BYTES:
            raise NoRoom(
                f"there is no room in {path.parent} for results that can be read only once: "
                f"{free_bytes:,} bytes are free, {size_bytes + _MARGIN_BYTES:,} may be needed"
            )
        if hasattr(os, "posix_fallocate"):
            descriptor = os.open(path, os.O_WRONLY)
            try:
                os.posix_fallocate(descriptor, 0, size_bytes)
            finally:
                os.close(descriptor)
    except OSError as error:
        _empty(path)
        if error.errno in _CANNOT:
            return  # what is free is all that can be known there
        raise NoRoom(
            f"cannot make room for {size_bytes:,} bytes in {path.parent}: {error.strerror}"
        ) from error


def _empty(path: Path) -> None:
    with suppress(OSError):
        os.truncate(path, 0)


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()


def places() -> list[Path]:
    """Folders outside of the state folder where a file may be written if all else fails."""
    import tempfile

    found = [Path("/tmp"), Path("/var/tmp")]  # noqa: S108 - no name there is guessed or trusted
    with suppress(OSError):
        found.insert(0, Path(tempfile.gettempdir()))
    return list(dict.fromkeys(found))


def keep_elsewhere(name: str, data: bytes, folders: Sequence[Path]) -> Path | None:
    """Write a new file, which only its owner can read, into the first folder that takes it."""
    import tempfile

    for folder in folders:
        path: Path | None = None
        try:
            descriptor, made = tempfile.mkstemp(prefix=f"{name}-", suffix=".jsonl", dir=folder)
            path = Path(made)
            try:
                files.write_all(descriptor, data)
            finally:
                os.close(descriptor)
            files.sync_folder(folder)
        except OSError:
            if path is not None:
                _remove(path)
            continue
        return path
    return None


def kept_elsewhere(name: str, folders: Sequence[Path]) -> Iterator[Path]:
    """The files of that name that `keep_elsewhere` made, as far as they are ours."""
    for folder in folders:
        for path in sorted(folder.glob(f"{name}-*.jsonl")):
            with suppress(OSError, StateError):
                status = path.lstat()
                if stat.S_ISREG(status.st_mode) and status.st_uid == os.getuid():
                    yield path
