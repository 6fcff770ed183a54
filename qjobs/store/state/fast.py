"""Reads `state.toml` as qjobs writes it, to the letter; anything else is `Foreign`.

For what it does read, it gives what `tomllib` gives, about thirty times as fast.
"""

import json
import re
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple, cast

from qjobs.attempts import RecordedAttempt
from qjobs.facts import Fact, FactKind
from qjobs.ledger import Recorded, RecordedJob
from qjobs.model import JobStatus, Session
from qjobs.store.state import checks, records
from qjobs.store.state.any_toml import Table, Wrong


class Foreign(ValueError):
    """Perhaps fine TOML, but not as we write it."""


# What `format` makes of a value; each is the same thing in TOML and, but for TIME, in JSON.
_TEXT = r'[^"\\\x00-\x1f\x7f]*(?:\\(?:["\\bfnrt]|u00[01][0-9a-f]|u007f)[^"\\\x00-\x1f\x7f]*)*'
STRING = f'"{_TEXT}"'
NATURAL = r"(?:0|[1-9][0-9]{0,18})"
# The first and the last year are left to the slow reader: in other zones they are none.
TIME = r"(?!0000|0001|9999)[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{6})?Z"

_KINDS = {kind.value: kind for kind in FactKind}
_FINISHED = FactKind.FINISHED
_FINAL = frozenset(status.value for status in JobStatus if status.final)
# A named tuple's own constructor is a function in Python; this one is not.
new_fact = cast("Callable[[Iterable[object]], Fact]", partial(tuple.__new__, Fact))

_FACT = (
    rf"\n*\[\[fact\]\]\njob = ({NATURAL})\nattempt = ({NATURAL})\nat = ({TIME})\n"
    rf'(?:message = "({_TEXT})"\n)?({"|".join(_KINDS)}) = "({_TEXT})"(?:\n|\Z)'
    rf"(?:{checks.PATTERN})?"
)
# What not every command reads is compiled where it is first read; `re` keeps it from then on.
# The second branch takes all that is left where the first does not match.
_FACTS = rf"{_FACT}|([\s\S]+)"
STRINGS = rf"\[(?:{STRING}(?:, {STRING})*)?\]"

_SET_LINES = r"((?:(?![\[#])[^\n]+(?:\n|\Z))*)"
_HEADER = re.compile(
    rf"(?:# [^\x00-\x08\x0a-\x1f\x7f]*\n)?format = ([0-9]{{1,9}})\n\n\[set\]\n{_SET_LINES}"
    rf"(?:\n\[set\.options\]\n{_SET_LINES})?(?:\n\[set\.versions\]\n{_SET_LINES})?"
    rf"(?:{checks.PATTERN})?\n*"
)
# The keys that few jobs have, and earlier attempts, are looked at where there are some.
_JOBS = (
    rf"\n*\[\[job\]\]\nindex = ({NATURAL})\nstart_index = ({NATURAL})\n"
    rf'experiments_count = ({NATURAL})\nstate = "([a-z]+)"\n(?:job_id = ({STRING})\n)?'
    rf"attempt = ({NATURAL})\n(?:attempted = ({TIME})\n)?(?:submitted = ({TIME})\n)?"
    rf"(?:started = ({TIME})\n)?(?:finished = ({TIME})\n)?(?:message = ({STRING})\n)?"
    rf"(?:failed = ({STRING})\n)?"
    r"((?:(?:tag|withdrawn|duplicates|failed_message|retried|split_from|retry_of) = [^\n]*\n)*)"
    r"((?:\n\[\[job\.earlier\]\]\n(?:[a-z_]+ = [^\n]*\n)+)*)"
    rf"(?:{checks.PATTERN})?|([\s\S]+)"
)
_EARLIER = "\n[[job.earlier]]\n"
_SESSION = "\n[[session]]\n"
_JOB = "\n[[job]]\n"
_FACT_HEAD = "\n[[fact]]\n"
COLUMNS = "\n[facts]\n"
"""The head of what only format 1 has."""
_LINE = re.compile(
    rf"([A-Za-z0-9_-]+|{STRING}) = (?:(-?{NATURAL}(?:\.[0-9]+)?(?:e[+-][0-9]+)?|true|false|{STRING}"
    rf"|\[[0-9, \[\]]*\]|{STRINGS})|({TIME}))"
)


class Parts(NamedTuple):
    """The file taken apart: the header as TOML has it, what the tables say, and the facts."""

    document: dict[str, Any]
    recorded: Recorded
    facts: list[Fact]


def body_start(text: str) -> int:
    """Where the header ends, if the text is one of ours."""
    return _first(text, _SESSION, _JOB, _FACT_HEAD, COLUMNS)


def _first(text: str, *markers: str) -> int:
    return min((at for marker in markers if (at := text.find(marker)) >= 0), default=len(text))


def read(text: str) -> Parts:
    """The whole file. Raises Foreign."""
    jobs_start, facts_start = _first(text, _JOB, _FACT_HEAD), _first(text, _FACT_HEAD)
    header, *sessions = text[:jobs_start].split(_SESSION)
    try:
        recorded = Recorded(
            _read_jobs(text, jobs_start, facts_start), tuple(map(_read_session, sessions))
        )
    except (ValueError, Wrong) as error:
        raise Foreign from error
    return Parts(read_header(header), recorded, read_facts(text, facts_start))


def _read_session(text: str) -> Session:
    table = _read_lines(re.sub(rf"{checks.PATTERN}\Z", "", text))
    session = table.pop("id"), table.pop("opened"), table.pop("closed", None)
    if table or not all(map(isinstance, session, (str, datetime, datetime | None))):
        raise Foreign
    return Session(*session)


def _read_jobs(text: str, start: int, end: int) -> tuple[RecordedJob, ...]:
    """The tables of jobs. Raises ValueError and Wrong."""
    jobs = []
    rows = re.compile(_JOBS).findall(text, start, end)
    if rows and rows[-1][-1].strip("\n"):
        raise Foreign
    for number, row in enumerate(rows):
        (
            index, start_index, count, state, job_id, attempt, attempted, submitted, started,
            finished, message, failed, rest, before, foreign,
        ) = row  # fmt: skip
        if foreign:
            break
        if int(index) != number:
            raise Foreign
        rare = records.rare(Table(_read_lines(rest))) if rest else {}
        newest = records.attempt(
            state,
            _string(job_id) if job_id else None,
            (
                datetime.fromisoformat(attempted) if attempted else None,
                datetime.fromisoformat(submitted) if submitted else None,
                datetime.fromisoformat(started) if started else None,
                datetime.fromisoformat(finished) if finished else None,
            ),
            _string(message) if message else "",
            _string(failed) if failed else None,
            rare,
        )
        part = records.part(int(start_index), int(count))
        if not rest and not before and attempt == "1":
            jobs.append(RecordedJob(part, (newest,)))
            continue
        earlier = [
            _read_earlier(lines, number)
            for number, lines in enumerate(before.split(_EARLIER)[1:], start=1)
        ]
        if int(attempt) != len(earlier) + 1:
            raise Foreign
        jobs.append(records.job(part, newest, rare, earlier))
    return tuple(jobs)


def _read_earlier(lines: str, number: int) -> tuple[RecordedAttempt, int | None]:
    table = Table(_read_lines(lines))
    if not table.values.keys() <= records.ATTEMPT_KEYS:
        raise Foreign
    return records.attempt_of(table, number), table.find("experiments_count", int)


def read_header(text: str) -> dict[str, Any]:
    """The header alone. Raises Foreign."""
    match = _HEADER.fullmatch(text)
    if match is None:
        raise Foreign
    document: dict[str, Any] = {"format": int(match[1]), "set": _read_lines(match[2])}
    for key, lines in (("options", match[3]), ("versions", match[4])):
        if lines is not None:
            if key in document["set"]:
                raise Foreign
            document["set"][key] = _read_lines(lines)
    return document


def _read_lines(text: str) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for line in text.removesuffix("\n").split("\n"):
        match = _LINE.fullmatch(line)
        if match is None:
            raise Foreign
        key, value, time = match.groups()
        key = _scalar(key) if key[0] == '"' else key
        if key in table:
            raise Foreign
        table[key] = _scalar(value) if time is None else _time(time)
    return table


def read_facts(text: str, start: int = 0) -> list[Fact]:
    """The facts that follow one another as tables from `start` to the end. Raises Foreign."""
    rows = re.compile(_FACTS).findall(text, start)
    if rows and rows[-1][-1].strip("\n"):
        raise Foreign
    try:
        columns = (
            (
                int(job),
                int(attempt),
                datetime.fromisoformat(at),
                _KINDS[kind],
                value if "\\" not in value else _plain(value),
                message if "\\" not in message else _plain(message),
            )
            for job, attempt, at, message, kind, value, rest in rows
            if not rest
        )
        return checked(list(map(new_fact, columns)))
    except ValueError as error:
        raise Foreign from error


def checked(facts: list[Fact]) -> list[Fact]:
    """Facts whose kinds have values that can be. Raises Foreign."""
    for _, _, _, kind, value, _ in facts:
        if kind is _FINISHED and value not in _FINAL:
            raise Foreign
    return facts


def loads(value: str) -> Any:
    """The value of a JSON text. Raises Foreign."""
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        raise Foreign from error


def _scalar(value: str) -> Any:
    """What a value in JSON says, which for a plain text needs no JSON."""
    if value[0] == '"' and "\\" not in value:
        return value[1:-1]
    return loads(value)


def _string(value: str) -> str:
    return value[1:-1] if "\\" not in value else str(loads(value))


def _plain(text: str) -> str:
    return str(loads(f'"{text}"'))


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise Foreign from error
