"""Some circuits of a file, by their numbers or their name: `circuits.qpy:100-199`.

A QPY file is cut by bytes: what is left out is never decoded.
"""

import hashlib
from array import array
from collections.abc import Iterator, Sequence
from itertools import chain

from qjobs.circuits import older, qpy, records
from qjobs.circuits.files import CircuitFile, Scratch
from qjobs.circuits.inputs import circuit_name
from qjobs.circuits.sniff import Format
from qjobs.errors import InputError, NotFound, UsageError
from qjobs.near import near_ones
from qjobs.regular import create_private
from qjobs.selection import looks_so, select

_NAMES_COMPARED = 1000
_HINT = "name the whole file, or write it again with qiskit.qpy.dump"


def pick(file: CircuitFile, scratch: Scratch) -> None:
    """Leave of a file the circuits that are `chosen`. Raises InputError if there are none such."""
    if file.format is not Format.QPY:
        _numbers(file, 1, [circuit_name(file.name)])
        file.chosen = ""  # it is all of it
        return
    if file.dialect is not None:
        with qpy.Container.open(file.path, name=file.name) as container:
            bounds, dialect = container.offsets(), container.dialect
    else:
        bounds = older.bounds_of(file.path, file.name, hint=_HINT)
        with file.path.open("rb") as opened:
            dialect, _ = qpy.read_header(opened.read(qpy.HEADER_BYTES))
    names = None if looks_so(file.chosen) else list(_names(file, bounds, dialect.version))
    numbers = _numbers(file, len(bounds) - 1, names)
    if len(numbers) < len(bounds) - 1:
        file.picked = tuple(_progressions(numbers))
        _cut(file, bounds, dialect, scratch)


def _numbers(file: CircuitFile, count: int, names: Sequence[str] | None) -> list[int]:
    """The chosen of `count` circuits, which have these names if it is one that is asked for."""
    word = f"{file.name}:{file.chosen}"
    if looks_so(file.chosen):
        try:
            return select(file.chosen, word).within(count, "circuit")
        except (NotFound, UsageError) as error:
            raise InputError(f"{word}: {error.message}") from error
    names = names or ()
    found = [number for number, name in enumerate(names) if name == file.chosen]
    if not found:
        near = near_ones(file.chosen, [*dict.fromkeys(names)][:_NAMES_COMPARED])
        raise InputError(f"{word}: there is no circuit {file.chosen!r}{near}")
    return found


def _names(file: CircuitFile, bounds: Sequence[int], version: int) -> Iterator[str]:
    with file.path.open("rb") as opened:
        for start in bounds[:-1]:
            opened.seek(start)
            head = opened.read(records.HEAD_BYTES)
            # In versions before 12 the name begins sooner.
            yield records.name(head + opened.read(int.from_bytes(head[:2])), version)


def _progressions(numbers: Sequence[int]) -> Iterator[range]:
    """Ascending numbers as ranges, each as long as can be."""
    start = 0
    while start < len(numbers):
        end = start + 1
        step = numbers[end] - numbers[start] if end < len(numbers) else 1
        while end < len(numbers) and numbers[end] - numbers[end - 1] == step:
            end += 1
        if end - start == 2 and step > 1:  # two that are far apart are no range
            end, step = start + 1, 1
        yield range(numbers[start], numbers[end - 1] + 1, step)
        start = end


def _runs(numbers: range) -> Iterator[tuple[int, int]]:
    """The first of each run of neighbours, and the one behind its last."""
    if numbers.step == 1:
        yield numbers.start, numbers.stop
    else:
        yield from ((number, number + 1) for number in numbers)


def _cut(file: CircuitFile, bounds: Sequence[int], dialect: qpy.Dialect, scratch: Scratch) -> None:
    """Have the file be one of the picked circuits alone; its sha256 is that of all of it."""
    chosen = array("q", chain.from_iterable(file.picked))
    path = scratch.new("picked.qpy")
    with file.path.open("rb") as whole, create_private(path) as cut:
        if not file.sha256:
            file.sha256 = hashlib.file_digest(whole, "sha256").hexdigest()
        cut.write(dialect.header(len(chosen)))
        if dialect.has_table:
            at, table = qpy.first_record(len(chosen)), array("q")
            for number in chosen:
                table.append(at)
                at += bounds[number + 1] - bounds[number]
            cut.write(qpy.encode_offsets(table))
        for start, end in chain.from_iterable(map(_runs, file.picked)):
            whole.seek(bounds[start])
            left = bounds[end] - bounds[start]
            while left:
                piece = whole.read(min(left, 1 << 20))
                if not piece:
                    raise InputError(f"{file.name} was changed while it was read")
                cut.write(piece)
                left -= len(piece)
    file.path = path
    if file.dialect is not None:
        file.circuits = len(chosen)
