"""Rows of parameter values from a file of the user's, checked, as one table on disk.

Three formats are read, told apart by the ending (that of a packed file may follow the last two):

    .npz    an array a parameter, of one value a row; or of k values a row, for the elements
            name[0] to name[k-1] of a vector of parameters
    .json   {"theta": [0.1, 0.2], "phi": [[0.3, 0.4], [0.5, 0.6]]}, or a list of rows,
            [{"theta": 0.1, "phi": [0.3, 0.4]}, ...]; here phi is a vector of two
    .csv    a line of names, such as theta,phi[0],phi[1], then a line of numbers a row
"""

import csv
import math
from array import array
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from operator import methodcaller
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TextIO, TypeAlias

from qjobs.circuits.inputs import unpacked_name
from qjobs.circuits.sweep import Sweep
from qjobs.circuits.table import MAX_VALUES, Table, Values
from qjobs.circuits.text import open_text, read_json
from qjobs.errors import InputError, Place

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_JSON_CHARACTERS = 512 * 2**20

_Column: TypeAlias = tuple[str, Values]
_BLOCK_CHARACTERS = 2**20
_NUMBERS = {int, float}


def read_parameters(path: str, destination: Path) -> Sweep:
    """Write the table of a file to `destination`, flushed, its owner's only; what is in it.

    Raises InputError, naming the place in the file, and StateUnwritable; then nothing is left.
    """
    readers = {".npz": _read_npz, ".json": _read_json, ".csv": _read_csv}
    plain = unpacked_name(path)
    read = readers.get(Path(plain).suffix.lower())
    if read is None or (read is _read_npz and plain != path):
        raise InputError(
            f"cannot tell from {path!r} in which format its parameter values are",
            hint="its name must end in .npz, .json or .csv",
        )
    try:
        with Table(destination, path) as table:
            read(path, table)
            return table.finish()
    except BaseException:
        destination.unlink(missing_ok=True)
        raise


def _read_csv(path: str, table: Table) -> None:
    names: list[str] = []
    line = 1
    with open_text(path) as stream:
        for lines in _blocks(stream, path):
            if names:
                table.add(_csv_values(lines, names, path, line))
            else:
                names = _csv_names(lines, path, line)
                if names:
                    table.start(names)
            line += len(lines)


def _blocks(stream: TextIO, path: str) -> Iterator[list[str]]:
    """The lines of a file, many at a time; the first come one by one, until one is not blank."""
    rest = ""
    begun = False
    while text := stream.read(_BLOCK_CHARACTERS):
        *lines, rest = (rest + text).split("\n")
        if len(rest) > _BLOCK_CHARACTERS:
            raise InputError(f"{path}: a line has more than {_BLOCK_CHARACTERS} characters")
        while lines and not begun:
            begun = bool(lines[0].strip())
            yield [lines.pop(0)]
        if lines:
            yield lines
    if rest:
        yield [rest]


def _csv_names(lines: Sequence[str], path: str, line: int) -> list[str]:
    names = [name.strip() for name in _cells(lines[0], Place(path, line))]
    for column, name in enumerate(names, start=1):
        if _number(name) is not None:
            raise InputError(
                f"{name!r} is not the name of a parameter",
                hint="the first line of a .csv file holds the names, and the others numbers",
                place=_cell_at(lines[0], column, Place(path, line)),
            )
    return names


def _csv_values(lines: list[str], names: Sequence[str], path: str, line: int) -> Values:
    """The values of lines, the first of which has the number `line`. Blank ones have none."""
    if set(map(methodcaller("count", ","), lines)) == {len(names) - 1}:
        text = ",".join(lines)
        try:
            values = array("d", [*map(float, text.split(","))])
        except ValueError:
            pass  # which of them it is, is found out one by one
        else:
            if math.isfinite(sum(values)) and "_" not in text:
                return values
    values = array("d")
    for number, cells in enumerate(lines, start=line):
        if cells.strip():
            values.extend(_csv_row(cells, names, Place(path, number)))
    return values


def _csv_row(line: str, names: Sequence[str], where: Place) -> Iterator[float]:
    cells = _cells(line, where)
    if len(cells) != len(names):
        message = f"there are {len(cells)} values for {len(names)} columns"
        raise InputError(message, place=where)
    for column, (cell, name) in enumerate(zip(cells, names, strict=True), start=1):
        value = _number(cell)
        if value is None or not math.isfinite(value):
            message = f"{cell!r} for {name} is not a finite number"
            raise InputError(message, place=_cell_at(line, column, where))
        yield value


def _cell_at(line: str, column: int, where: Place) -> Place:
    """Where a cell of the line is, in characters; where there are quotes, only on which line."""
    if '"' in line:
        return where
    before = line.split(",")[: column - 1]
    return where._replace(column=sum(len(cell) + 1 for cell in before) + 1)


def _cells(line: str, where: Place) -> list[str]:
    try:
        return next(csv.reader([line], strict=True), [])
    except csv.Error as error:
        raise InputError(str(error), place=where) from error


def _number(text: str) -> float | None:
    """The number that a text is, if it is one; Python would take `1_0` for ten."""
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None


def _read_json(path: str, table: Table) -> None:
    found = read_json(path, most=MAX_JSON_CHARACTERS)
    if isinstance(found, list):
        found = _transposed(found, path)
    if not isinstance(found, dict) or not all(isinstance(rows, list) for rows in found.values()):
        raise InputError(
            f"{path} holds neither columns nor rows of values",
            hint='such a file is {"theta": [0.1, 0.2]} or [{"theta": 0.1}, {"theta": 0.2}]',
        )
    _check_lengths({name: len(rows) for name, rows in found.items()}, path)
    columns: list[_Column] = []
    for name, rows in found.items():
        columns += _json_columns(name, rows, path)
    _write(columns, table)


def _transposed(rows: list[Any], path: str) -> dict[str, list[Any]]:
    """The columns of a list of objects that all have the same keys."""
    names = rows[0].keys() if rows and isinstance(rows[0], dict) else ()
    for at, row in enumerate(rows):
        if not isinstance(row, dict) or row.keys() != names:
            raise InputError(f"{path}: row {at} is no object with the names of row 0")
    return {name: [row[name] for row in rows] for name in names}


def _json_columns(name: str, rows: list[Any], path: str) -> list[_Column]:
    """The columns of a parameter or, where the rows are lists, of a vector of them."""
    if not rows or not isinstance(rows[0], list):
        return [(name, _json_values(name, rows, path, size=1))]
    size = len(rows[0])
    for at, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != size:
            raise InputError(f"{path}: row {at} of {name!r} is not a list of {size} values")
    values = _json_values(name, list(chain.from_iterable(rows)), path, size=size)
    return [(f"{name}[{at}]", values[at::size]) for at in range(size)]


def _json_values(name: str, numbers: list[Any], path: str, *, size: int) -> Values:
    if set(map(type, numbers)) <= _NUMBERS:
        try:
            values = array("d", numbers)
        except OverflowError:  # a whole number too large for a float
            pass
        else:
            if all(map(math.isfinite, values)):
                return values
    wrong = next(at for at, number in enumerate(numbers) if not _is_finite(number))
    raise InputError(
        f"{path}: {numbers[wrong]!r} in row {wrong // size} of {name!r} is not a finite number"
    )


def _is_finite(number: object) -> bool:
    try:
        return type(number) in _NUMBERS and math.isfinite(number)  # type: ignore[arg-type]  # a number by its type
    except OverflowError:
        return False


def _check_lengths(lengths: Mapping[str, int], path: str) -> None:
    for name, length in lengths.items():
        first, expected = next(iter(lengths.items()))
        if length != expected:
            raise InputError(f"{path}: {first!r} has {expected} rows, {name!r} has {length}")


def _write(columns: Sequence[_Column], table: Table) -> None:
    table.start([name for name, _ in columns])
    table.add_columns([values for _, values in columns])


def _read_npz(path: str, table: Table) -> None:
    import zipfile
    import zlib

    try:
        with zipfile.ZipFile(path) as archive:
            arrays = {
                member.filename.removesuffix(".npy"): _npz_array(archive, member, path)
                for member in archive.infolist()
            }
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise InputError(f"{path} is not a whole .npz file: {error}") from error
    _check_lengths({name: len(rows) for name, rows in arrays.items()}, path)
    columns: list[_Column] = []
    for name, rows in arrays.items():
        vector = rows.ndim == 2
        for at, values in enumerate(rows.T if vector else [rows]):
            columns.append((f"{name}[{at}]" if vector else name, array("d", values.tobytes())))
    _write(columns, table)


def _npz_array(archive: Any, member: Any, path: str) -> "NDArray[Any]":
    """An array of one or two dimensions of finite float64."""
    import numpy as np

    name = member.filename.removesuffix(".npy")
    try:
        with archive.open(member) as file:
            shape, kind = _npy_promise(file)
        if kind.kind not in "iuf" or len(shape) not in (1, 2):
            raise InputError(
                f"{path}: {name!r} is an array of {len(shape)} dimensions of {kind}",
                hint="give a row of real numbers a run: one number each, or as many as a vector",
            )
        # What the file promises is reserved before it is read.
        if math.prod(shape) > MAX_VALUES:
            raise InputError(f"{path} has more than {MAX_VALUES} values")
        with archive.open(member) as file:
            values = np.lib.format.read_array(file, allow_pickle=False).astype(np.float64)
    except (ValueError, KeyError) as error:
        raise InputError(f"{path}: {name!r} is not an array that can be read: {error}") from error
    wrong = np.argwhere(~np.isfinite(values))
    if len(wrong):
        raise InputError(f"{path}: a value in row {wrong[0][0]} of {name!r} is not a finite number")
    return values


def _npy_promise(file: IO[bytes]) -> Any:
    """The shape and the type that the head of a .npy file names. Raises ValueError."""
    import numpy as np

    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        shape, _, kind = np.lib.format.read_array_header_1_0(file)
    else:
        shape, _, kind = np.lib.format.read_array_header_2_0(file)
    return shape, kind
