"""Writes an archive: file after file, a piece at a time, the same bytes for the same content."""

import stat
import zipfile
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import BinaryIO, Self, TypeAlias

from qjobs.errors import NotFound, StateError
from qjobs.regular import open_regular
from qjobs.store.archive.manifest import CHUNK_BYTES, MOST_RATIO, SMALL_BYTES, Packed

Source: TypeAlias = bytes | Path
"""What becomes a file of an archive: these bytes, or those of a file."""

_MODE = stat.S_IFREG | 0o600
_LONG = 1 << 31  # from here on a ZIP file needs larger fields


class Writer:
    """Writes an archive to a stream that can be read from its start later."""

    def __init__(self, stream: BinaryIO) -> None:
        self._archive = zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED)

    def add(self, path: str, source: Source) -> Packed:
        """Write a file. Raises NotFound, and StateError if it cannot be read; OSError."""
        packed, info = self._write(path, source, zipfile.ZIP_DEFLATED)
        if packed.size_bytes > max(SMALL_BYTES, info.compress_size * MOST_RATIO):
            # Whoever reads it would take that for a bomb. What was written, which is little, stays
            # where it is, and nobody is told of it.
            self._archive.filelist.remove(info)
            del self._archive.NameToInfo[path]
            packed, _ = self._write(path, source, zipfile.ZIP_STORED)
        return packed

    def _write(self, path: str, source: Source, how: int) -> tuple[Packed, zipfile.ZipInfo]:
        # Imported here, as in `files`: it loads OpenSSL.
        import hashlib

        info = zipfile.ZipInfo(path)  # without a time: equal content makes equal archives
        info.create_system = 3
        info.external_attr = _MODE << 16
        info.compress_type = how
        digest, size_bytes = hashlib.sha256(), 0
        with self._archive.open(info, "w", force_zip64=_size(source) >= _LONG) as file:
            for piece in _pieces(source):
                digest.update(piece)
                size_bytes += len(piece)
                file.write(piece)
        return Packed(path, size_bytes, digest.hexdigest()), info

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Write the end; what was not written to its end is nobody's. Raises OSError."""
        with suppress(OSError, ValueError) if kind else nullcontext():
            self._archive.close()


def _size(source: Source) -> int:
    if isinstance(source, bytes):
        return len(source)
    try:
        return source.stat().st_size
    except OSError:  # which reading it will say
        return 0


def _pieces(source: Source) -> Iterator[bytes]:
    if isinstance(source, bytes):
        for start in range(0, len(source), CHUNK_BYTES):
            yield source[start : start + CHUNK_BYTES]
        return
    try:
        with open_regular(source) as file:
            while piece := file.read(CHUNK_BYTES):
                yield piece
    except FileNotFoundError as error:
        raise NotFound(f"there is no {source}") from error
    except OSError as error:
        raise StateError(f"cannot read {source}: {error.strerror}") from error
