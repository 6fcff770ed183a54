"""An OpenQASM program and the files it includes become one text, whose places stay known.

Includes are put in their place here, so that no parser opens a file.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from qjobs.circuits.decoding import decode
from qjobs.circuits.sniff import MAX_QASM_BYTES, Format
from qjobs.errors import InputError, Place

BUILT_IN = {Format.QASM2: "qelib1.inc", Format.QASM3: "stdgates.inc"}
"""The includes that Qiskit's parsers bring with them."""
MAX_INCLUDE_DEPTH = 16
MAX_INCLUDES = 1000

_SHOWN_CHARACTERS = 200
_STRING = r""""[^"\n]*"|'[^'\n]*'"""
_COMMENT = re.compile(rf"({_STRING})|//[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_INCLUDE = re.compile(rf"include\s*({_STRING})\s*;")
_NOT_UTF8 = re.compile("[\udc80-\udcff]")  # a byte that is not, as `surrogateescape` has it


class Spot(NamedTuple):
    """A known place in a file."""

    file: str
    line: int = 1
    column: int = 1

    def behind(self, text: str) -> "Spot":
        """The place behind a text that starts here."""
        lines = text.count("\n")
        column = len(text) - text.rfind("\n") if lines else self.column + len(text)
        return Spot(self.file, self.line + lines, column)


class Piece(NamedTuple):
    """A run of a program's text, and where in its file it starts."""

    text: str
    start: Spot


def read_program(data: bytes, version: Format, path: str, *, folder: Path | None) -> list[Piece]:
    """The text of a program, that of its includes in their place; each piece begins a line.

    `path` is what the user calls the file. Includes must lie in `folder`, or below; with None
    there can be none but that in `BUILT_IN`, which is left to Qiskit's parser. Raises InputError.
    """
    try:
        return _Includes(folder, path, BUILT_IN[version]).read(data, path)
    except InputError as error:
        if error.place is None or error.place.file == path:
            raise
        raise fault(error.text, error.place, path, hint=error.hint) from error


def fault(text: str, place: Place, path: str, *, hint: str = "") -> InputError:
    """The error for a place in the program `path`, or in a file that it includes."""
    included = "" if place.file == path else f" (included by {path})"
    return InputError(f"{text}{included}", hint=hint, place=place)


def place_in(pieces: Sequence[Piece], line: int, column: int) -> Place:
    """Where a place of the joined pieces is in their files; both count from 1."""
    for piece in pieces:
        lines = piece.text.count("\n") + 1
        if line <= lines:
            start = piece.start
            moved = start.column - 1 if line == 1 else 0
            return Place(start.file, start.line + line - 1, column + moved)
        line -= lines
    return Place(pieces[-1].start.file)


class _Includes:
    """Reads a program and the files it includes, never one outside of its folder."""

    def __init__(self, folder: Path | None, program: str, built_in: str) -> None:
        self._folder = folder.resolve() if folder else None
        self._program = program
        self._built_in = built_in
        self._is_built_in = re.compile(rf"include\s*(['\"]){re.escape(built_in)}\1\s*;")
        self._left_bytes = MAX_QASM_BYTES
        self._left = MAX_INCLUDES

    def read(self, data: bytes, path: str, depth: int = 0) -> list[Piece]:
        """The text of a program, that of its includes in their place."""
        self._left_bytes -= len(data)
        if self._left_bytes < 0:
            message = "the program and its includes exceed the limit of 256 MiB"
            raise InputError(message, place=Place(path))
        text = _decode(data, path)
        spot = Spot(path)
        if text.count("include") == len(self._is_built_in.findall(text)):
            return [Piece(text, spot)]  # as most programs: nothing to put in its place
        found: list[Piece] = []
        at = 0
        # An include in a comment is none.
        code = blank_comments(text)
        for include in _INCLUDE.finditer(code):
            name = include[1][1:-1]
            if name == self._built_in or not _begins_statement(code, include.start()):
                continue
            before = text[at : include.start()]
            found.append(Piece(before, spot))
            spot = spot.behind(before)
            content = self._open(name, Place(*spot), depth)
            found += self.read(content, str(Path(self._program).parent / name), depth + 1)
            spot = spot.behind(include[0])
            at = include.end()
        found.append(Piece(text[at:], spot))
        return found

    def _open(self, name: str, where: Place, depth: int) -> bytes:
        shown = repr(name[:_SHOWN_CHARACTERS])
        self._left -= 1
        if self._left < 0:
            raise InputError(f"the program has more than {MAX_INCLUDES} includes", place=where)
        if depth >= MAX_INCLUDE_DEPTH:
            message = f"includes are nested more than {MAX_INCLUDE_DEPTH} deep"
            raise InputError(message, place=where)
        if self._folder is None:
            raise InputError(f"{shown} cannot be included from standard input", place=where)
        try:
            target = (self._folder / name).resolve()
            if not target.is_relative_to(self._folder):
                raise InputError(f"{shown} lies outside of the folder of the program", place=where)
            if not target.is_file() and target.exists():  # a pipe would never end
                raise InputError(f"{shown} is not a file", place=where)
            with target.open("rb") as file:
                return file.read(MAX_QASM_BYTES + 1)
        except (OSError, ValueError, RuntimeError) as error:
            reason = getattr(error, "strerror", None) or error
            hint = ""
            if name in BUILT_IN.values():
                hint = f"in this version of OpenQASM it is {self._built_in}"
            message = f"cannot include {shown}: {reason}"
            raise InputError(message, hint=hint, place=where) from error


def _decode(data: bytes, path: str) -> str:
    """The text of a file; bytes that are not UTF-8 are let pass in comments, as `?`."""
    try:
        return decode(data)
    except UnicodeDecodeError as error:
        if error.encoding != "utf-8":
            line = data[: error.start].decode(error.encoding, "replace").count("\n") + 1
            message = f"this is not {error.encoding.upper()} text"
            raise InputError(message, place=Place(path, line)) from error
        text = decode(data, errors="surrogateescape")
        wrong = _NOT_UTF8.search(blank_comments(text))
        if wrong:
            message = f"this is not UTF-8 text: byte 0x{ord(wrong[0]) - 0xDC00:02x}"
            place = Place(*Spot(path).behind(text[: wrong.start()]))
            raise InputError(message, hint="save it as UTF-8", place=place) from error
        return _NOT_UTF8.sub("?", text)


def blank_comments(text: str) -> str:
    """The text with blanks for comments, so that all else stays in its place."""
    return _COMMENT.sub(
        lambda found: found[1] or "\n".join(" " * len(line) for line in found[0].split("\n")), text
    )


def _begins_statement(code: str, at: int) -> bool:
    while at and code[at - 1] in " \t":
        at -= 1
    return not at or code[at - 1] in "\n;{}"
