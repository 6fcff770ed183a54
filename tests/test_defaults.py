"""What a provider does not write, `Defaults` says for it."""

import threading

import pytest

from qjobs.contract import BackendInfo, CancelOutcome, Capabilities, Limits
from qjobs.defaults import Defaults, one_by_one
from qjobs.errors import AuthError, ProviderError, UnknownBackend
from qjobs.model import JobStatus, RunOptions

D, U = JobStatus.DONE, JobStatus.UNKNOWN


class Small(Defaults):
    """Knows its jobs one by one: by their status, or by the error that the question ends with."""

    connections = 2

    def __init__(self, **jobs):
        self.jobs = jobs

    def backends(self):
        return [BackendInfo("sim"), BackendInfo("device")]

    def status(self, job_id, *, backend):
        found = self.jobs.get(job_id, U)
        if isinstance(found, Exception):
            raise found
        return found


def test_statuses_come_in_the_order_of_the_question_and_each_once():
    asked = ["b", "?", "a", "b"]

    found = Small(a=D, b=JobStatus.QUEUED).statuses(asked, backend="sim")

    assert [*found.items()] == [("b", JobStatus.QUEUED), ("?", U), ("a", D)]
    assert Small().statuses([], backend="sim") == {}


def test_a_job_that_cannot_be_asked_is_unknown_unless_none_can():
    lost = ProviderError("no route to host")

    assert Small(a=lost, b=D).statuses(["a", "b"], backend="sim") == {"a": U, "b": D}
    with pytest.raises(ProviderError, match="no route"):
        Small(a=lost, b=lost).statuses(["a", "b"], backend="sim")
    with pytest.raises(AuthError):
        Small(a=AuthError("who are you?"), b=D).statuses(["a", "b"], backend="sim")


def test_no_more_are_asked_at_once_than_there_are_connections():
    meeting, lock = threading.Barrier(2), threading.Lock()
    inside, most = 0, 0

    def ask(_job_id):
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        meeting.wait(timeout=60)
        with lock:
            inside -= 1

    assert [*one_by_one("abcdef", ask, connections=2)] == [*"abcdef"]
    assert most == 2


def test_jobs_cannot_be_cancelled_and_have_no_message():
    provider = Small(a=D)

    assert provider.cancel(["a", "b"], backend="sim") == {
        "a": CancelOutcome.NOT_SUPPORTED, "b": CancelOutcome.NOT_SUPPORTED,
    }  # fmt: skip
    assert provider.error_message("a", backend="sim") == ""


def test_what_can_be_cancelled_one_by_one_can_be_in_bulk():
    class Cancels(Small):
        def cancel_one(self, job_id, *, backend):
            return CancelOutcome.CANCELLED if job_id == "a" else CancelOutcome.REFUSED

    assert Cancels().cancel(["b", "a"], backend="sim") == {
        "b": CancelOutcome.REFUSED, "a": CancelOutcome.CANCELLED,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["", "sim", "device"])
def test_every_backend_that_is_listed_is_known_and_so_is_the_usual_one(name):
    provider = Small()

    provider.check(name, RunOptions())
    assert provider.capabilities(name) == Capabilities(finds=True)
    assert provider.limits(name) == Limits(connections=2)


@pytest.mark.parametrize("ask", ["check", "capabilities", "limits"])
def test_a_name_that_is_not_listed_is_unknown_and_a_near_one_is_named(ask):
    asked = getattr(Small(), ask)
    arguments = [RunOptions()] if ask == "check" else []

    with pytest.raises(UnknownBackend, match="no backend 'devise'; near ones: device"):
        asked("devise", *arguments)
    with pytest.raises(UnknownBackend, match=r"no backend 'xyz'$"):
        asked("xyz", *arguments)
