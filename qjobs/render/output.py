"""Where text goes: data to stdout in the format that was asked for, the rest to stderr."""

import json
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from enum import StrEnum
from typing import NamedTuple, TextIO

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


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a person reads the stream; Python has None for one that was closed."""
    return stream is not None and not stream.closed and stream.isatty()


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

    def note(self, message: str) -> None:
        """Say what may be of interest; not with `--quiet`, and not to a program."""
        if not self.quiet and not self.notes_as_json:
            say(clean(message))

    def warn(self, message: str) -> None:
        """Say what the user should look at, whatever the options."""
        if self.notes_as_json:
            say(json.dumps({"schema": "qjobs.warning/1", "message": message}))
        else:
            say(f"warning: {clean(message)}")

    def list_unreadable(self, files: Iterable[Unreadable]) -> None:
        """Name files that cannot be read, each on a line as compilers write it: all of them."""
        for file in files:
            if self.notes_as_json:
                said = {**file._asdict(), "message": f"left out: {file}"}
                say(json.dumps({"schema": "qjobs.warning/1", **said}))
            else:
                say(clean(str(file)))

    def hint_next(self, command: str) -> None:
        """Name the command that comes next, to a person."""
        if is_terminal(DATA.stream):
            self.note(f"next: {command}")


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
    say(f"error: {clean(what)}")
    if why:
        say(clean("; ".join(why)))
    if error.hint:
        say(f"hint: {clean(error.hint)}")


def say(line: str) -> None:
    """Write a line to stderr, if there is one."""
    if sys.stderr is not None:
        sys.stderr.write(f"{line}\n")
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
