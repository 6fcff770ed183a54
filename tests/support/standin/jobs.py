"""The jobs as clients see them: one, a list, results, metrics, logs, tags, cancelling."""

import json
import time
from datetime import UTC, datetime

from support.standin.answers import (
    Answer,
    BadRequest,
    Request,
    answer,
    json_object,
    not_found,
    nothing,
    refusal,
    text,
)
from support.standin.service import Service
from support.standin.state import FINAL, PENDING, Job

MOST_LISTED = 200


def listing(service: Service, request: Request) -> Answer:
    """GET /jobs: the newest first, a page of at most 200; `count` is of all that match."""
    now = time.time()
    conditions = ["instance = :instance", "created <= :seen"]
    values: dict[str, object] = {
        "instance": request.instance,
        "seen": now - service.settings.list_lag_s,
    }
    for name, column in (("backend", "backend"), ("program", "program"), ("session_id",) * 2):
        if name in request.query:
            conditions.append(f"{column} = :{name}")
            values[name] = request.first(name)
    for name, sign in (("created_after", ">="), ("created_before", "<=")):
        if name in request.query:
            conditions.append(f"created {sign} :{name}")
            values[name] = _seconds(request.first(name))
    if "pending" in request.query:
        conditions.append(PENDING if request.first("pending") == "true" else f"NOT {PENDING}")
    for index, tag in enumerate(request.query.get("tags", [])):
        conditions.append(f"EXISTS (SELECT 1 FROM json_each(tags) WHERE value = :tag{index})")
        values[f"tag{index}"] = tag
    limit = _number(request, "limit", MOST_LISTED)
    if limit > MOST_LISTED:
        return refusal(400, 1221, f"limit must not be greater than {MOST_LISTED}.")
    order = "ASC" if request.first("sort").upper() == "ASC" else "DESC"
    where = " AND ".join(conditions)
    page = f"{where} ORDER BY number {order} LIMIT :limit OFFSET :offset"
    paged = {**values, "limit": limit, "offset": _number(request, "offset", 0)}
    return answer(
        {
            "jobs": [_described(job, now=now) for job in service.state.jobs(page, paged, now=now)],
            "count": service.state.how_many(where, values, now=now),
            "limit": limit,
            "offset": paged["offset"],
        }
    )


def one(service: Service, request: Request) -> Answer:
    """GET /jobs/{id}."""
    now = time.time()
    job = _job(service, request, now=now)
    if job is None:
        return not_found(f"Job {request.arguments[0]}")
    described = _described(job, now=now)
    if request.first("exclude_params") != "true" and not job.private:
        described["params"] = json.loads(service.state.params(job.id))
    return answer(described)


def results(service: Service, request: Request) -> Answer:
    """GET /jobs/{id}/results: as text, whatever the program gave; a failure's words."""
    with service.state.change():
        job = _job(service, request, now=time.time())
        if job is None:
            return not_found(f"Job {request.arguments[0]}")
        if job.shown not in FINAL:
            return nothing()
        service.state.change_job(job.id, reads=job.reads + 1)
        once = job.read_once or job.private
        if (job.results_status and not job.read_once) or (once and job.reads):
            message = job.results_message or "The results of a private job are read only once."
            return refusal(job.results_status or 404, 1291, message)
    if job.shown != "Completed":
        return text(f"Traceback (most recent call last):\n  ...\nRuntimeError: {job.reason}\n")
    return text(service.state.results(job.id))


def metrics(service: Service, request: Request) -> Answer:
    """GET /jobs/{id}/metrics: times, usage, and the place in the queue."""
    now = time.time()
    job = _job(service, request, now=now)
    if job is None:
        return not_found(f"Job {request.arguments[0]}")
    final = job.shown in FINAL
    started = max(job.started, job.created + job.queue_s)
    finished = max(job.finished, started + job.run_s)
    described: dict[str, object] = {
        "timestamps": {
            "created": _time(job.created),
            "running": None if job.shown == "Queued" else _time(started),
            "finished": _time(finished) if final else None,
        },
        "usage": {
            "quantum_seconds": job.usage_s if final else 0,
            "qpu_charge_time_seconds": job.usage_s if final else 0,
            "status": "final" if final else "pending",
        },
    }
    if job.shown == "Queued":
        before = "shown = 'Queued' AND number < :number AND backend = :backend"
        values = {"number": job.number, "backend": job.backend}
        place = service.state.how_many(before, values, now=now) + 1
        described["position_in_queue"] = place
        described["estimated_start_time"] = _time(now + 60 * place)
    return answer(described)


def logs(service: Service, request: Request) -> Answer:
    """GET /jobs/{id}/logs."""
    job = _job(service, request, now=time.time())
    if job is None or job.shown not in FINAL:
        return not_found("Job logs")
    return text(f"{_time(job.created)} {job.program} on {job.backend}: {job.shown}\n")


def change_tags(service: Service, request: Request) -> Answer:
    """PUT /jobs/{id}/tags: these and no others."""
    tags = json_object(request.body).get("tags")
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise BadRequest("tags are a list of strings")
    with service.state.change():
        job = _job(service, request, now=time.time())
        if job is None:
            return not_found(f"Job {request.arguments[0]}")
        service.state.change_job(job.id, tags=json.dumps(tags))
    return nothing()


def cancel(service: Service, request: Request) -> Answer:
    """POST /jobs/{id}/cancel."""
    now = time.time()
    with service.state.change():
        job = _job(service, request, now=now)
        if job is None:
            return not_found(f"Job {request.arguments[0]}")
        if job.shown in FINAL:
            return refusal(409, 1296, f"Job {job.id} is {job.shown} and cannot be cancelled.")
        service.state.cancel(job.id, now=now)
    return nothing()


def delete(service: Service, request: Request) -> Answer:
    """DELETE /jobs/{id}."""
    with service.state.change():
        job = _job(service, request, now=time.time())
        if job is None:
            return not_found(f"Job {request.arguments[0]}")
        service.state.execute("DELETE FROM jobs WHERE id = ?", [job.id])
        service.state.execute("DELETE FROM payloads WHERE id = ?", [job.id])
    return nothing()


def _job(service: Service, request: Request, *, now: float) -> Job | None:
    job = service.state.job(request.arguments[0], now=now)
    return job if job is not None and job.instance == request.instance else None


def _described(job: Job, *, now: float) -> dict[str, object]:
    over = job.shown in FINAL
    status = job.word if job.word and now < job.word_until else job.shown
    state: dict[str, object] = {"status": status}
    if over and job.reason:
        state |= {"reason": job.reason, "reason_code": job.reason_code}
    described: dict[str, object] = {
        "id": job.id,
        "backend": job.backend,
        "state": state,
        "status": status,
        "program": {"id": job.program},
        "created": _time(job.created),
        "tags": json.loads(job.tags),
        "user_id": f"IBMid-{job.user}",
        "cost": job.cost,
        "private": bool(job.private),
        "estimated_running_time_seconds": 2,
        "usage": {"quantum_seconds": job.usage_s if over else 0},
    }
    if over:
        described["ended"] = _time(max(job.finished, job.created + job.queue_s + job.run_s))
    if job.session_id:
        described["session_id"] = job.session_id
    return described


def _time(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _seconds(words: str) -> float:
    try:
        moment = datetime.fromisoformat(words)
    except ValueError as error:
        raise BadRequest(f"{words!r} is not a time") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _number(request: Request, name: str, otherwise: int) -> int:
    words = request.first(name, str(otherwise))
    if not words.isdecimal():
        raise BadRequest(f"{name} is a number, not {words!r}")
    return int(words)
