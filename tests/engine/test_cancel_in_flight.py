"""What is cancelled while it is being submitted does not run, whoever dies and whenever."""

import pytest
from support.scripted import Answer, Killed, whole
from support.starting import run, states

from qjobs.contract import CancelOutcome
from qjobs.engine.cancel import NotAsked, cancel
from qjobs.engine.report import State
from qjobs.engine.retry import open_attempts
from qjobs.engine.status import status
from qjobs.engine.submit import submit_unsent as go_on
from qjobs.model import Accepted, Attempted, Dropped, JobStatus, Refused


def reopened(workspace, folder):
    """The set as another process sees it."""
    return workspace.store.open(folder.job_set.set_id)


@pytest.fixture
def cancelling(workspace, provider):
    """Have another process cancel a set while the first call of a submission is in flight."""

    def meanwhile(folder):
        def act():
            nonlocal reports
            reports += cancel(workspace, whole(reopened(workspace, folder)))

        reports = []
        provider.meanwhile.append(act)
        return reports

    return meanwhile


def live(provider):
    return [job.job_id for job in provider.jobs.values() if not job.status.final]


def resume(workspace, folder, provider, stop):
    return go_on(workspace, reopened(workspace, folder), stop=stop)


def test_what_is_accepted_afterwards_is_stopped_and_nothing_more_is_sent(
    workspace, new_set, provider, stop, cancelling
):
    folder = new_set(jobs=3)
    asked = cancelling(folder)

    report = run(folder, provider, stop)

    assert [one.outcome for one in asked] == [
        CancelOutcome.REQUESTED, CancelOutcome.CANCELLED, CancelOutcome.CANCELLED,
    ]  # fmt: skip
    assert [call for call in provider.calls if call.startswith("submit")] == [
        f"submit {folder.job_set.job_tag(0, 1)}"
    ]
    assert provider.jobs["remote-0"].status is JobStatus.CANCELLED
    assert (report.cancelled, report.accepted, report.planned) == (3, 0, 0)
    assert states(workspace, folder) == [Accepted("remote-0"), Dropped(), Dropped()]


@pytest.mark.parametrize("answer", [Answer.LOSE_THE_ANSWER, Answer.ACCEPT_TWICE, Answer.LEAK])
def test_so_is_what_was_accepted_although_its_answer_was_lost(
    workspace, new_set, provider, stop, cancelling, answer
):
    folder = new_set(jobs=1)
    provider.script.append(answer)
    cancelling(folder)

    report = run(folder, provider, stop)

    assert provider.jobs
    assert live(provider) == []
    assert report.cancelled == 1


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (Answer.NOT_NOW, Dropped()),
        (Answer.LOSE_THE_CALL, Dropped()),
        (Answer.REFUSE, Refused("the device is closed")),
        (Answer.TOO_LARGE, Refused("the job is too large")),
    ],
)
def test_what_was_not_accepted_is_not_sent_again_whole_or_in_parts(
    workspace, new_set, provider, stop, cancelling, answer, state
):
    folder = new_set(jobs=1)
    provider.script.append(answer)
    cancelling(folder)

    run(folder, provider, stop)
    resume(workspace, folder, provider, stop)

    assert provider.jobs == {}
    assert states(workspace, folder) == [state]


def test_a_submitter_that_dies_before_it_could_stop_a_job_leaves_that_to_the_next(
    workspace, new_set, provider, stop, cancelling
):
    def die(*_args, **_kwargs):
        raise Killed

    folder = new_set(jobs=1)
    cancelling(folder)
    provider.cancel, works = die, provider.cancel
    with pytest.raises(Killed):
        run(folder, provider, stop)
    provider.cancel = works
    assert states(workspace, folder) == [Accepted("remote-0")]
    assert live(provider) == ["remote-0"]

    report = resume(workspace, folder, provider, stop)

    assert live(provider) == []
    assert report.cancelled == 1


@pytest.mark.parametrize("answer", [Answer.DIE_BEFORE, Answer.DIE_AFTER])
def test_a_submitter_that_dies_in_its_call_leaves_it_to_be_looked_up(
    workspace, new_set, provider, stop, cancelling, answer
):
    folder = new_set(jobs=1)
    provider.script.append(answer)
    cancelling(folder)
    with pytest.raises(Killed):
        run(folder, provider, stop)
    (unknown,) = states(workspace, folder)
    assert isinstance(unknown, Attempted)

    resume(workspace, folder, provider, stop)

    assert live(provider) == []
    assert len([call for call in provider.calls if call.startswith("submit")]) == 1


def test_a_job_that_cannot_be_stopped_is_named(workspace, new_set, provider, stop, cancelling):
    folder = new_set(jobs=1)
    cancelling(folder)
    provider.cancels = False

    report = run(folder, provider, stop)

    assert report.problems == ["job 0: cancelled meanwhile, but remote-0 may run on: not supported"]
    assert report.cancelled == 1


def test_retry_opens_a_new_attempt_which_runs(workspace, new_set, provider, stop, cancelling):
    folder = new_set(jobs=2)
    cancelling(folder)
    run(folder, provider, stop)
    target = whole(reopened(workspace, folder))

    report = status(workspace, target)
    opened = open_attempts(workspace, target, report, [State.CANCELLED])
    run(reopened(workspace, folder), provider, stop, jobs=opened)

    assert opened == (0, 1)
    assert len(live(provider)) == 2
    assert not any(job.attempt.withdrawn for job in reopened(workspace, folder).jobs())


def test_of_an_unknown_job_all_that_the_provider_made_is_stopped_and_said(
    workspace, new_set, provider, stop
):
    folder = new_set(jobs=1)
    provider.script.append(Answer.ACCEPT_TWICE)
    provider.reachable = False
    run(folder, provider, stop)
    provider.reachable = True

    reports = cancel(workspace, whole(reopened(workspace, folder)))

    assert live(provider) == []
    assert [(one.job_id, one.outcome, one.duplicate) for one in reports] == [
        ("remote-0", CancelOutcome.CANCELLED, False),
        ("remote-1", CancelOutcome.CANCELLED, True),
    ]


def test_where_nobody_can_tell_an_unknown_job_is_dropped_and_its_tag_is_said(
    workspace, new_set, provider, stop
):
    folder = new_set(jobs=1)
    provider.finds = False
    provider.script.append(Answer.LOSE_THE_ANSWER)
    run(folder, provider, stop)
    tag = folder.job_set.job_tag(0, 1)

    (report,) = cancel(workspace, whole(reopened(workspace, folder)))

    assert (report.outcome, report.tag, report.stopped) == (NotAsked.DROPPED, tag, True)
    assert states(workspace, folder) == [Dropped(tag)]
    assert [job.message for job in status(workspace, whole(reopened(workspace, folder))).jobs] == [
        f"cancelled; if the provider accepted it, it has the tag {tag}, and may run"
    ]


def test_while_the_provider_cannot_be_asked_an_unknown_job_is_not_dropped(
    workspace, new_set, provider, stop
):
    folder = new_set(jobs=1)
    provider.finds = False
    provider.script.append(Answer.LOSE_THE_ANSWER)
    run(folder, provider, stop)
    provider.reachable = False

    (report,) = cancel(workspace, whole(reopened(workspace, folder)))

    assert (report.outcome, report.stopped) == (NotAsked.UNKNOWN, False)


def test_what_is_withdrawn_is_not_sent_anew_on_request(
    workspace, new_set, provider, stop, cancelling
):
    folder = new_set(jobs=1)
    provider.finds = False
    provider.script.append(Answer.LOSE_THE_ANSWER)
    cancelling(folder)
    run(folder, provider, stop)

    run(reopened(workspace, folder), provider, stop, resend_unknown=True)

    assert len(provider.jobs) == 1
