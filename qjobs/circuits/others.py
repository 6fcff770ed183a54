"""The names of files that are neither QPY nor OpenQASM, told by how they begin."""

import re
import shlex
from typing import NamedTuple

from qjobs.circuits.inputs import STDIN

_UNZIP = "unzip -d circuits {} makes a folder to submit"
_UNTAR = "mkdir circuits && tar -C circuits -xf {} makes a folder to submit"
_TAR_MAGIC_AT = 257
_ARCHIVES = {
    b"PK\x03\x04": ("a zip archive", _UNZIP),
    b"PK\x05\x06": ("an empty zip archive", ""),
    b"7z\xbc\xaf\x27\x1c": ("a 7z archive", "7z x {}"),
    b"Rar!\x1a\x07": ("a rar archive", "unrar x {}"),
    b"\x28\xb5\x2f\xfd": ("packed with zstd", "zstd -d {}"),
    b"\x04\x22\x4d\x18": ("packed with lz4", "lz4 -d {}"),
    b"\x1f\x9d": ("packed with compress", "uncompress {}"),
}
_TWICE = (b"\x1f\x8b", b"\xfd7zXZ\x00", b"BZh")
_BINARIES = {
    b"%PDF-": "PDF",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"\x7fELF": "an ELF program",
    b"SQLite format 3\0": "an SQLite database",
    b"\x89HDF": "HDF5",
    b"\x93NUMPY": "a NumPy array",
    b"BC\xc0\xde": "LLVM bitcode",
    **{bytes((0x80, version)): "a pickle" for version in range(2, 6)},
}
_JSON = re.compile(r'\s*(?:\{\s*["}]|\[\s*[\[{\]"\d.-])')
_MARKUP = re.compile(r"\s*<[a-z!?]", re.IGNORECASE)
_LLVM = re.compile(r"\s*(?:; ModuleID|source_filename =|target (?:triple|datalayout) =)")
_PYTHON = re.compile(
    r"""(?:\s|\#[^\n]*\n)*  # blank lines, comments and `#!`
    (?: import\ +\w | from\ +[\w.]+\ +import\b | (?:async\ +)?def\ +\w+\(.*\).*:[ ]*$
    | class\ +\w+.*:[ ]*$ | [rf]?\"\"\" | [rf]?'''
    )""",
    re.VERBOSE | re.MULTILINE,
)


class Other(NamedTuple):
    """The kind of a file, and a hint how to get at its contents, if there is one."""

    kind: str
    hint: str = ""


def archive(head: bytes, name: str) -> Other | None:
    """The archive that begins so, if it is one."""
    if head[_TAR_MAGIC_AT:].startswith(b"ustar"):
        return Other("a tar archive", _command(_UNTAR, name))
    if head.startswith(_TWICE):
        return Other("packed twice")
    for magic, (kind, hint) in _ARCHIVES.items():
        if head.startswith(magic):
            return Other(kind, _command(hint, name))
    return None


def _command(hint: str, name: str) -> str:
    if name == STDIN:  # nothing that a command could name
        return ""
    return hint.format(shlex.quote(f"./{name}" if name.startswith("-") else name))


def binary(head: bytes) -> str:
    """The format that begins so, if it is a known one that is no text; else empty."""
    return next((kind for magic, kind in _BINARIES.items() if head.startswith(magic)), "")


def text(head: str) -> Other | None:
    """The language of a text that begins so, if it is surely another one."""
    if _JSON.match(head):
        return Other("a Jupyter notebook" if '"nbformat"' in head else "JSON")
    if _MARKUP.match(head):
        return Other("a web page, or XML", "was it meant to be downloaded as a raw file?")
    if _LLVM.match(head):
        return Other("LLVM code, as QIR is")
    if _PYTHON.match(head):
        return Other(
            "Python", "have it write its circuits to a file: qiskit.qpy.dump(circuits, file)"
        )
    return None
