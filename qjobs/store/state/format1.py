"""Format 1 of `state.toml`, which is read for ever, and written no more.

It had no tables of jobs: the slices were in the header, and facts that were many stood in columns.

    format = 1

    [set]                       id, name, ...; slices = [[start_index, count], ...]
    [set.options]
    [facts]                     job, attempt, at, kind, value, message: equally long arrays
    [[fact]]
"""

import re
from collections.abc import Iterator
from datetime import datetime

from qjobs.facts import Fact, FactKind
from qjobs.ledger import Recorded, RecordedJob
from qjobs.store.state import checks, fast, records
from qjobs.store.state.any_toml import Document, Table, Wrong
from qjobs.store.state.fast import Foreign

FORMAT = 1
_COLUMNS = ("job", "attempt", "at", "kind", "value", "message")
_PLACE = r"\[facts\]"
_ROWS = (
    rf"\n{_PLACE}\n"
    + "".join(rf"{key} = (\[.*\])\n" for key in _COLUMNS)
    + rf"(?:{checks.PATTERN})?"
)
_TIMES = rf"\[{fast.TIME}(?:, {fast.TIME})*\]"
_NATURALS = r"\[[0-9, ]*\]"
_KINDS = {kind.value: kind for kind in FactKind}


def read(text: str) -> fast.Parts:
    """A file that qjobs wrote, the fast way. Raises Foreign."""
    start = fast.body_start(text)
    document = fast.read_header(text[:start])
    facts: list[Fact] = []
    if text.startswith(fast.COLUMNS, start):
        match = re.compile(_ROWS).match(text, start)
        if match is None:
            raise Foreign
        facts = _read_columns(*match.groups())
        start = match.end()
    try:
        slices = recorded(document)
    except Wrong as wrong:
        raise Foreign from wrong
    return fast.Parts(document, slices, facts + fast.read_facts(text, start))


def recorded(document: Document) -> Recorded:
    """What is on record before all facts: the slices. Raises Wrong."""
    table = Table(Table(document, r"\[set\]").need("set", dict))
    pairs = table.need("slices", list)
    if any(type(pair) is not list or [*map(type, pair)] != [int, int] for pair in pairs):
        raise table.wrong("slices", "`slices` must be pairs of whole numbers")
    try:
        return Recorded(tuple(RecordedJob(records.part(*pair)) for pair in pairs))
    except records.Inconsistent as error:
        raise table.wrong("slices", error.what) from error


def column_rows(document: Document) -> Iterator[Table]:
    """The facts in columns, as if each had a table. Raises Wrong."""
    table = Table(Table(document, _PLACE).get("facts", {}), _PLACE)
    if not table.values:
        return
    arrays = [table.need(key, list) for key in _COLUMNS]
    if len({len(array) for array in arrays}) > 1:
        raise Wrong("the arrays of [facts] are not equally long", _PLACE)
    for job, attempt, at, kind, value, message in zip(*arrays, strict=True):
        row: dict[str, object] = {
            "job": job,
            "attempt": attempt,
            "at": at,
            "message": message,
            str(kind): value,
        }
        yield Table(row, _PLACE)


def upgraded(header: str) -> str:
    """The same header in format 2, but for its first line."""
    slices = re.compile(r"^slices = .*\n", re.MULTILINE)
    return slices.sub("", header.replace("format = 1\n", "format = 2\n", 1), count=1)


def _read_columns(
    jobs: str, attempts: str, times: str, kinds: str, values: str, messages: str
) -> list[Fact]:
    if not re.fullmatch(_TIMES, times):
        raise Foreign
    try:
        rows = zip(
            _numbers(jobs),
            _numbers(attempts),
            map(datetime.fromisoformat, times[1:-1].split(", ")),
            map(_KINDS.__getitem__, _texts(kinds)),
            _texts(values),
            _texts(messages),
            strict=True,
        )
        return fast.checked(list(map(fast.new_fact, rows)))
    except (ValueError, KeyError) as error:
        raise Foreign from error


def _numbers(array: str) -> list[int]:
    if not re.fullmatch(_NATURALS, array):
        raise Foreign
    numbers: list[int] = fast.loads(array)
    return numbers


def _texts(array: str) -> list[str]:
    # Without escapes, JSON's arrays of strings are TOML's, but for DEL and nested values.
    if ("\\" in array or "\x7f" in array) and not re.fullmatch(fast.STRINGS, array):
        raise Foreign
    texts: list[str] = fast.loads(array)
    if not all(type(text) is str for text in texts):
        raise Foreign
    return texts
