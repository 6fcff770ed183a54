"""What crosses the border between qjobs and a vendor's process: a line of JSON, then bytes.

The key `bytes` of the object on the line says how many follow it. Both sides are of one
version: ours starts the other one from its own files.
"""

import json
from collections.abc import Mapping
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
    fields = json.loads(line)
    size = int(fields["bytes"])
    if not 0 <= size <= LARGEST_BODY_BYTES:
        raise ValueError(f"a message of {size} bytes")
    body = stream.read(size)
    return Frame(fields, body) if len(body) == size else None
