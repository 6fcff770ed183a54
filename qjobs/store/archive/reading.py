"""Reads an archive that may be anybody's: nothing in it is believed before it has been checked."""

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from qjobs.errors import InputError, StateTooNew
from qjobs.regular import open_regular
from qjobs.store.archive import manifest
from qjobs.store.archive.manifest import (
    CHUNK_BYTES,
    MOST_BYTES,
    MOST_FILES,
    MOST_RATIO,
    SMALL_BYTES,
    Manifest,
    Packed,
)

# The end of a ZIP file: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.3.14-16.
_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_LONG_END = struct.Struct("<4sQ2H2L4Q")
_LOCAL_BYTES = 30
_ENTRY_BYTES = 1 << 9  # as much as the directory says of a file, at most
_SHOWN = 80
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError,
    OverflowError, struct.error,
)  # fmt: skip
_ENCRYPTED = 1


class Reader:
    """An archive whose directory and manifest are checked."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        """Raises InputError, StateTooNew."""
        self._path = path
        try:
            _check_end(file)
            self._archive = zipfile.ZipFile(file)
            infos = self._archive.infolist()
            _check_entries(infos, file.seek(0, 2))
            self._infos = {info.filename: info for info in infos}
            self.manifest = self._read_manifest()
        except _DAMAGE as error:
            raise self._refusal(str(error)) from error
        except StateTooNew as error:
            raise StateTooNew(f"{path}: {error.message}", hint=error.hint) from error

    @property
    def size_bytes(self) -> int:
        """What all files take once they are unpacked."""
        return sum(file.size_bytes for file in self.manifest.files)

    def pieces(self, file: Packed) -> Iterator[bytes]:
        """The content of a file; raises InputError, in the end, unless it is what was packed."""
        # Imported here, as in `files`: it loads OpenSSL.
        import hashlib

        digest = hashlib.sha256()
        try:
            for piece in self._pieces(file.path, file.size_bytes):
                digest.update(piece)
                yield piece
        except _DAMAGE as error:
            raise self._refusal(f"{file.path}: {error}") from error
        if digest.hexdigest() != file.sha256:
            raise self._refusal(f"{file.path} does not have the checksum of the {manifest.NAME}")

    def _pieces(self, name: str, size_bytes: int) -> Iterator[bytes]:
        """Whatever the file says of itself, no more than so many bytes are taken from it."""
        left_bytes = size_bytes
        with self._archive.open(self._infos[name]) as stream:
            while piece := stream.read(min(CHUNK_BYTES, left_bytes + 1)):
                left_bytes -= len(piece)
                if left_bytes < 0:
                    break
                yield piece
        if left_bytes:
            raise ValueError("it is not as long as it says")

    def _read_manifest(self) -> Manifest:
        info = self._infos.get(manifest.NAME)
        if info is None:
            raise ValueError(f"it has no {manifest.NAME}")
        if info.file_size > MOST_BYTES:
            raise ValueError(f"its {manifest.NAME} is too large")
        found = manifest.read(b"".join(self._pieces(manifest.NAME, info.file_size)))
        named = {file.path: file.size_bytes for file in found.files}
        there = {name: info.file_size for name, info in self._infos.items()}
        del there[manifest.NAME]
        if len(named) != len(found.files) or named.keys() != there.keys():
            raise ValueError(f"its files are not those of its {manifest.NAME}")
        if named != there:
            raise ValueError(f"its files are not as long as its {manifest.NAME} says")
        return found

    def _refusal(self, what: str) -> InputError:
        return InputError(
            f"{self._path}: nothing was imported: {what}", hint="have it exported and sent again"
        )


@contextmanager
def opened(path: Path) -> Iterator[Reader]:
    """An archive, open. Raises InputError if it cannot be read or is none of ours; StateTooNew."""
    try:
        file = open_regular(path)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    with file:
        yield Reader(path, file)


def _check_end(file: BinaryIO) -> None:
    """Raise ValueError if the directory cannot be ours: it would be taken into memory as a whole.

    It ends the file, as we write no comment behind it.
    """
    size_bytes = file.seek(0, 2)
    tail = _tail(file, size_bytes, _END.size)
    if len(tail) < _END.size:
        raise ValueError("it is no archive of qjobs")
    mark, _, _, _, number, directory_bytes, start, comment = _END.unpack(tail)
    if mark != b"PK\5\6" or comment:
        raise ValueError("it is no archive of qjobs, or was cut off")
    end_bytes = _END.size
    if number == 0xFFFF or 0xFFFFFFFF in (directory_bytes, start):
        end_bytes += _LOCATOR.size + _LONG_END.size
        tail = _tail(file, size_bytes, end_bytes)
        if tail[:4] != b"PK\6\6":
            raise ValueError("its end is not as qjobs writes it")
        *_, number, directory_bytes, start = _LONG_END.unpack(tail[: _LONG_END.size])
    if number > MOST_FILES or directory_bytes > number * _ENTRY_BYTES:
        raise ValueError("it has more files than an archive of qjobs")
    if start + directory_bytes + end_bytes != size_bytes:
        raise ValueError("its directory is not where it should be")


def _tail(file: BinaryIO, size_bytes: int, number: int) -> bytes:
    file.seek(max(0, size_bytes - number))
    return file.read(number)


def _check_entries(infos: Sequence[zipfile.ZipInfo], size_bytes: int) -> None:
    """Raise ValueError for what no archive of ours has."""
    seen: set[str] = set()
    for info in infos:
        _check_entry(info)
        # `ID` and `id` are one folder on some file systems.
        if (folded := info.filename.casefold()) in seen:
            raise ValueError(f"{_shown(info)} is in it twice, perhaps in another case")
        seen.add(folded)
    ends = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        if info.header_offset < ends:
            raise ValueError(f"{_shown(info)} shares its bytes with another file")
        ends = info.header_offset + _LOCAL_BYTES + len(info.orig_filename) + info.compress_size
    if ends > size_bytes:
        raise ValueError("it was cut off")


def _check_entry(info: zipfile.ZipInfo) -> None:
    name = info.orig_filename
    kind = stat.S_IFMT(info.external_attr >> 16)
    if name.startswith(("/", "\\")) or name[1:2] == ":":
        raise ValueError(f"{_shown(info)} is an absolute path")
    if ".." in name.replace("\\", "/").split("/"):
        raise ValueError(f"{_shown(info)} leads out of the folder")
    if stat.S_ISLNK(kind):
        raise ValueError(f"{_shown(info)} is a link")
    if kind not in (0, stat.S_IFREG):
        raise ValueError(f"{_shown(info)} is no file")
    if name != info.filename or not (name == manifest.NAME or manifest.set_of(name)):
        raise ValueError(f"{_shown(info)} is nothing that an export has")
    if info.flag_bits & _ENCRYPTED or info.compress_type not in (
        zipfile.ZIP_STORED,
        zipfile.ZIP_DEFLATED,
    ):
        raise ValueError(f"{_shown(info)} is encrypted, or packed as qjobs never does")
    if info.file_size > max(SMALL_BYTES, info.compress_size * MOST_RATIO):
        raise ValueError(
            f"{_shown(info)} would become more than {MOST_RATIO} times as large as it is"
        )


def _shown(info: zipfile.ZipInfo) -> str:
    name = info.orig_filename
    return repr(name if len(name) <= _SHOWN else f"{name[:_SHOWN]}...")
