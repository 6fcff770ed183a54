"""The columns and rows of TSV and tables: pure functions from values. Columns are only added."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, Self, TypeAlias

from qjobs.model import Slice
from qjobs.order import Order
from qjobs.render.summaries import SIGNS, age, assignments, ranked, set_title, summary
from qjobs.render.text import ago, count, duration, rfc3339

if TYPE_CHECKING:
    from datetime import datetime

    from qjobs.circuits.anatomy import Numbers
    from qjobs.contract import JobDetails
    from qjobs.engine.cancel import CancelReport
    from qjobs.engine.error import Failure
    from qjobs.engine.report import JobReport, SetReport, State
    from qjobs.engine.result import CircuitRow
    from qjobs.engine.set.origins import Origins
    from qjobs.errors import Unreadable
    from qjobs.model import JobSet, RunOptions, Source
    from qjobs.store.folder import Skipped

Cell: TypeAlias = str | int | float

_DIGITS_OF_CHECKSUM = 16


class Rows(NamedTuple):
    """A table as data: the names of its columns and its rows, which may be read only once.

    For a person, rows that follow one another with the same value in the column `group` stand
    under one heading: what `titles` has for that value, or the value itself.
    """

    columns: Sequence[str]
    rows: Iterable[Sequence[Cell]]
    group: str = ""
    titles: Mapping[str, str] = MappingProxyType({})


_JOB_COLUMNS = ("set", "job", "start", "end", "attempt", "state")


def job_rows(sets: Iterable[tuple[SetReport, Sequence[JobReport]]], *, short: bool = False) -> Rows:
    """A row a job; a `short` one has no times but how long the job waited and ran, for a person."""
    sets = list(sets)
    titles = {report.job_set.set_id: set_title(report.job_set) for report, _ in sets}
    if short:
        jobs = [_short(*cells) for cells in _jobs(sets)]
        columns: Sequence[str] = (*_JOB_COLUMNS, "waited", "ran", "job_id", "message")
        return Rows(columns, jobs, group="set", titles=titles)
    times = ("submitted", "started", "finished", "waited_s", "ran_s")
    columns = (*_JOB_COLUMNS, "job_id", "message", *times)
    cells = ((*job, *said, *at, *spans) for job, said, at, spans in _jobs(sets))
    return Rows(columns, cells, group="set", titles=titles)


_Cells: TypeAlias = tuple[Cell, ...]


def _short(job: _Cells, said: _Cells, _: _Cells, spans: _Cells) -> _Cells:
    told = (duration(span) if isinstance(span, float) else "" for span in spans)
    return (*job, *told, *said)


def _jobs(
    sets: Iterable[tuple[SetReport, Sequence[JobReport]]],
) -> Iterator[tuple[_Cells, _Cells, _Cells, _Cells]]:
    """Of each job what it is, what is said of it, its times, and how long it waited and ran."""
    return (
        (
            (
                report.job_set.set_id,
                job.index,
                job.slice.start_index,
                job.slice.end_index,
                job.attempt,
                job.state,
            ),
            (job.job_id, job.message),
            tuple(
                "" if at is None else rfc3339(at)
                for at in (job.submitted, job.started, job.finished)
            ),
            (_cell(job.waited_s(report.asked)), _cell(job.ran_s(report.asked))),
        )
        for report, jobs in sets
        for job in jobs
    )


def plan_numbers(plan: JobSet, part: Slice, numbers: Numbers | None) -> Sequence[int | None]:
    """The highest width, depth and number of gates on several qubits of a job's circuits."""
    if numbers is None:
        return None, None, None
    first = (part.start_index - plan.start_index) // plan.bindings
    last = (part.end_index - plan.start_index) // plan.bindings
    return numbers.highest(Slice(first, last - first + 1))


def plan_rows(plan: JobSet, origins: Origins, numbers: Numbers | None = None) -> Rows:
    """A row a job that would be submitted; the numbers are the highest that a circuit has."""
    return Rows(
        ("job", "start", "end", "circuits", "files", "qubits", "depth", "two_qubit_gates"),
        (
            (
                index,
                part.start_index,
                part.end_index,
                part.experiments_count,
                _span(origins.span(part)),
                *map(_cell, plan_numbers(plan, part, numbers)),
            )
            for index, part in enumerate(plan.slices)
        ),
    )


def _span(files: Iterable[str]) -> str:
    return " ... ".join(files)


def list_rows(reports: Iterable[SetReport]) -> Rows:
    """A row a set."""
    return Rows(
        (
            "set",
            "name",
            "backend",
            "circuits",
            "jobs",
            "state",
            "created",
            "summary",
            "finished",
            "as_of",
            "tags",
        ),
        (
            (
                report.job_set.set_id,
                report.job_set.name,
                f"{report.job_set.provider}:{report.job_set.backend}",
                report.job_set.circuits,
                len(report.jobs),
                report.state,
                rfc3339(report.job_set.created.replace(microsecond=0)),
                summary(report),
                *(
                    "" if at is None else rfc3339(at.replace(microsecond=0))
                    for at in (report.finished, report.as_of)
                ),
                " ".join(report.job_set.tags),
            )
            for report in reports
        ),
    )


def short_list_rows(reports: Iterable[SetReport], now: datetime) -> Rows:
    """A row a set, for a terminal of 80 columns; what may have changed since has its age."""
    return Rows(
        ("state", "set", "name", "backend", "circuits", "created", "jobs"),
        (
            (
                Signed(report.state),
                report.job_set.set_id,
                report.job_set.name,
                f"{report.job_set.provider}:{report.job_set.backend}",
                report.job_set.circuits,
                ago(report.job_set.created, now),
                f"{summary(report)}{age(report, now)}",
            )
            for report in reports
        ),
    )


class Signed(str):
    """A state with the sign for it."""

    __slots__ = ("state",)
    state: State

    def __new__(cls, state: State) -> Self:
        """Of that state."""
        signed = super().__new__(cls, f"{SIGNS[state]} {state.value}")
        signed.state = state
        return signed


def outcome_rows(
    rows: Iterable[CircuitRow],
    *,
    top: int | None,
    order: Order = Order.COUNT,
    bindings: bool = False,
    parameters: Sequence[str] = (),
) -> Rows:
    """A row an outcome, in this order; a circuit without counts has one without them.

    With `bindings` there is the number of the row of parameter values. Behind it come the file
    and the place in it, and last the values of these `parameters`.
    """
    columns = ("index", "name", "outcome", "count", "shots")
    found = ((row, _outcomes(row, top, order)) for row in rows)
    return _with_origin(columns, found, bindings=bindings, parameters=parameters)


def parameter_rows(rows: Iterable[CircuitRow], parameters: Sequence[str]) -> Rows:
    """A row a circuit: the values that it runs with, and nothing of its result."""
    found = ((row, [(row.index, row.name)]) for row in rows)
    return _with_origin(("index", "name"), found, bindings=True, parameters=parameters)


def _outcomes(row: CircuitRow, top: int | None, order: Order) -> Iterator[tuple[Cell, ...]]:
    if row.counts is None:
        yield (row.index, row.name, "", "", row.shots)
        return
    for outcome, number in ranked(row.counts, top, order):
        yield (row.index, row.name, outcome, number, row.shots)


def value_rows(
    rows: Iterable[tuple[CircuitRow, Sequence[str]]],
    *,
    bindings: bool = False,
    parameters: Sequence[str] = (),
) -> Rows:
    """A row an expectation value, of circuits and the labels of their observables.

    A circuit without values has one row without them, and where a precision decided there are no
    shots; the rest is as for `outcome_rows`.
    """
    columns = ("index", "name", "observable", "label", "value", "std", "shots")
    found = ((row, _values(row, labels)) for row, labels in rows)
    return _with_origin(columns, found, bindings=bindings, parameters=parameters)


def _values(row: CircuitRow, labels: Sequence[str]) -> Iterator[tuple[Cell, ...]]:
    shots = row.shots if row.precision is None else ""
    if row.evs is None:
        yield (row.index, row.name, "", "", "", "", shots)
        return
    for at, (label, value, std) in enumerate(expectations(row, labels)):
        yield (row.index, row.name, at, label, value, "" if std is None else std, shots)


def expectations(
    row: CircuitRow, labels: Sequence[str]
) -> Iterator[tuple[str, float, float | None]]:
    """The label, value and standard error of each observable, as far as they are known."""
    evs, stds = row.evs or (), row.stds or ()
    for at, value in enumerate(evs):
        yield (
            labels[at] if at < len(labels) else f"observable {at}",
            value,
            stds[at] if at < len(stds) else None,
        )


def _with_origin(
    columns: tuple[str, ...],
    groups: Iterable[tuple[CircuitRow, Iterable[tuple[Cell, ...]]]],
    *,
    bindings: bool,
    parameters: Sequence[str],
) -> Rows:
    def origin(row: CircuitRow) -> tuple[Cell, ...]:
        binding = (_cell(row.binding),) if bindings else ()
        values = row.parameters or {}
        return (*binding, row.source, row.position, *(values.get(name, "") for name in parameters))

    rows = ((*cells, *origin(row)) for row, group in groups for cells in group)
    ours = (*columns, *(("binding",) if bindings else ()), "source", "position")
    return Rows((*ours, *_apart(parameters, ours)), rows)


def _apart(parameters: Sequence[str], ours: Sequence[str]) -> Iterator[str]:
    """The names of parameters as columns: of one that is a column of ours already, what it is."""
    taken = {*ours, *parameters}
    for name in parameters:
        column = name
        while column in ours or (column != name and column in taken):
            column = f"parameter {column}"
        taken.add(column)
        yield column


def cancel_rows(outcomes: Sequence[tuple[JobSet, CancelReport]]) -> Rows:
    """A row a job."""
    return Rows(
        ("set", "job", "start", "end", "outcome", "job_id", "duplicate"),
        (
            (
                plan.set_id,
                report.index,
                report.slice.start_index,
                report.slice.end_index,
                report.outcome.value,
                report.job_id,
                "yes" if report.duplicate else "",
            )
            for plan, report in outcomes
        ),
        group="set",
        titles={plan.set_id: set_title(plan) for plan, _ in outcomes},
    )


def failure_rows(failures: Iterable[tuple[JobSet, Failure]]) -> Rows:
    """A row a failure."""
    return Rows(
        ("set", "job", "attempt", "start", "end", "origin", "job_id", "message", "files"),
        (
            (
                plan.set_id,
                failure.job,
                failure.attempt,
                failure.slice.start_index,
                failure.slice.end_index,
                failure.origin.value,
                failure.job_id,
                failure.message,
                _span(failure.files),
            )
            for plan, failure in failures
        ),
    )


def time_rows(jobs: Iterable[JobReport], details: Mapping[int, JobDetails]) -> Rows:
    """A row a job that the provider told more of."""
    columns = (
        "job",
        "started",
        "ended",
        "usage_s",
        "queue_position",
        "estimated_start",
        "waits_for",
    )
    return Rows(
        columns,
        (
            (job.index, *(_cell(getattr(details[job.index], name)) for name in columns[1:]))
            for job in jobs
            if job.index in details
        ),
    )


def _cell(value: Cell | None) -> Cell:
    return "" if value is None else value


def detail_rows(
    report: SetReport,
    sources: Sequence[Source],
    observables: Sequence[str] = (),
    *,
    skipped: Skipped,
    details: Mapping[int, JobDetails] = MappingProxyType({}),
    ranges: Mapping[str, tuple[float, float]] | None = None,
) -> Rows:
    """A row a property of a set, a session, a file that circuits are from, and a file left out.

    `observables` are labels, `details` what the provider told, `ranges` the lowest and the
    highest value of each parameter.
    """
    plan = report.job_set
    options = plan.options
    asked: dict[str, Cell] = {}
    if plan.parameters:
        asked = {"parameters": " ".join(plan.parameters), "bindings": plan.bindings}
    if ranges:
        asked["values"] = ", ".join(
            f"{name} {low:g}" if low == high else f"{name} {low:g} to {high:g}"
            for name, (low, high) in ranges.items()
        )
    if plan.observables:
        asked["observables"] = ", ".join(observables) or plan.observables
        asked["precision"] = "" if options.precision is None else options.precision
    properties: dict[str, Cell] = {
        "id": plan.set_id,
        "name": plan.name,
        "state": report.state,
        **_when(report.as_of if report.stale else None, "as_of"),
        "created": rfc3339(plan.created.replace(microsecond=0)),
        **_when(report.finished, "finished"),
        **({"recovered": "yes"} if plan.recovered else {}),
        **({"owner": plan.owner} if plan.owner else {}),
        "backend": f"{plan.provider}:{plan.backend}",
        **({"provider_name": plan.provider_name} if plan.provider_name else {}),
        **({"backend_name": plan.backend_name} if plan.backend_name else {}),
        "account": plan.account,
        "instance": plan.instance,
        **({"instance_name": plan.instance_name} if plan.instance_name else {}),
        **({"plan": plan.plan} if plan.plan else {}),
        "circuits": plan.circuits,
        **({"skipped": count(skipped.number, "file")} if skipped.number else {}),
        **asked,
        "jobs": len(report.jobs),
        **({"shots": options.shots} if options.precision is None else {}),
        **({} if plan.recovered else _chosen(options)),
        "tag": plan.tag,
        "tags": " ".join(plan.tags),
        "fingerprint": plan.fingerprint,
        **({"versions": assignments(plan.versions, " ")} if plan.versions else {}),
    }
    used = [told.usage_s for told in details.values() if told.usage_s is not None]
    if used:
        jobs = "" if len(used) == len(report.jobs) else f" ({len(used)} jobs)"
        properties["usage_s"] = f"{sum(used):g}{jobs}"
    queued = [told for told in details.values() if told.queue_position is not None]
    if queued:
        first = min(queued, key=lambda told: told.queue_position or 0)
        start = f", start estimated {first.estimated_start}" if first.estimated_start else ""
        properties["queue_position"] = f"{first.queue_position}{start}"
    reasons = [told.waits_for for told in details.values() if told.waits_for]
    if reasons:
        properties["waits_for"] = ", ".join(
            f"{reason} ({count(reasons.count(reason), 'job')})" for reason in dict.fromkeys(reasons)
        )
    duplicates = [job_id for job in report.jobs for job_id in job.duplicates]
    if duplicates:
        properties["duplicates"] = " ".join(duplicates)
    sessions = [
        (
            "session" if session.closed else "session (open)",
            session.session_id,
        )
        for session in report.sessions
    ]
    files = [
        (f"from circuit {plan.start_index + source.start_index * plan.bindings}", source.word)
        for source in sources
    ]
    left_out = [("left out", str(file)) for file in skipped.files]
    return Rows(("property", "value"), [*properties.items(), *sessions, *files, *left_out])


def in_short(properties: Rows) -> Rows:
    """What a person wants to know of `detail_rows`: no empty ones, and few digits of a checksum."""
    return properties._replace(
        rows=[
            (name, str(value)[:_DIGITS_OF_CHECKSUM] if name == "fingerprint" else value)
            for name, value in properties.rows
            if value != ""
        ]
    )


def _when(moment: datetime | None, name: str) -> dict[str, Cell]:
    """A time to the second, if there is one."""
    return {} if moment is None else {name: rfc3339(moment.replace(microsecond=0))}


def skipped_rows(files: Iterable[Unreadable]) -> Rows:
    """A row a file that was left out."""
    return Rows(
        ("left out", "message"),
        ((str(file.place), file.message) for file in files),
    )


def _chosen(options: RunOptions) -> dict[str, Cell]:
    """The options that only a set which was not recovered knows."""
    return {
        "seed": "" if options.seed is None else options.seed,
        "memory": "yes" if options.memory else "no",
        "optimization_level": options.optimization_level,
        "options": assignments(options.extra, " "),
    }
