"""Private files and folders, written so that a crash leaves all of a file or nothing of it."""

import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from qjobs.errors import NotFound, StateError, StateUnwritable
from qjobs.regular import open_regular

# Nothing that qjobs writes comes near; a larger file is a mistake that must not fill memory.
LARGEST_BYTES = 512 << 20
_TEMPORARY = re.compile(r"\.[0-9a-f]{12}\.tmp$")  # as `temporary` names them; others' are not ours
_LOCKED_WITHIN_S = 1.0  # after it was made, a file has the lock of who made it
_HASHED_BYTES = 1 << 18  # at once, which was measured to be the fastest


class Stamp(NamedTuple):
    """What changes when a file does."""

    device: int
    inode: int
    size_bytes: int
    modified_ns: int

    def same_file(self, other: "Stamp") -> bool:
        """Whether it is one file, perhaps longer or shorter by now."""
        return self[:2] == other[:2]


def stamp(status: os.stat_result) -> Stamp:
    """The stamp of a file."""
    return Stamp(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


if sys.platform != "win32":
    import fcntl

if sys.platform == "darwin":

    def sync(descriptor: int) -> None:
        """Have what was written be on the disk when this returns. Raises OSError."""
        # fsync leaves it in the drive's cache there.
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)

elif sys.platform == "linux":
    sync = os.fdatasync
else:
    sync = os.fsync


def sync_file(path: Path) -> None:
    """Have a file that somebody else wrote be on the disk when this returns. Raises OSError."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder be on the disk when this returns. Raises OSError."""
    if sys.platform == "win32":  # a folder cannot be opened there
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte and have it on the disk. Raises OSError."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
    sync(descriptor)


def create(path: Path, data: bytes) -> None:
    """Write a new file that only its owner can read. Raises OSError; then there is none."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        write_all(descriptor, data)
    except BaseException:
        with suppress(OSError):
            path.unlink()
        raise
    finally:
        os.close(descriptor)


@contextmanager
def temporary(path: Path, data: bytes) -> Iterator[Path]:
    """A new file beside `path`, durable and private, that is gone in the end unless it is renamed.

    Until then it is locked, so that `sweep` knows it from what a dead process left. Raises OSError.
    """
    fresh = path.with_name(f"{path.name}.{os.urandom(6).hex()}.tmp")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        try:
            claim(descriptor)
            write_all(descriptor, data)
            if sys.platform != "win32":  # where an open file cannot be renamed
                yield fresh
        finally:
            os.close(descriptor)
        if sys.platform == "win32":
            yield fresh
    finally:
        with suppress(OSError):
            fresh.unlink()


def replace(path: Path, data: bytes) -> Stamp:
    """Put a file in the place of `path`, whole and durably. Raises OSError."""
    with temporary(path, data) as fresh:
        replaced = stamp(fresh.stat())
        fresh.replace(path)
    sync_folder(path.parent)
    return replaced


def left(folder: Path) -> list[Path]:
    """The temporary files of processes that are gone."""
    try:
        with os.scandir(folder) as entries:
            found = [Path(entry.path) for entry in entries if _TEMPORARY.search(entry.name)]
    except OSError:
        return []
    return [path for path in found if is_left(path)]


def sweep(folder: Path) -> None:
    """Remove the temporary files of processes that are gone."""
    for path in left(folder):
        with suppress(OSError):
            path.unlink()


def claim(descriptor: int) -> None:
    """Lock a file or a folder that one makes, for as long as it is open: see `is_left`."""
    if sys.platform != "win32":
        with suppress(OSError):  # where there are no locks, `is_left` gets none either
            fcntl.flock(descriptor, fcntl.LOCK_EX)


def is_left(path: Path) -> bool:
    """Whether a file or a folder that its maker keeps locked has no lock: the maker is gone."""
    if sys.platform == "win32":
        return False
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        if os.fstat(descriptor).st_mtime > time.time() - _LOCKED_WITHIN_S:
            return False
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def make_folder(folder: Path, *, parents: bool = True) -> None:
    """Make a folder that only its owner can enter, durably, if it is not there. Raises OSError."""
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        if folder.is_dir():
            return
        raise
    except FileNotFoundError:
        if not parents:
            raise
        make_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
    sync_folder(folder.parent)


def read(
    path: Path, *, at_most: int | None = None, largest: int = LARGEST_BYTES
) -> tuple[bytes, Stamp]:
    """A file, or the first `at_most` bytes of it, and its stamp. Raises NotFound and StateError.

    No more than `largest` bytes are ever taken into memory.
    """
    try:
        with open_regular(path) as file:
            found = stamp(os.fstat(file.fileno()))
            wanted = found.size_bytes if at_most is None else min(at_most, found.size_bytes)
            if wanted > largest:
                raise StateError(
                    f"{path} has {found.size_bytes:,} bytes, more than qjobs ever writes there",
                    hint="move it away, or put it back from a backup",
                )
            return file.read(wanted), found
    except FileNotFoundError as error:
        raise NotFound(f"there is no {path}") from error
    except OSError as error:
        raise StateError(f"cannot read {path}: {error.strerror}") from error
    except MemoryError as error:
        raise StateError(f"cannot read {path}: there is no memory for it") from error


def sha256(path: Path, *, start: int = 0) -> tuple[str, Stamp]:
    """The sha256 of a file, and the stamp that it has all the while. Raises as `read` does.

    The bytes before `start` are left out.
    """
    # Imported here: it loads OpenSSL, and most commands need none.
    import hashlib

    try:
        with open_regular(path) as file:
            before = stamp(os.fstat(file.fileno()))
            file.seek(start)
            digest = hashlib.sha256()
            while part := file.read(_HASHED_BYTES):
                digest.update(part)
            after = stamp(os.fstat(file.fileno()))
    except FileNotFoundError as error:
        raise NotFound(f"there is no {path}") from error
    except OSError as error:
        raise StateError(f"cannot read {path}: {error.strerror}") from error
    if before != after:
        raise StateError(
            f"{path} was written while it was read",
            hint="wait until nobody writes it, and run the command again",
        )
    return digest.hexdigest(), after


def read_from(descriptor: int, start: int) -> bytes:
    """The rest of an open file. Raises OSError."""
    os.lseek(descriptor, start, os.SEEK_SET)
    parts = []
    while part := os.read(descriptor, 1 << 20):
        parts.append(part)
    return b"".join(parts)


def unwritable(path: Path, error: OSError) -> StateUnwritable:
    """The failure to write `path`, in words the user can act on."""
    return StateUnwritable(
        f"cannot write {path}: {error.strerror or error}",
        hint="make room or allow writing there, or set QJOBS_HOME to another folder",
    )
