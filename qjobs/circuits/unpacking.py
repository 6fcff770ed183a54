"""Files unpacked piece by piece and within limits: gzip, xz and bzip2."""

import zlib
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from qjobs.errors import InputError

MAX_UNPACKING = 200
"""Above `FREE_BYTES`, a file that unpacks to more than so many times its size is refused."""
FREE_BYTES = 64 * 2**20
MAX_MEMORY_BYTES = 128 * 2**20
"""What unpacking may take; xz needs half of it at its highest level."""

_CHUNK_BYTES = 256 * 1024
_OVER_MEMORY = "Memory usage limit"  # so says liblzma, whose errors have no codes
_GZIP_WINDOW = 31  # zlib's code for "gzip header, largest window"


class Packing(StrEnum):
    """How the bytes of a file are packed."""

    NONE = ""
    GZIP = "gzip"
    XZ = "xz"
    BZIP2 = "bzip2"


_MAGIC = {Packing.GZIP: b"\x1f\x8b", Packing.XZ: b"\xfd7zXZ\x00", Packing.BZIP2: b"BZh"}


def packing_of(head: bytes) -> Packing:
    """How a file that begins so is packed."""
    return next((how for how, magic in _MAGIC.items() if head.startswith(magic)), Packing.NONE)


def contents(
    path: Path, name: str, *, packed: str, max_bytes: int, see: Callable[[bytes], object]
) -> Iterator[bytes]:
    """Yield a file unpacked, piece by piece. `see` gets the bytes as they are on disk.

    `packed` is one of `Packing`. Raises InputError if the file cannot be read or is damaged, or
    holds more than `max_bytes` or suspiciously much.
    """
    total = 0
    try:
        limit = min(max_bytes, max(FREE_BYTES, MAX_UNPACKING * path.stat().st_size))
        with path.open("rb", buffering=0) as file:
            for piece in unpack(file.read, Packing(packed), see):
                total += len(piece)
                if total > limit:
                    raise InputError(f"{name} holds more than {limit >> 20} MiB, which is refused")
                yield piece
    except Damaged as error:
        raise InputError(f"{name} {error}") from error
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror or error}") from error


class Damaged(Exception):
    """A packed file is damaged; the message says how."""


class _Unpacker(Protocol):
    """The methods that the decompressors of the standard library have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Gunzip:
    """zlib's, which leaves it to its caller to keep what it has not unpacked yet."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(_GZIP_WINDOW)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)


def _unpacker(packing: Packing) -> _Unpacker:
    # Imported here: few files are packed so, and some Pythons are built without.
    try:
        if packing is Packing.XZ:
            import lzma

            return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MAX_MEMORY_BYTES)
        if packing is Packing.BZIP2:
            import bz2

            return bz2.BZ2Decompressor()
    except ImportError as error:
        raise InputError(
            f"this Python was built without {packing}: unpack the file first"
        ) from error
    return _Gunzip()


def unpack(
    read: Callable[[int], bytes], packing: Packing, see: Callable[[bytes], object] = len
) -> Iterator[bytes]:
    """Yield a stream unpacked, piece by piece; `see` gets it as it is. Raises Damaged, OSError."""
    unpacker = _unpacker(packing)
    while data := read(_CHUNK_BYTES):
        see(data)
        if not packing:
            yield data
            continue
        while True:
            if unpacker.eof:
                if not data.strip(b"\0"):  # padding, as tar writes it
                    break
                unpacker = _unpacker(packing)
            yield _decompress(unpacker, data, packing)
            if unpacker.eof:
                data = unpacker.unused_data
            elif unpacker.needs_input:
                break
            else:
                data = b""
    if packing and not unpacker.eof:
        raise Damaged(f"is a damaged {packing} file: it ends too early")


def _decompress(unpacker: _Unpacker, data: bytes, packing: Packing) -> bytes:
    try:
        return unpacker.decompress(data, _CHUNK_BYTES)
    except Exception as error:  # each library has its own class, and may not be there
        if _OVER_MEMORY in str(error):
            most = MAX_MEMORY_BYTES >> 20
            raise Damaged(f"takes more than {most} MiB of memory to unpack") from error
        raise Damaged(f"is a damaged {packing} file: {error}") from error
