"""A QPY file in memory, cut into smaller ones and joined again: by bytes, without Qiskit."""

import struct
from array import array
from collections.abc import Iterator, Sequence
from itertools import pairwise

from qjobs.circuits import qpy
from qjobs.errors import InputError
from qjobs.model import Slice


def cut(data: bytes, *, circuits: int, size_bytes: int) -> Iterator[tuple[Slice, bytes]]:
    """A file as files of at most so many circuits, and so many bytes where one alone has less.

    Each comes with its place among all circuits. Raises InputError for a damaged file.
    """
    dialect, offsets, records = _open(data)
    ends = array("q", [*offsets[1:], len(records)])
    start = 0
    while start < len(offsets):
        end = start + 1
        most = min(start + circuits, len(offsets))
        while end < most and ends[end] - offsets[start] <= size_bytes:
            end += 1
        shift = qpy.first_record(end - start) - offsets[start]
        table = qpy.encode_offsets(offsets[start:end], shift)
        piece = records[offsets[start] : ends[end - 1]]
        yield Slice(start, end - start), dialect.header(end - start) + table + piece
        start = end


def join(files: Sequence[bytes]) -> bytes:
    """The circuits of files of one dialect, at least one, as a single file."""
    if len(files) == 1:
        return files[0]
    opened = [_open(data) for data in files]
    (dialect,) = {dialect for dialect, _, _ in opened}
    position = qpy.first_record(sum(len(offsets) for _, offsets, _ in opened))
    tables = []
    for _, offsets, records in opened:
        tables.append(qpy.encode_offsets(offsets, position))
        position += len(records)
    circuits = sum(len(offsets) for _, offsets, _ in opened)
    return b"".join((dialect.header(circuits), *tables, *(records for _, _, records in opened)))


def _open(data: bytes) -> tuple[qpy.Dialect, "array[int]", memoryview]:
    """The dialect, where each record starts, and the records."""
    try:
        dialect, circuits = qpy.read_header(data)
        first = qpy.first_record(circuits)
        offsets = array("q", struct.unpack_from(f"!{circuits}q", data, qpy.HEADER_BYTES))
    except (ValueError, struct.error) as error:
        raise InputError(f"not a QPY file that can be cut: {error}") from error
    if not circuits or dialect.version < qpy.OLDEST_TABLE_VERSION:
        raise InputError(f"not a QPY file that can be cut: {circuits} circuits, {dialect}")
    # The table counts from where Qiskit started to write, which need not be byte 0.
    shift = -offsets[0]
    starts = array("q", (offset + shift for offset in offsets))
    records = memoryview(data)[first:]
    bounds = [*starts, len(records)]
    if any(here >= there for here, there in pairwise(bounds)):
        raise InputError("not a QPY file that can be cut: its table is wrong")
    return dialect, starts, records
