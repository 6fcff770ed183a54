"""A provider that hangs keeps nobody beyond the time that the user has given."""

import threading
from collections.abc import Callable
from functools import partial

import pytest
from support.scripted import whole

from qjobs.contract import Prepares, Provider, TellsFailed
from qjobs.engine.deadline import Deadline, within
from qjobs.engine.report import State
from qjobs.engine.status import status
from qjobs.engine.submit import submit_unsent
from qjobs.engine.wait import Limit, follow
from qjobs.errors import NotNow, OutOfTime
from qjobs.managed.open_set import OpenSet
from qjobs.model import Attempted, JobStatus, Planned

TIMEOUT_S = 0.2


@pytest.fixture
def hang(provider):
    """Let a method of the provider hang, until the test is over."""
    released = threading.Event()

    def hang(method: str) -> None:
        work: Callable[..., object] = getattr(provider, method)

        def hung(*args: object, **kwargs: object) -> object:
            released.wait()
            return work(*args, **kwargs)

        setattr(provider, method, hung)

    yield hang
    released.set()


@pytest.fixture
def sent(workspace, new_set, provider, stop):
    folder = new_set(jobs=2)
    submit_unsent(workspace, folder, stop=stop)
    folder.refresh()
    return folder


def last(reports):
    *_, (report,) = reports
    return report


def test_waiting_ends_even_where_a_question_about_the_backend_hangs(workspace, sent, hang, stop):
    hang("capabilities")

    with pytest.raises(OutOfTime, match="scripted"):
        last(follow(workspace, [whole(sent)], limit=Limit(TIMEOUT_S), stop=stop))


def test_waiting_ends_when_statuses_do_not_come(workspace, sent, hang, stop):
    hang("statuses")

    report = last(follow(workspace, [whole(sent)], limit=Limit(TIMEOUT_S), stop=stop))

    assert report.problems == ("the time is up, and scripted has not answered",)
    assert all(job.pending for job in report.jobs)


@pytest.mark.parametrize("connections", [1, 2])
def test_waiting_ends_when_results_do_not_come_and_nothing_of_them_is_kept(
    workspace, sent, provider, hang, stop, connections
):
    provider.connections = connections
    for job in provider.jobs.values():
        job.status = JobStatus.DONE
    hang("result")

    report = last(follow(workspace, [whole(sent)], limit=Limit(TIMEOUT_S), stop=stop))

    assert [job.state for job in report.jobs] == 2 * [State.DONE]
    assert not any(sent.results.has(job.index, 1) for job in report.jobs)
    assert not any(job.looked_into for job in report.jobs)


def test_the_library_waits_no_longer_either(workspace, sent, hang):
    hang("statuses")

    _, moving = OpenSet(workspace, sent).wait(None, TIMEOUT_S)

    assert len(moving) == 2


def test_a_submit_that_hangs_is_of_unknown_fate_and_what_would_follow_stays_planned(
    workspace, new_set, provider, hang, stop
):
    folder = new_set(jobs=3)
    deadline = Deadline(TIMEOUT_S)
    hang("submit")

    with deadline.sets(stop):
        report = submit_unsent(within(workspace, deadline), folder, stop=stop)

    assert (report.accepted, report.refused) == (0, 0)
    first, *rest = workspace.store.open(folder.job_set.set_id).jobs()
    assert isinstance(first.state, Attempted)
    assert all(isinstance(job.state, Planned) for job in rest)


def test_a_job_that_is_not_ready_in_time_is_not_refused(workspace, new_set, provider, hang, stop):
    def prepare(circuits, *, backend, options, tag):
        return partial(provider.submit, circuits, backend=backend, options=options, tag=tag)

    provider.prepare = prepare
    hang("prepare")
    folder = new_set(jobs=1)
    deadline = Deadline(TIMEOUT_S)

    with deadline.sets(stop):
        report = submit_unsent(within(workspace, deadline), folder, stop=stop)

    assert (report.planned, provider.calls.count("submit")) == (1, 0)


def test_after_the_deadline_nothing_is_asked_or_sent(workspace, sent, provider):
    provider.calls.clear()
    late = within(workspace, Deadline(-60)).provider_at(sent.job_set.destination)

    with pytest.raises(OutOfTime):
        late.statuses(["remote-0"], backend="device")
    with pytest.raises(NotNow):
        late.submit(None, backend="device", options=sent.job_set.options, tag="qj-1-0-1")
    assert provider.calls == []


def test_a_time_of_nothing_is_one_look(workspace, sent, provider, stop):
    provider.jobs["remote-0"].status = JobStatus.DONE

    (reports,) = follow(workspace, [whole(sent)], limit=Limit(0), stop=stop)

    assert [job.state for job in reports[0].jobs] == [State.DONE, State.QUEUED]


def test_with_a_deadline_a_provider_has_of_the_contract_what_it_had(workspace, sent, provider):
    bounded = within(workspace, Deadline(60)).provider_at(sent.job_set.destination)

    for part in (Provider, Prepares, TellsFailed):
        have = [
            all(hasattr(one, name) for name in vars(part) if not name.startswith("_"))
            for one in (provider, bounded)
        ]
        assert have[0] == have[1]
    assert isinstance(bounded, TellsFailed) == isinstance(provider, TellsFailed)
    assert within(within(workspace, Deadline(60)), Deadline(60)).provider_at(
        sent.job_set.destination
    )


def test_without_a_time_nothing_stands_between(workspace, sent, provider):
    assert within(workspace, Deadline(None)).provider_at(sent.job_set.destination) is provider


def test_what_a_provider_raises_in_time_is_what_it_raised(workspace, sent, provider):
    provider.reachable = False

    report = status(within(workspace, Deadline(60)), whole(sent))

    assert report.problems == status(workspace, whole(sent)).problems
    assert report.problems
