"""What comes in and what goes out: requests, answers, and the service's way of saying no."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True)
class Request:
    """One request, its parts taken apart. `instance` is the CRN that the client works for."""

    arguments: tuple[str, ...]
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes
    instance: str = ""

    def first(self, name: str, otherwise: str = "") -> str:
        return self.query.get(name, [otherwise])[0]


@dataclass(frozen=True)
class Answer:
    """One answer. `job_id` is set where it tells the client of a new job."""

    status: int = 200
    body: bytes = b""
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    job_id: str = ""


def answer(value: object, *, status: int = 200, job_id: str = "") -> Answer:
    """A JSON answer."""
    return Answer(status, json.dumps(value).encode(), job_id=job_id)


def text(words: str, *, status: int = 200, content_type: str = TEXT) -> Answer:
    return Answer(status, words.encode(), content_type)


def nothing(status: int = 204) -> Answer:
    return Answer(status, b"", "")


def refusal(status: int, code: int | str, message: str, **headers: str) -> Answer:
    """The error envelope of the service (`errors`, `trace`)."""
    error = {
        "code": code,
        "message": message,
        "solution": "",
        "more_info": "https://quantum.cloud.ibm.com/docs/errors",
    }
    body = json.dumps({"errors": [error], "trace": "standin"}).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, body, headers=named)


def not_found(what: str) -> Answer:
    return refusal(404, 1291, f"{what} not found.")


class BadRequest(Exception):
    """A request that cannot be read; the message goes to whoever sent it."""


def json_object(body: bytes) -> dict[str, object]:
    """The body as a JSON object. Raises BadRequest."""
    try:
        value = json.loads(body or b"{}")
    except ValueError as error:
        raise BadRequest(f"the body is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise BadRequest("the body is not a JSON object")
    return value
