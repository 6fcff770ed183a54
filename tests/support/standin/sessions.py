"""Sessions and batches."""

import json
import time

from support.standin.answers import Answer, Request, answer, json_object, not_found, nothing
from support.standin.service import Service
from support.standin.state import new_id


def create(service: Service, request: Request) -> Answer:
    """POST /sessions."""
    asked = json_object(request.body)
    if asked.get("backend") not in service.devices:
        return not_found(f"Backend {asked.get('backend')}")
    session_id = new_id()
    details = {
        "id": session_id,
        "backend_name": asked["backend"],
        "mode": asked.get("mode", "dedicated"),
        "max_ttl": asked.get("max_ttl", 28800),
        "interactive_ttl": 1 if asked.get("mode") == "batch" else 60,
        "active_ttl": 28800,
    }
    service.state.execute(
        "INSERT INTO sessions VALUES (?, ?, 0, 1, ?)",
        [session_id, time.time(), json.dumps(details)],
    )
    return answer(_read(service, session_id))


def read(service: Service, request: Request) -> Answer:
    """GET /sessions/{id}."""
    found = _read(service, request.arguments[0])
    return answer(found) if found else not_found("Session")


def change(service: Service, request: Request) -> Answer:
    """PATCH /sessions/{id}: no more jobs; those that are there go on."""
    accepting = bool(json_object(request.body).get("accepting_jobs", True))
    changed = service.state.execute(
        "UPDATE sessions SET accepting = ? WHERE id = ?", [accepting, request.arguments[0]]
    )
    return nothing() if changed else not_found("Session")


def close(service: Service, request: Request) -> Answer:
    """DELETE /sessions/{id}/close: queued jobs are cancelled."""
    now = time.time()
    session_id = request.arguments[0]
    with service.state.change():
        changed = service.state.execute(
            "UPDATE sessions SET accepting = 0, closed = ? WHERE id = ?", [now, session_id]
        )
        queued = "session_id = :session AND shown = 'Queued'"
        for job in service.state.jobs(queued, {"session": session_id}, now=now):
            service.state.cancel(job.id, now=now)
    return nothing() if changed else not_found("Session")


def every(service: Service) -> list[dict[str, object]]:
    """All there are or were, the oldest first."""
    rows = service.state.rows("SELECT id FROM sessions ORDER BY created", [])
    return [_read(service, row["id"]) for row in rows]


def accepts(service: Service, session_id: str) -> bool:
    """Whether a session is there and takes jobs."""
    found = _read(service, session_id)
    return bool(found and found["accepting_jobs"])


def _read(service: Service, session_id: str) -> dict[str, object]:
    rows = service.state.rows("SELECT * FROM sessions WHERE id = ?", [session_id])
    if not rows:
        return {}
    row = rows[0]
    details = json.loads(row["details"])
    over = row["closed"] or time.time() > row["created"] + details["max_ttl"]
    return {
        **details,
        "state": "closed" if over else "open",
        "accepting_jobs": bool(row["accepting"]) and not over,
        "elapsed_time": 0,
        "timestamps": [],
    }
