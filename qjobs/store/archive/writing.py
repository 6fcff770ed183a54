"""Writes an archive: file after file, a piece at a time, the same bytes for the same content."""

import stat
import sys
import zipfile
import zlib
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
        """Write a file. Raises StateError if it cannot be read, or is being written; OSError."""
        packed, compressed_bytes = _measured(path, source)
        info = zipfile.ZipInfo(path)  # without a time: equal content makes equal archives
        info.create_system = 3
        info.external_attr = _MODE << 16
        # What shrinks more than whoever reads it takes for harmless is left as it is.
        harmless = packed.size_bytes <= max(SMALL_BYTES, compressed_bytes * (MOST_RATIO - 10))
        info.compress_type = zipfile.ZIP_DEFLATED if harmless else zipfile.ZIP_STORED
        # Imported here, as in `files`: it loads OpenSSL.
        import hashlib

        digest = hashlib.sha256()
        large = packed.size_bytes >= _LONG
        with self._archive.open(info, "w", force_zip64=large) as file:
            for piece in _pieces(source, at_most=packed.size_bytes):
                digest.update(piece)
                file.write(piece)
        if digest.hexdigest() != packed.sha256:
            raise StateError(
                f"{source!s} was written while it was read",
                hint="wait until nobody writes it, and run the command again",
            )
        return packed

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Write the end; what was not written to its end is nobody's. Raises OSError."""
        with suppress(OSError, ValueError) if kind else nullcontext():
            self._archive.close()


def _measured(path: str, source: Source) -> tuple[Packed, int]:
    """What is to be said of a file, and how small it becomes."""
    import hashlib

    digest, size_bytes, compressed_bytes = hashlib.sha256(), 0, 0
    deflate = zlib.compressobj(zlib.Z_DEFAULT_COMPRESSION, zlib.DEFLATED, -15)
    for piece in _pieces(source):
        digest.update(piece)
        size_bytes += len(piece)
        compressed_bytes += len(deflate.compress(piece))
    compressed_bytes += len(deflate.flush())
    return Packed(path, size_bytes, digest.hexdigest()), compressed_bytes


def _pieces(source: Source, *, at_most: int = sys.maxsize) -> Iterator[bytes]:
    if isinstance(source, bytes):
        for start in range(0, len(source), CHUNK_BYTES):
            yield source[start : start + CHUNK_BYTES]
        return
    try:
        with open_regular(source) as file:
            left_bytes = at_most
            while piece := file.read(min(CHUNK_BYTES, left_bytes)):
                left_bytes -= len(piece)
                yield piece
    except FileNotFoundError as error:
        raise NotFound(f"there is no {source}") from error
    except OSError as error:
        raise StateError(f"cannot read {source}: {error.strerror}") from error
