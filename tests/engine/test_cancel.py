"""Nothing that is cancelled is sent, everything that was sent is asked to stop."""

import pytest
from scripted import Answer, Killed, whole

from qjobs.engine.cancel import Cancellation, cancel
from qjobs.engine.report import State
from qjobs.engine.start import start
from qjobs.engine.status import status
from qjobs.model import Dropped, JobStatus


def submit(workspace, folder, provider, stop, jobs):
    return start(folder, provider, jobs=jobs, clock=workspace.clock, stop=stop)


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
