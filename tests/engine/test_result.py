"""Results are fetched once, kept, and come back complete and in order."""

import pytest
from support.scripted import Answer, whole

from qjobs.engine.address import resolve
from qjobs.engine.error import Origin, failures
from qjobs.engine.report import FAILED, State
from qjobs.engine.result import fetch, rows
from qjobs.engine.retry import open_attempts
from qjobs.engine.sending.submission import submit_jobs
from qjobs.engine.status import status
from qjobs.engine.submit import submit_unsent
from qjobs.engine.wait import Limit, follow
from qjobs.model import JobStatus


@pytest.fixture
def submitted(workspace, new_set, provider, stop):
    folder = new_set(jobs=3)
    submit_jobs(folder, provider, jobs=range(3), clock=workspace.clock, stop=stop)
    return workspace.store.open(folder.job_set.set_id)


def look(workspace, folder, stop):
    report = status(workspace, whole(folder))
    return report, fetch(workspace, folder, report.jobs, stop=stop)


def test_rows_come_in_input_order_whatever_finished_first(workspace, submitted, provider, stop):
    provider.jobs["remote-2"].status = JobStatus.DONE
    look(workspace, submitted, stop)
    provider.finish()
    report, problems = look(workspace, submitted, stop)

    result = list(rows(whole(submitted), report))

    assert problems == ()
    assert [row.index for row in result] == list(range(9))
    assert [row.job for row in result] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert all(sum(row.counts.values()) == 100 for row in result)


def test_a_result_is_fetched_only_once(workspace, submitted, provider, stop):
    provider.finish()
    look(workspace, submitted, stop)
    provider.calls.clear()

    look(workspace, workspace.store.open(submitted.job_set.set_id), stop)

    assert provider.calls == []


def test_a_failed_job_leaves_placeholders_in_its_place(workspace, submitted, provider, stop):
    provider.jobs["remote-1"].status = JobStatus.ERROR
    provider.jobs["remote-1"].message = "it broke"
    provider.finish()
    report, _ = look(workspace, submitted, stop)

    result = list(rows(whole(submitted), report))

    assert [row.index for row in result] == list(range(9))
    assert [row.counts is None for row in result] == [False] * 3 + [True] * 3 + [False] * 3
    assert {row.message for row in result[3:6]} == {"it broke"}


def test_a_short_result_is_a_problem_and_not_kept(workspace, submitted, provider, stop):
    provider.jobs["remote-1"].circuits = 2
    provider.finish()
    _, problems = look(workspace, submitted, stop)

    assert problems == ("job 1 (remote-1): the provider gave 2 results for 3 circuits",)
    assert not submitted.results.has(1, 1)
    assert submitted.results.has(2, 1)


def test_an_address_chooses_circuits(workspace, submitted, provider, stop):
    provider.finish()
    look(workspace, submitted, stop)
    target = resolve(workspace.store, "@last:2-4,8")

    result = list(rows(target, status(workspace, target)))

    assert [row.index for row in result] == [2, 3, 4, 8]
    assert [list(row.counts) for row in result] == [
        ["00000010"], ["00000011"], ["00000100"], ["00001000"],
    ]  # fmt: skip


def test_retry_opens_a_further_attempt_and_keeps_the_first(workspace, submitted, provider, stop):
    provider.jobs["remote-1"].status = JobStatus.ERROR
    provider.finish()
    target = whole(submitted)
    report = status(workspace, target)

    assert open_attempts(workspace, target, report, FAILED) == (1,)
    submit_unsent(workspace, workspace.store.open(submitted.job_set.set_id), stop=stop)

    again = workspace.store.open(submitted.job_set.set_id)
    assert [attempt.number for attempt in again.jobs()[1].attempts] == [1, 2]
    assert again.jobs()[1].attempts[0].state.job_id == "remote-1"
    assert provider.jobs["remote-3"].tag == f"{submitted.job_set.tag}-1-2"


def test_every_kind_of_failure_is_listed_where_it_happened(workspace, new_set, provider, stop):
    provider.script.extend([Answer.REFUSE])
    folder = new_set(jobs=3)
    submit_jobs(folder, provider, jobs=range(3), clock=workspace.clock, stop=stop)
    provider.jobs["remote-0"].status = JobStatus.ERROR
    provider.jobs["remote-0"].message = "it broke"
    provider.jobs["remote-1"].status = JobStatus.CANCELLED
    target = whole(workspace.store.open(folder.job_set.set_id))

    found = list(failures(target, status(workspace, target)))

    assert [(failure.job, failure.origin, failure.message) for failure in found] == [
        (0, Origin.SUBMIT, "the device is closed"),
        (1, Origin.RUN, "it broke"),
        (2, Origin.CANCEL, "cancelled"),
    ]


def test_waiting_ends_when_nothing_moves_and_results_are_kept_by_then(
    workspace, submitted, provider, stop
):
    looks = 0
    for _reports in follow(workspace, [whole(submitted)], stop=stop):
        looks += 1
        if looks == 3:
            provider.finish()

    assert looks == 4
    assert all(submitted.results.has(job, 1) for job in range(3))


def test_waiting_stops_at_the_first_failure_if_told_to(workspace, submitted, provider, stop):
    provider.jobs["remote-1"].status = JobStatus.ERROR

    reports = list(follow(workspace, [whole(submitted)], limit=Limit(max_fails=1), stop=stop))

    assert len(reports) == 1
    assert reports[0][0].counts[State.ERROR] == 1


def test_waiting_gives_up_when_the_time_is_over(workspace, submitted, stop):
    reports = list(follow(workspace, [whole(submitted)], limit=Limit(timeout_s=0.02), stop=stop))

    assert reports[-1][0].counts[State.QUEUED] == 3


def test_waiting_for_jobs_that_nobody_submits_ends_at_once(workspace, new_set, stop):
    folder = new_set()

    reports = list(follow(workspace, [whole(folder)], stop=stop))

    assert len(reports) == 1
    assert reports[0][0].state is State.PLANNED


def test_rows_of_jobs_that_were_split_come_in_input_order(workspace, new_set, provider, stop):
    provider.most_circuits = 2
    folder = new_set(jobs=2, circuits=10)
    target = whole(folder)
    submit_jobs(folder, provider, jobs=range(2), clock=workspace.clock, stop=stop)
    provider.finish()
    report, problems = look(workspace, folder, stop)

    result = list(rows(target, report))

    assert problems == ()
    assert [row.index for row in result] == list(range(10))
    assert [row.counts for row in result] == [{f"{index:08b}": 100} for index in range(10)]
    jobs = {job.index: job for job in report.jobs}
    assert all(row.job_id == jobs[row.job].job_id for row in result)
    assert [row.job for row in result] == sorted(
        (row.job for row in result), key=lambda job: jobs[job].slice.start_index
    )


def test_an_address_found_before_a_split_means_the_same_circuits_after_it(
    workspace, new_set, provider, stop
):
    folder = new_set(jobs=2, circuits=8)
    before = resolve(workspace.store, "@last/1")
    provider.most_circuits = 2
    submit_jobs(folder, provider, jobs=range(2), clock=workspace.clock, stop=stop)
    provider.finish()

    report = status(workspace, before)

    assert [str(job.slice) for job in report.jobs] == ["4-5", "6-7"]
    after = resolve(workspace.store, "@last/1")
    assert [str(job.slice) for job in status(workspace, after).jobs] == ["4-5"]
    assert [row.index for row in rows(before, report)] == [4, 5, 6, 7]


def test_waiting_for_a_set_waits_for_the_jobs_that_are_split_off_meanwhile(
    workspace, new_set, provider, stop
):
    folder = new_set(jobs=1, circuits=4)
    target = whole(workspace.store.open(folder.job_set.set_id))
    provider.most_circuits = 2
    submit_jobs(folder, provider, jobs=[0], clock=workspace.clock, stop=stop)
    looks = []
    for (report,) in follow(workspace, [target], stop=stop):
        looks.append(len(report.jobs))
        provider.finish()

    assert looks[-1] == 2
    assert [job.state for job in report.jobs] == [State.DONE] * 2
