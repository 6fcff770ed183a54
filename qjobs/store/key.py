"""What only this user, on this machine, can have written: it has a mark that needs their key.

The key is outside of every state folder, so nobody gets it with a copy, an archive, or a volume.
"""

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from qjobs import files, paths
from qjobs.lock import FileLock
from qjobs.regular import open_regular

KEY_BYTES = 32
_WAIT_S = 10.0


def mark(said: Sequence[object]) -> str:
    """The mark of what is said; a key is made if there is none. Raises OSError, StateUnwritable."""
    path = paths.key_file()
    return _mark(_key(path) or _new_key(path), said)


def is_marked(said: Sequence[object], given: str) -> bool:
    """Whether that is the mark of what is said."""
    from hmac import compare_digest

    with suppress(OSError):
        key = _key(paths.key_file())
        return bool(key) and compare_digest(_mark(key, said).encode(), given.encode())
    return False


def _mark(key: bytes, said: Sequence[object]) -> str:
    # Imported here: it loads OpenSSL, and few jobs name code.
    from hmac import digest

    return digest(key, json.dumps(said).encode(), "sha256").hex()


def _key(path: Path) -> bytes:
    """The key, empty if there is none, or none that is whole. Raises OSError."""
    try:
        with open_regular(path) as file:
            key = file.read(KEY_BYTES)
    except FileNotFoundError:
        return b""
    return key if len(key) == KEY_BYTES else b""


def _new_key(path: Path) -> bytes:
    """Make a key, or take the one that somebody has just made. Raises OSError, StateUnwritable."""
    files.make_folder(path.parent)
    lock = FileLock(path.with_suffix(".lock"))
    try:
        with lock.held(wait_s=_WAIT_S):
            key = _key(path)
            if not key:
                key = os.urandom(KEY_BYTES)
                files.replace(path, key)
            return key
    finally:
        lock.close()
