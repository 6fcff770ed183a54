"""Whose files are used, and whose word it is that code is run.

As ssh and git have it, no files are used that somebody else has made or can change. And a set that
names code is data, wherever it comes from, until a mark in its folder shows that its user made it
on this machine, or has said that they trust it.
"""

import os
import stat
import sys
from collections.abc import Collection, Iterable
from pathlib import Path

from qjobs import files
from qjobs.errors import NotFound, StateError
from qjobs.model import JobSet
from qjobs.store import key
from qjobs.store.folder import TRUSTED

_SETS = "sets"
_MARK_BYTES = 1 << 8
_QUEUE = "local"
"""The provider whose folder names code; here, so that it is guarded whichever verb comes first."""


def check_home(home: Path, *, owners: Collection[int]) -> None:
    """Raise StateError if others than these users made the state folder, or can change it.

    Looked at are the folder, that of the sets, and all that is in that of the queue. What is not
    there, or cannot be looked at, is for those to say who need it.
    """
    _check(home, (home, home / _SETS), owners)
    check_provider(home, _QUEUE, owners=owners)


def check_provider(home: Path, name: str, *, owners: Collection[int]) -> None:
    """As `check_home`, for all that is in the folder of a provider."""
    folder = home / name
    _check(home, (folder, *_entries(folder)), owners)


def vouch(folder: Path, job_set: JobSet) -> None:
    """Keep in the folder of a set that this user trusts it. Raises StateUnwritable."""
    try:
        files.replace(folder / TRUSTED, key.mark(_said(job_set)).encode())
    except OSError as error:
        raise files.unwritable(Path(error.filename or folder), error) from error


def is_vouched(folder: Path, job_set: JobSet) -> bool:
    """Whether they do, and have said so on this machine."""
    try:
        given = files.read(folder / TRUSTED, at_most=_MARK_BYTES)[0].decode("ascii", "replace")
    except (NotFound, StateError):
        return False
    return key.is_marked(_said(job_set), given)


def _said(job_set: JobSet) -> list[object]:
    # Of another form than what a job says: neither has the mark of the other.
    return [{"set": [job_set.set_id, job_set.provider, job_set.backend]}]


def _check(home: Path, paths: Iterable[Path], owners: Collection[int]) -> None:
    if sys.platform == "win32":  # whose files are in a user's profile, Windows sees to
        return
    for path in paths:
        try:
            found = path.stat()
        except OSError:
            continue
        if found.st_uid not in owners:
            raise StateError(
                f"{path} belongs to {_name(found.st_uid)}, not to you: it is not used, for what is"
                " there could run their code",
                hint="set QJOBS_HOME to a folder of yours; a copy of it (cp -r) is one",
            )
        if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise StateError(
                f"{path} can be written by other users: it is not used, for what is there could"
                " run their code",
                hint=_tightened(home, found.st_uid),
            )


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:  # there is none, or it is no folder
        return []


def _name(user: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"


def _tightened(home: Path, owner: int) -> str:
    if os.geteuid() not in (0, owner):
        return "set QJOBS_HOME to a folder of yours, which may be one in there"
    # Imported here, as nearly always all is well.
    import shlex

    return f"see that all of it is yours, then: chmod -R go-w {shlex.quote(str(home))}"
