"""Text files of the user's, packed or not, opened with their errors in our words."""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from qjobs.circuits import others
from qjobs.circuits.decoding import encoding_of
from qjobs.circuits.unpacking import Damaged, packing_of, unpack
from qjobs.errors import InputError, Place

_HEAD_BYTES = 512
_LOOKED_THROUGH = 16 << 20  # characters, for the sake of one line


@contextmanager
def open_text(path: str) -> Iterator[TextIO]:
    """A text without its byte order mark, if it has one; every line ends in a newline.

    It may be packed as circuits may be, and be UTF-8 or, as PowerShell writes it, UTF-16.
    Whatever goes wrong with it in the block is raised as InputError.
    """
    try:
        with Path(path).open("rb") as file, _decoded(file, path) as stream:
            yield stream
    except UnicodeDecodeError as error:
        text = error.encoding.upper()
        raise InputError(f"{path} is not {text} text: {error.reason}") from error
    except Damaged as error:
        raise InputError(f"{path} {error}") from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error


@contextmanager
def _decoded(file: io.BufferedReader, path: str, errors: str = "strict") -> Iterator[TextIO]:
    packing = packing_of(file.peek(_HEAD_BYTES))
    plain = io.BufferedReader(_Pieces(unpack(file.read1, packing)))
    head = plain.peek(_HEAD_BYTES)
    archive = others.archive(head, path)
    if archive:
        raise InputError(f"{path} is {archive.kind}: unpack it first", hint=archive.hint)
    with io.TextIOWrapper(plain, encoding_of(head), errors=errors) as stream:
        yield stream


def read_line(place: Place, data: bytes | None = None) -> str:
    """The line of a text file that a place is on, without its end; empty if it cannot be had.

    `data` is what was in the file, if that can be read only once. Bytes that are no text are
    surrogates, as file names have them. No more than some millions of characters are looked at.
    """
    left = _LOOKED_THROUGH
    text = ""
    with suppress(InputError, Damaged, OSError, UnicodeError):
        path = Path(place.file)
        if data is None and not path.is_file():  # a FIFO would make us wait
            return ""
        source: Any = path.open("rb") if data is None else io.BufferedReader(io.BytesIO(data))
        with source, _decoded(source, place.file, "surrogateescape") as stream:
            for _ in range(place.line or 0):
                text = stream.readline(left)
                left -= len(text)
                if not text or not left:
                    return ""
            return text.removesuffix("\n")
    return ""


class _Pieces(io.RawIOBase):
    """Pieces of bytes as a stream of them."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        target = memoryview(buffer)
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._left = memoryview(piece)
        size = min(len(target), len(self._left))
        target[:size] = self._left[:size]
        self._left = self._left[size:]
        return size


def read_json(path: str, *, most: int, hint: str = "") -> Any:
    """Read a JSON file of at most `most` characters; no object may have a key twice.

    Raises InputError, with the line and the column where it is not JSON, and `hint` then.
    """
    with open_text(path) as stream:
        text = stream.read(most + 1)
    if len(text) > most:
        raise InputError(f"{path} holds more than {most >> 20} million characters")
    try:
        return json.loads(text, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        where = Place(path, error.lineno, error.colno)
        raise InputError(f"not JSON: {error.msg}", hint=hint, place=where) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: {error}") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"{twice!r} stands twice in one object")
    return found
