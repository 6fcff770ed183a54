"""Lines of a terminal, broken between words: whatever is a word stays whole."""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.text import Text

GAP = "  "
INDENT = 4
"""How far in that stands which belongs to what is above it."""

_WORD = re.compile(r"\S+")
_FIELD = re.compile(r"\S+(?: \S+)*")


def cell_length(text: str) -> int:
    """How many places of a terminal's line the text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def folded(text: "Text", width: int, *, first: int = 0, hanging: int = INDENT) -> list["Text"]:
    """A line broken where it is too wide, the first part indented by `first`, others by `hanging`.

    It is broken between fields, which have two spaces between them, or between the words of one
    that needs more than a line. A word that is too wide with the indent is indented less, and never
    broken.
    """
    breaks = [0]
    room = width - first
    for field in _FIELD.finditer(text.plain):
        whole = cell_length(field[0]) <= width - hanging
        parts = [field] if whole else _WORD.finditer(text.plain, *field.span())
        for part in parts:
            before = text.plain[breaks[-1] : part.start()]
            if before.strip() and cell_length(before + part[0]) > room:
                breaks.append(part.start())
                room = width - hanging
    lines = list(text.divide(breaks[1:]))
    for number, line in enumerate(lines):
        line.rstrip()
        line.pad_left(max(0, min(hanging if number else first, width - line.cell_len)))
    return lines


def chunks(text: str, width: int) -> list[str]:
    """What is no word, such as a long row of bits, in pieces."""
    return [text[at : at + width] for at in range(0, len(text), width)]
