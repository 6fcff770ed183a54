"""Lines of a terminal, broken between words: whatever is a word stays whole."""

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.text import Text

GAP = "  "
INDENT = 4
"""How far in that stands which belongs to what is above it."""

_WORD = re.compile(r"\S+")


def cell_length(text: str) -> int:
    """How many places of a terminal's line the text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def folded(text: "Text", width: int, *, first: int = 0, hanging: int = INDENT) -> list["Text"]:
    """A line broken between words, the first part indented by `first`, the others by `hanging`.

    A word that is too wide with the indent is indented less, and never broken.
    """
    breaks = [0]
    room = width - first
    for word in _WORD.finditer(text.plain):
        before = text.plain[breaks[-1] : word.start()]
        if before.strip() and cell_length(before + word[0]) > room:
            breaks.append(word.start())
            room = width - hanging
    lines = list(text.divide(breaks[1:]))
    for number, line in enumerate(lines):
        line.rstrip()
        line.pad_left(max(0, min(hanging if number else first, width - line.cell_len)))
    return lines


def chunks(text: str, width: int) -> list[str]:
    """What is no word, such as a long row of bits, in pieces."""
    return [text[at : at + width] for at in range(0, len(text), width)]


def packed(fields: Iterable["Text"], width: int) -> Iterator["Text"]:
    """Fields that stand under a row, as many on a line as it has room for."""
    from rich.text import Text

    line = Text()
    for field in fields:
        if line and INDENT + line.cell_len + len(GAP) + field.cell_len > width:
            yield from folded(line, width, first=INDENT)
            line = Text()
        line.append(GAP if line else "")
        line.append_text(field)
    if line:
        yield from folded(line, width, first=INDENT)
