"""The stand-in's own addresses, under /_standin: faults, settings, other people's jobs, figures."""

import json
import time
from dataclasses import asdict, replace
from typing import Any

from support.standin.account import INSTANCES
from support.standin.answers import Answer, BadRequest, Request, answer, json_object
from support.standin.faults import fault
from support.standin.service import Service
from support.standin.sessions import every as sessions
from support.standin.settings import Settings, value_of
from support.standin.state import Job, new_id

_TOLD = [
    "id",
    "created",
    "instance",
    "backend",
    "program",
    "session_id",
    "user",
    "private",
    "cost",
    "size",
    "status",
    "shown",
    "reason_code",
    "reads",
    "acknowledged",
]


def stats(service: Service, _request: Request) -> Answer:
    """GET stats: jobs that were taken and not deleted, oldest first; sessions; requests by kind."""
    jobs = service.state.jobs("1 ORDER BY number", {}, now=time.time())
    counts = service.state.counts()
    return answer(
        {
            "jobs": [_summary(job) for job in jobs],
            "requests": counts,
            "posts": counts.get("submit", 0),
            "sessions": sessions(service),
            "faults": [
                {"name": armed.fault.name, "seen": armed.seen, "struck": armed.struck}
                for armed in service.state.armed()
            ],
        }
    )


def arm(service: Service, request: Request) -> Answer:
    """POST faults: `{"faults": [{"name": ..., parts}]}` are added."""
    given = json_object(request.body).get("faults")
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise BadRequest("faults are a list of objects")
    try:
        faults = [fault(**one) for one in given]
    except (TypeError, ValueError) as error:
        raise BadRequest(str(error)) from error
    service.state.arm(faults)
    return answer({"faults": len(faults)})


def disarm(service: Service, _request: Request) -> Answer:
    """DELETE faults: nothing goes wrong any more, and jobs show their true status."""
    with service.state.change():
        service.state.execute("DELETE FROM faults")
        service.state.execute("UPDATE jobs SET word = ''")
    return answer({})


def reset(service: Service, request: Request) -> Answer:
    """POST reset: nothing has happened yet, and settings that are not named are the usual ones."""
    with service.state.change():
        for table in ("jobs", "payloads", "sessions", "faults", "counts", "posts"):
            service.state.execute(f"DELETE FROM {table}")
        service.state.set(Settings())
    return change_settings(service, request)


def change_settings(service: Service, request: Request) -> Answer:
    """POST settings: those that are named are changed."""
    given = json_object(request.body)
    try:
        values = {name: value_of(Settings, name, value) for name, value in given.items()}
        changed = replace(service.settings, **values)  # type: ignore[arg-type]  # value_of checked
    except ValueError as error:
        raise BadRequest(str(error)) from error
    service.state.set(changed)
    service.worker.wake()
    return answer(asdict(changed))


def add_jobs(service: Service, request: Request) -> Answer:
    """POST jobs: jobs without circuits, of somebody else if the `user` says so."""
    given: dict[str, Any] = json_object(request.body)
    count = int(given.pop("count", 1))
    tags = json.dumps(given.pop("tags", []))
    now = time.time()
    columns = {
        **dict.fromkeys(Job.__dataclass_fields__, 0),
        **dict.fromkeys(("session_id", "reason", "word", "results_message"), ""),
        "instance": INSTANCES["standin"],
        "backend": next(iter(service.devices)),
        "program": "sampler",
        "user": "somebody else",
        "status": "Completed",
        "created": now,
        "tags": tags,
        "sent_tags": tags,
    }
    if unknown := given.keys() - columns.keys():
        raise BadRequest(f"jobs have no {', '.join(sorted(unknown))}")
    blank = Job(**{**columns, **given})
    ids = [new_id() for _ in range(count)]
    with service.state.change():
        for job_id in ids:
            service.state.add(replace(blank, id=job_id), "{}")
    return answer({"ids": ids})


def _summary(job: Job) -> dict[str, object]:
    lists = {"tags": json.loads(job.tags), "sent_tags": json.loads(job.sent_tags)}
    return {name: getattr(job, name) for name in _TOLD} | lists
