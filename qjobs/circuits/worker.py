"""A process that reads circuits with Qiskit: tasks come in, QPY files and a few words go out.

It is a `child`, started as `qjobs.circuits.worker MEMORY`, with the bytes of memory that it may
take. First it says `{"dialect": ...}`, that of the QPY it writes. A task is

    {"format": "qasm2", "prefix": PATH, "files": [[PATH, NAME, PACKED, FOLDER], ...]}

and the answer one message a file, `{"sha256": ..., "circuits": 1, "parameters": [...]}` or
`{"error": ..., "hint": ...}`, in order and as soon as it is known, so that the file that it dies
of is known, too; then `{"parts": [PATH, ...]}`: the files that hold the circuits. `parameters`
holds `[[NAME, ...], POSITION]` for each group of names that circuits have, and the first that has
it. `{"unwritable": ...}` says that the circuits cannot be written. A question of what is in a
container,

    {"container": PATH, "start_index": 0, "experiments_count": 300}

is answered by `{"parameters": [...]}`, or with an error. In the same way

    {"look_at": PATH, "start_index": 0, "experiments_count": 300}

is answered by `{"circuits": [...]}`, with the fields of an `Anatomy` of each.
Circuits cross as QPY, which is ten times faster to read than a pickle and runs no code.
"""

import gc
import hashlib
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from qjobs.children.parent import Parent, begin
from qjobs.circuits import bounds, codec, qpy
from qjobs.circuits.anatomy import Anatomy
from qjobs.circuits.foreign import describe
from qjobs.circuits.older import decode_windows
from qjobs.circuits.sniff import MAX_QASM_BYTES, Format
from qjobs.circuits.unpacking import contents
from qjobs.errors import InputError, StateUnwritable
from qjobs.model import Slice
from qjobs.regular import create_private

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

_Names: TypeAlias = dict[tuple[str, ...], int]
_Message: TypeAlias = Mapping[str, Any]


def main(arguments: list[str]) -> None:
    """Work until there is nothing more to do."""
    (memory,), parent = begin(arguments)
    warnings.simplefilter("ignore")
    bounds.limit_memory(int(memory))
    try:
        from qiskit import QuantumCircuit

        dialect, _ = qpy.read_header(codec.encode([QuantumCircuit()]))
    except ImportError as error:
        parent.answer({"error": f"Qiskit cannot be loaded: {error}"})
        return
    # Circuits are many small objects in few cycles: to look for these as often as Python does
    # by default takes a quarter of the time of parsing.
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)
    parent.answer({"dialect": [dialect.version, dialect.qiskit.hex(), dialect.encoding.hex()]})
    for message, _ in parent.requests():
        if "container" in message:
            parent.answer(_attempt(partial(_answer_question, message), message["container"]))
        elif "look_at" in message:
            parent.answer(_attempt(partial(_look, message), message["look_at"]))
        else:
            _work(message, dialect, parent)


def _work(task: _Message, dialect: qpy.Dialect, parent: Parent) -> None:
    format_ = Format(task["format"])
    parts: list[str] = []
    records: list[bytes] = []
    try:
        for path, name, packed, folder in task["files"]:
            if format_ is Format.QPY:
                read = partial(_read_qpy, Path(path), name, task["prefix"], parts)
            else:
                read = partial(_read_qasm, Path(path), name, format_, packed, folder, records)
            parent.answer(_attempt(read, name))
        if records:
            _write_part(qpy.whole(dialect, records), task["prefix"], parts)
    except StateUnwritable as error:
        parent.answer({"unwritable": error.message})
    else:
        parent.answer({"parts": parts})


def _attempt(read: Callable[[], _Message], name: str) -> _Message:
    """The answer of a request, or the error to answer with instead."""
    try:
        return read()
    except StateUnwritable:
        raise
    except BaseException as error:  # noqa: BLE001 - even a panic or an exit is this file's fault
        if any(isinstance(cause, MemoryError) for cause in _causes(error)):
            os._exit(bounds.OUT_OF_MEMORY)  # what is left may not do for an answer
        if isinstance(error, InputError):
            return {"error": error.text, "hint": error.hint, "place": error.place}
        return {"error": f"{name} cannot be read: {describe(error)}", "hint": ""}


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _read_qasm(
    path: Path,
    name: str,
    format_: Format,
    packed: str,
    folder: str | None,
    records: list[bytes],
) -> _Message:
    from qjobs.circuits.qasm import parse

    digest = hashlib.sha256()
    pieces = contents(path, name, packed=packed, max_bytes=MAX_QASM_BYTES, see=digest.update)
    data = b"".join(pieces)
    circuit = parse(data, format_, name, folder=Path(folder) if folder else None)
    # Each by itself, which takes no longer: what cannot be written is the fault of one file.
    records.append(_encode([circuit], name)[qpy.first_record(1) :])
    return _answer(digest.hexdigest(), 1, _name_parameters([circuit]))


def _read_qpy(path: Path, name: str, prefix: str, parts: list[str]) -> _Message:
    count = 0
    parameters: _Names = {}
    started = len(parts)
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
        for circuits in decode_windows(path, name):
            if circuits:
                _write_part(_encode(circuits, name), prefix, parts)
            parameters = _name_parameters(circuits, count) | parameters
            count += len(circuits)
    except BaseException as error:
        del parts[started:]
        if isinstance(error, OSError):
            raise InputError(f"cannot read {name}: {error.strerror or error}") from error
        raise
    if not count:
        raise InputError(f"{name} holds no circuits")
    return _answer(digest.hexdigest(), count, parameters)


def _answer_question(message: _Message) -> _Message:
    part = Slice(message["start_index"], message["experiments_count"])
    with qpy.Container.open(Path(message["container"])) as container:
        found = codec.decode_each(container.cut(part))
    names = _name_parameters(found, part.start_index)
    return {"parameters": [*names.items()]}


def _look(message: _Message) -> _Message:
    part = Slice(message["start_index"], message["experiments_count"])
    with qpy.Container.open(Path(message["look_at"])) as container:
        found = codec.decode_each(container.cut(part))
    return {"circuits": [Anatomy.of(circuit) for circuit in found]}


def _name_parameters(
    circuits: "Sequence[QuantumCircuit | codec.UnreadRecord]", start_index: int = 0
) -> _Names:
    """The names that circuits have, and the index of the first that has each group of them."""
    found: _Names = {}
    for index, circuit in enumerate(circuits, start=start_index):
        if isinstance(circuit, codec.UnreadRecord):
            continue
        names = tuple(parameter.name for parameter in circuit.parameters)
        if names:
            found.setdefault(names, index)
    return found


def _answer(sha256: str, circuits: int, parameters: _Names) -> _Message:
    return {"sha256": sha256, "circuits": circuits, "parameters": [*parameters.items()]}


def _encode(circuits: "list[QuantumCircuit]", name: str) -> bytes:
    try:
        return codec.encode(circuits)
    except InputError as error:
        raise InputError(f"{name}: {error.message}", hint=error.hint) from error.__cause__


def _write_part(data: bytes, prefix: str, parts: list[str]) -> None:
    part = Path(f"{prefix}-{len(parts)}.qpy")
    try:
        with create_private(part) as file:
            file.write(data)
    except OSError as error:
        raise StateUnwritable(f"cannot write in {part.parent}: {error.strerror}") from error
    parts.append(str(part))


if __name__ == "__main__":
    main(sys.argv[1:])
