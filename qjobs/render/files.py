"""Results in files: each is written whole under another name, then renamed."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TextIO

from qjobs import files
from qjobs.errors import UsageError
from qjobs.regular import create_private
from qjobs.render.output import Format

SUFFIXES = {
    ".json": Format.JSON,
    ".jsonl": Format.JSONL,
    ".csv": Format.CSV,
    ".tsv": Format.TSV,
}


def format_of(path: Path) -> Format:
    """The format that a file's suffix names. Raises UsageError."""
    chosen = SUFFIXES.get(path.suffix.lower())
    if chosen is None:
        raise UsageError(
            f"cannot tell from {str(path)!r} in which format to write",
            hint=f"end it in {', '.join(SUFFIXES)}, or name a folder",
        )
    return chosen


def names_folder(text: str) -> bool:
    """Whether `--out` means a folder: one that exists, or a name that ends in a slash."""
    return text.endswith(("/", os.sep)) or Path(text).is_dir()


def file_name(index: int, name: str, suffix: str) -> str:
    """A file name for a circuit: its index, and as much of its name as every system takes."""
    safe = re.sub(r"[^A-Za-z0-9._-]+", "_", name)[:80].strip("._")
    return f"{index:05d}-{safe}{suffix}" if safe else f"{index:05d}{suffix}"


@contextmanager
def replacing(path: Path) -> Iterator[TextIO]:
    """A text file that takes its place only when the block has ended well.

    What a process that was killed had begun to write there is removed. Raises UsageError if the
    file cannot be written there.
    """
    with _replacing(path) as draft, writing(draft) as stream:
        yield stream


@contextmanager
def replacing_private(path: Path) -> Iterator[BinaryIO]:
    """The same for bytes, in a file that only its owner can read."""
    with _replacing(path) as draft, create_private(draft) as stream:
        files.claim(stream.fileno())
        yield stream
        stream.flush()
        files.sync(stream.fileno())


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A path beside a file, which takes its place when the block has ended well.

    A link stays, and leads to it. What is no file, such as /dev/null, is not replaced.
    """
    if path.is_symlink():
        path = Path(os.path.realpath(path))  # which bears links in a circle
    if path.exists() and not path.is_file() and not path.is_dir():
        raise UsageError(f"cannot write {path}: it is there, and no file")
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path)
        yield draft
        draft.replace(path)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


@contextmanager
def writing(path: Path) -> Iterator[TextIO]:
    """A text file that is on the disk in the end, and locked until then. Raises OSError."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        files.claim(stream.fileno())
        yield stream
        stream.flush()
        files.sync(stream.fileno())


def _sweep(path: Path) -> None:
    """Remove what processes that are gone had begun to write in the place of a file."""
    ours = re.compile(rf"\.{re.escape(path.name)}\.[0-9]+\.part")
    with os.scandir(path.parent) as entries:
        found = [Path(entry.path) for entry in entries if ours.fullmatch(entry.name)]
    for left in found:
        if left.is_file() and files.is_left(left):
            with suppress(OSError):
                left.unlink()
