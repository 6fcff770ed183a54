"""A table of values that is written row by row, as a file that `Sweep` reads.

It is NumPy's .npy format, version 1.0, little-endian float64 in C order:
https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

import os
import sys
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Self, TypeAlias

from qjobs import files
from qjobs.circuits.sweep import Sweep
from qjobs.errors import InputError

MAX_VALUES = 250_000_000
"""Of one table, which then has 2 GB."""
BLOCK_ROWS = 8192

Values: TypeAlias = "array[float]"

_HEADER_BYTES = 128


class Table:
    """The new file at `destination`, its owner's only; errors call what it is made from `source`.

    As a context manager: begin with `start`, `add` rows, end with `finish`. Every method may
    raise InputError and StateUnwritable.
    """

    def __init__(self, destination: Path, source: str) -> None:
        self._path = destination
        self._source = source
        self._names: tuple[str, ...] = ()
        self._values = 0

    def __enter__(self) -> Self:
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
            self._file = os.fdopen(os.open(self._path, flags, 0o600), "wb")
        except OSError as error:
            raise files.unwritable(self._path, error) from error
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def start(self, names: Sequence[str]) -> None:
        """Say what the columns are."""
        if not names:
            raise InputError(f"{self._source} has no columns")
        for at, name in enumerate(names):
            if not name:
                raise InputError(f"{self._source}: column {at + 1} has no name")
        if len(set(names)) < len(names):
            twice = next(name for at, name in enumerate(names) if name in names[:at])
            raise InputError(f"{self._source} has the column {twice!r} twice")
        self._names = tuple(names)
        self._write(bytes(_HEADER_BYTES))

    def add(self, rows: Values) -> None:
        """Write the values of some rows, one row after the other."""
        self._values += len(rows)
        if self._values > MAX_VALUES:
            raise InputError(f"{self._source} has more than {MAX_VALUES} values")
        if sys.byteorder == "big":
            rows.byteswap()
        self._write(rows)

    def add_columns(self, columns: Sequence[Values]) -> None:
        """Write all rows, given as columns of equal length."""
        for start in range(0, len(columns[0]), BLOCK_ROWS):
            parts = [column[start : start + BLOCK_ROWS] for column in columns]
            rows = array("d", bytes(8 * len(parts) * len(parts[0])))
            for at, part in enumerate(parts):
                rows[at :: len(parts)] = part
            self.add(rows)

    def finish(self) -> Sweep:
        """Have the file be on the disk; what is in it."""
        if not self._names:
            raise InputError(f"{self._source} has no columns")
        rows = self._values // len(self._names)
        if not rows:
            raise InputError(f"{self._source} has no rows of values")
        try:
            self._file.seek(0)
            self._file.write(_header(rows, len(self._names)))
            self._file.flush()
            files.sync(self._file.fileno())
        except OSError as error:
            raise files.unwritable(self._path, error) from error
        return Sweep(self._path, self._names, rows)

    def _write(self, data: "bytes | Values") -> None:
        try:
            self._file.write(data)
        except OSError as error:
            raise files.unwritable(self._path, error) from error


def _header(rows: int, columns: int) -> bytes:
    about = f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({rows}, {columns}), }}"
    text = about.ljust(_HEADER_BYTES - 11) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()
