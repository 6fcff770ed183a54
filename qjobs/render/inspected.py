"""Files of circuits that were looked into, and their circuits, as rows and as JSON."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from qjobs.circuits.fitting import Verdict
from qjobs.engine.inspect import Looked, LookedFile
from qjobs.render.rows import Cell, Rows
from qjobs.render.shapes import Document

_NUMBERS = ("qubits", "clbits", "depth", "size", "two_qubit_gates", "parameters")
_KEYS = {
    Verdict.FITS: "fits",
    Verdict.TRANSPILE: "transpile",
    Verdict.TOO_LARGE: "too_large",
    Verdict.UNKNOWN: "unknown",
}


def file_rows(files: Iterable[LookedFile], backends: Sequence[str]) -> Rows:
    """A row a file; the numbers are the highest that a circuit has, empty where not known."""
    columns = ("file", "format", "version", "circuits", *_NUMBERS, "registers")
    return Rows((*columns, *_backends(backends)), ([*_file_row(file, backends)] for file in files))


def _file_row(file: LookedFile, backends: Sequence[str]) -> Iterator[Cell]:
    yield from (file.path, file.format.value, _cell(file.version), file.circuits)
    for name in _NUMBERS:
        yield file.ranges[name][1] if name in file.ranges else ""
    yield " ".join(file.registers or ())
    if backends:
        yield "; ".join(
            f"{backend} {', '.join(f'{counter[v]} {v}' for v in Verdict if counter[v])}"
            for backend, counter in zip(backends, file.verdicts, strict=True)
        )


def circuit_rows(looked: Iterable[Looked], backends: Sequence[str]) -> Rows:
    """A row a circuit, under its file."""
    columns = ("file", "position", "name", *_NUMBERS, "registers", *_backends(backends))
    return Rows((*columns, "message"), ([*_circuit_row(one, backends)] for one in looked), "file")


def _circuit_row(looked: Looked, backends: Sequence[str]) -> Iterator[Cell]:
    found = looked.anatomy
    yield from (looked.path, looked.position, found.name)
    yield from map(_cell, found[1:3])
    yield from map(_cell, (found.depth, found.size, found.two_qubit_gates))
    yield " ".join(found.parameters or ())
    yield " ".join(map(str, found.registers or ()))
    if backends:
        yield "; ".join(
            f"{backend} {told.verdict}{f' ({told.why})' if told.why else ''}"
            for backend, told in zip(backends, looked.judgements, strict=False)
        )
    yield found.why


def files_document(files: Iterable[LookedFile], backends: Sequence[str]) -> Document:
    """`qjobs.inspect/1`: files, and the lowest and the highest numbers of their circuits."""
    inner = (
        {
            "path": file.path,
            "format": file.format.value,
            "packed": file.packed or None,
            "version": file.version,
            "qiskit": file.qiskit or None,
            "circuits": file.circuits,
            "unreadable": file.unreadable,
            **{name: _range(file, name) for name in _NUMBERS},
            "registers": None if file.registers is None else list(file.registers),
            "backends": [
                {"backend": backend, **{key: counter[v] for v, key in _KEYS.items()}}
                for backend, counter in zip(backends, file.verdicts, strict=True)
            ],
        }
        for file in files
    )
    return Document({"schema": "qjobs.inspect/1"}, "files", inner)


def circuits_document(looked: Iterable[Looked], backends: Sequence[str]) -> Document:
    """`qjobs.circuits/1`: one entry a circuit, in order, as they are looked at."""
    inner = (_circuit(one, backends) for one in looked)
    return Document({"schema": "qjobs.circuits/1"}, "circuits", inner)


def _circuit(looked: Looked, backends: Sequence[str]) -> dict[str, Any]:
    found = looked.anatomy
    registers = found.registers
    return {
        "source": looked.path,
        "position": looked.position,
        **found._asdict(),
        "registers": None if registers is None else [one._asdict() for one in registers],
        "parameters": None if found.parameters is None else list(found.parameters),
        "backends": [
            {"backend": backend, "verdict": _KEYS[told.verdict], "why": told.why}
            for backend, told in zip(backends, looked.judgements, strict=False)
        ],
    }


def _backends(backends: Sequence[str]) -> tuple[str, ...]:
    return ("backends",) if backends else ()


def _range(file: LookedFile, name: str) -> list[int] | None:
    return list(file.ranges[name]) if name in file.ranges else None


def _cell(value: Cell | None) -> Cell:
    return "" if value is None else value
