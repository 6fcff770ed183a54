"""What processes that died have left in the state folder, and nobody needs any more.

What the living have is told by kernel locks, and stays.
"""

import os
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from qjobs import disk, files
from qjobs.errors import StateError
from qjobs.lock import FileLock
from qjobs.store.archive import arriving
from qjobs.store.folder import RESULTS
from qjobs.store.sets import Store


class Kind(StrEnum):
    """What is left."""

    REMOVED = "removed set"
    DRAFT = "draft"
    TEMPORARY = "temporary file"
    ROOM = "reserved room"
    ORPHAN = "orphan"


class Leftover(NamedTuple):
    """Something that is left: its path, or for an orphan its provider and the tag of its set."""

    kind: Kind
    name: str
    size_bytes: int


def take(store: Store, *, dry_run: bool) -> Iterator[Leftover]:
    """Remove what is left, but for sets that were removed in part; each thing as it is removed.

    With `dry_run` nothing is. Raises StateError.
    """
    for draft in store.left_drafts():
        size_bytes = disk.used_bytes(draft.folder)
        if not dry_run:
            draft.abandon()
        if dry_run or not draft.folder.exists():
            yield Leftover(Kind.DRAFT, str(draft.folder), size_bytes)
    for path in arriving.left(store.sets):
        size_bytes = disk.used_bytes(path)
        if dry_run or _removed(path):
            yield Leftover(Kind.DRAFT, str(path), size_bytes)
    for path in _temporary(store):
        size_bytes = disk.used_bytes(path)
        if dry_run or _removed(path):
            yield Leftover(Kind.TEMPORARY, str(path), size_bytes)
    for path in store.sets.glob(f"*/{RESULTS}/*.part"):
        if size_bytes := _room(path, dry_run=dry_run):
            yield Leftover(Kind.ROOM, str(path), size_bytes)


def _temporary(store: Store) -> Iterator[Path]:
    sets = [store.sets / set_id / name for set_id in store.ids() for name in ("", RESULTS)]
    providers = [path for path in _folders(store.home) if path != store.sets]
    within = [folder for provider in providers for folder in _folders(provider)]
    for folder in (store.home, store.sets, *sets, *providers, *within):
        yield from files.left(folder)


def _folders(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.is_dir() and not path.is_symlink()]
    except OSError:
        return []


def _removed(path: Path) -> bool:
    try:
        disk.remove(path)
    except OSError:
        return False
    return True


def _room(path: Path, *, dry_run: bool) -> int:
    """Give back the room that was taken for a result, unless somebody is about to fill it.

    The file stays, for somebody may wait for its lock.
    """
    lock = FileLock(path)
    try:
        if path.is_symlink() or not lock.acquire(wait_s=0):
            return 0
        size_bytes = disk.used_bytes(path)
        if not dry_run:
            os.truncate(path, 0)
    except (OSError, StateError):
        return 0
    finally:
        lock.close()
    return size_bytes
