"""A session is on record before a job joins it, shared by a submission, and never left open."""

from dataclasses import dataclass, field

import pytest
from support.scripted import Killed, ScriptedProvider, whole
from support.starting import now, run

from qjobs.engine.cancel import cancel
from qjobs.engine.deadline import Deadline, within
from qjobs.engine.remove import remove
from qjobs.engine.sending.submission import submission
from qjobs.engine.status import status
from qjobs.engine.submit import submit_unsent
from qjobs.engine.wait import follow
from qjobs.errors import AuthError, ProviderError, QjobsError, SessionOver
from qjobs.model import JobStatus


@dataclass
class WithSessions(ScriptedProvider):
    """Opens sessions, and knows which are open; `joined` are those of its jobs, in order."""

    opened: list[str] = field(default_factory=list)
    open: set[str] = field(default_factory=set)
    joined: list[str] = field(default_factory=list)
    closing: BaseException | None = None  # why none can be closed
    expires: int = 0  # so many submits find their session over

    def open_session(self, *, backend, options):
        self.opened.append(f"s-{len(self.opened)}")
        self.open.add(self.opened[-1])
        return self.opened[-1]

    def close_session(self, session_id, *, backend):
        self.calls.append(f"close {session_id}")
        if self.closing is not None:
            raise self.closing
        self.open.discard(session_id)

    def submit(self, circuits, *, backend, options, tag):
        assert circuits.session in self.open
        if self.expires:
            self.expires -= 1
            self.open.remove(circuits.session)
            raise SessionOver("it is over", session_id=circuits.session)
        self.joined.append(circuits.session)
        return super().submit(circuits, backend=backend, options=options, tag=tag)


@pytest.fixture
def provider():
    return WithSessions()


def recorded(workspace, folder):
    """The sessions in the state, and whether they are closed there."""
    known = workspace.store.open(folder.job_set.set_id).sessions
    return {session.session_id: session.closed is not None for session in known}


def leave_open(workspace, folder, provider, stop):
    """A submission that died after its first job."""
    provider.closing = Killed()
    with pytest.raises(Killed):
        run(folder, provider, stop, jobs=[0])
    provider.closing = None
    assert recorded(workspace, folder) == {"s-0": False}
    assert provider.open == {"s-0"}
    folder.compared = False


def test_the_jobs_of_a_submission_share_one_that_is_closed_after_the_last(
    workspace, new_set, provider, stop
):
    folder = new_set(jobs=3)
    provider.connections = 3

    run(folder, provider, stop)

    assert provider.joined == ["s-0"] * 3
    assert provider.calls[-1] == "close s-0"
    assert recorded(workspace, folder) == {"s-0": True}
    assert provider.open == set()


def test_it_is_on_the_disk_before_the_first_job_is_sent(workspace, new_set, provider, stop):
    folder = new_set(jobs=1)
    seen = []
    provider.meanwhile.append(lambda: seen.append(recorded(workspace, folder)))

    run(folder, provider, stop)

    assert seen == [{"s-0": False}]


def test_none_is_opened_where_nothing_is_to_be_sent(workspace, new_set, provider, stop):
    folder = new_set(jobs=2)
    cancel(workspace, whole(folder))

    run(folder, provider, stop)

    assert provider.opened == []


def test_one_that_cannot_be_recorded_is_closed_and_no_job_joins_it(new_set, provider, stop):
    folder = new_set(jobs=1)
    open_session = provider.open_session

    def open_and_lose_the_file(**arguments):
        folder.state_path.unlink()
        return open_session(**arguments)

    provider.open_session = open_and_lose_the_file
    with pytest.raises(QjobsError, match=folder.state_path.name):
        run(folder, provider, stop)

    assert (provider.open, provider.jobs) == (set(), {})


def test_resume_closes_what_was_left_open_before_it_opens_another(
    workspace, new_set, provider, stop
):
    folder = new_set(jobs=2)
    leave_open(workspace, folder, provider, stop)
    before = len(provider.calls)

    submit_unsent(workspace, folder, stop=stop)

    assert provider.calls[before] == "close s-0"
    assert provider.joined == ["s-0", "s-1"]
    assert recorded(workspace, folder) == {"s-0": True, "s-1": True}
    assert provider.open == set()


def test_nothing_is_sent_in_another_while_the_first_cannot_be_closed(
    workspace, new_set, provider, stop
):
    folder = new_set(jobs=2)
    leave_open(workspace, folder, provider, stop)
    provider.closing = AuthError("who are you?")

    report = submit_unsent(workspace, folder, stop=stop)

    assert isinstance(report.stopped_by, AuthError)
    assert (provider.opened, len(provider.jobs)) == (["s-0"], 1)
    assert recorded(workspace, folder) == {"s-0": False}


@pytest.mark.parametrize("verb", ["resume", "cancel", "wait"])
def test_what_was_left_open_is_closed_where_all_is_sent(workspace, new_set, provider, stop, verb):
    folder = new_set(jobs=1)
    leave_open(workspace, folder, provider, stop)
    provider.finish(JobStatus.CANCELLED)
    target = whole(folder)

    (problem,) = status(workspace, target).problems
    assert "s-0 was left open; to close it: qjobs resume" in problem
    match verb:
        case "resume":
            submit_unsent(workspace, folder, stop=stop)
        case "cancel":
            cancel(workspace, target)
        case "wait":
            list(follow(workspace, [target], stop=stop))

    assert recorded(workspace, folder) == {"s-0": True}
    assert provider.open == set()
    assert status(workspace, target).problems == ()


@pytest.mark.parametrize("verb", [cancel, status])
def test_that_of_a_submission_under_way_is_left_to_it(workspace, new_set, provider, stop, verb):
    folder = new_set(jobs=1)
    seen = []

    def look():
        report = verb(workspace, whole(workspace.store.open(folder.job_set.set_id)))
        seen.append((report, [*provider.open]))

    provider.meanwhile.append(look)
    run(folder, provider, stop)

    ((report, still_open),) = seen
    assert still_open == ["s-0"]
    assert verb is cancel or report.problems == ()
    assert provider.open == set()


def test_one_that_cannot_be_closed_in_the_end_is_said(workspace, new_set, provider, stop):
    folder = new_set(jobs=1)
    provider.closing = ProviderError("no route to host")

    report = run(folder, provider, stop)

    assert report.accepted == 1
    (problem,) = report.problems
    assert "s-0 may still be open: no route to host; to close it: qjobs resume" in problem
    assert recorded(workspace, folder) == {"s-0": False}


def test_one_is_closed_even_when_the_time_has_long_been_up(workspace, new_set, provider, stop):
    folder = new_set(jobs=1)
    leave_open(workspace, folder, provider, stop)

    submit_unsent(within(workspace, Deadline(-60)), folder, stop=stop)

    assert recorded(workspace, folder) == {"s-0": True}


def test_one_that_is_over_at_the_service_is_followed_by_another(workspace, new_set, provider, stop):
    folder = new_set(jobs=2)
    provider.expires = 1

    report = run(folder, provider, stop)

    assert report.accepted == 2
    assert provider.joined == ["s-1", "s-1"]
    assert recorded(workspace, folder) == {"s-0": True, "s-1": True}


def test_an_end_that_cannot_be_recorded_costs_no_job(workspace, new_set, provider, stop):
    folder = new_set(jobs=1)
    state = folder.state_path
    away = state.with_suffix(".away")
    close_session = provider.close_session

    def close_and_lose_the_file(session_id, **arguments):
        close_session(session_id, **arguments)
        state.rename(away)

    provider.close_session = close_and_lose_the_file
    warnings = []
    with submission(folder, provider, clock=now, stop=stop, warn=warnings.append) as submitter:
        submitter.submit(0)
    away.rename(state)

    (warning,) = warnings
    assert state.name in warning
    assert recorded(workspace, folder) == {"s-0": False}
    provider.close_session = close_session
    submit_unsent(workspace, folder, stop=stop)
    assert recorded(workspace, folder) == {"s-0": True}
    assert len(provider.jobs) == 1


def test_a_set_is_not_removed_before_its_session_is_closed(workspace, new_set, provider, stop):
    folder = new_set(jobs=1)
    leave_open(workspace, folder, provider, stop)
    provider.finish()
    provider.closing = ProviderError("no route to host")

    kept = remove(workspace, whole(folder)).keeps

    assert "s-0 may still be open" in kept.message
    assert provider.open == {"s-0"}
    provider.closing = None
    assert remove(workspace, whole(folder)).keeps is None
    assert provider.open == set()
