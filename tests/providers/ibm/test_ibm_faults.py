"""What becomes of a submit when the service, or the network before it, misbehaves.

The class of the error decides whether the engine sends again: so each fault is checked for it,
and for how many jobs the service has in the end.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeAlias

import pytest
from qiskit import QuantumCircuit
from support.standin.process import StandIn

from qjobs.circuits import codec
from qjobs.circuits.slices import CircuitSlice
from qjobs.contract import ProviderContext
from qjobs.errors import (
    AuthError,
    JobRefused,
    NotAccepted,
    NotNow,
    PendingLimit,
    ProviderError,
    QuotaUsedUp,
    RateLimited,
    TooLarge,
)
from qjobs.model import JobStatus, RunOptions, Slice
from qjobs.providers.ibm.connection import Connection
from qjobs.providers.ibm.errors import HttpError, http_error, not_accepted
from qjobs.providers.ibm.provider import IbmProvider

BACKEND = "ibm_lagos"
TAG = "qj-0123456789ab-0-1"

Make: TypeAlias = Callable[..., IbmProvider]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def make(**settings: str) -> IbmProvider:
        return IbmProvider(ProviderContext(tmp_path / "ibm", {"settle_s": "1", **settings}))

    return make


@pytest.fixture
def circuits(tmp_path: Path) -> CircuitSlice:
    circuit = QuantumCircuit(7, 1)
    circuit.x(0)
    circuit.measure(0, 0)
    path = tmp_path / "circuits.qpy"
    path.write_bytes(codec.encode([circuit]))
    return CircuitSlice(path, Slice(0, 1))


def submit(provider: IbmProvider, circuits: CircuitSlice) -> str:
    return provider.submit(circuits, backend=BACKEND, options=RunOptions(shots=9), tag=TAG)


# Answers to a submit


@pytest.mark.parametrize(
    ("fault", "kind", "jobs"),
    [
        ("error", ProviderError, 0),
        ("accept-then-error", ProviderError, 1),
        ("drop", ProviderError, 0),
        ("accept-then-drop", ProviderError, 1),
        ("garbage", ProviderError, 0),
        ("accept-then-garbage", ProviderError, 1),
        ("accept-then-hang", ProviderError, 1),
        ("rate-limit", RateLimited, 0),
        ("pending-limit", PendingLimit, 0),
        ("quota", QuotaUsedUp, 0),
        ("too-large", TooLarge, 0),
        ("unauthorized", AuthError, 0),
        ("forbidden", AuthError, 0),
        ("not-found", JobRefused, 0),
    ],
)
def test_one_submit_is_one_post_whatever_the_answer(
    standin: StandIn,
    make: Make,
    circuits: CircuitSlice,
    fault: str,
    kind: type[ProviderError],
    jobs: int,
) -> None:
    standin.faults(fault, times=0)
    provider = make(post_timeout_s="0.5" if "hang" in fault else "30", settle_s="1e-9")

    with pytest.raises(ProviderError) as caught:
        submit(provider, circuits)

    assert type(caught.value) is kind or (
        kind is ProviderError and not isinstance(caught.value, NotAccepted)
    )
    while len(standin.stats()["jobs"]) < jobs:
        time.sleep(0.01)  # the one of a call that we gave up may be on its way
    stats = standin.stats()
    assert stats["requests"]["submit"] == 1
    assert len(stats["jobs"]) == jobs
    assert [job["id"] for job in stats["jobs"]] == list(provider.find(TAG))


def test_the_service_says_when_to_come_back(
    standin: StandIn, make: Make, circuits: CircuitSlice
) -> None:
    standin.set(submits_per_minute=1)
    provider = make()
    submit(provider, circuits)

    with pytest.raises(RateLimited) as caught:
        submit(provider, circuits)

    assert caught.value.retry_after_s is not None
    assert 0 < caught.value.retry_after_s <= 61


def test_a_job_over_our_own_limit_is_not_even_sent(
    standin: StandIn, make: Make, circuits: CircuitSlice
) -> None:
    with pytest.raises(TooLarge):
        submit(make(payload_bytes="100"), circuits)

    assert "submit" not in standin.stats()["requests"]


def test_what_fails_before_anything_is_sent_is_no_lost_answer(
    standin: StandIn, make: Make, circuits: CircuitSlice, tmp_path: Path
) -> None:
    standin.faults("error", on="properties", times=0)
    with pytest.raises(NotNow, match="503"):
        submit(make(), circuits)
    standin.calm()
    (tmp_path / "ibm").mkdir(exist_ok=True)
    (tmp_path / "ibm" / "calls.sqlite").write_bytes(b"not a database at all" * 100)

    with pytest.raises(NotNow, match="calls"):
        submit(make(), circuits)

    assert "submit" not in standin.stats()["requests"]


def test_an_id_is_told_even_if_it_cannot_be_noted(
    standin: StandIn, make: Make, circuits: CircuitSlice, tmp_path: Path
) -> None:
    provider = make()
    submit(provider, circuits)
    provider._known_jobs.accept = refuse  # type: ignore[method-assign]  # a disk is full

    job_id = submit(provider, circuits)

    assert job_id == standin.stats()["jobs"][-1]["id"]


def refuse(_tag: str, _job_id: str) -> None:
    raise ProviderError("the disk is full")


def test_a_service_that_is_gone_takes_no_job(
    standin: StandIn, make: Make, circuits: CircuitSlice
) -> None:
    provider = make()
    submit(provider, circuits)
    standin.kill()

    with pytest.raises(NotNow, match="cannot be reached"):
        submit(provider, circuits)


def test_a_job_is_found_after_the_service_died_and_came_back(
    standin: StandIn, make: Make, circuits: CircuitSlice
) -> None:
    standin.faults("accept-then-die")
    provider = make(settle_s="1e-9")
    with pytest.raises(ProviderError):
        submit(provider, circuits)
    standin.wait()
    standin.restart()

    (job,) = standin.stats()["jobs"]

    assert list(provider.find(TAG)) == [job["id"]]


# Questions


@pytest.mark.parametrize("fault", ["error", "drop", "rate-limit"])
def test_a_question_is_asked_again_if_it_fails(
    standin: StandIn, make: Make, circuits: CircuitSlice, fault: str
) -> None:
    provider = make()
    job_id = submit(provider, circuits)
    standin.faults(fault, on="list", times=2 if fault != "drop" else 1)

    assert provider.statuses([job_id]) == {job_id: JobStatus.QUEUED}


def test_a_hung_service_does_not_hang_us(
    standin: StandIn, make: Make, circuits: CircuitSlice
) -> None:
    job_id = submit(make(), circuits)
    standin.faults("hang", on="any", times=0)
    provider = make(timeout_s="0.3")

    for question in (
        lambda: provider.statuses([job_id]),
        lambda: provider.find(TAG),
        lambda: provider.result(job_id),
        provider.backends,
        lambda: make(timeout_s="0.3").check("ibm_fez", RunOptions()),
    ):
        with pytest.raises(ProviderError, match=r"did not answer|gives no token"):
            question()


def test_an_answer_that_makes_no_sense_is_said_to(
    standin: StandIn, make: Make, circuits: CircuitSlice
) -> None:
    provider = make()
    job_id = submit(provider, circuits)
    standin.faults("garbage", on="list", times=0)

    with pytest.raises(ProviderError, match="makes no sense"):
        provider.statuses([job_id])


# Accounts


def test_a_wrong_key_is_an_error_of_credentials(standin: StandIn, make: Make) -> None:
    standin.set(token="another")

    with pytest.raises(AuthError):
        make().backends()


def test_no_account_at_all_is_an_error_of_credentials(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("QISKIT_IBM_TOKEN", raising=False)

    with pytest.raises(AuthError, match="no-such-account"):
        make(account="no-such-account").backends()


def test_the_key_itself_is_never_sent_in_place_of_a_token(
    standin: StandIn, make: Make, circuits: CircuitSlice
) -> None:
    standin.faults("error", on="token", times=0)

    with pytest.raises(NotNow, match="gives no token"):
        make().backends()
    assert standin.stats()["requests"] == {"token": 3}


@contextmanager
def listener() -> Iterator[tuple[int, list[bytes]]]:
    """A server that reads a request and hangs up, and what it was sent."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def listen() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    heard.append(connection.recv(65536))

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        yield server.getsockname()[1], heard
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def test_a_broken_connection_to_the_token_service_means_that_nothing_was_sent(
    standin: StandIn, make: Make, circuits: CircuitSlice, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listener() as (port, heard):
        monkeypatch.setenv("IAM_URL", f"http://127.0.0.1:{port}")

        with pytest.raises(NotNow):
            submit(make(), circuits)

        assert heard


# Answers without an end


def flood(status: str) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\n\r\n".encode()


@contextmanager
def spring(status: str) -> Iterator[str]:
    """A server that answers each request with words, for as long as anybody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with suppress(OSError), connection:
                        connection.recv(65536)
                        connection.sendall(flood(status))
                        while True:
                            connection.sendall(b"words " * 10_000)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def connection_to(url: str, *, answer_bytes: int) -> Connection:
    return Connection(
        url, sign=dict, application="", parameters={}, timeout_s=30, post_timeout_s=30,
        answer_bytes=answer_bytes, clock=time.time,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("url", "bound"), [("/jobs/x/results", "100,000,000"), ("/jobs", "64,000,000")]
)
def test_no_more_is_read_than_an_answer_can_have(url: str, bound: str) -> None:
    with spring("200 OK") as server:
        connection = connection_to(server, answer_bytes=100_000_000)

        for ask in (connection.get, connection.post):
            with pytest.raises(ProviderError, match=f"larger than {bound} bytes") as caught:
                ask(url)
            assert not isinstance(caught.value, NotAccepted)


def test_of_an_error_only_the_beginning_is_read() -> None:
    with spring("404 Not Found") as server, pytest.raises(HttpError) as caught:
        connection_to(server, answer_bytes=10_000_000_000_000).get("/jobs/x")

    assert caught.value.message.startswith("IBM Quantum answers 404: words words")
    assert len(caught.value.message) < 400


# Words


def refusal(status: int, code: int, message: str = "no") -> str:
    return f'{{"errors": [{{"code": {code}, "message": "{message}", "solution": "do"}}]}}'


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, 3458, PendingLimit),
        (400, 1202, RateLimited),
        (429, 0, RateLimited),
        (409, 4317, QuotaUsedUp),
        (400, 1204, JobRefused),
        (400, 1205, JobRefused),
        (400, 1517, JobRefused),
        (413, 0, TooLarge),
        (404, 1291, JobRefused),
        (422, 1, JobRefused),
        (408, 0, None),
        (302, 0, None),
        (500, 1517, None),
        (503, 0, None),
        (524, 0, None),
    ],
)
def test_each_code_has_its_class(status: int, code: int, kind: type[NotAccepted] | None) -> None:
    error = http_error(status, {}, refusal(status, code))

    assert isinstance(error, HttpError)
    assert type(not_accepted(error, sent_bytes=100)) is (kind or type(None))
    assert str(status) in error.message
    assert error.hint


@pytest.mark.parametrize(("sent_bytes", "kind"), [(5_000_000, TooLarge), (900, JobRefused)])
def test_a_page_of_cloudflare_may_mean_that_the_body_was_too_large(
    sent_bytes: int, kind: type[NotAccepted]
) -> None:
    page = "<!DOCTYPE html><html><title>Attention Required! | Cloudflare</title></html>"
    error = http_error(403, {"Server": "cloudflare"}, page)

    assert isinstance(error, HttpError)
    assert type(not_accepted(error, sent_bytes=sent_bytes)) is kind
    assert error.message == "IBM Quantum answers 403: a page of cloudflare"


@pytest.mark.parametrize(
    "text",
    ["", "null", "[]", "{}", '{"errors": []}', '{"errors": "x"}', '{"errors": [null]}', "[" * 9999],
)
def test_any_text_can_be_the_body_of_an_error(text: str) -> None:
    error = http_error(500, {}, text)

    assert error.message.startswith("IBM Quantum answers 500")
    assert len(error.message) < 400


@pytest.mark.parametrize(
    ("header", "wait_s"), [("7", 7.0), ("", None), ("Sun, 22 Nov 2026", None), ("1e9", None)]
)
def test_retry_after_is_a_number_of_seconds(header: str, wait_s: float | None) -> None:
    error = http_error(429, {"Retry-After": header}, "")

    assert isinstance(error, HttpError)
    assert error.retry_after_s == wait_s
