"""Check lines: each says what the bytes of the file before it add up to.

    # crc32 5f3a9c01

The sum is the CRC-32 of everything from the first byte of the file to the line, earlier check
lines among it. So a byte that was changed, and a fact that was taken out or exchanged, is
noticed by all lines behind it, and one look at the last of them is enough. To TOML they are
comments: any reader passes over them, and whoever changes the file knowingly removes them.
"""

import re
from typing import NamedTuple
from zlib import crc32

PATTERN = r"# crc32 [0-9a-f]{8}\n"
"""A check line as it is written."""

_BEGINNING = b"# crc32 "
_LINE = re.compile(rb"^# crc32 (.*)\n", re.MULTILINE)
_BEGUN = re.compile(r"#(?: (?:c(?:r(?:c(?:3(?:2(?: (?:[0-9a-f]{0,8})?)?)?)?)?)?)?)?")


class Examined(NamedTuple):
    """What the bytes add up to, and which lines, from 1, are not as they were written, if any.

    `guarded` bytes, those of the last check line among them, stand before what has none; without
    check lines, all bytes count as guarded.
    """

    total: int
    changed: tuple[int, int] | None
    guarded: int


def line(total: int) -> bytes:
    """The check line to follow bytes that add up to `total`."""
    return b"# crc32 %08x\n" % total


def closed(data: bytes) -> bytes:
    """The bytes of a whole file with a check line at their end."""
    return data + line(crc32(data))


def begun(text: str) -> bool:
    """Whether the text is the beginning of a check line, or one that lacks its newline."""
    return _BEGUN.fullmatch(text) is not None


def add(data: bytes, total: int = 0) -> int:
    """What bytes add up to with those before them."""
    return crc32(data, total)


def examine(data: bytes) -> Examined:
    """Hold the bytes of a file against their check lines."""
    last = data.rfind(b"\n" + _BEGINNING) + 1
    if not last:
        return Examined(crc32(data), None, len(data))
    before = crc32(memoryview(data)[:last])
    total = crc32(memoryview(data)[last:], before)
    changed = None if data.startswith(line(before), last) else _find_change(data)
    return Examined(total, changed, last)


def _find_change(data: bytes) -> tuple[int, int] | None:
    """The lines behind the last check line that holds, up to the first that does not."""
    total = start = 0
    first = number = 1
    for match in _LINE.finditer(data):
        total = crc32(memoryview(data)[start : match.start()], total)
        number += data.count(b"\n", start, match.start())
        start = match.start()
        if match[0] != line(total):
            return first, number
        first = number + 1
    return None


def without(text: str) -> str:
    """The text without its check lines."""
    return re.sub(r"^# crc32 .*\n", "", text, flags=re.MULTILINE)
