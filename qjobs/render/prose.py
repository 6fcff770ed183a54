"""Plain text for a person: paragraphs, lists and commands under headings, in the width there is."""

import textwrap
from collections.abc import Iterable, Sequence
from shutil import get_terminal_size
from typing import TextIO

from qjobs.render.output import Style, has_colour

_WIDEST = 100  # longer lines are hard to read
_NARROWEST = 40
_ROOM_BESIDE = 64  # in less, what a name means stands below it
_WIDEST_NAME = 30
_INDENT = "  "
_BELOW = " " * 6
_ON = " \\"  # to a shell the command goes on


class Prose:
    """A text that is never wider than `width`, but for a single word that is: nothing is cut."""

    def __init__(self, *, width: int, colour: bool = False) -> None:
        self._width = max(width, _NARROWEST)
        self._colour = colour
        self._blocks: list[str] = []

    @classmethod
    def for_stream(cls, stream: TextIO) -> "Prose":
        """A page as wide as the terminal, or 80 characters in a pipe."""
        return cls(width=min(get_terminal_size().columns, _WIDEST), colour=has_colour(stream))

    def __str__(self) -> str:
        return "\n\n".join(self._blocks)

    def text(self, words: str) -> None:
        """A paragraph."""
        self._blocks.append(self._wrapped(words, ""))

    def usage(self, words: str) -> None:
        """How a command is written."""
        self._blocks.append(self._wrapped(f"Usage: {words}", "", later=" " * 7))
        self._blocks[-1] = self._blocks[-1].replace("Usage:", self._title("Usage:"), 1)

    def rows(self, heading: str, rows: Iterable[tuple[str, str]], *, names: int = 0) -> None:
        """Names, and what each means: beside it, or below it where there is too little room.

        There is room for names of at least so many characters as `names` says.
        """
        found = [*rows]
        names = max(names, *(len(name) for name, _ in found if len(name) <= _WIDEST_NAME), 0)
        lines = [self._title(f"{heading}:")]
        for name, meaning in found:
            shown = _INDENT + self._name(name)
            if self._width < _ROOM_BESIDE:
                lines += [shown, *self._lines(meaning, _BELOW)]
                continue
            first, *more = self._lines(meaning, " " * (names + 4)) or [""]
            if len(name) > names:
                lines += [shown, first, *more]
            else:
                lines += [f"{shown}{first[2 + len(name) :]}".rstrip(), *more]
        self._blocks.append("\n".join(lines))

    def commands(self, heading: str, commands: Sequence[str]) -> None:
        """Commands, which can be copied: what does not fit on a line goes on after a backslash."""
        lines = [self._title(f"{heading}:")]
        for command in commands:
            first, *more = textwrap.wrap(
                command, self._width - len(_BELOW) - len(_ON),
                break_long_words=False, break_on_hyphens=False,
            )  # fmt: skip
            lines.append(_INDENT + f"{_ON}\n{_BELOW}".join([first, *more]))
        self._blocks.append("\n".join(lines))

    def lines(self, heading: str, text: str) -> None:
        """A text whose lines are kept as they are."""
        shown = textwrap.indent(text.rstrip("\n"), _INDENT)
        self._blocks.append(f"{self._title(f'{heading}:')}\n{shown}")

    def _lines(self, words: str, indent: str) -> list[str]:
        return self._wrapped(words, indent).splitlines()

    def _wrapped(self, words: str, indent: str, *, later: str = "") -> str:
        return textwrap.fill(
            words, self._width, initial_indent=indent, subsequent_indent=indent + later,
            break_long_words=False, break_on_hyphens=False,
        )  # fmt: skip

    def _title(self, text: str) -> str:
        return Style.HEADING.on(text) if self._colour else text

    def _name(self, text: str) -> str:
        return Style.NAME.on(text) if self._colour else text
