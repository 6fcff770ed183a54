"""A process that reads circuits with Qiskit: tasks come in, QPY files and a few words go out.

It is started as `python -m qjobs.circuits.worker` and speaks JSON, one object a line. First
it says `{"dialect": ...}`, that of the QPY it writes. A task on its input is

    {"format": "qasm2", "prefix": PATH, "files": [[PATH, NAME, PACKED, FOLDER], ...]}

and the answer one line a file, `{"sha256": ..., "circuits": 1}` or `{"error": ..., "hint": ...}`,
in order; then `{"parts": [PATH, ...]}`: the files that hold the circuits. It ends with its input.
Circuits cross as QPY, which is ten times faster to read than a pickle and runs no code.
"""

import gc
import hashlib
import json
import os
import signal
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qjobs.circuits import qpy
from qjobs.circuits.older import decode_windows
from qjobs.circuits.sniff import MAX_QASM_BYTES, Format, contents
from qjobs.errors import InputError

if TYPE_CHECKING:
    from qiskit import QuantumCircuit


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
        _work(json.loads(line))


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
            _say({"error": error.message, "hint": error.hint})
        else:
            yield circuit
            _say({"sha256": digest.hexdigest(), "circuits": 1})


def _answer_qpy(path: Path, name: str, prefix: str, parts: list[str]) -> None:
    count = 0
    started = len(parts)
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
        for circuits in decode_windows(path, name):
            _write_part(circuits, prefix, parts)
            count += len(circuits)
    except (InputError, OSError) as error:
        del parts[started:]
        _say({"error": str(error), "hint": getattr(error, "hint", "")})
    else:
        _say({"sha256": digest.hexdigest(), "circuits": count})


def _write_part(circuits: "list[QuantumCircuit]", prefix: str, parts: list[str]) -> None:
    part = f"{prefix}-{len(parts)}.qpy"
    Path(part).write_bytes(qpy.encode(circuits))
    parts.append(part)


if __name__ == "__main__":
    main()
