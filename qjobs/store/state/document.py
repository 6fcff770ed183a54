"""Makes values of a state file's TOML, each key by name and type, and never guessing."""

import re
from datetime import datetime
from itertools import chain
from typing import NamedTuple

from qjobs.facts import Fact, FactKind
from qjobs.ledger import Recorded, RecordedJob
from qjobs.model import JobSet, JobStatus, RunOptions, Scalar, Session, Slice
from qjobs.store.state import format as layout
from qjobs.store.state import format1, records
from qjobs.store.state.any_toml import Document, Table, Wrong

_KINDS = {kind.value: kind for kind in FactKind}
_FINAL = frozenset(status.value for status in JobStatus if status.final)
_SET_AND_FACTS = frozenset(("format", "set", "fact"))
_FACT_PLACE = r"\[\[fact\]\]"
_JOB_PLACE = r"\[\[job\]\]"
_EARLIER_PLACE = r"\[\[job\.earlier\]\]"


class SetHeader(NamedTuple):
    """What tells one set from another."""

    set_id: str
    name: str
    created: datetime
    fingerprint: str
    program: str = ""


def format_number(document: Document) -> int:
    """The version of the layout. Raises Wrong."""
    number = Table(document).need("format", int)
    if number < 1:
        raise Wrong("`format` must be at least 1", "format")
    return number


def stranger(document: Document) -> Wrong | None:
    """What is wrong with the first table that is none of ours, if there is one."""
    ours = {"facts"} if format_number(document) == format1.FORMAT else {"job", "session"}
    for key in document:
        if key not in _SET_AND_FACTS | ours:
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


def job_set(document: Document, slices: tuple[Slice, ...]) -> JobSet:
    """The set as it was planned, in these slices. Raises Wrong."""
    table = _set_table(document)
    extra: dict[str, Scalar] = table.get("options", {})
    if not all(isinstance(value, str | int | float) for value in extra.values()):
        raise Wrong("the options of the backend must be plain values", r"\[set\.options\]")
    versions: dict[str, str] = table.get("versions", {})
    if not all(isinstance(value, str) for value in versions.values()):
        raise Wrong("versions must be texts", r"\[set\.versions\]")
    set_id, name, created, fingerprint, program = header(document)
    try:
        return JobSet(
            set_id=set_id,
            name=name,
            created=created,
            provider=table.need("provider", str),
            backend=table.need("backend", str),
            circuits=table.need("circuits", int),
            slices=slices,
            options=RunOptions(
                shots=table.need("shots", int),
                seed=table.find("seed", int),
                memory=table.get("memory", False),
                optimization_level=table.get("optimization_level", 1),
                precision=table.find("precision", float),
                extra=extra,
            ),
            account=table.get("account", ""),
            instance=table.get("instance", ""),
            tags=table.texts("tags"),
            fingerprint=fingerprint,
            parameters=table.texts("parameters"),
            bindings=table.get("bindings", 1),
            observables=table.get("observables", 0),
            recovered=table.get("recovered", False),
            **{key: table.get(key, "") for key in layout.SUMS},
            start_index=table.get("start_index", 0),
            program=program,
            instance_name=table.get("instance_name", ""),
            plan=table.get("plan", ""),
            owner=table.get("owner", ""),
            provider_name=table.get("provider_name", ""),
            backend_name=table.get("backend_name", ""),
            versions=versions,
        )
    except ValueError as error:
        raise Wrong(f"the set contradicts itself: {error}", r"\[set\]") from error


def _set_table(document: Document) -> Table:
    return Table(Table(document, r"\[set\]").need("set", dict))


def planned(recorded: Recorded) -> tuple[Slice, ...]:
    """The slices that were planned, of a set of which this is on record. Raises Wrong."""
    try:
        return records.planned(recorded.jobs)
    except records.Inconsistent as error:
        raise Wrong(error.what, _JOB_PLACE, skip=error.job) from error


def recorded(document: Document) -> tuple[Recorded, Wrong | None]:
    """What the tables of jobs and sessions say, and the first key there that is none of ours.

    Raises Wrong.
    """
    whole = Table(document)
    jobs: list[RecordedJob] = []
    odd: Wrong | None = None
    earlier_before = 0
    for number, row in enumerate(whole.tables("job", _JOB_PLACE)):
        earlier = row.tables("earlier", _EARLIER_PLACE, skip=earlier_before)
        earlier_before += len(earlier)
        for table, keys in (
            (row, records.JOB_KEYS),
            *((table, records.ATTEMPT_KEYS) for table in earlier),
        ):
            for key in table.values.keys() - keys:
                odd = odd or table.wrong("", f"qjobs does not know the key `{key}` of a job")
        if row.need("index", int) != number:
            raise row.wrong("index", f"this is job {number}, not {row.values['index']}")
        table = row
        try:
            before = []
            for count, table in enumerate(earlier, start=1):
                size = table.find("experiments_count", int)
                before.append((records.attempt_of(table, count), size))
            table = row
            part = records.part(row.need("start_index", int), row.need("experiments_count", int))
            newest = records.attempt_of(row, len(earlier) + 1)
            jobs.append(records.job(part, newest, records.rare(row), before))
        except records.Inconsistent as error:
            raise table.wrong("", error.what) from error
    sessions = tuple(
        Session(row.need("id", str), row.need("opened", datetime), row.find("closed", datetime))
        for row in whole.tables("session", r"\[\[session\]\]")
    )
    return Recorded(tuple(jobs), sessions), odd


def facts(document: Document) -> tuple[list[Fact], int]:
    """The facts, and how many more there are of a kind that we do not know. Raises Wrong."""
    whole = Table(document)
    rows = chain(format1.column_rows(document), whole.tables("fact", _FACT_PLACE))
    found = [_fact(row) for row in rows]
    known = [fact for fact in found if fact is not None]
    return known, len(found) - len(known)


def _fact(row: Table) -> Fact | None:
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
