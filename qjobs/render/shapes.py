"""The JSON shapes: pure functions from values to the documents of `qjobs/schemas/`.

Keys stand in a fixed order. More keys may join a shape; those that are there stay.
"""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from qjobs import spans as runs
from qjobs.order import Order
from qjobs.render.arrays import read_head
from qjobs.render.rows import plan_numbers
from qjobs.render.summaries import ranked
from qjobs.render.text import rfc3339

if TYPE_CHECKING:
    from datetime import datetime

    from qjobs.circuits.anatomy import Numbers
    from qjobs.contract import JobDetails
    from qjobs.engine.cancel import CancelReport
    from qjobs.engine.error import Failure
    from qjobs.engine.report import JobReport, SetReport
    from qjobs.engine.result import CircuitRow
    from qjobs.model import JobSet, RunOptions, Slice, Source
    from qjobs.store.folder import Skipped

Shape: TypeAlias = dict[str, Any]


class Document(NamedTuple):
    """An envelope: the keys of `head`, then the inner objects under `key`.

    `inner` may be read only once: the objects of a large set are written as they come.
    """

    head: Shape
    key: str
    inner: Iterable[Shape]


def set_document(
    report: SetReport,
    *,
    sources: Sequence[Source] = (),
    skipped: Skipped | None = None,
    observables: Sequence[Mapping[str, float]] = (),
    details: Mapping[int, JobDetails] = MappingProxyType({}),
    ranges: Mapping[str, tuple[float, float]] | None = None,
) -> Document:
    """`qjobs.set/1`: a set as planned and its jobs as they are.

    `skipped` are the files that were left out, `details` what a provider told, by the index of
    the job, `ranges` the lowest and the highest value of each parameter.
    """
    plan = report.job_set
    head = {
        "schema": "qjobs.set/1",
        **_set_head(plan),
        "tag": plan.tag,
        "state": report.state.value,
        "sessions": _sessions(report),
        "circuits_failed": report.failed_circuits,
        "created": rfc3339(plan.created),
        "finished": _time(report.finished),
        "as_of": _time(report.as_of),
        "recovered": plan.recovered,
        "owner": plan.owner,
        "provider_name": plan.provider_name,
        "backend_name": plan.backend_name,
        "versions": dict(plan.versions),
        "account": plan.account,
        **_instance(plan),
        "tags": list(plan.tags),
        "options": _options(plan.options),
        **_asked(plan),
        "parameter_ranges": _ranges(ranges),
        "observables": [dict(observable) for observable in observables],
        "fingerprint": plan.fingerprint,
        **_files(plan, sources, skipped),
    }
    jobs = (
        {
            **_job(job, report),
            "details": told._asdict() if (told := details.get(job.index)) else None,
        }
        for job in report.jobs
    )
    return Document(head, "jobs", jobs)


def plan_document(
    plan: JobSet,
    *,
    sources: Sequence[Source],
    skipped: Skipped | None,
    numbers: Numbers | None = None,
) -> Document:
    """`qjobs.plan/1`: what a submission would be cut into. The set has no id yet."""
    head = _set_head(plan)
    del head["id"]
    named = ("qubits", "depth", "two_qubit_gates")
    jobs = (
        {
            "index": index,
            **_slice(part),
            **dict(zip(named, plan_numbers(plan, part, numbers), strict=True)),
        }
        for index, part in enumerate(plan.slices)
    )
    asked = {
        "account": plan.account, **_instance(plan),
        "options": _options(plan.options), **_asked(plan), "observables": plan.observables,
        **_files(plan, sources, skipped),
    }  # fmt: skip
    return Document({"schema": "qjobs.plan/1", **head, **asked}, "jobs", jobs)


def _instance(plan: JobSet) -> dict[str, str]:
    """Where the jobs are, and who pays."""
    return {"instance": plan.instance, "instance_name": plan.instance_name, "plan": plan.plan}


def status_document(sets: Iterable[tuple[SetReport, Sequence[JobReport]]]) -> Document:
    """`qjobs.status/1`: sets, each with those of its jobs that are to be shown."""
    inner = (
        {
            **_set_head(report.job_set),
            "state": report.state.value,
            "counts": _counts(report),
            "circuits_failed": report.failed_circuits,
            "created": rfc3339(report.job_set.created),
            "finished": _time(report.finished),
            "as_of": _time(report.as_of),
            "jobs": [_job(job, report) for job in jobs],
            "sessions": _sessions(report),
            "problems": list(report.problems),
        }
        for report, jobs in sets
    )
    return Document({"schema": "qjobs.status/1"}, "sets", inner)


def list_document(reports: Iterable[SetReport]) -> Document:
    """`qjobs.list/1`: sets without their jobs, the newest first."""
    inner = (
        {
            **_set_head(report.job_set),
            "state": report.state.value,
            "counts": _counts(report),
            "circuits_failed": report.failed_circuits,
            "created": rfc3339(report.job_set.created),
            "finished": _time(report.finished),
            "as_of": _time(report.as_of),
            "tags": list(report.job_set.tags),
        }
        for report in reports
    )
    return Document({"schema": "qjobs.list/1"}, "sets", inner)


def result_document(
    plan: JobSet,
    rows: Iterable[CircuitRow],
    *,
    complete: bool,
    top: int | None,
    order: Order = Order.COUNT,
    observables: Sequence[Mapping[str, float]] = (),
    whole_arrays: bool = False,
) -> Document:
    """`qjobs.result/1`: one entry a circuit, in input order."""
    head = {
        "schema": "qjobs.result/1",
        "set": plan.set_id,
        "complete": complete,
        "precision": plan.options.precision if plan.observables else None,
        "observables": [dict(observable) for observable in observables],
    }
    inner = (circuit(row, top=top, order=order, whole_arrays=whole_arrays) for row in rows)
    return Document(head, "circuits", inner)


def circuit(
    row: CircuitRow,
    *,
    top: int | None,
    order: Order = Order.COUNT,
    whole_arrays: bool = False,
) -> Shape:
    """One circuit of `qjobs.result/1`, with its `top` most frequent outcomes (None: with all).

    `memory` is there if it was asked for, `arrays` if there are some: their heads and, with
    `whole_arrays`, all of their bytes.
    """
    counts = row.counts
    if counts is not None and (top is not None or order is not Order.COUNT):
        counts = dict(ranked(counts, top, order))
    shape = {
        "index": row.index,
        "name": row.name,
        "source": row.source,
        "position": row.position,
        "job": row.job,
        "job_id": row.job_id or None,
        "state": row.state.value,
        "shots": row.shots,
        "counts": None if counts is None else dict(counts),
        "message": row.message,
        "binding": row.binding,
        "parameters": _parameters(row),
        "evs": _numbers(row.evs),
        "stds": _numbers(row.stds),
    }
    if row.memory is not None:
        shape["memory"] = list(row.memory)
    if row.arrays:
        shape["arrays"] = {
            name: _array(npy, whole=whole_arrays) for name, npy in row.arrays.items()
        }
    return shape


def parameters_document(plan: JobSet, rows: Iterable[CircuitRow]) -> Document:
    """`qjobs.parameters/1`: the values that each circuit runs with, in input order."""
    head = {"schema": "qjobs.parameters/1", "set": plan.set_id, "names": list(plan.parameters)}
    inner = (
        {
            "index": row.index,
            "name": row.name,
            "source": row.source,
            "position": row.position,
            "binding": row.binding,
            "parameters": _parameters(row),
        }
        for row in rows
    )
    return Document(head, "circuits", inner)


def _parameters(row: CircuitRow) -> dict[str, float | None] | None:
    if row.parameters is None:
        return None
    return {name: _finite(value) for name, value in row.parameters.items()}


def _ranges(ranges: Mapping[str, tuple[float, float]] | None) -> Shape | None:
    return None if ranges is None else {name: list(ends) for name, ends in ranges.items()}


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None


def _numbers(values: Sequence[float] | None) -> list[float | None] | None:
    """Numbers as JSON has them: it has no NaN and no infinity."""
    if values is None:
        return None
    return [_finite(value) for value in values]


def _array(npy: bytes, *, whole: bool) -> Shape:
    head = read_head(npy)
    shape: Shape = {"dtype": head.dtype, "shape": list(head.shape)}
    if whole:
        shape["npy"] = b2a_base64(npy, newline=False).decode()
    return shape


def cancel_document(outcomes: Iterable[tuple[JobSet, CancelReport]]) -> Document:
    """`qjobs.cancel/1`: what became of the wish to cancel each job."""
    inner = (
        {
            "set": plan.set_id,
            "index": report.index,
            **_slice(report.slice),
            "outcome": report.outcome.value,
            "job_id": report.job_id or None,
            "duplicate": report.duplicate,
        }
        for plan, report in outcomes
    )
    return Document({"schema": "qjobs.cancel/1"}, "jobs", inner)


def failures_document(failures: Iterable[tuple[JobSet, Failure]]) -> Document:
    """`qjobs.failures/1`: everything that went wrong, one failure after the other."""
    inner = (
        {
            "set": plan.set_id,
            "job": failure.job,
            "attempt": failure.attempt,
            **_slice(failure.slice),
            "origin": failure.origin.value,
            "message": failure.message,
            "job_id": failure.job_id or None,
            "files": list(failure.files),
        }
        for plan, failure in failures
    )
    return Document({"schema": "qjobs.failures/1"}, "failures", inner)


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)


def _sessions(report: SetReport) -> list[Shape]:
    return [
        {
            "id": session.session_id,
            "opened": rfc3339(session.opened),
            "closed": _time(session.closed),
        }
        for session in report.sessions
    ]


def _set_head(plan: JobSet) -> Shape:
    return {
        "id": plan.set_id,
        "name": plan.name,
        "provider": plan.provider,
        "backend": plan.backend,
        "shots": plan.options.shots,
        "precision": plan.options.precision if plan.observables else None,
        "circuits": plan.circuits,
    }


def _files(plan: JobSet, sources: Sequence[Source], skipped: Skipped | None) -> Shape:
    return {
        "sources": [
            {
                "path": source.path,
                "start_index": plan.start_index + source.start_index * plan.bindings,
                "first": source.first,
                "step": source.step,
            }
            for source in sources
        ],
        "skipped_count": skipped.number if skipped else 0,
        "skipped": [file._asdict() for file in skipped.files] if skipped else [],
    }


def _options(options: RunOptions) -> Shape:
    return {
        "seed": options.seed,
        "memory": options.memory,
        "optimization_level": options.optimization_level,
        "precision": options.precision,
        "extra": dict(options.extra),
    }


def _asked(plan: JobSet) -> Shape:
    return {"parameters": list(plan.parameters), "bindings": plan.bindings}


def _job(job: JobReport, report: SetReport) -> Shape:
    return {
        "index": job.index,
        **_slice(job.slice),
        "attempt": job.attempt,
        "state": job.state.value,
        "job_id": job.job_id or None,
        "message": job.message,
        "circuits_run": job.circuits_run,
        "duplicates": list(job.duplicates),
        "failed_circuits": runs.written(job.failed),
        "retried_circuits": runs.written(runs.joined(job.retried)),
        "submitted": _time(job.submitted),
        "started": _time(job.started),
        "finished": _time(job.finished),
        "waited_s": job.waited_s(report.asked),
        "ran_s": job.ran_s(report.asked),
        "queue_position": job.queue_position,
        "estimated_start": _time(job.estimated_start),
    }


def _slice(part: Slice) -> Shape:
    return {"start_index": part.start_index, "experiments_count": part.experiments_count}


def _counts(report: SetReport) -> Shape:
    return {state.value: number for state, number in report.counts.items()}
