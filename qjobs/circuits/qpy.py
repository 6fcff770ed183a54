"""The QPY container: how many circuits a file holds, and any run of them, by bytes.

From version 16 on, a QPY file is a header, a table with the position of each circuit's
record, and the records, which refer to nothing outside themselves. So a slice of a file is
a header with another count, a shifted table, and a run of its bytes. The format is
documented at https://quantum.cloud.ibm.com/docs/api/qiskit/qpy#qpy-format.
"""

import io
import os
import struct
import sys
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate, islice, pairwise
from operator import lt
from pathlib import Path
from typing import BinaryIO, NamedTuple, Self

from qjobs.circuits import records
from qjobs.errors import InputError
from qjobs.model import Slice
from qjobs.regular import open_regular

MAGIC = b"QISKIT"
OLDEST_TABLE_VERSION = 16
NEWEST_VERSION = records.NEWEST_VERSION
MAX_RECORD_BYTES = 2**31
"""A circuit of more than 2 GiB is refused: decoding it would need many times that."""

MAX_BITS = 1_000_000
"""A circuit of more qubits and classical bits is refused: Qiskit reserves memory for each."""

# FILE_HEADER_V10 of qiskit/qpy/formats.py, and the type of the programs. Before, FILE_HEADER.
_HEADER = struct.Struct("!6sB3sQcc")
HEADER_BYTES = _HEADER.size
"""The length of the header from version 10 on, which says how expressions are encoded."""
_ENCODED_VERSION = 10
_OLD_HEADER = struct.Struct("!6sB3sQc")
_CIRCUITS = b"q"
_CHUNK_BYTES = 1 << 20


class Dialect(NamedTuple):
    """The header's facts about all records: files of one dialect can be joined by bytes.

    `qiskit` is the version of Qiskit that wrote them, one byte a number; `encoding` is how
    symbolic expressions are written, empty before version 10.
    """

    version: int
    qiskit: bytes
    encoding: bytes

    @property
    def has_table(self) -> bool:
        """Whether a table of the records follows the header."""
        return self.version >= OLDEST_TABLE_VERSION

    def header(self, circuits: int) -> bytes:
        """The bytes of a file of `count` circuits up to its table."""
        front = MAGIC, self.version, self.qiskit, circuits
        if not self.encoding:
            return _OLD_HEADER.pack(*front, _CIRCUITS)
        return _HEADER.pack(*front, self.encoding, _CIRCUITS)


def read_header(data: bytes) -> tuple[Dialect, int]:
    """The dialect and the number of circuits of a file of version 5 or later.

    Raises ValueError, saying what is wrong, if these are not the first bytes of one.
    """
    if len(data) < HEADER_BYTES or not data.startswith(MAGIC):
        raise ValueError("it has no QPY header")
    _, version, qiskit, circuits, kind = _OLD_HEADER.unpack_from(data)
    encoding = b""
    if version >= _ENCODED_VERSION:
        *_, encoding, kind = _HEADER.unpack_from(data)
    if not records.OLDEST_VERSION <= version <= NEWEST_VERSION:
        raise ValueError(f"its QPY version is {version}")
    if kind != _CIRCUITS:
        raise ValueError("it does not hold circuits but pulse schedules or something else")
    return Dialect(version, qiskit, encoding), circuits


def first_record(circuits: int) -> int:
    """The position of the first record in a file of `count` circuits."""
    return HEADER_BYTES + 8 * circuits


def encode_offsets(offsets: "array[int]", shift: int = 0) -> bytes:
    """The table of a file, 8 bytes a circuit, big-endian; each offset moved by `shift`."""
    moved = array("q", (offset + shift for offset in offsets)) if shift else offsets[:]
    if sys.byteorder == "little":
        moved.byteswap()
    return moved.tobytes()


def whole(dialect: Dialect, found: Sequence[bytes]) -> bytes:
    """A file of these records, which are of that dialect."""
    table = b""
    if dialect.has_table:
        ends = accumulate(map(len, found), initial=first_record(len(found)))
        table = encode_offsets(array("q", ends)[:-1])
    return b"".join((dialect.header(len(found)), table, *found))


def joined(files: Sequence[bytes]) -> bytes:
    """The circuits of files of one dialect, at least one, as a single file. Raises InputError."""
    containers = [Container(data) for data in files]
    (dialect,) = {container.dialect for container in containers}
    return whole(
        dialect, [record for container in containers for record in container.all_records()]
    )


class Container:
    """A QPY file of version 16 or later: an open one, of which nothing is held in memory, or bytes.

    Every method may raise InputError: the file is damaged or cannot be read. Reading is by
    position, so one container may be used by several threads.
    """

    def __init__(self, source: BinaryIO | bytes, name: str = "the QPY data") -> None:
        self.name = name
        if isinstance(source, bytes):
            self._bytes, self._fd = source, -1
            self.file_bytes = len(source)
        else:
            self._bytes, self._fd = b"", source.fileno()
            self.file_bytes = os.fstat(self._fd).st_size
        try:
            head = self.read(0, min(HEADER_BYTES, self.file_bytes))
            self.dialect, self._count = read_header(head)
        except ValueError as error:
            raise self._damaged(str(error)) from error
        if not self.dialect.has_table:
            raise self._damaged(f"QPY version {self.dialect.version} has no table of circuits")
        if not self._count:
            raise InputError(f"{name} holds no circuits")
        if first_record(self._count) >= self.file_bytes:
            raise self._damaged(f"it is too short for the {self._count} circuits it promises")

    @classmethod
    @contextmanager
    def open(cls, path: Path, *, name: str = "") -> Iterator[Self]:
        """Open the container at `path`, which errors call `name`, and read its header."""
        name = name or str(path)
        try:
            file = open_regular(path)
        except OSError as error:
            raise InputError(f"cannot read {name}: {error.strerror}") from error
        with file:
            yield cls(file, name)

    def __len__(self) -> int:
        return self._count

    def offsets(self, part: Slice | None = None) -> "array[int]":
        """Where the records of a slice (or all) start, and where the last of them ends."""
        start, count = (part.start_index, part.experiments_count) if part else (0, self._count)
        if start + count > self._count:
            raise InputError(f"{self.name} holds {self._count} circuits: {part} is not among them")
        to_end = start + count == self._count
        first = self._table(0, 1)[0]
        found = self._table(start, count if to_end else count + 1)
        # The table counts from where Qiskit started to write, which need not be byte 0.
        shift = first_record(self._count) - first
        if to_end:
            found.append(self.file_bytes - shift)
        if found[0] < first or found[-1] > self.file_bytes - shift:
            raise self._damaged("its table points outside of it")
        if not all(map(lt, found, islice(found, 1, None))):
            raise self._damaged("its table is not in order")
        return array("q", (offset + shift for offset in found)) if shift else found

    def runs(self, part: Slice | None = None, *, circuits: int, size_bytes: int) -> Iterator[Slice]:
        """A slice (or all) in runs of at most `circuits` circuits and `size_bytes` bytes.

        A circuit that has more is a run of its own.
        """
        offsets = self.offsets(part)
        first = part.start_index if part else 0
        start, last = 0, len(offsets) - 1
        while start < last:
            end = start + 1
            while end < min(start + circuits, last) and (
                offsets[end + 1] - offsets[start] <= size_bytes
            ):
                end += 1
            yield Slice(first + start, end - start)
            start = end

    def all_records(self) -> list[bytes]:
        """The record of each circuit."""
        return [self.read(start, end - start) for start, end in pairwise(self.offsets())]

    def cut(self, part: Slice) -> bytes:
        """The circuits of a slice as a QPY file of their own."""
        found = self.offsets(part)
        start, end = found[0], found.pop()
        count = part.experiments_count
        data = io.BytesIO()
        data.write(self.dialect.header(count))
        data.write(encode_offsets(found, first_record(count) - start))
        for position in range(start, end, _CHUNK_BYTES):
            data.write(self.read(position, min(_CHUNK_BYTES, end - position)))
        return data.getvalue()

    def size_bytes(self, part: Slice) -> int:
        """How many bytes `cut` would give."""
        found = self.offsets(part)
        return first_record(part.experiments_count) + found[-1] - found[0]

    def names(self, part: Slice) -> list[str]:
        """The names of the circuits of a slice."""
        return [
            self.read(start + records.HEAD_BYTES, head.name_bytes).decode(errors="replace")
            for start, head in self._heads(part)
        ]

    def qubits(self, part: Slice) -> int:
        """The number of qubits of the widest circuit of a slice."""
        return max(self.widths(part))

    def widths(self, part: Slice) -> list[int]:
        """The numbers of qubits of the circuits of a slice."""
        return [head.qubits for _, head in self._heads(part)]

    def clbits(self, part: Slice) -> list[int]:
        """The numbers of classical bits of the circuits of a slice."""
        return [head.clbits for _, head in self._heads(part)]

    def check(self) -> None:
        """Raise InputError if the table is wrong, or the file ends before or behind its circuits.

        Raises records.Unsliceable if only Qiskit can tell. Nothing is decoded.
        """
        start, end = self.offsets()[-2:]
        if end - start > MAX_RECORD_BYTES:
            raise self._damaged(f"its last circuit has {end - start} bytes")
        try:
            found = records.find_end(self.read(start, end - start), 0, self.dialect.version)
        except records.CutShort as error:
            raise self._damaged("its last circuit is cut short") from error
        if start + found < end:
            raise self._damaged(f"{end - start - found} bytes stand behind its last circuit")

    def read_into(self, buffer: memoryview, position: int) -> int:
        """Fill a buffer from a position on; how many bytes there were, at most all."""
        try:
            return os.preadv(self._fd, [buffer], position)
        except OSError as error:
            raise InputError(f"cannot read {self.name}: {error.strerror}") from error

    def read(self, position: int, size: int) -> bytes:
        """The bytes of the file at a position, all of them."""
        if self._fd < 0:
            data = self._bytes[position : position + size]
        else:
            try:
                data = os.pread(self._fd, size, position)
            except OSError as error:
                raise InputError(f"cannot read {self.name}: {error.strerror}") from error
        if len(data) < size:
            raise self._damaged("it ends too early")
        return data

    def _heads(self, part: Slice) -> Iterator[tuple[int, records.Head]]:
        found = self.offsets(part)
        for start in islice(found, part.experiments_count):
            yield start, records.read_head(self.read(start, records.HEAD_BYTES))

    def _table(self, start: int, count: int) -> "array[int]":
        found = array("q", self.read(HEADER_BYTES + 8 * start, 8 * count))
        if sys.byteorder == "little":
            found.byteswap()
        return found

    def _damaged(self, why: str) -> InputError:
        return InputError(
            f"{self.name} is not a whole QPY file: {why}",
            hint="write it again with qiskit.qpy.dump",
        )


def check_size(record: bytes) -> None:
    """Raise InputError for more bits than a circuit may have, struct.error if it is cut short."""
    head = records.read_head(record[: records.HEAD_BYTES])
    if head.qubits + head.clbits > MAX_BITS:
        raise InputError(
            f"a circuit has {head.qubits} qubits and {head.clbits} clbits, "
            f"which together are more than {MAX_BITS}"
        )
