"""A process that reads circuits with Qiskit: tasks come in, QPY files and a few words go out.

It is started as `python -m qjobs.circuits.worker` and speaks JSON, one object a line. First
it says `{"dialect": ...}`, that of the QPY it writes. A task on its input is

    {"format": "qasm2", "prefix": PATH, "files": [[PATH, NAME, PACKED, FOLDER], ...]}

and the answer one line a file, `{"sha256": ..., "circuits": 1, "parameters": [...]}` or
`{"error": ..., "hint": ...}`, in order; then `{"parts": [PATH, ...]}`: the files that hold the
circuits. `parameters` holds `[[NAME, ...], POSITION]` for each group of names that circuits have,
and the first that has it. A question of what is in a container,

    {"container": PATH, "start_index": 0, "experiments_count": 300}

is answered in one line, `{"parameters": [...], "unreadable": [[INDEX, NAME, REASON], ...]}`, or
with an error. It ends with its input.
Circuits cross as QPY, which is ten times faster to read than a pickle and runs no code.
"""

import gc
import hashlib
import json
import os
import signal
import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from qjobs.circuits import qpy
from qjobs.circuits.older import decode_windows
from qjobs.circuits.sniff import MAX_QASM_BYTES, Format
from qjobs.circuits.unpacking import contents
from qjobs.errors import InputError
from qjobs.model import Slice

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

_Names: TypeAlias = dict[tuple[str, ...], int]


def main() -> None:
    """Work until the input ends."""
    # Ctrl-C is for the parent, which ends us. Threads of our own would only be in the way of
    # the other workers; the variables are Rayon's and OpenMP's, read when Qiskit is loaded.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.putenv("RAYON_NUM_THREADS", "1")
    os.putenv("OMP_NUM_THREADS", "1")
    warnings.simplefilter("ignore")
    try:
        from qiskit import QuantumCircuit

        dialect, _ = qpy.read_header(qpy.encode([QuantumCircuit()]))
    except ImportError as error:
        _say({"error": f"Qiskit cannot be loaded: {error}"})
        return
    # Circuits are many small objects in few cycles: to look for these as often as Python does
    # by default takes a quarter of the time of parsing.
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)
    _say({"dialect": [dialect.version, dialect.qiskit.hex(), dialect.encoding.hex()]})
    for line in sys.stdin.buffer:
        message = json.loads(line)
        if "container" in message:
            _answer_question(message)
        else:
            _work(message)


def _say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def _work(task: dict[str, Any]) -> None:
    format_ = Format(task["format"])
    parts: list[str] = []
    if format_ is Format.QPY:
        for path, name, _, _ in task["files"]:
            _answer_qpy(Path(path), name, task["prefix"], parts)
    else:
        circuits = list(_answer_qasm(task["files"], format_))
        if circuits:
            _write_part(circuits, task["prefix"], parts)
    _say({"parts": parts})


def _answer_qasm(files: list[Any], format_: Format) -> "Iterator[QuantumCircuit]":
    from qjobs.circuits.qasm import parse

    for path, name, packed, folder in files:
        digest = hashlib.sha256()
        try:
            pieces = contents(
                Path(path), name, packed=packed, max_bytes=MAX_QASM_BYTES, see=digest.update
            )
            data = b"".join(pieces)
            circuit = parse(data, format_, name, folder=Path(folder) if folder else None)
        except InputError as error:
            _say({"error": error.text, "hint": error.hint, "place": error.place})
        else:
            yield circuit
            _say(_answer(digest.hexdigest(), 1, _name_parameters([circuit])))


def _answer_qpy(path: Path, name: str, prefix: str, parts: list[str]) -> None:
    count = 0
    parameters: _Names = {}
    started = len(parts)
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
        for circuits in decode_windows(path, name):
            _write_part(circuits, prefix, parts)
            parameters = _name_parameters(circuits, count) | parameters
            count += len(circuits)
    except (InputError, OSError) as error:
        del parts[started:]
        _say({"error": str(error), "hint": getattr(error, "hint", "")})
    else:
        _say(_answer(digest.hexdigest(), count, parameters))


def _answer_question(message: dict[str, Any]) -> None:
    part = Slice(message["start_index"], message["experiments_count"])
    try:
        with qpy.Container.open(Path(message["container"])) as container:
            found = qpy.decode_each(container.cut(part))
    except InputError as error:
        _say({"error": error.message, "hint": error.hint})
    else:
        unreadable = [
            (index, circuit.name, circuit.why)
            for index, circuit in enumerate(found, part.start_index)
            if isinstance(circuit, qpy.UnreadRecord)
        ]
        names = _name_parameters(found, part.start_index)
        _say({"parameters": [*names.items()], "unreadable": unreadable})


def _name_parameters(
    circuits: "Sequence[QuantumCircuit | qpy.UnreadRecord]", start_index: int = 0
) -> _Names:
    """The names that circuits have, and the index of the first that has each group of them."""
    found: _Names = {}
    for index, circuit in enumerate(circuits, start=start_index):
        if isinstance(circuit, qpy.UnreadRecord):
            continue
        names = tuple(parameter.name for parameter in circuit.parameters)
        if names:
            found.setdefault(names, index)
    return found


def _answer(sha256: str, circuits: int, parameters: _Names) -> dict[str, Any]:
    return {"sha256": sha256, "circuits": circuits, "parameters": [*parameters.items()]}


def _write_part(circuits: "list[QuantumCircuit]", prefix: str, parts: list[str]) -> None:
    part = f"{prefix}-{len(parts)}.qpy"
    Path(part).write_bytes(qpy.encode(circuits))
    parts.append(part)


if __name__ == "__main__":
    main()
