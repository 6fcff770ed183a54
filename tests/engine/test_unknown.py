"""A job whose answer was lost is looked up before anything is sent again."""

from datetime import timedelta

import pytest
from support.scripted import Answer, Killed
from support.starting import now, run, states

from qjobs.model import Accepted, Attempted


def test_a_lost_answer_is_looked_up_by_its_tag_and_not_sent_again(
    workspace, new_set, provider, stop
):
    provider.script.extend([Answer.LOSE_THE_ANSWER])
    folder = new_set(jobs=1)

    report = run(folder, provider, stop)

    assert report.accepted == 1
    assert len(provider.jobs) == 1
    assert states(workspace, folder) == [Accepted("remote-0")]


def test_an_error_that_a_plug_in_lets_through_counts_as_a_lost_answer(
    workspace, new_set, provider, stop
):
    provider.script.extend([Answer.LEAK])
    folder = new_set(jobs=1)

    run(folder, provider, stop)

    assert len(provider.jobs) == 1
    assert states(workspace, folder) == [Accepted("remote-0")]


def test_a_call_that_never_arrived_is_sent_again_once_that_is_sure(
    workspace, new_set, provider, stop
):
    provider.script.extend([Answer.LOSE_THE_CALL])
    folder = new_set(jobs=1)

    report = run(folder, provider, stop)

    tag = f"{folder.job_set.tag}-0-1"
    assert provider.calls == [f"submit {tag}", f"find {tag}", f"submit {tag}"]
    assert report.accepted == 1


def test_a_provider_that_always_loses_calls_is_not_asked_for_ever(
    workspace, new_set, provider, stop
):
    provider.script.extend([Answer.LOSE_THE_CALL] * 50)
    folder = new_set(jobs=1)

    report = run(folder, provider, stop)

    assert sum(call.startswith("submit") for call in provider.calls) == 3
    assert report.unknown == 1
    assert "no route to host" in report.problems[0]


@pytest.mark.parametrize("answer", [Answer.LOSE_THE_CALL, Answer.LOSE_THE_ANSWER])
def test_nothing_is_resent_or_adopted_before_the_settle_time_is_over(
    workspace, new_set, provider, stop, answer
):
    """A listing that lags behind must not make a second job, nor hide a duplicate."""
    provider.settle_s = 3600
    provider.script.extend([answer])
    folder = new_set(jobs=1)
    said = []

    def give_up_when_told_to_wait(progress):
        if progress.waiting:
            said.append(progress.waiting)
            stop.set()

    report = run(folder, provider, stop, progress=give_up_when_told_to_wait)

    assert provider.calls == [f"submit {folder.job_set.tag}-0-1"]
    assert isinstance(states(workspace, folder)[0], Attempted)
    assert report.unknown == 1
    assert said == ["job 0: its answer was lost; asking the provider for it in 3600 s"]


def test_the_settle_time_counts_from_the_attempt(workspace, new_set, provider, stop):
    provider.settle_s = 3600
    provider.script.extend([Answer.DIE_BEFORE])
    folder = new_set(jobs=1)
    with pytest.raises(Killed):
        run(folder, provider, stop)

    later = now() + timedelta(hours=2)
    report = run(folder, provider, stop, clock=lambda: later)

    assert report.accepted == 1


def test_several_jobs_with_one_tag_leave_the_oldest_adopted_and_the_rest_listed(
    workspace, new_set, provider, stop
):
    provider.script.extend([Answer.ACCEPT_TWICE])
    folder = new_set(jobs=1)
    said = []

    run(folder, provider, stop, progress=lambda progress: said.append(progress.waiting))

    (job,) = workspace.store.open(folder.job_set.set_id).jobs()
    assert job.state == Accepted("remote-0")
    assert job.attempt.duplicates == ("remote-1",)
    assert any("duplicate, remote-1" in text for text in said)


@pytest.mark.parametrize("death", [Answer.DIE_BEFORE, Answer.DIE_AFTER])
def test_a_death_on_either_side_of_the_call_leaves_exactly_one_job(
    workspace, new_set, provider, stop, death
):
    provider.script.extend([Answer.ACCEPT, death])
    folder = new_set(jobs=3)
    with pytest.raises(Killed):
        run(folder, provider, stop)

    reopened = workspace.store.open(folder.job_set.set_id)
    report = run(reopened, provider, stop)

    assert report.accepted == 3
    assert sorted(job.tag for job in provider.jobs.values()) == [
        f"{folder.job_set.tag}-{job}-1" for job in range(3)
    ]


def test_what_a_provider_cannot_find_is_resent_only_on_request(workspace, new_set, provider, stop):
    provider.finds = False
    provider.script.extend([Answer.LOSE_THE_CALL])
    folder = new_set(jobs=1)

    first = run(folder, provider, stop)
    again = run(folder, provider, stop)

    assert first.unknown == again.unknown == 1
    assert [call for call in provider.calls if call.startswith("submit")] == [
        "submit qj-000000000001-0-1"
    ]
    assert run(folder, provider, stop, resend_unknown=True).accepted == 1
    assert provider.calls[-1] == f"submit {folder.job_set.tag}-0-2"


def test_a_job_that_the_provider_happens_to_know_is_adopted(workspace, new_set, provider, stop):
    provider.finds = False
    provider.remembers = True
    provider.script.extend([Answer.LOSE_THE_ANSWER])
    folder = new_set(jobs=1)

    report = run(folder, provider, stop, resend_unknown=True)

    assert report.accepted == len(provider.jobs) == 1


def test_resending_on_request_is_refused_where_the_provider_can_tell(
    workspace, new_set, provider, stop
):
    provider.script.extend([Answer.DIE_AFTER])
    folder = new_set(jobs=1)
    with pytest.raises(Killed):
        run(folder, provider, stop)

    run(folder, provider, stop, resend_unknown=True)

    assert len(provider.jobs) == 1
