"""Any TOML, however it is written: parsed, and its values taken by key and type."""

import re
from collections.abc import Mapping
from datetime import MAXYEAR, MINYEAR, datetime
from typing import Any, NamedTuple, TypeAlias, TypeVar

Value = TypeVar("Value")
Document: TypeAlias = Mapping[str, Any]

_ABSURD_NUMBER = r".*[0-9a-f_]{1000}"
_LARGEST_NUMBER = 2**63 - 1
_NAMES: dict[type, str] = {
    str: "text",
    int: "a whole number",
    float: "a number with a point",
    bool: "true or false",
    list: "an array",
    dict: "a table",
    datetime: "a date and time",
}


class Wrong(Exception):
    """The document is not a job set's. `place` is a pattern for the line at fault.

    `newer` says that it is of a later format, and so perhaps right.
    """

    newer = False

    def __init__(self, what: str, place: str = "", *, skip: int = 0) -> None:
        super().__init__(what)
        self.what = what
        self.place = place
        self.skip = skip

    def line(self, text: str) -> int:
        """The number of the line at fault, from 1."""
        found = re.finditer(rf"^[ \t]*{self.place}", text, re.MULTILINE)
        for number, match in enumerate(found):
            if number == self.skip:
                return text.count("\n", 0, match.start()) + 1
        return 1


class Table(NamedTuple):
    """The values of one table, and where it starts."""

    values: Mapping[str, Any]
    place: str = ""
    skip: int = 0

    def need(self, key: str, kind: type[Value]) -> Value:
        """The value of a key. Raises Wrong if there is none, or one of another type."""
        value = self.values.get(key)
        if type(value) is not kind:
            raise self.wrong(key, f"`{key}` must be {_NAMES[kind]}")
        if isinstance(value, datetime):
            if value.tzinfo is None:
                raise self.wrong(key, f"`{key}` must name its time zone, such as Z")
            if not MINYEAR < value.year < MAXYEAR:
                raise self.wrong(key, f"`{key}` is at the edge of the calendar: {value}")
        if isinstance(value, int) and abs(value) > _LARGEST_NUMBER:
            raise self.wrong(key, f"`{key}` must be a number of at most 64 bits")
        return value

    def get(self, key: str, default: Value) -> Value:
        """The same, of the type of `default`, which it is if there is none."""
        return self.need(key, type(default)) if key in self.values else default

    def find(self, key: str, kind: type[Value]) -> Value | None:
        """The same; None if there is none."""
        return self.need(key, kind) if key in self.values else None

    def texts(self, key: str) -> tuple[str, ...]:
        """An array of texts, which is empty if there is none."""
        texts: list[str] = self.get(key, [])
        if not all(isinstance(text, str) for text in texts):
            raise self.wrong(key, f"`{key}` must be texts")
        return tuple(texts)

    def tables(self, key: str, place: str, *, skip: int = 0) -> "list[Table]":
        """An array of tables, the first of which is the `skip`th in the place, from 0."""
        rows: list[object] = self.get(key, [])
        if not all(isinstance(row, dict) for row in rows):
            raise self.wrong(key, f"`{key}` must be an array of tables")
        return [Table(row, place, skip + number) for number, row in enumerate(rows)]  # type: ignore[arg-type]  # checked above

    def wrong(self, key: str, what: str) -> Wrong:
        """The error for what is wrong with a key."""
        return Wrong(what, self.place or rf'"?{re.escape(key)}"?[ \t]*=', skip=self.skip)


def parse(text: str) -> Document:
    """Read any TOML. Raises Wrong."""
    # Imported here: it costs 15 ms, and is needed for files that somebody else has changed.
    import tomllib

    if text.startswith("\ufeff"):
        raise Wrong("a byte order mark is no TOML: remove the first three bytes")
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError, OverflowError) as error:
        if not isinstance(error, tomllib.TOMLDecodeError | RecursionError):
            raise Wrong("not TOML: an absurd number", _ABSURD_NUMBER) from error
        # The exception tells the place in its text only, until Python 3.14.
        what, _, place = str(error).partition(" (at ")
        found = re.match(r"line (\d+), column (\d+)", place)
        line, where = (
            (int(found[1]), f" at column {found[2]}") if found else (text.count("\n") + 1, "")
        )
        raise Wrong(f"not TOML: {what}{where}", skip=line - 1) from error
