"""The arguments of a command line become the ordered list of files to read circuits from."""

import errno
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from qjobs.circuits.decoding import marked_encoding
from qjobs.errors import InputError, Unreadable, UnreadableFiles

STDIN = "-"
SUFFIXES = (".qpy", ".qasm", ".qasm2", ".qasm3")
"""What a file in a folder must be called to be taken; one of `PACKED_SUFFIXES` may follow."""
PACKED_SUFFIXES = (".gz", ".xz", ".bz2", ".zst", ".zip")
"""Endings of packed files, of those too that are only named as what they are: the last two."""

MAX_STREAM_BYTES = 256 * 2**20
MAX_LIST_BYTES = 64 * 2**20
MAX_FILES = 1_000_000

_MAGIC = re.compile(r"[*?[]")
_DIGITS = re.compile(r"(\d+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file of circuits, by the path the user knows it by.

    `data` is its content if it can be read only once (a pipe), and None if it is on disk. `chosen`
    are the circuits that are meant, by their numbers or name; empty for all.
    """

    path: str
    data: bytes | None = None
    chosen: str = ""


def expand(
    arguments: Sequence[str],
    *,
    stdin: BinaryIO | None = None,
    missing: list[Unreadable] | None = None,
) -> list[InputFile]:
    """The files that the arguments stand for, in the order of the arguments.

    An argument is a file (taken whatever its name), a folder (searched for files with one of
    `SUFFIXES`, in natural order: q2 before q10; hidden ones are skipped), a pattern with
    `*`, `?`, `[...]` or `**`, or `-` for standard input. `:` and numbers or a name behind one that
    is no file itself choose circuits of each of its files. Raises InputError, naming them, if there
    are arguments that stand for nothing; into `missing` they go, if there are others.
    """
    found: list[InputFile] = []
    wrong: list[tuple[str, InputError]] = []
    for argument in arguments:
        if argument == STDIN:
            if stdin is None:
                raise InputError("- can be given only once, and where there is a standard input")
            found.append(InputFile(STDIN, _read_once(stdin, "the standard input")))
            stdin = None
        else:
            try:
                found.extend(islice(_expand_one(argument), MAX_FILES))
            except InputError as error:
                wrong.append((argument, error))
        if len(found) >= MAX_FILES:
            raise InputError(
                f"there are {MAX_FILES} files or more",
                hint="write the circuits to fewer files with qiskit.qpy.dump",
            )
    unreadable = [error.about(argument) for argument, error in wrong]
    if missing is not None and found:
        missing += unreadable
        return found
    if len(wrong) > 1:
        raise UnreadableFiles(
            f"{len(wrong)} of {len(arguments)} names stand for no file",
            hint=wrong[0][1].hint,
            unreadable=unreadable,
        )
    if wrong:
        raise wrong[0][1]
    return found


def read_list(stream: BinaryIO) -> list[str]:
    """The paths in a list: one a line or, where there are NUL bytes, between these.

    Blank entries are dropped. Names may be any bytes, but in a list that is marked as another
    encoding than UTF-8. Raises InputError if the list is too long or not what its mark says.
    """
    data = stream.read(MAX_LIST_BYTES + 1)
    if len(data) > MAX_LIST_BYTES:
        raise InputError(f"the list of files is longer than {MAX_LIST_BYTES >> 20} MiB")
    try:
        text = data.decode(marked_encoding(data), "surrogateescape")
    except UnicodeDecodeError as error:
        message = f"the list of files is not {error.encoding.upper()} text: byte {error.start}"
        raise InputError(message) from error
    if "\0" in text:
        return [path for path in text.split("\0") if path]
    # Not `splitlines`: what else that takes for the end of a line may be part of a name.
    lines = (line.removesuffix("\r") for line in text.split("\n"))
    return [path for path in lines if path.strip()]


def natural_key(name: str) -> list[tuple[int, str]]:
    """A key that sorts numbers within names by value."""
    parts = _DIGITS.split(name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def unpacked_name(name: str) -> str:
    """The name of a file without the ending that says how it is packed."""
    return _without(name, PACKED_SUFFIXES)


def circuit_name(path: str) -> str:
    """The name of the circuit from an OpenQASM file: the file's, without its endings."""
    name = _without(unpacked_name(Path(path).name), SUFFIXES) or path
    # A name that is no text, which a file may have, cannot be kept with a circuit.
    return name.encode(errors="surrogateescape").decode(errors="replace")


def _without(name: str, endings: Sequence[str]) -> str:
    lower = name.lower()
    ending = next((ending for ending in endings if lower.endswith(ending)), "")
    return name[: len(name) - len(ending)]


def _expand_one(argument: str) -> Iterator[InputFile]:
    try:
        for at in (len(argument), *_colons(argument)):
            word, chosen = argument[:at], argument[at + 1 :]
            kind = _kind(word)
            files = _take(word, kind) if kind is not None else _match(word)
            if files is not None:
                yield from (replace(file, chosen=chosen) for file in files)
                return
        if _MAGIC.search(argument):
            raise InputError(f"no file matches {argument!r}")
        raise InputError(
            f"there is no file or folder {argument!r}",
            hint="check the spelling; patterns such as 'circuits/*.qasm' work too",
        )
    except OSError as error:
        raise InputError(f"cannot read {argument!r}: {error.strerror or error}") from error


def _colons(argument: str) -> Iterator[int]:
    """Where circuits may begin to be chosen, the last place first: names may have colons, too."""
    for at in range(len(argument) - 2, 0, -1):
        if argument[at] == ":":
            yield at


def _kind(path: str) -> int | None:
    """The type bits of what is at a path, None if nothing is there."""
    try:
        return stat.S_IFMT(Path(path).stat().st_mode)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG and ":" in path:  # a file, and many numbers
            return None
        raise
    except ValueError as error:
        raise InputError(f"{path!r} cannot be the name of a file") from error


def _take(path: str, kind: int) -> Iterator[InputFile]:
    if kind == stat.S_IFDIR:
        names = list(_walk(Path(path)))
        if not names:
            raise InputError(
                f"the folder {path!r} holds no circuits",
                hint=f"files are recognised by their ending: {' '.join(SUFFIXES)}, or these with "
                f"{' '.join(PACKED_SUFFIXES)}",
            )
        yield from (InputFile(str(name)) for name in names)
    elif kind == stat.S_IFREG:
        yield InputFile(path)
    else:
        with Path(path).open("rb") as stream:
            yield InputFile(path, _read_once(stream, path))


def _match(pattern: str) -> Iterator[InputFile] | None:
    """The files that match a pattern; None if it is none, or nothing matches."""
    if not _MAGIC.search(pattern):
        return None
    from glob import iglob

    matches = sorted(iglob(pattern, recursive=True), key=natural_key)  # noqa: PTH207 - Path.glob takes no absolute pattern
    return _matched(pattern, matches) if matches else None


def _matched(pattern: str, matches: Sequence[str]) -> Iterator[InputFile]:
    for path in matches:
        kind = _kind(path)
        if kind is not None and (kind != stat.S_IFDIR or "**" not in pattern):
            yield from _take(path, kind)


def _walk(folder: Path) -> Iterator[Path]:
    for entry in sorted(folder.iterdir(), key=lambda entry: natural_key(entry.name)):
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            if not entry.is_symlink():  # which could lead back up
                yield from _walk(entry)
        elif entry.is_file() and unpacked_name(entry.name).lower().endswith(SUFFIXES):
            yield entry


def _read_once(stream: BinaryIO, name: str) -> bytes:
    data = stream.read(MAX_STREAM_BYTES + 1)
    if len(data) > MAX_STREAM_BYTES:
        raise InputError(
            f"{name} gives more than {MAX_STREAM_BYTES >> 20} MiB",
            hint="write it to a file and name that",
        )
    return data
