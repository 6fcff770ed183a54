"""One OpenQASM program becomes one circuit, through Qiskit's parsers. Imported by workers only.

Its includes are read here and put in their place, so that no parser opens a file; where
something is wrong, the message names the file and line that the user knows.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from qjobs.circuits import extent, full, straight
from qjobs.circuits.foreign import describe, qiskit_errors
from qjobs.circuits.sniff import MAX_QASM_BYTES, Format
from qjobs.errors import InputError

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

BUILT_IN = ("qelib1.inc", "stdgates.inc")
"""The includes that Qiskit's parsers bring with them."""
MAX_INCLUDE_DEPTH = 16
MAX_INCLUDES = 1000

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_INCLUDE = re.compile(r'include\s*"([^"\n]*)"\s*;')
_BUILT_IN_INCLUDE = re.compile(rf'include "(?:{"|".join(map(re.escape, BUILT_IN))})";')
# Where Qiskit's parsers say something is wrong: `<input>:LINE,COLUMN: text` for OpenQASM 2,
# `LINE,COLUMN: text` or `LLINE:CCOLUMN: text` for OpenQASM 3. Their columns count from 0.
_POSITION = re.compile(r"(?:<input>:)?L?(\d+)(?:,|:C)(\d+): (.*)", re.DOTALL)


class _Piece(NamedTuple):
    """A run of a program's text, and the file and line where it starts."""

    text: str
    path: str
    line: int


def parse(data: bytes, format_: Format, path: str, *, folder: Path | None) -> "QuantumCircuit":
    """The circuit that a program describes, named after its file.

    `path` is what the user calls the file. Includes must lie in `folder`, or below; with
    None, as for standard input, only those in `BUILT_IN` work. Raises InputError, with
    `path:line:column` where that is known.
    """
    pieces = _Includes(folder).read(data, path)
    text = "\n".join(piece.text for piece in pieces)
    parser = _parse2 if format_ is Format.QASM2 else _parse3
    try:
        with qiskit_errors(path):
            circuit = parser(text)
    except InputError as error:
        raise InputError(_locate(error.__cause__, pieces, path)) from error
    if not circuit.num_qubits:
        raise InputError(f"{path} describes no circuit: it declares no qubits")
    circuit.name = circuit_name(path)
    return circuit


def circuit_name(path: str) -> str:
    """The name of the circuit from a file: the file's, without its endings."""
    name = Path(path).name.removesuffix(".gz")
    for suffix in (".qasm", ".qasm2", ".qasm3"):
        name = name.removesuffix(suffix)
    # A name that is no text, which a file may have, cannot be kept with a circuit.
    return (name or path).encode(errors="surrogateescape").decode(errors="replace")


def _parse2(text: str) -> "QuantumCircuit":
    from qiskit import qasm2

    extent.check_registers(text)
    if "gate" in text:
        extent.check_gates(text)
    return qasm2.loads(
        text,
        include_path=(),
        custom_instructions=qasm2.LEGACY_CUSTOM_INSTRUCTIONS,
        custom_classical=qasm2.LEGACY_CUSTOM_CLASSICAL,
    )


def _parse3(text: str) -> "QuantumCircuit":
    return straight.parse(text) or full.parse(text)


class _Includes:
    """Reads a program and the files it includes, never one outside of its folder."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder.resolve() if folder else None
        self._left_bytes = MAX_QASM_BYTES
        self._left = MAX_INCLUDES

    def read(self, data: bytes, path: str, depth: int = 0) -> list[_Piece]:
        """The text of a program, that of its includes in their place."""
        self._left_bytes -= len(data)
        if self._left_bytes < 0:
            raise InputError(f"{path}: the program and its includes exceed the limit of 256 MiB")
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise InputError(f"{path}:{line}: this is not UTF-8 text") from error
        if text.count("include") == len(_BUILT_IN_INCLUDE.findall(text)):
            return [_Piece(text, path, 1)]  # as most programs: nothing to put in its place
        found: list[_Piece] = []
        at = 0
        line = 1
        # Comments become blanks of the same length: an include in one is none.
        code = _COMMENT.sub(_blank, text)
        for include in _INCLUDE.finditer(code):
            if include[1] in BUILT_IN or not _begins_statement(code, include.start()):
                continue
            before = text[at : include.start()]
            found.append(_Piece(before, path, line))
            line += before.count("\n")
            content = self._open(include[1], f"{path}:{line}", depth)
            found += self.read(content, str(Path(path).parent / include[1]), depth + 1)
            line += include[0].count("\n")
            at = include.end()
        found.append(_Piece(text[at:], path, line))
        return found

    def _open(self, name: str, where: str, depth: int) -> bytes:
        self._left -= 1
        if self._left < 0:
            raise InputError(f"{where}: the program has more than {MAX_INCLUDES} includes")
        if depth >= MAX_INCLUDE_DEPTH:
            raise InputError(f"{where}: includes are nested more than {MAX_INCLUDE_DEPTH} deep")
        if self._folder is None:
            raise InputError(f"{where}: {name!r} cannot be included from standard input")
        try:
            target = (self._folder / name).resolve()
            if not target.is_relative_to(self._folder):
                raise InputError(f"{where}: {name!r} lies outside of the folder of the program")
            if not target.is_file() and target.exists():  # a pipe would never end
                raise InputError(f"{where}: {name!r} is not a file")
            with target.open("rb") as file:
                return file.read(MAX_QASM_BYTES + 1)
        except (OSError, ValueError, RuntimeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise InputError(f"{where}: cannot include {name!r}: {reason}") from error


def _blank(match: re.Match[str]) -> str:
    return "\n".join(" " * len(line) for line in match[0].split("\n"))


def _begins_statement(code: str, at: int) -> bool:
    while at and code[at - 1] in " \t\r":
        at -= 1
    return not at or code[at - 1] in "\n;{}"


def _locate(error: BaseException | None, pieces: list[_Piece], path: str) -> str:
    """The message of a parser's error, its position in the words `path:line:column`."""
    if error is None:
        return path
    text = describe(error)
    position = _POSITION.match(text)
    if position:
        line, column, text = int(position[1]), int(position[2]), position[3]
    else:
        token = _offending_token(error)
        if token is None:
            return f"{path}: {text}"
        line, column, text = token
    for piece in pieces:
        lines = piece.text.count("\n") + 1
        if line <= lines:
            return f"{piece.path}:{piece.line + line - 1}:{column + 1}: {text}"
        line -= lines
    return f"{path}: {text}"


def _offending_token(error: BaseException | None) -> tuple[int, int, str] | None:
    """Where the parser of OpenQASM 3 stopped; it says so only in the cause of its error."""
    while error is not None:
        for holder in (error, *error.args):
            token = getattr(holder, "offendingToken", None)
            if token is not None:
                return token.line, token.column, f"cannot be understood at {token.text!r}"
        error = error.__cause__ or error.__context__
    return None
