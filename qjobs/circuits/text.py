"""Text files of the user's, packed with gzip or not, opened with their errors in our words."""

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

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


def read_text(path: str, *, most: int) -> str:
    """All of a file. Raises InputError, too, if it has more than `most` characters."""
    with open_text(path) as stream:
        text = stream.read(most + 1)
    if len(text) > most:
        raise InputError(f"{path} holds more than {most >> 20} million characters")
    return text
