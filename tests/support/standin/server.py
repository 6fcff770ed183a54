"""The HTTP surface: one address a function, and the faults between the two."""

import os
import re
import signal
import socket
import sys
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeAlias
from urllib.parse import parse_qs, urlsplit

from support.standin import account, control, devices, jobs, sessions, submitting
from support.standin.answers import Answer, BadRequest, Request, not_found, refusal
from support.standin.faults import Fault, strike
from support.standin.service import Service

Resource: TypeAlias = Callable[[Service, Request], Answer]

_API = "/(?:experimental|api/v1)"
_MOST_BYTES = 512_000_000  # a longer body is not even read to its end

_ADDRESSES: tuple[tuple[str, str, str, Resource], ...] = (
    ("token", "POST", "/identity/token", account.give_token),
    ("search", "POST", "/v3/resources/search", account.search),
    ("catalog", "GET", "/catalog/([^/]+)", account.plan),
    ("usage", "GET", f"{_API}/instances/usage", account.usage),
    ("backends", "GET", f"{_API}/backends", devices.listing),
    ("configuration", "GET", f"{_API}/backends/([^/]+)/configuration", devices.configuration),
    ("properties", "GET", f"{_API}/backends/([^/]+)/properties", devices.properties),
    ("status", "GET", f"{_API}/backends/([^/]+)/status", devices.status),
    ("submit", "POST", f"{_API}/jobs", submitting.submit),
    ("list", "GET", f"{_API}/jobs", jobs.listing),
    ("job", "GET", f"{_API}/jobs/([^/]+)", jobs.one),
    ("delete", "DELETE", f"{_API}/jobs/([^/]+)", jobs.delete),
    ("results", "GET", f"{_API}/jobs/([^/]+)/results", jobs.results),
    ("metrics", "GET", f"{_API}/jobs/([^/]+)/metrics", jobs.metrics),
    ("logs", "GET", f"{_API}/jobs/([^/]+)/logs", jobs.logs),
    ("tags", "PUT", f"{_API}/jobs/([^/]+)/tags", jobs.change_tags),
    ("cancel", "POST", f"{_API}/jobs/([^/]+)/cancel", jobs.cancel),
    ("session", "POST", f"{_API}/sessions", sessions.create),
    ("session", "GET", f"{_API}/sessions/([^/]+)", sessions.read),
    ("session", "PATCH", f"{_API}/sessions/([^/]+)", sessions.change),
    ("session", "DELETE", f"{_API}/sessions/([^/]+)/close", sessions.close),
    ("control", "GET", "/_standin/stats", control.stats),
    ("control", "POST", "/_standin/faults", control.arm),
    ("control", "DELETE", "/_standin/faults", control.disarm),
    ("control", "POST", "/_standin/reset", control.reset),
    ("control", "POST", "/_standin/settings", control.change_settings),
    ("control", "POST", "/_standin/jobs", control.add_jobs),
)
_ROUTES = [(kind, verb, re.compile(path), to) for kind, verb, path, to in _ADDRESSES]
_OUTSIDE = frozenset({"token", "search", "catalog", "control"})  # no access token is asked for


class Server(ThreadingHTTPServer):
    """Listens on 127.0.0.1 only; one thread a connection."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, service: Service) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.service = service

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is nothing to speak of."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class Handler(BaseHTTPRequestHandler):
    """One connection: read a request, find its function, let a fault strike, answer."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16  # headers and body in one packet
    server: Server

    def _serve(self) -> None:
        path = urlsplit(self.path)
        kind, arguments, resource = _route(self.command, path.path)
        service = self.server.service
        body = self._body(service.settings.max_bytes)
        request = Request(
            arguments=arguments,
            query=parse_qs(path.query),
            headers=dict(self.headers),
            body=body or b"",
            instance=self.headers.get("Service-CRN", ""),
        )
        if kind == "control":
            self._send(_called(resource, service, request))
            return
        with service.state.change():
            service.state.count(kind)
            counted, fault = strike(service.state.armed(), kind=kind)
            service.state.count_on(counted)
        if fault and not fault.accept:
            self._spoil(fault, Answer())
            return
        if body is None:
            done = refusal(413, 1206, "Request entity too large.")
        else:
            barred = None if kind in _OUTSIDE else account.refused(service, request)
            done = barred or _called(resource, service, request)
        if fault and done.status < 400:
            self._spoil(fault, done)
            return
        self._send(done)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - http.server's names

    def _spoil(self, fault: Fault, done: Answer) -> None:
        time.sleep(fault.delay_s)
        if fault.die:
            os.kill(os.getpid(), signal.SIGKILL)
        if fault.drop:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self._send(fault.answer() or done)

    def _body(self, most: int) -> bytes | None:
        """The body, read to its end; None if it is longer than `most` bytes."""
        length = max(0, int(self.headers.get("Content-Length") or 0))
        if length <= most:
            return self.rfile.read(length)
        left = min(length, _MOST_BYTES)
        while left > 0 and (read := self.rfile.read(min(left, 1 << 20))):
            left -= len(read)
        self.close_connection = True
        return None

    def _send(self, done: Answer) -> None:
        if done.job_id:
            self.server.service.state.change_job(done.job_id, acknowledged=True)
        self.send_response(done.status)
        if done.content_type:
            self.send_header("Content-Type", done.content_type)
        for name, value in done.headers.items():
            self.send_header(name, value)
        if done.status != 204:
            self.send_header("Content-Length", str(len(done.body)))
        self.end_headers()
        self.wfile.write(done.body)
        self.wfile.flush()

    def log_message(self, *_words: object) -> None:
        """Nothing: the figures are in the stats."""


def _route(verb: str, path: str) -> tuple[str, tuple[str, ...], Resource]:
    for kind, known, pattern, resource in _ROUTES:
        if verb == known and (match := pattern.fullmatch(path)):
            return kind, match.groups(), resource
    return "unknown", (), lambda _service, _request: not_found(f"{verb} {path}")


def _called(resource: Resource, service: Service, request: Request) -> Answer:
    try:
        return resource(service, request)
    except BadRequest as error:
        return refusal(400, 1227, str(error))
