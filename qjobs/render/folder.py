"""A folder of results, a file a circuit, with a list of those that are ours.

All files are written beside the folder's own, and then moved in at once; what a process had begun
to write that was killed is removed by the next one. What is there of another
set is removed, if it is in the list and still as it was written; nothing else is ever touched.
"""

import json
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import NamedTuple, TextIO

from qjobs import files
from qjobs.errors import NotFound, StateError, UsageError
from qjobs.render.files import replacing, writing

LIST = ".qjobs-files"
_DRAFT = ".part"
_SCHEMA = "qjobs.files/1"
_NAME = re.compile(r"[0-9]{5,}(-[A-Za-z0-9._-]+)?\.[a-z]+")
_NAMED = 3


class _Listed(NamedTuple):
    """A file that was written for a set, and the sha256 that it had."""

    set_id: str
    sha256: str


class Filling:
    """The files of one set on their way into a folder."""

    def __init__(self, draft: Path) -> None:
        self._draft = draft
        self.names: list[str] = []
        self.removed: Sequence[str] = ()

    @contextmanager
    def file(self, name: str) -> Iterator[TextIO]:
        """A file of that name, which is in the folder once all are written."""
        with writing(self._draft / name) as stream:
            yield stream
        self.names.append(name)


@contextmanager
def filling(folder: Path, set_id: str) -> Iterator[Filling]:
    """Write files of a set; they are in the folder if the block has ended well.

    Raises UsageError if that cannot be, and then the folder is as it was: among others where
    there is a file of such a name that is not ours, or one of another set that somebody changed.
    """
    listed = read_list(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        with _drafting(folder) as draft:
            fresh = Filling(draft)
            yield fresh
            fresh.removed = _settle(folder, draft, set_id, fresh.names, listed)
    except OSError as error:
        raise UsageError(f"cannot write into {folder}: {error.strerror or error}") from error


@contextmanager
def _drafting(folder: Path) -> Iterator[Path]:
    """A folder in this one for what is being written, which is locked, and gone in the end."""
    draft = Path(mkdtemp(prefix=f"{LIST}.", suffix=_DRAFT, dir=folder))
    descriptor: int | None = None
    try:
        if sys.platform != "win32":  # where a folder cannot be opened
            descriptor = os.open(draft, os.O_RDONLY)
            files.claim(descriptor)
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        if descriptor is not None:
            os.close(descriptor)


def _sweep(folder: Path) -> None:
    """Remove what processes that were killed had begun to write into a folder."""
    for draft in folder.glob(f"{LIST}.*{_DRAFT}"):
        if draft.is_dir() and files.is_left(draft):
            shutil.rmtree(draft, ignore_errors=True)


def read_list(folder: Path) -> Mapping[str, _Listed]:
    """The files in a folder that are ours, by their names. Raises UsageError."""
    path = folder / LIST
    try:
        document = json.loads(files.read(path)[0])
        listed = document["files"].items()
        return {
            name: _Listed(str(set_id), str(checksum))
            for name, (set_id, checksum) in listed
            if _NAME.fullmatch(name)  # no name leads out of the folder
        }
    except NotFound:
        return {}
    except StateError as error:
        raise UsageError(error.message, hint="name another folder") from error
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(
            f"{path} is damaged, the list of what qjobs wrote there: {error}",
            hint="empty the folder, or name another one",
        ) from error


def _settle(
    folder: Path, draft: Path, set_id: str, names: Sequence[str], listed: Mapping[str, _Listed]
) -> list[str]:
    """Move the files in and those of other sets out; the names of these."""
    foreign = [name for name in names if name not in listed and _is_there(folder / name)]
    if foreign:
        raise UsageError(
            f"{folder} has files that qjobs did not write there: {_some(foreign)}",
            hint="move them away, or name another folder",
        )
    theirs = {
        name: known.sha256
        for name, known in listed.items()
        if known.set_id != set_id and _is_there(folder / name)
    }
    changed = [name for name, checksum in theirs.items() if not _is(folder / name, checksum)]
    if changed:
        raise UsageError(
            f"{folder} has files of another set that were changed since: {_some(changed)}",
            hint="move them away, or name another folder",
        )
    ours = {name: known for name, known in listed.items() if known.set_id == set_id}
    ours |= {name: _Listed(set_id, files.sha256(draft / name)[0]) for name in names}
    # Listed before it is there: whatever crashes, no file of ours becomes one of nobody.
    _write_list(folder, {**listed, **ours})
    for name in names:
        (draft / name).replace(folder / name)
    old = sorted(theirs.keys() - ours.keys())
    for name in old:
        (folder / name).unlink(missing_ok=True)
    _write_list(folder, ours)
    return old


def _write_list(folder: Path, listed: Mapping[str, _Listed]) -> None:
    with replacing(folder / LIST) as stream:
        json.dump({"schema": _SCHEMA, "files": listed}, stream, indent=0)


def _is_there(path: Path) -> bool:
    return path.is_symlink() or path.exists()


def _is(path: Path, checksum: str) -> bool:
    """Whether a file is as we wrote it."""
    with suppress(NotFound, StateError):
        return not path.is_symlink() and files.sha256(path)[0] == checksum
    return False


def _some(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
