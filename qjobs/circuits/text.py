"""Text files of the user's, packed with gzip or not, opened with their errors in our words."""

import gzip
import io
import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from qjobs.errors import InputError

_GZIP = b"\x1f\x8b"


@contextmanager
def open_text(path: str) -> Iterator[TextIO]:
    """A UTF-8 file, without its byte order mark if it has one; every line ends in a newline.

    Whatever goes wrong with it in the block is raised as InputError.
    """
    try:
        with Path(path).open("rb") as file:
            packed = file.peek(len(_GZIP)).startswith(_GZIP)
            plain = gzip.GzipFile(fileobj=file) if packed else file
            with io.TextIOWrapper(plain, encoding="utf-8-sig") as stream:
                yield stream
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text: {error.reason}") from error
    except (zlib.error, EOFError, gzip.BadGzipFile) as error:
        raise InputError(f"{path} is a damaged gzip file: {error}") from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error


def read_json(path: str, *, most: int, hint: str = "") -> Any:
    """What a JSON file of at most so many characters holds; no object may have a key twice.

    Raises InputError, with the line and the column where it is not JSON, and `hint` then.
    """
    with open_text(path) as stream:
        text = stream.read(most + 1)
    if len(text) > most:
        raise InputError(f"{path} holds more than {most >> 20} million characters")
    try:
        return json.loads(text, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        where = f"{path}:{error.lineno}:{error.colno}"
        raise InputError(f"{where}: not JSON: {error.msg}", hint=hint) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: {error}") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"{twice!r} stands twice in one object")
    return found
