"""The format of a file of circuits, told by its content."""

import re
from enum import StrEnum
from pathlib import Path

from qjobs.circuits import others
from qjobs.circuits.decoding import decode
from qjobs.circuits.inputs import unpacked_name
from qjobs.circuits.qpy import MAGIC
from qjobs.circuits.unpacking import Packing, contents, packing_of
from qjobs.errors import InputError, Place

MAX_QPY_BYTES = 2**34
"""A packed QPY file may unpack to 16 GiB; one that is not packed is as large as it is."""
MAX_QASM_BYTES = 256 * 2**20

_HEAD_BYTES = 64 * 1024
_BLANKS = r"(?:\s|//[^\n]*(?:\n|\Z)|/\*.*?\*/)*+"
_VERSION = re.compile(rf"{_BLANKS}OPENQASM\s+(\d+)", re.DOTALL | re.ASCII)
_BLANK = re.compile(_BLANKS, re.DOTALL | re.ASCII)
# What shows that a text is OpenQASM though it does not say so: a declaration of bits, or a
# usual include, where a statement can begin.
_DECLARATION = re.compile(
    r"""(?:\A|[\n;}/])\s*(?:(?:qreg|creg|qubit|bit)\b\s*[\[\w]|include\s*["'][^"'\n]+\.inc["'])"""
)
# Bytes that no text has: not those of UTF-8, of Latin-1, or white space.
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


class Format(StrEnum):
    """The formats that circuits are read from.

    `QASM` is OpenQASM that does not say its version.
    """

    QPY = "qpy"
    QASM2 = "qasm2"
    QASM3 = "qasm3"
    QASM = "qasm"


def sniff(path: Path, name: str) -> tuple[Format, Packing]:
    """The format of a file, and how it is packed.

    `name` is what the user calls the file: where an OpenQASM file does not begin with its
    version, an ending `.qasm2` or `.qasm3` decides. Raises InputError.
    """
    try:
        with path.open("rb", buffering=0) as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror}") from error
    packing = packing_of(head)
    if packing:
        head = b""
        for piece in contents(path, name, packed=packing, max_bytes=MAX_QPY_BYTES, see=len):
            head += piece
            if len(head) >= _HEAD_BYTES:
                break
    whole = len(head) < _HEAD_BYTES
    return _format(head[:_HEAD_BYTES], name, whole=whole), packing


def _format(head: bytes, name: str, *, whole: bool) -> Format:
    if head.startswith(MAGIC):
        return Format.QPY
    archive = others.archive(head, name)
    if archive:
        raise InputError(f"{name} is {archive.kind}: unpack it first", hint=archive.hint)
    kind = others.binary(head)
    if kind:
        raise _stranger(name, kind)
    return _format_of_text(decode(head, errors="replace"), name, whole=whole)


def _format_of_text(text: str, name: str, *, whole: bool) -> Format:
    if not text.strip():
        raise InputError(f"{name} is empty")
    format_ = stated_format(text, name)
    if format_:
        return format_
    rest = _BLANK.sub("", text, count=1)
    if whole and not rest:
        raise InputError(f"{name} holds comments, but no circuit")
    other = others.text(text)
    if other:
        raise _stranger(name, other.kind, other.hint)
    bare = unpacked_name(name).lower()
    for format_ in (Format.QASM2, Format.QASM3):
        if bare.endswith(f".{format_}"):
            return format_
    if _CONTROL.search(text):
        raise _stranger(name, "binary data")
    # What is not called so is believed only if it looks so, as far as it can be seen.
    if bare.endswith(f".{Format.QASM}") or _DECLARATION.search(text) or not rest:
        return Format.QASM
    raise _stranger(name)


def stated_format(text: str, name: str) -> Format | None:
    """The format that an OpenQASM program says it has. Raises InputError if it is another one."""
    version = _VERSION.match(text)
    if version is None:
        return None
    if version[1] in ("2", "3"):
        return Format.QASM2 if version[1] == "2" else Format.QASM3
    line = text.count("\n", 0, version.start(1)) + 1
    column = version.start(1) - text.rfind("\n", 0, version.start(1))
    raise InputError(
        f"it is written in OpenQASM {version[1]}, not 2 or 3", place=Place(name, line, column)
    )


def _stranger(name: str, kind: str = "", hint: str = "") -> InputError:
    return InputError(
        f"{name} is neither QPY nor OpenQASM" + (f", but {kind}" if kind else ""),
        hint=hint or "an OpenQASM file begins with the line OPENQASM 2.0; or OPENQASM 3.0;",
    )
