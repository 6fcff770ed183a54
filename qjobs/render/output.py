"""Where text goes: data to stdout in the format that was asked for, the rest to stderr."""

import json
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from enum import StrEnum
from typing import NamedTuple, TextIO

from qjobs import paths
from qjobs.errors import InputError, QjobsError, Unreadable, UnreadableFiles
from qjobs.render.data import DATA
from qjobs.render.line import LINE
from qjobs.render.text import clean


class Format(StrEnum):
    """How data is written."""

    TABLE = "table"
    TSV = "tsv"
    CSV = "csv"
    JSON = "json"
    JSONL = "jsonl"


class Report(StrEnum):
    """How a dry run writes what it finds in the files, for programs that show it beside them."""

    GITHUB = "github"
    SARIF = "sarif"


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a person reads the stream; Python has None for one that was closed."""
    return stream is not None and not stream.closed and stream.isatty()


class Style(StrEnum):
    """What a word is, and so how it looks on a terminal (ECMA-48, SGR).

    Without rich, which takes longer to load than most verbs to run.
    """

    HEADING = "1;32"
    NAME = "36"
    ERROR = "1;31"
    WARNING = "1;33"
    ADVICE = "1;36"

    def on(self, text: str) -> str:
        """The text in this style."""
        return f"\x1b[{self.value}m{text}\x1b[0m"


def has_colour(stream: TextIO | None) -> bool:
    """Whether a stream is shown to a person who has not refused colours."""
    return is_terminal(stream) and not paths.is_plain()


class Output(NamedTuple):
    """The shape of a command's output.

    `asked_for`: the user chose the format. `notes_as_json`: each line on stderr is JSON too.
    """

    format: Format
    asked_for: bool = False
    header: bool = False
    quiet: bool = False
    notes_as_json: bool = False

    @classmethod
    def chosen(
        cls,
        format_: Format | None = None,
        *,
        as_json: bool = False,
        header: bool = False,
        quiet: bool = False,
    ) -> "Output":
        """The output that the options ask for; by default a table on a terminal, TSV in a pipe."""
        default = Format.TABLE if is_terminal(DATA.stream) else Format.TSV
        return cls(
            Format.JSON if as_json else format_ or default,
            asked_for=as_json or format_ is not None,
            header=header,
            quiet=quiet,
            notes_as_json=as_json,
        )

    @property
    def ids_only(self) -> bool:
        """Whether a verb that makes or changes sets is to write their ids and no more."""
        return self.quiet or (self.format is Format.TSV and not self.asked_for)

    @property
    def shows_progress(self) -> bool:
        """Whether somebody is there to look at a progress bar."""
        return not self.quiet and not self.notes_as_json and is_terminal(sys.stderr)

    @property
    def talks_to_person(self) -> bool:
        """Whether somebody at a terminal looks at a table, and at what is said beside it."""
        return self.shows_progress and self.format is Format.TABLE and is_terminal(DATA.stream)

    def note(self, message: str) -> None:
        """Say what may be of interest; not with `--quiet`, and not to a program."""
        if not self.quiet and not self.notes_as_json:
            say(clean(message))

    def warn(self, message: str) -> None:
        """Say what the user should look at, whatever the options."""
        if self.notes_as_json:
            say(json.dumps({"schema": "qjobs.warning/1", "message": message}))
        else:
            say(clean(message), "warning")

    def list_unreadable(self, files: Iterable[Unreadable]) -> None:
        """Name files that cannot be read, each on a line as compilers write it: all of them."""
        for file in files:
            if self.notes_as_json:
                said = {**file._asdict(), "message": f"left out: {file}"}
                say(json.dumps({"schema": "qjobs.warning/1", **said}))
            else:
                say(clean(str(file)))

    def hint_next(self, command: str) -> None:
        """Name the command that comes next, if there is one, to a person."""
        if command and self.talks_to_person:
            say(clean(command), "next")


def report_error(error: QjobsError, *, as_json: bool) -> None:
    """An error on stderr: what, why, and what to run, in at most three lines.

    Where files cannot be read, a line for each comes before these.
    """
    if as_json:
        document = {
            "schema": "qjobs.error/1",
            "code": error.code,
            "exit": int(error.exit_code),
            "message": error.message,
            "hint": error.hint,
        }
        if isinstance(error, InputError) and error.unreadable:
            document["unreadable"] = [file._asdict() for file in error.unreadable]
        say(json.dumps(document))
        return
    if isinstance(error, UnreadableFiles):
        for file in error.unreadable:
            say(clean(str(file)))
    what, *why = [line for line in error.message.split("\n") if line.strip()] or [""]
    say(clean(what), "error")
    if why:
        say(clean("; ".join(why)))
    if error.hint:
        say(clean(error.hint), "hint")


_LABELS = {
    "error": Style.ERROR,
    "warning": Style.WARNING,
    "hint": Style.ADVICE,
    "next": Style.ADVICE,
}


def say(line: str, label: str = "") -> None:
    """Write a line to stderr, if there is one; a `label` says what kind of line it is."""
    if sys.stderr is not None:
        style = _LABELS.get(label)
        shown = style.on(f"{label}:") if style and has_colour(sys.stderr) else f"{label}:"
        sys.stderr.write(f"{shown} {line}\n" if label else f"{line}\n")
        sys.stderr.flush()


def ring() -> None:
    """Ring the bell of the terminal, if there is one."""
    if is_terminal(sys.stderr):
        sys.stderr.write("\a")
        sys.stderr.flush()


def say_from_signal_handler(line: str) -> None:
    """Write a line to stderr where a buffered stream may be in the middle of a write."""
    if not line:
        return
    with suppress(OSError):  # nobody may be there to read it
        if is_terminal(sys.stderr) and not LINE.erase_at_once():
            os.write(2, b"\n")  # the terminal has shown ^C
        os.write(2, f"{line}\n".encode())
