"""Makes values of a state file's TOML, each key by name and type, and never guessing."""

import re
from collections.abc import Iterator, Mapping
from datetime import MAXYEAR, MINYEAR, datetime
from itertools import chain
from typing import Any, NamedTuple, TypeAlias, TypeVar

from qjobs.facts import Fact, FactKind
from qjobs.model import JobSet, JobStatus, RunOptions, Scalar, Slice
from qjobs.store.state import format as layout

Value = TypeVar("Value")
Document: TypeAlias = Mapping[str, Any]

_KINDS = {kind.value: kind for kind in FactKind}
_ABSURD_NUMBER = r".*[0-9a-f_]{1000}"
_TABLES = frozenset(("format", "set", "facts", "fact"))
_LARGEST_NUMBER = 2**63 - 1
_MOST_CIRCUITS = 10**9
_FINAL = frozenset(status.value for status in JobStatus if status.final)
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


class SetHeader(NamedTuple):
    """What tells one set from another."""

    set_id: str
    name: str
    created: datetime
    fingerprint: str
    program: str = ""


class _Table(NamedTuple):
    """The values of one table, and where it starts."""

    values: Mapping[str, Any]
    place: str = ""
    skip: int = 0

    def need(self, key: str, kind: type[Value]) -> Value:
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
        return self.need(key, type(default)) if key in self.values else default

    def wrong(self, key: str, what: str) -> Wrong:
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


def format_number(document: Document) -> int:
    """The version of the layout. Raises Wrong."""
    number = _Table(document).need("format", int)
    if number < 1:
        raise Wrong("`format` must be at least 1", "format")
    return number


def stranger(document: Document) -> Wrong | None:
    """What is wrong with the first table that is none of ours, if there is one."""
    for key in document:
        if key not in _TABLES:
            name = rf"[\"']?{re.escape(key)}[\"']?"
            return Wrong(
                f"qjobs does not know `{key}`, which may have been a fact",
                rf"(?:\[\[?)?[ \t]*{name}",
            )
    return None


def header(document: Document) -> SetHeader:
    """What tells the set from others. Raises Wrong."""
    table = _set_table(document)
    return SetHeader(
        table.need("id", str),
        table.get("name", ""),
        table.need("created", datetime),
        table.get("fingerprint", ""),
        table.get("program", ""),
    )


def job_set(document: Document) -> JobSet:
    """The set as it was planned. Raises Wrong."""
    table = _set_table(document)
    extra: dict[str, Scalar] = table.get("options", {})
    if not all(isinstance(value, str | int | float) for value in extra.values()):
        raise Wrong("the options of the backend must be plain values", r"\[set\.options\]")
    set_id, name, created, fingerprint, program = header(document)
    try:
        return JobSet(
            set_id=set_id,
            name=name,
            created=created,
            provider=table.need("provider", str),
            backend=table.need("backend", str),
            circuits=table.need("circuits", int),
            slices=_slices(table),
            options=RunOptions(
                shots=table.need("shots", int),
                seed=table.need("seed", int) if "seed" in table.values else None,
                memory=table.get("memory", False),
                optimization_level=table.get("optimization_level", 1),
                precision=table.need("precision", float) if "precision" in table.values else None,
                extra=extra,
            ),
            account=table.get("account", ""),
            instance=table.get("instance", ""),
            tags=_texts(table, "tags"),
            fingerprint=fingerprint,
            parameters=_texts(table, "parameters"),
            bindings=table.get("bindings", 1),
            observables=table.get("observables", 0),
            recovered=table.get("recovered", False),
            **{key: table.get(key, "") for key in layout.SUMS},
            start_index=table.get("start_index", 0),
            program=program,
            instance_name=table.get("instance_name", ""),
            plan=table.get("plan", ""),
            owner=table.get("owner", ""),
        )
    except ValueError as error:
        raise Wrong(f"the set contradicts itself: {error}", r"\[set\]") from error


def _set_table(document: Document) -> _Table:
    return _Table(_Table(document, r"\[set\]").need("set", dict))


def _texts(table: _Table, key: str) -> tuple[str, ...]:
    texts: list[str] = table.get(key, [])
    if not all(isinstance(text, str) for text in texts):
        raise table.wrong(key, f"`{key}` must be texts")
    return tuple(texts)


def _slices(table: _Table) -> tuple[Slice, ...]:
    pairs = table.need("slices", list)
    if any(type(pair) is not list or [*map(type, pair)] != [int, int] for pair in pairs):
        raise table.wrong("slices", "`slices` must be pairs of whole numbers")
    if any(number > _MOST_CIRCUITS for pair in pairs for number in pair):
        raise table.wrong("slices", f"a set has at most {_MOST_CIRCUITS:,} circuits")
    return tuple(Slice(start_index, count) for start_index, count in pairs)


def facts(document: Document) -> tuple[list[Fact], int]:
    """The facts, and how many more there are of a kind that we do not know. Raises Wrong."""
    rows = chain(_column_rows(document), _table_rows(document))
    found = [_fact(row) for row in rows]
    known = [fact for fact in found if fact is not None]
    return known, len(found) - len(known)


def _column_rows(document: Document) -> Iterator[_Table]:
    place = r"\[facts\]"
    table = _Table(_Table(document, place).get("facts", {}), place)
    if not table.values:
        return
    arrays = [table.need(key, list) for key in layout.COLUMNS]
    if len({len(array) for array in arrays}) > 1:
        raise Wrong("the arrays of [facts] are not equally long", place)
    for job, attempt, at, kind, value, message in zip(*arrays, strict=True):
        row: dict[str, object] = {
            "job": job,
            "attempt": attempt,
            "at": at,
            "message": message,
            str(kind): value,
        }
        yield _Table(row, place)


def _table_rows(document: Document) -> Iterator[_Table]:
    place = r"\[\[fact\]\]"
    rows: list[object] = _Table(document, place).get("fact", [])
    for number, row in enumerate(rows):
        if not isinstance(row, dict):
            raise Wrong("`fact` must be an array of tables", "fact")
        yield _Table(row, place, number)


def _fact(row: _Table) -> Fact | None:
    """The fact in a row; None if its kind is unknown."""
    kinds = [kind for key, kind in _KINDS.items() if key in row.values]
    if len(kinds) > 1:
        raise row.wrong("", f"a fact cannot be both {kinds[0]} and {kinds[1]}")
    if not kinds:
        if row.values.keys() <= {"job", "attempt", "at", "message"}:
            raise row.wrong("", "a fact that does not say what happened")
        return None
    value = row.need(kinds[0], str)
    if kinds[0] is FactKind.FINISHED and value not in _FINAL:
        raise row.wrong("", f"`finished` must be DONE, ERROR or CANCELLED, not {value!r}")
    return Fact(
        row.need("job", int),
        row.need("attempt", int),
        row.need("at", datetime),
        kinds[0],
        value,
        row.get("message", ""),
    )
