"""Who named the code that a job runs.

A row of the queue may name a callable and the folder of its package. Whoever can have somebody
use their queue, as a copy, an archive, a volume, would have that imported. So such a row has a
mark that only a key outside of the state folder can give, and what has none is not imported.
"""

import json
import os
from contextlib import suppress
from pathlib import Path

from qjobs import files, paths
from qjobs.errors import InputError, JobRefused, StateUnwritable
from qjobs.lock import FileLock
from qjobs.providers.local.queued import QueuedJob
from qjobs.regular import open_regular

KEY_BYTES = 32
_WAIT_S = 10.0


def make(job: QueuedJob) -> str:
    """The mark of a job that this user submits. Raises JobRefused if there can be no key."""
    path = paths.key_file()
    try:
        return _mark(_key(path) or _new_key(path), job)
    except (OSError, StateUnwritable) as error:
        said = getattr(error, "strerror", None) or error
        raise JobRefused(
            f"cannot keep in {path} what shows that you named {job.backend}: {said}",
            hint="allow writing there, or set XDG_CONFIG_HOME to another folder",
        ) from error


def check(job: QueuedJob) -> None:
    """Raise InputError unless this user named the code of the job."""
    from hmac import compare_digest

    with suppress(OSError):
        key = _key(paths.key_file())
        if key and compare_digest(_mark(key, job), job.mark):
            return
    raise InputError(
        f"{job.backend} was not run: nothing shows that it was you, on this machine, who named it."
        " If you trust it, retry the job"
    )


def _mark(key: bytes, job: QueuedJob) -> str:
    # Imported here: it loads OpenSSL, and few jobs name code.
    from hmac import digest

    named = [job.job_id, job.backend, job.folder]
    if job.definition:
        named.append(job.definition)
    return digest(key, json.dumps(named).encode(), "sha256").hex()


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
