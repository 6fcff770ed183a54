"""What crosses between us and a child process: a line of JSON, then bytes.

The key `bytes` of the object on the line says how many follow it. Both sides are of one
version: ours starts the other one from its own files.
"""

import json
from collections.abc import Iterator, Mapping
from typing import IO, Any, NamedTuple

LARGEST_LINE_BYTES = 1 << 28
LARGEST_BODY_BYTES = 4 << 30


class Frame(NamedTuple):
    """One message: what it says, and what it carries."""

    fields: Mapping[str, Any]
    body: bytes = b""


def encode(fields: Mapping[str, Any], body: bytes = b"") -> bytes:
    """The bytes of a message."""
    return json.dumps({**fields, "bytes": len(body)}).encode() + b"\n" + body


def read(stream: IO[bytes]) -> Frame | None:
    """The next message; None where the stream ends, be it within one.

    Raises ValueError for what is no message.
    """
    line = stream.readline(LARGEST_LINE_BYTES)
    if not line.endswith(b"\n"):
        return None
    fields, size = _head(line)
    body = stream.read(size)
    return Frame(fields, body) if len(body) == size else None


class Decoder:
    """Messages from bytes that come bit by bit."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._fields: Mapping[str, Any] | None = None
        self._size = 0  # of the body of the message whose head has come

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The messages that are whole with these further bytes. Raises ValueError as `read`."""
        self._bytes += data
        while True:
            if self._fields is None:
                line, newline, rest = self._bytes.partition(b"\n")
                if not newline:
                    if len(line) > LARGEST_LINE_BYTES:
                        raise ValueError(f"a message that begins with {len(line)} bytes")
                    return
                self._fields, self._size = _head(line)
                self._bytes = rest
            if len(self._bytes) < self._size:
                return
            fields, self._fields = self._fields, None
            with memoryview(self._bytes) as view:
                body = bytes(view[: self._size])
            del self._bytes[: self._size]
            yield Frame(fields, body)


def _head(line: bytes | bytearray) -> tuple[Mapping[str, Any], int]:
    fields = json.loads(line)
    try:
        size = int(fields.pop("bytes"))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("a message without a size") from error
    if not 0 <= size <= LARGEST_BODY_BYTES:
        raise ValueError(f"a message of {size} bytes")
    return fields, size
