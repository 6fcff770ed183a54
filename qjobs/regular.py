"""Opens files: of those that nobody knows none makes us wait, and those we make are private."""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

LARGEST_LOG_BYTES = 1 << 20
_AT_ONCE = getattr(os, "O_NONBLOCK", 0)  # not when somebody opens the other end of a FIFO
_KINDS = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def open_regular(path: Path) -> BinaryIO:
    """Open a file for reading bytes. Raises OSError, also for anything but a regular file."""
    try:
        return open(path, "rb", opener=_open)
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise _refusal(path, stat.S_IFSOCK) from error
        raise


def create_private(path: Path) -> BinaryIO:
    """Open a file for writing bytes, from its start, that only its owner can read if it is new.

    Raises OSError.
    """
    return open(path, "wb", opener=lambda name, flags: os.open(name, flags, 0o600))


def open_log(path: Path) -> int:
    """Open a file for appending that only its owner can read; a large one is begun anew.

    Raises OSError, also for a link.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
    descriptor = os.open(path, flags, 0o600)
    if os.fstat(descriptor).st_size > LARGEST_LOG_BYTES:
        os.ftruncate(descriptor, 0)
    return descriptor


def _open(path: str, flags: int) -> int:
    descriptor = os.open(path, flags | _AT_ONCE)
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):  # that Python says by itself
        os.close(descriptor)
        raise _refusal(Path(path), stat.S_IFMT(mode))
    return descriptor


def _refusal(path: Path, kind: int) -> OSError:
    what = _KINDS.get(kind, "something else")
    return OSError(errno.EINVAL, f"it is {what}, not a file", str(path))
