"""What a file of circuits is, by its content; and its content, unpacked within limits."""

import re
import zlib
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path

from qjobs.circuits.qpy import MAGIC
from qjobs.errors import InputError

MAX_QPY_BYTES = 2**34
"""A packed QPY file may unpack to 16 GiB; one that is not packed is as large as it is."""
MAX_QASM_BYTES = 256 * 2**20
MAX_UNPACKING = 200
"""Above `FREE_BYTES`, a file that unpacks to more than so many times its size is refused."""
FREE_BYTES = 64 * 2**20

_HEAD_BYTES = 64 * 1024
_CHUNK_BYTES = 256 * 1024
_GZIP = b"\x1f\x8b"
_GZIP_WINDOW = 31  # zlib's code for "gzip header, largest window"
_BLANK = rb"(?:\s|//[^\n]*(?:\n|\Z)|/\*.*?\*/)*+"
_VERSION = re.compile(rb"(?:\xef\xbb\xbf)?" + _BLANK + rb"OPENQASM\s+(\d+)", re.DOTALL)


class Format(StrEnum):
    """The formats that circuits are read from."""

    QPY = "qpy"
    QASM2 = "qasm2"
    QASM3 = "qasm3"


def sniff(path: Path, name: str) -> tuple[Format, bool]:
    """The format of a file, and whether it is packed with gzip.

    `name` is what the user calls the file: where an OpenQASM file does not begin with its
    version, an ending `.qasm2` or `.qasm3` decides. Raises InputError.
    """
    try:
        with path.open("rb", buffering=0) as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        raise InputError(f"cannot read {name}: {error.strerror}") from error
    packed = head.startswith(_GZIP)
    if packed:
        try:
            head = zlib.decompressobj(_GZIP_WINDOW).decompress(head, _HEAD_BYTES)
        except zlib.error as error:
            raise InputError(f"{name} is a damaged gzip file: {error}") from error
    return _format(head, name), packed


def _format(head: bytes, name: str) -> Format:
    if not head.strip():
        raise InputError(f"{name} is empty")
    if head.startswith(MAGIC):
        return Format.QPY
    version = _VERSION.match(head)
    if version:
        if version[1] == b"2":
            return Format.QASM2
        if version[1] == b"3":
            return Format.QASM3
        raise InputError(f"{name} is written in OpenQASM {version[1].decode()}, not 2 or 3")
    for format_ in (Format.QASM2, Format.QASM3):
        if name.lower().removesuffix(".gz").endswith(f".{format_}"):
            return format_
    raise InputError(
        f"{name} is neither QPY nor OpenQASM",
        hint="an OpenQASM file begins with the line OPENQASM 2.0; or OPENQASM 3.0;",
    )


def contents(
    path: Path, name: str, *, packed: bool, max_bytes: int, see: Callable[[bytes], object]
) -> Iterator[bytes]:
    """What a file holds, unpacked, piece by piece. `see` gets the bytes as they are on disk.

    Raises InputError if it is damaged, or holds more than `max_bytes` or suspiciously much.
    """
    limit = min(max_bytes, max(FREE_BYTES, MAX_UNPACKING * path.stat().st_size))
    total = 0
    try:
        for piece in _pieces(path, packed, see):
            total += len(piece)
            if total > limit:
                raise InputError(f"{name} holds more than {limit >> 20} MiB, which is refused")
            yield piece
    except OSError as error:
        raise InputError(f"cannot read {name}: {error.strerror}") from error
    except (zlib.error, EOFError) as error:
        raise InputError(f"{name} is a damaged gzip file: {error}") from error


def _pieces(path: Path, packed: bool, see: Callable[[bytes], object]) -> Iterator[bytes]:  # noqa: FBT001 - private
    with path.open("rb", buffering=0) as file:
        unpacker = zlib.decompressobj(_GZIP_WINDOW)
        while data := file.read(_CHUNK_BYTES):
            see(data)
            if not packed:
                yield data
                continue
            while data:
                if unpacker.eof:
                    if not data.strip(b"\0"):  # padding, as tar writes it
                        break
                    unpacker = zlib.decompressobj(_GZIP_WINDOW)
                yield unpacker.decompress(data, _CHUNK_BYTES)
                data = unpacker.unconsumed_tail or unpacker.unused_data
        if packed and not unpacker.eof:
            raise EOFError("it ends too early")
