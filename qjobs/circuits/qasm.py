"""One OpenQASM program becomes one circuit, through Qiskit's parsers. Imported by workers only.

Where something is wrong, the message names the file and line that the user knows.
"""

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from qjobs.circuits import extent, full, straight, wide_gates
from qjobs.circuits.decoding import decode
from qjobs.circuits.foreign import describe, qiskit_errors
from qjobs.circuits.includes import BUILT_IN, Piece, blank_comments, fault, place_in, read_program
from qjobs.circuits.inputs import circuit_name
from qjobs.circuits.sniff import Format, stated_format
from qjobs.errors import InputError, Place

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

# Words that one version has and the other has not, where a program does not say its version.
_OF_2 = re.compile(r"\b(?:qreg|creg|opaque|qelib1)\b")
_OF_3 = re.compile(
    r"\b(?:qubit|bit|u?int|float|angle|bool|complex|duration|stretch|stdgates|input|output|const"
    r"|def|for|while|else|switch|let|ctrl|negctrl|inv|pow|gphase|extern|defcal|cal|box|delay|end"
    r"|pragma)\b"
)
# Where Qiskit's parsers say something is wrong: `<input>:LINE,COLUMN: text` for OpenQASM 2,
# `LINE,COLUMN: text` or `LLINE:CCOLUMN: text` for OpenQASM 3. Their columns count from 0.
_POSITION = re.compile(r"(?:<input>:)?L?(\d+)(?:,|:C)(\d+): (.*)", re.DOTALL)


def parse(data: bytes, format_: Format, path: str, *, folder: Path | None) -> "QuantumCircuit":
    """The circuit that a program describes, named after its file.

    `path` is what the user calls the file. Without a version, a program is read as OpenQASM 2
    and, if it is none, as OpenQASM 3. Includes must lie in `folder`, or below; with None, as for
    standard input, only those in `BUILT_IN` work. Raises InputError, with its place if known.
    """
    if format_ is not Format.QASM:
        return _parse(data, format_, path, folder)
    text = decode(data, errors="replace")
    stated = stated_format(text, path)  # behind a comment too long for a look at its beginning
    if stated is not None:
        return _parse(data, stated, path, folder)
    faults = []
    for version in BUILT_IN:
        try:
            return _parse(data, version, path, folder)
        except InputError as error:
            faults.append(error)
    raise _more_telling(*faults, code=blank_comments(text))


def _parse(data: bytes, version: Format, path: str, folder: Path | None) -> "QuantumCircuit":
    pieces = read_program(data, version, path, folder=folder)
    text = "\n".join(piece.text for piece in pieces)
    parser = _parse2 if version is Format.QASM2 else _parse3
    try:
        with qiskit_errors(path):
            circuit = parser(text)
    except InputError as error:
        raise _located(error.__cause__, pieces, path) from error
    if not circuit.num_qubits:
        raise InputError(f"{path} describes no circuit: it declares no qubits")
    circuit.name = circuit_name(path)
    return circuit


def _more_telling(as_2: InputError, as_3: InputError, *, code: str) -> InputError:
    """Choose between the errors of both versions: that of the one the program seems written in.

    Where the words do not tell, it is the one that was understood further.
    """
    looks_like_2, looks_like_3 = _OF_2.search(code), _OF_3.search(code)
    if bool(looks_like_2) is not bool(looks_like_3):
        return as_2 if looks_like_2 else as_3
    return as_3 if _reached(as_3) > _reached(as_2) else as_2


def _reached(error: InputError) -> tuple[int, int]:
    place = error.place or Place("")
    return place.line or 0, place.column or 0


def _parse2(text: str) -> "QuantumCircuit":
    from qiskit import qasm2

    extent.check_registers(text)
    if "gate" in text:
        extent.check_gates(text)
    loads = partial(
        qasm2.loads,
        include_path=(),
        custom_instructions=qasm2.LEGACY_CUSTOM_INSTRUCTIONS,
        custom_classical=qasm2.LEGACY_CUSTOM_CLASSICAL,
    )
    return wide_gates.load(text, loads)


def _parse3(text: str) -> "QuantumCircuit":
    return straight.parse(text) or full.parse(text)


def _located(error: BaseException | None, pieces: list[Piece], path: str) -> InputError:
    """A parser's error, with the place that the user knows."""
    if error is None:
        return InputError(path)
    text = describe(error)
    position = _POSITION.match(text)
    if position:
        line, column, text = int(position[1]), int(position[2]), position[3]
    else:
        token = _offending_token(error)
        if token is None:
            return InputError(text, place=Place(path))
        line, column, text = token
    return fault(text, place_in(pieces, line, column + 1), path)


def _offending_token(error: BaseException | None) -> tuple[int, int, str] | None:
    """Where the parser of OpenQASM 3 stopped; it says so only in the cause of its error."""
    while error is not None:
        for holder in (error, *error.args):
            token = getattr(holder, "offendingToken", None)
            if token is not None:
                return token.line, token.column, f"cannot be understood at {token.text!r}"
        error = error.__cause__ or error.__context__
    return None
