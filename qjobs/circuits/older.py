"""QPY files that cannot be joined by bytes, decoded by Qiskit a window at a time.

Decoded whole, a file takes eleven times its size in memory. Records are complete in
themselves in every version, so a run of them behind a header is a file that Qiskit reads.
"""

import mmap
import struct
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from qjobs.circuits import qpy, records
from qjobs.errors import InputError

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

WINDOW = 300
"""Circuits decoded at once: more are no faster, and take more memory."""


def decode_windows(path: Path, name: str) -> "Iterator[list[QuantumCircuit]]":
    """The circuits of a QPY file of any version that Qiskit reads.

    `name` is what the user calls the file. Raises InputError.
    """
    for window in _windows(path, name):
        try:
            yield qpy.decode(window)
        except InputError as error:
            raise InputError(f"{name}: {error.message}", hint=error.hint) from error


def _windows(path: Path, name: str) -> Iterator[bytes]:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            dialect, count = qpy.read_header(data[: qpy.HEADER_BYTES])
            bounds = _bounds(memoryview(data), dialect.version, count, name)
        except ValueError:  # a version, or something in a record, that only Qiskit knows
            yield data[:]
            return
        for start in range(0, count, WINDOW):
            window = bounds[start : start + WINDOW + 1]
            size = len(window) - 1
            table = b""
            if dialect.version >= qpy.OLDEST_TABLE_VERSION:
                table = qpy.encode_offsets(window[:-1], qpy.first_record(size) - window[0])
            yield dialect.header(size) + table + data[window[0] : window[-1]]


def _bounds(data: memoryview, version: int, count: int, name: str) -> "array[int]":
    """Where each record starts, and the last one ends. Raises records.Unsliceable."""
    with data:
        has_table = version >= qpy.OLDEST_TABLE_VERSION
        bounds = array("q", [qpy.first_record(count) if has_table else qpy.HEADER_BYTES])
        try:
            for _ in range(count):
                qpy.check_bits(bytes(data[bounds[-1] : bounds[-1] + records.HEAD_BYTES]))
                bounds.append(records.find_end(data, bounds[-1], version))
        except InputError as error:
            raise InputError(f"{name}: {error.message}") from error
        except (records.CutShort, struct.error) as error:
            raise InputError(
                f"{name} is cut short: circuit {len(bounds) - 1} of {count}"
            ) from error
        if bounds[-1] != len(data):
            raise InputError(f"{name} goes on for {len(data) - bounds[-1]} bytes after its end")
    return bounds
