"""Nothing that is cancelled is sent, everything that was sent is asked to stop."""

import pytest
from support.scripted import Answer, Killed, whole

from qjobs.engine.cancel import Cancellation, cancel, cancel_duplicates
from qjobs.engine.report import FAILED, State
from qjobs.engine.retry import open_attempts
from qjobs.engine.sending.submission import submit_jobs
from qjobs.engine.status import status
from qjobs.facts import Fact, FactKind
from qjobs.model import Accepted, Dropped, JobStatus


def submit(workspace, folder, provider, stop, jobs):
    return submit_jobs(folder, provider, jobs=jobs, clock=workspace.clock, stop=stop)


def outcomes(reports):
    return [report.outcome for report in reports]


def test_jobs_that_were_not_sent_are_dropped_and_never_sent(workspace, new_set, provider, stop):
    folder = new_set(jobs=3)

    assert outcomes(cancel(workspace, whole(folder))) == [Cancellation.CANCELLED] * 3
    submit(workspace, folder, provider, stop, range(3))

    assert provider.calls == []
    assert [job.state for job in folder.jobs()] == [Dropped()] * 3


def test_a_set_half_sent_is_cancelled_as_a_whole(workspace, new_set, provider, stop):
    folder = new_set(jobs=3)
    submit(workspace, folder, provider, stop, [0, 1])
    provider.jobs["remote-0"].status = JobStatus.DONE

    reports = cancel(workspace, whole(folder))

    assert outcomes(reports) == [
        Cancellation.ALREADY_FINAL,
        Cancellation.CANCELLED,
        Cancellation.CANCELLED,
    ]
    report = status(workspace, whole(workspace.store.open(folder.job_set.set_id)))
    assert [job.state for job in report.jobs] == [State.DONE, State.CANCELLED, State.CANCELLED]


def test_a_job_whose_answer_was_lost_is_found_and_cancelled(workspace, new_set, provider, stop):
    provider.script.extend([Answer.DIE_AFTER])
    folder = new_set(jobs=1)
    with pytest.raises(Killed):
        submit(workspace, folder, provider, stop, [0])

    reports = cancel(workspace, whole(workspace.store.open(folder.job_set.set_id)))

    assert outcomes(reports) == [Cancellation.CANCELLED]
    assert provider.jobs["remote-0"].status is JobStatus.CANCELLED


def test_a_job_whose_call_never_arrived_is_dropped_and_never_sent(
    workspace, new_set, provider, stop
):
    provider.script.extend([Answer.DIE_BEFORE])
    folder = new_set(jobs=1)
    with pytest.raises(Killed):
        submit(workspace, folder, provider, stop, [0])

    reports = cancel(workspace, whole(workspace.store.open(folder.job_set.set_id)))
    submit(workspace, workspace.store.open(folder.job_set.set_id), provider, stop, [0])

    assert outcomes(reports) == [Cancellation.CANCELLED]
    assert not provider.jobs


def test_a_job_that_may_not_be_listed_yet_stays_unknown_and_the_others_are_cancelled(
    workspace, new_set, provider, stop
):
    provider.script.extend([Answer.ACCEPT, Answer.DIE_AFTER])
    folder = new_set(jobs=2)
    with pytest.raises(Killed):
        submit(workspace, folder, provider, stop, [0, 1])
    provider.settle_s = 3600

    reports = cancel(workspace, whole(workspace.store.open(folder.job_set.set_id)))

    assert outcomes(reports) == [Cancellation.CANCELLED, Cancellation.UNKNOWN]
    assert provider.jobs["remote-1"].status is JobStatus.QUEUED


def test_what_becomes_of_a_call_in_flight_is_left_to_whoever_makes_it(workspace, new_set, provider):
    folder = new_set(jobs=1)
    tag = folder.job_set.job_tag(0, 1)
    with folder.claim_submission(), folder.journal() as journal:
        journal.append(Fact(0, 1, workspace.clock(), FactKind.ATTEMPTED, tag))

        reports = cancel(workspace, whole(workspace.store.open(folder.job_set.set_id)))

        assert outcomes(reports) == [Cancellation.REQUESTED]
        assert reports[0].in_flight
        assert journal.append(Fact(0, 1, workspace.clock(), FactKind.ACCEPTED, "late"))
        assert journal.job(0).state == Accepted("late")
        assert journal.job(0).attempt.withdrawn


def test_cancelling_twice_is_no_error(workspace, new_set, provider, stop):
    folder = new_set(jobs=2)
    submit(workspace, folder, provider, stop, range(2))
    cancel(workspace, whole(folder))
    status(workspace, whole(folder))

    again = workspace.store.open(folder.job_set.set_id)

    assert outcomes(cancel(workspace, whole(again))) == [Cancellation.ALREADY_FINAL] * 2


def test_a_provider_that_cannot_cancel_says_so_and_the_rest_is_still_dropped(
    workspace, new_set, provider, stop
):
    provider.cancels = False
    folder = new_set(jobs=2)
    submit(workspace, folder, provider, stop, [0])

    reports = cancel(workspace, whole(folder))

    assert outcomes(reports) == [Cancellation.NOT_SUPPORTED, Cancellation.CANCELLED]
    assert not reports[0].stopped


def test_only_the_jobs_that_are_meant_are_cancelled(workspace, new_set, provider, stop):
    from qjobs.engine.address import resolve

    folder = new_set(jobs=4)
    submit(workspace, folder, provider, stop, range(4))

    cancel(workspace, resolve(workspace.store, "@last/1,2"))

    cancelled = [job.job_id for job in provider.jobs.values() if job.status.final]
    assert cancelled == ["remote-1", "remote-2"]


@pytest.fixture
def doubled(workspace, new_set, provider, stop):
    """Three jobs; of the second and the third the provider has made two each."""
    provider.script.extend([Answer.ACCEPT, Answer.ACCEPT_TWICE, Answer.ACCEPT_TWICE])
    folder = new_set(jobs=3)
    submit(workspace, folder, provider, stop, range(3))
    return workspace.store.open(folder.job_set.set_id)


def test_duplicates_are_cancelled_and_nothing_else_is(workspace, doubled, provider):
    reports = cancel_duplicates(workspace, whole(doubled))

    assert [
        (report.index, report.job_id, report.outcome, report.duplicate) for report in reports
    ] == [
        (1, "remote-2", Cancellation.CANCELLED, True),
        (2, "remote-4", Cancellation.CANCELLED, True),
    ]
    assert [job.job_id for job in provider.jobs.values() if job.status.final] == [
        "remote-2", "remote-4",
    ]  # fmt: skip
    report = status(workspace, whole(doubled))
    assert {job.state for job in report.jobs} == {State.QUEUED}


def test_duplicates_of_the_jobs_that_are_meant_only(workspace, doubled, provider):
    from qjobs.engine.address import resolve

    reports = cancel_duplicates(workspace, resolve(workspace.store, "@last/2"))

    assert [report.job_id for report in reports] == ["remote-4"]


def test_cancelling_duplicates_twice_is_no_error(workspace, doubled):
    cancel_duplicates(workspace, whole(doubled))

    assert (
        outcomes(cancel_duplicates(workspace, whole(doubled))) == [Cancellation.ALREADY_FINAL] * 2
    )


def test_without_duplicates_nobody_is_asked(workspace, new_set, provider, stop):
    folder = new_set(jobs=1)
    submit(workspace, folder, provider, stop, [0])
    provider.calls.clear()

    assert cancel_duplicates(workspace, whole(folder)) == ()
    assert provider.calls == []


def test_duplicates_of_earlier_attempts_are_listed_and_cancelled_too(
    workspace, doubled, provider, stop
):
    provider.jobs["remote-1"].status = JobStatus.ERROR
    target = whole(doubled)
    open_attempts(workspace, target, status(workspace, target), FAILED)
    submit(workspace, doubled, provider, stop, [1])

    report = status(workspace, whole(doubled))

    assert [job.duplicates for job in report.jobs] == [(), ("remote-2",), ("remote-4",)]
    assert [report.job_id for report in cancel_duplicates(workspace, target)] == [
        "remote-2", "remote-4",
    ]  # fmt: skip


def test_a_job_that_was_split_off_is_cancelled_with_what_it_came_from(
    workspace, new_set, provider, stop
):
    provider.most_circuits = 2
    folder = new_set(jobs=2, circuits=8)
    target = whole(folder)
    submit(workspace, folder, provider, stop, range(2))

    reports = cancel(workspace, target)

    assert [str(report.slice) for report in reports] == ["0-1", "4-5", "2-3", "6-7"]
    assert all(job.status is JobStatus.CANCELLED for job in provider.jobs.values())
