"""When jobs began and ended, by the word of their provider, and several sets in one question."""

from datetime import UTC, datetime, timedelta

import pytest
from support.scripted import whole

from qjobs.contract import JobDetails, JobTimes
from qjobs.engine.details import details, first_in_line, with_details
from qjobs.engine.report import State
from qjobs.engine.sending.submission import submit_jobs
from qjobs.engine.status import status, statuses
from qjobs.model import JobStatus

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def minutes(number: float) -> datetime:
    return NOON + timedelta(minutes=number)


@pytest.fixture
def submitted(workspace, new_set, provider, stop):
    def make(jobs=2, **keywords):
        folder = new_set(jobs=jobs, **keywords)
        submit_jobs(folder, provider, jobs=range(jobs), clock=lambda: NOON, stop=stop)
        provider.calls.clear()
        return workspace.store.open(folder.job_set.set_id)

    return make


@pytest.fixture
def told(provider):
    """What the provider tells of when, by the ids of its jobs."""
    times: dict[str, JobTimes] = {}
    provider.times = lambda job_ids, *, backend: {
        job_id: times[job_id] for job_id in job_ids if job_id in times
    }
    return times


def shown(workspace, folder):
    """The times of the jobs as they are on disk."""
    report = status(workspace, whole(workspace.store.open(folder.job_set.set_id)), cached=True)
    return [(job.submitted, job.started, job.finished) for job in report.jobs]


def test_what_the_provider_says_of_a_job_that_ended_is_recorded(
    workspace, submitted, provider, told
):
    folder = submitted()
    provider.jobs["remote-0"].status = JobStatus.DONE
    told["remote-0"] = JobTimes(started=minutes(3), ended=minutes(5))

    report = status(workspace, whole(folder))

    (job, other) = report.jobs
    assert (job.waited_s(report.asked), job.ran_s(report.asked)) == (180, 120)
    assert (other.started, other.finished) == (None, None)
    assert shown(workspace, folder) == [(NOON, minutes(3), minutes(5)), (NOON, None, None)]


def test_a_provider_that_tells_no_times_has_jobs_end_when_that_is_heard_of(
    workspace, submitted, provider
):
    folder = submitted(jobs=1)
    provider.finish(JobStatus.ERROR)
    before = datetime.now(UTC)
    report = status(workspace, whole(folder))
    ((_, started, finished),) = shown(workspace, folder)
    assert started is None
    assert before <= finished <= datetime.now(UTC)
    assert [(job.waited_s(report.asked), job.ran_s(report.asked)) for job in report.jobs] == [
        (None, None)
    ]


@pytest.mark.parametrize(
    "odd",
    [NOON.replace(tzinfo=None), NOON.replace(year=1), NOON.replace(year=9999)],
)
def test_times_that_no_file_can_hold_are_left_out(workspace, submitted, provider, told, odd):
    folder = submitted(jobs=1)
    provider.finish(JobStatus.DONE)
    told["remote-0"] = JobTimes(started=odd, ended=odd)
    status(workspace, whole(folder))
    ((_, started, finished),) = shown(workspace, folder)
    assert started is None
    assert abs(finished - datetime.now(UTC)) < timedelta(hours=1)


def test_a_clock_that_is_behind_makes_no_time_negative(workspace, submitted, provider, told):
    folder = submitted(jobs=1)
    provider.finish(JobStatus.DONE)
    told["remote-0"] = JobTimes(started=minutes(-1), ended=minutes(-2))
    report = status(workspace, whole(folder))
    assert report.jobs[0].waited_s(report.asked) == report.jobs[0].ran_s(report.asked) == 0


def test_a_job_that_goes_on_has_waited_and_run_until_now(workspace, submitted, provider, told):
    folder = submitted()
    provider.jobs["remote-1"].status = JobStatus.RUNNING
    told["remote-0"] = JobTimes(queue_position=7, estimated_start=minutes(30))
    told["remote-1"] = JobTimes(started=minutes(2))

    report = status(workspace._replace(clock=lambda: minutes(9)), whole(folder))

    waits, runs = report.jobs
    assert (waits.waited_s(report.asked), waits.ran_s(report.asked)) == (540, None)
    assert (waits.queue_position, waits.estimated_start) == (7, minutes(30))
    assert (runs.waited_s(report.asked), runs.ran_s(report.asked)) == (120, 420)
    assert report.as_of == minutes(9)
    assert shown(workspace, folder) == [(NOON, None, None)] * 2, "nothing of it is final"


def test_what_nobody_was_asked_about_is_as_old_as_what_is_known_of_it(
    workspace, submitted, provider
):
    report = status(workspace, whole(submitted()), cached=True)
    assert report.stale
    assert report.as_of == NOON
    assert [job.waited_s(report.asked) for job in report.jobs] == [None, None]


def test_a_set_ends_with_its_last_job(workspace, submitted, provider, told):
    folder = submitted()
    provider.jobs["remote-0"].status = JobStatus.DONE
    told["remote-0"] = JobTimes(started=minutes(3), ended=minutes(8))
    assert status(workspace, whole(folder)).finished is None
    provider.jobs["remote-1"].status = JobStatus.ERROR
    told["remote-1"] = JobTimes(started=minutes(3), ended=minutes(5))
    report = status(workspace, whole(folder))
    assert report.finished == minutes(8)
    assert (report.as_of, report.stale) == (None, False)


def test_several_sets_of_a_destination_are_asked_for_in_one_question(
    workspace, submitted, provider
):
    folders = [submitted(), submitted(jobs=1), submitted()]
    for job_id in ("remote-1", "remote-2"):
        provider.jobs[job_id].status = JobStatus.DONE

    reports = statuses(workspace, [whole(folder) for folder in folders])

    assert provider.calls[:1] == ["statuses remote-0 remote-1 remote-2 remote-3 remote-4"]
    assert sum(call.startswith("statuses") for call in provider.calls) == 1
    assert [report.job_set for report in reports] == [folder.job_set for folder in folders]
    assert [[job.state for job in report.jobs] for report in reports] == [
        [State.QUEUED, State.DONE], [State.DONE], [State.QUEUED, State.QUEUED],
    ]  # fmt: skip
    assert [job.finished is None for job in statuses(workspace, [whole(folders[0])])[0].jobs] == [
        True, False,
    ]  # fmt: skip


def test_with_details_records_when_a_job_began_that_has_ended(workspace, submitted, provider):
    folder = submitted()
    provider.jobs["remote-0"].status = JobStatus.DONE
    report = status(workspace, whole(folder))
    provider.details = lambda job_id, *, backend: JobDetails(
        started="2026-11-22T12:03:00Z", ended="2026-11-22T12:04:00Z", queue_position=2
    )
    found = details(workspace, folder.job_set, report.jobs)

    done, waits = with_details(whole(folder), report, found).jobs

    assert done.started == minutes(3)
    assert done.queue_position is None
    assert (waits.started, waits.queue_position) == (None, 2)
    assert [started for _, started, _ in shown(workspace, folder)] == [minutes(3), None]


def test_the_place_of_the_first_job_costs_one_question_if_it_is_not_known(
    workspace, submitted, provider, told
):
    folder = submitted(jobs=3)
    provider.jobs["remote-0"].status = JobStatus.RUNNING
    asked = []

    def tell(job_id, *, backend):
        asked.append(job_id)
        return JobDetails(queue_position=4, estimated_start="2026-11-22T13:00:00+01:00")

    provider.details = tell
    report = first_in_line(workspace, status(workspace, whole(folder)))
    assert asked == ["remote-1"]
    assert [(job.queue_position, job.estimated_start) for job in report.jobs] == [
        (None, None), (4, NOON), (None, None),
    ]  # fmt: skip
    told["remote-2"] = JobTimes(queue_position=9)
    first_in_line(workspace, status(workspace, whole(folder)))
    assert asked == ["remote-1"]
