"""What a dry run finds in circuit files, for a person or as annotations of GitHub."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from os.path import abspath
from pathlib import Path
from typing import NamedTuple
from unicodedata import category, east_asian_width

from qjobs.circuits.inputs import STDIN
from qjobs.errors import Place
from qjobs.render.text import clean

_BEFORE_CARET = 60
_BEHIND_CARET = 30
_CUT = "..."
_ANNOTATIONS = 10
"""Of a level: GitHub shows no more of a step."""
# What the runner of GitHub takes for a command: at the start of a line, and anywhere in one.
_COMMAND = re.compile(r"\A(?=\s*::)|(?<=##)(?=\[)")


class Level(StrEnum):
    """How bad it is, in the words of GitHub and of SARIF."""

    ERROR = "error"
    WARNING = "warning"


class Rule(StrEnum):
    """What kind of finding it is."""

    UNREADABLE = "unreadable"
    NO_MEASUREMENT = "no-measurement"
    INPUT = "input"


RULES = {
    Rule.UNREADABLE: "A file, or a circuit in it, cannot be read.",
    Rule.NO_MEASUREMENT: "A circuit measures nothing, so that there are no counts.",
    Rule.INPUT: "The files do not make a job set.",
}


class Finding(NamedTuple):
    """One thing that is wrong with a file, and where, as far as that is known."""

    rule: Rule
    level: Level
    place: Place | None
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message


def text_lines(findings: Iterable[Finding], line_of: Callable[[Place], str]) -> Iterator[str]:
    """A line a finding, as compilers write it, with the line of the source and a caret under it."""
    for finding in findings:
        yield clean(str(finding))
        if finding.place and finding.place.line:
            yield from excerpt(line_of(finding.place), finding.place)


def excerpt(line: str, place: Place) -> Iterator[str]:
    """The line that a place is on, as much as fits around the column, and a caret; or nothing."""
    if not line.strip():
        return
    at = min((place.column or 1) - 1, len(line))
    before = [_shown(char) for char in line[max(0, at - _BEFORE_CARET) : at]]
    while sum(map(_width, before)) > _BEFORE_CARET:
        del before[0]
    behind = [_shown(char) for char in line[at : at + _BEHIND_CARET]]
    while sum(map(_width, behind)) > _BEHIND_CARET:
        del behind[-1]
    cut = _CUT if len(before) < at else ""
    more = _CUT if at + len(behind) < len(line) else ""
    left = cut + "".join(before)
    yield f"{place.line:>5} | {left}{''.join(behind)}{more}".rstrip()
    if place.column:
        yield f"{'':>5} | {'':{_width(left)}}^"


def _shown(char: str) -> str:
    return "    " if char == "\t" else clean(char)


def _width(text: str) -> int:
    """How many cells of a terminal it takes."""
    return sum(
        0 if category(char) in ("Mn", "Me", "Cf") else 1 + (east_asian_width(char) in "WF")
        for char in text
    )


def annotations(findings: Sequence[Finding], checkout: Path) -> Iterator[str]:
    """Commands of GitHub's workflows: 10 of a level at most, the last of which counts the rest.

    Paths are those in `checkout`, which is how GitHub knows files.
    https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions
    """
    for level in Level:
        found = [finding for finding in findings if finding.level is level]
        shown = found if len(found) <= _ANNOTATIONS else found[: _ANNOTATIONS - 1]
        for finding in shown:
            place, message = finding.place, finding.message
            where: dict[str, object] = {}
            if place and place.file != STDIN:
                file = in_checkout(place.file, checkout) or place.file
                where = {"file": file, "line": place.line, "col": place.column}
            elif place:
                message = str(finding)
            yield _annotation(level, message, where)
        if rest := len(found) - len(shown):
            yield _annotation(level, f"and {rest} more: see the log of this step", {})


def in_checkout(file: str, checkout: Path) -> str:
    """The path of a file in the checkout; empty if it is not there."""
    path = Path(abspath(file))  # noqa: PTH100 - as it is called, wherever links lead
    return path.relative_to(checkout).as_posix() if path.is_relative_to(checkout) else ""


def _annotation(level: Level, message: str, where: Mapping[str, object]) -> str:
    told = {**where, "title": "qjobs"}
    properties = ",".join(
        f"{name}={_escaped(clean(str(value))).replace(':', '%3A').replace(',', '%2C')}"
        for name, value in told.items()
        if value is not None
    )
    return f"::{level} {properties}::{_escaped(clean(message))}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def inert(line: str) -> str:
    """A line for the log of a workflow that is not taken for a command."""
    return _COMMAND.sub(lambda found: " " if found.start() else "> ", line)
