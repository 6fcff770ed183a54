"""No job is posted twice in one call, whatever client a vendor's package has."""

import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from qiskit import QuantumCircuit
from support import TESTS

from qjobs.backends import running
from qjobs.errors import JobRefused, NoneAccepted, NotAccepted, ProviderError
from qjobs.model import RunOptions

PACKAGES = TESTS / "support" / "packages"
BREAKS, HANGS, TALKS, CUT = "breaks", "hangs", "talks", "cut"
WHOLE = b'{"id": "job-1"}'
NEEDS = {
    "httpx_transport": "httpx",
    "httpx_async": "httpx",
    "httpx_once": "httpx",
    "aiohttp_loop": "aiohttp",
}
REPEATING = [
    "requests_session", "requests_loop", "urllib_loop", "urllib3_pool", "httpx_transport",
    "httpx_async", "aiohttp_loop", "pool_of_threads", "old_thread", "next_one",
]  # fmt: skip


def needs(client: str) -> None:
    """Skip the test where the library of a client is not installed."""
    library = client.partition("_")[0]
    if library in ("httpx", "aiohttp"):
        pytest.importorskip(library)


class Handler(BaseHTTPRequestHandler):
    """Makes a job of each post to `jobs`, and then answers as it is told, one after the other."""

    protocol_version = "HTTP/1.1"
    server: "Server"

    def do_POST(self) -> None:
        wanted = int(self.headers.get("Content-Length") or 0)
        if len(self.rfile.read(wanted)) < wanted:
            return
        place = self.path.partition("?")[0]
        self.server.posts.append(place)
        answer: Any = 200
        if place.endswith("/jobs") and self.server.answers:
            answer = self.server.answers.pop(0)
        if answer == HANGS:
            self.server.over.wait()
        if answer in (BREAKS, HANGS):
            self.close_connection = True
            return
        data = WHOLE if answer in (200, CUT) else b"<html>what is it?</html>"
        self.send_response(answer if isinstance(answer, int) else 200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[:5] if answer == CUT else data)
        self.close_connection = answer == CUT

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    """The service on a port of its own."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[Any] = []
        self.posts: list[str] = []
        self.over = threading.Event()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client went away."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def jobs(self) -> int:
        return sum(place.endswith("/jobs") for place in self.posts)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.over.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], str]:
    """Submit a circuit to a service by a client; gives the id of the job."""
    monkeypatch.syspath_prepend(str(PACKAGES))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    circuit = QuantumCircuit(1, 1, name="c")
    circuit.measure(0, 0)

    def run(client: str, url: str) -> str:
        needs(client)
        backend = import_module("posting_vendor").Backend(client, url)
        job = running.run(backend, [circuit], options=RunOptions(shots=10), keywords={})
        return str(job.job_id())

    return run


@pytest.mark.parametrize(
    ("client", "fault"),
    [
        *((client, fault) for client in REPEATING for fault in (503, 408, BREAKS)),
        *((client, HANGS) for client in ("urllib3_pool", "httpx_transport", "aiohttp_loop")),
    ],
)
def test_a_lost_answer_leaves_one_job_and_it_is_unknown(
    run: Callable[[str, str], str], server: Server, client: str, fault: Any
) -> None:
    server.answers = [fault] * 9

    with pytest.raises(ProviderError, match=r"POST 127\.0\.0\.1") as caught:
        run(client, server.url)

    assert not isinstance(caught.value, NotAccepted)
    assert server.jobs == 1
    said = "got no answer" if isinstance(fault, str) else f"was answered with {fault}"
    assert said in caught.value.message


@pytest.mark.parametrize(
    "client", ["urllib_loop", "httpx_transport", "httpx_async", "aiohttp_loop"]
)
@pytest.mark.parametrize("fault", [TALKS, CUT])
def test_a_success_that_cannot_be_read_is_not_repeated(
    run: Callable[[str, str], str], server: Server, client: str, fault: str
) -> None:
    server.answers = [fault] * 9

    with pytest.raises(ProviderError) as caught:
        run(client, server.url)

    assert not isinstance(caught.value, NotAccepted)
    assert server.jobs == 1


@pytest.mark.parametrize("client", [*REPEATING, "one_by_one"])
def test_a_client_that_gets_its_answer_is_left_alone(
    run: Callable[[str, str], str], server: Server, client: str
) -> None:
    for _ in range(2):
        assert run(client, server.url).startswith("job-1")

    assert server.jobs == (8 if client == "one_by_one" else 2)


@pytest.mark.parametrize("refusals", [[401], [429, 429], [401, 401, 429]])
def test_what_was_surely_refused_may_be_repeated(
    run: Callable[[str, str], str], server: Server, refusals: list[int]
) -> None:
    server.answers = [*refusals]

    assert run("renewing", server.url) == "job-1"

    assert server.jobs == 1 + len(refusals)
    assert server.posts.count("/token") == 1 + refusals.count(401)


def test_a_refusal_is_still_one(run: Callable[[str, str], str], server: Server) -> None:
    server.answers = [400] * 9

    with pytest.raises(JobRefused):
        run("requests_session", server.url)


@pytest.mark.parametrize("client", ["requests_session", "urllib3_pool", "httpx_once", "next_one"])
def test_a_service_that_is_not_there_has_no_job(
    run: Callable[[str, str], str], client: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

    with pytest.raises(NoneAccepted, match="cannot be reached") as caught:
        run(client, f"http://127.0.0.1:{port}")

    # Whoever knows the set says how to go on with it, see `raise_for_submission`.
    assert caught.value.hint == "nothing was sent; wait until it is there"


def test_two_calls_at_the_same_time_do_not_know_of_each_other(
    run: Callable[[str, str], str], server: Server
) -> None:
    import_module("posting_vendor")
    server.answers = [503]
    ended: list[object] = []

    def call() -> None:
        try:
            ended.append(run("urllib_loop", server.url))
        except ProviderError as error:
            ended.append(error)

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert ended.count("job-1") == 3
    assert server.jobs == 4


@pytest.mark.slow
@pytest.mark.parametrize("client", ["requests_session", "httpx_transport"])
def test_the_whole_way(
    qjobs: Callable[..., Any], server: Server, circuits: Any, client: str
) -> None:
    needs(client)
    Path(os.environ["QJOBS_CONFIG"]).write_text(
        '[providers.acme]\nfactory = "posting_vendor:Provider"\n'
        f'arguments = {{url = "{server.url}"}}\n'
    )
    server.answers = [503, 503]

    ended = qjobs("submit", str(circuits.path), "-b", f"acme:{client}", "--json")

    assert ended.code == 7, ended.err
    assert "may or may not have been accepted" in ended.err
    said = "was answered with 503"
    assert said in ended.err
    for verb in ("status", "show", "error"):
        assert said in qjobs(verb, "--json").out, verb
    assert qjobs("error", "--exit-status").code == 0
    assert server.jobs == 1
    (job,) = json.loads(ended.out)["jobs"]
    assert job["state"] == "unknown"
    assert qjobs("resume").code == 7
    assert server.jobs == 1
