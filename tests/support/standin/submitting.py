"""POST /jobs: what the service refuses, and what it makes of the rest."""

import json
import time
from dataclasses import replace
from typing import Any

from support.standin.account import user_of
from support.standin.answers import (
    Answer,
    BadRequest,
    Request,
    answer,
    json_object,
    not_found,
    refusal,
)
from support.standin.faults import Fault, strike_job
from support.standin.service import Service
from support.standin.sessions import accepts
from support.standin.state import PENDING, Job, new_id


def submit(service: Service, request: Request) -> Answer:
    """Take a job, or say why not. Counting and taking are one step, whoever else submits."""
    posted = json_object(request.body)
    now = time.time()
    with service.state.change():
        if refused := _refused(service, request, posted, now=now):
            return refused
        job, params = _job(service, request, posted, now=now)
        armed, faults = strike_job(service.state.armed())
        service.state.count_on(armed)
        for fault in faults:
            job = _spoil(job, fault)
        service.state.add(job, params)
        service.state.execute("INSERT INTO posts VALUES (?)", [now])
    service.worker.wake()
    return answer({"id": job.id, "backend": job.backend}, job_id=job.id)


def _refused(
    service: Service, request: Request, posted: dict[str, Any], *, now: float
) -> Answer | None:
    if posted.get("backend") not in service.devices:
        return not_found(f"Backend {posted.get('backend')}")
    if posted.get("program_id") not in {"sampler", "estimator", "executor"}:
        return not_found(f"Program {posted.get('program_id')}")
    session_id = str(posted.get("session_id") or "")
    if session_id and not accepts(service, session_id):
        return refusal(400, 1217, "Session has been closed.")
    return (
        _wrong_tags(service, posted.get("tags", []))
        or _used_up(service)
        or _too_often(service, now=now)
        or _too_many(service, request, now=now)
    )


def _wrong_tags(service: Service, tags: object) -> Answer | None:
    settings = service.settings
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise BadRequest("tags are a list of strings")
    if len(tags) > settings.max_tags:
        return refusal(400, 1204, f"The number of tags exceeds the limit of {settings.max_tags}.")
    if any(len(tag) > settings.max_tag_length for tag in tags):
        return refusal(400, 1205, f"A tag is longer than {settings.max_tag_length} characters.")
    return None


def _used_up(service: Service) -> Answer | None:
    if not service.settings.usage_limit_reached:
        return None
    return refusal(409, 4317, "Usage exceeds instance limit.")


def _too_often(service: Service, *, now: float) -> Answer | None:
    settings = service.settings
    if settings.submits_per_minute is None:
        return None
    taken = service.state.rows(
        "SELECT at FROM posts WHERE at > ? ORDER BY at DESC LIMIT ?",
        [now - settings.rate_window_s, settings.submits_per_minute],
    )
    if len(taken) < settings.submits_per_minute:
        return None
    wait_s = max(1, round(taken[-1]["at"] + settings.rate_window_s - now + 0.5))
    headers = {"Retry_After": str(wait_s)} if settings.retry_after else {}
    return refusal(429, 1202, "Too many requests.", **headers)


def _too_many(service: Service, request: Request, *, now: float) -> Answer | None:
    most = service.settings.max_pending
    if most is None:
        return None
    mine = f"{PENDING} AND instance = :instance AND user = :user"
    whose = {"instance": request.instance, "user": user_of(service, request)}
    if service.state.how_many(mine, whose, now=now) < most:
        return None
    return refusal(
        400,
        3458,
        f"You have reached the limit of {most} pending jobs. Please wait for a job to complete "
        "or cancel one before submitting anything new.",
    )


def _job(
    service: Service, request: Request, posted: dict[str, Any], *, now: float
) -> tuple[Job, str]:
    cost = posted.get("cost", 10800)
    if type(cost) is not int:
        raise BadRequest("cost is a number of seconds")
    params = json.dumps(posted.get("params", {}))
    tags = json.dumps(posted.get("tags", []))
    job = Job(
        number=0,
        id=new_id(),
        created=now,
        instance=request.instance,
        user=user_of(service, request),
        backend=posted["backend"],
        program=posted["program_id"],
        session_id=str(posted.get("session_id") or ""),
        tags=tags,
        sent_tags=tags,
        size=len(request.body),
        private=bool(posted.get("private")),
        cost=cost,
        status="Queued",
        reason="",
        reason_code=0,
        started=0.0,
        finished=0.0,
        usage_s=0.0,
        queue_s=service.settings.queue_s,
        run_s=service.settings.run_s,
        word="",
        word_until=0.0,
        results_status=0,
        results_message="",
        read_once=False,
        reads=0,
        acknowledged=False,
    )
    return job, params


def _spoil(job: Job, fault: Fault) -> Job:
    """What becomes of a job by a fault."""
    match fault.job:
        case "lose-tags":
            return replace(job, tags="[]")
        case "fail" | "time-limit":
            status = "Failed" if fault.job == "fail" else "Cancelled"
            over = replace(job, status=status, started=job.created, finished=job.created)
            return replace(over, reason=fault.message, reason_code=fault.code)
        case "status-word":
            until = job.created + fault.seconds if fault.seconds else 1e12
            return replace(job, word=fault.word, word_until=until)
        case "read-once" | "expire-results":
            gone = replace(job, results_status=fault.status, results_message=fault.message)
            return replace(gone, read_once=fault.job == "read-once")
        case _:
            raise ValueError(f"there is no fault of jobs {fault.job!r}")
