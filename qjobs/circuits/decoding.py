"""The text that bytes are: UTF-8, or UTF-16 as PowerShell writes it."""

import codecs

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before that of UTF-16, with which it begins
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_UNMARKED_BYTES = 16


def marked_encoding(head: bytes) -> str:
    """The encoding that a byte order mark tells, by its name in Python; UTF-8 without one."""
    return next((encoding for mark, encoding in _MARKS if head.startswith(mark)), "utf-8")


def encoding_of(head: bytes) -> str:
    """The encoding of a program; UTF-16 without a mark is told by eight ASCII characters."""
    even, odd = head[0:_UNMARKED_BYTES:2], head[1:_UNMARKED_BYTES:2]
    if len(odd) == _UNMARKED_BYTES // 2:
        if all(even) and not any(odd):
            return "utf-16-le"
        if all(odd) and not any(even):
            return "utf-16-be"
    return marked_encoding(head)


def decode(data: bytes, *, errors: str = "strict") -> str:
    """The text of a program, without a byte order mark, its lines ended by newlines.

    Raises UnicodeDecodeError.
    """
    text = data.decode(encoding_of(data[:_UNMARKED_BYTES]), errors)
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
