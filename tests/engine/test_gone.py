"""Results that are gone at the provider, and jobs that were too large when they ran."""

import pytest
from support.scripted import ScriptedProvider, TellingProvider, whole

from qjobs.engine.address import resolve
from qjobs.engine.error import Origin, failures
from qjobs.engine.failed import look_into
from qjobs.engine.report import FAILED, State
from qjobs.engine.result import fetch, rows
from qjobs.engine.retry import open_attempts
from qjobs.engine.sending.submission import submit_jobs
from qjobs.engine.status import status
from qjobs.engine.submit import submit_unsent
from qjobs.engine.wait import follow
from qjobs.facts import Fact, FactKind
from qjobs.model import Failed, JobStatus, Slice


@pytest.fixture(params=[ScriptedProvider, TellingProvider])
def provider(request):
    return request.param()


@pytest.fixture
def submitted(workspace, new_set, provider, stop):
    """Circuits 0-17 in three jobs."""
    folder = new_set(jobs=3, circuits=18)
    submit_jobs(folder, provider, jobs=range(3), clock=workspace.clock, stop=stop)
    return workspace.store.open(folder.job_set.set_id)


@pytest.fixture
def gone(workspace, submitted, provider, stop):
    """All jobs are DONE, and what the second one gave was deleted, as a wait has found."""
    provider.gone = {"remote-1"}
    provider.finish()
    *_, (report,) = follow(workspace, [whole(submitted)], stop=stop)
    return report


def retried(workspace, target, stop, **options):
    """What `retry` does: the slices of the jobs that it sends, and what it says."""
    said = []
    report = look_into(workspace, target, status(workspace, target), stop=stop)
    opened = open_attempts(workspace, target, report, FAILED, say=said.append, **options)
    submit_unsent(workspace, target.folder, stop=stop, jobs=opened)
    jobs = target.folder.jobs()
    return [str(jobs[index].slice) for index in opened], said


def test_a_set_with_results_that_are_gone_is_no_success(gone):
    assert gone.problems == ()
    assert gone.state is State.ERROR
    assert [job.failed for job in gone.jobs] == [(), (Slice(6, 6),), ()]
    assert gone.jobs[1].message == "the results are gone: remote-1 was deleted"


def test_nobody_asks_again_for_results_that_are_gone(workspace, gone, submitted, provider, stop):
    provider.calls.clear()
    elsewhere = workspace.store.open(submitted.job_set.set_id)
    *_, (report,) = follow(workspace, [whole(elsewhere)], stop=stop)
    assert report.state is State.ERROR
    assert provider.calls == []


def test_they_are_listed_once_a_job_with_their_reason(gone, submitted):
    (failure,) = failures(whole(submitted), gone)
    assert (failure.job, failure.slice, failure.origin) == (1, Slice(6, 6), Origin.RUN)
    reason, helps = failure.message.split("; ")
    assert reason == "the results are gone: remote-1 was deleted"
    assert helps == "qjobs retry runs its circuits again, and they cost again"
    assert failure.job_id == "remote-1"


def test_they_have_placeholders_that_say_so(gone, submitted):
    found = list(rows(whole(submitted), gone))
    assert [row.blank for row in found] == [6 <= row.index < 12 for row in found]
    assert {row.message for row in found if row.blank} == {gone.jobs[1].message}


def test_a_retry_runs_them_again_and_says_that_it_costs(workspace, gone, submitted, provider, stop):
    sent, said = retried(workspace, whole(submitted), stop)
    assert sent == ["6-11"]
    (warning,) = said
    assert "the results are gone" in warning
    assert "cost again" in warning

    provider.finish()
    *_, (report,) = follow(workspace, [whole(submitted)], stop=stop)
    assert report.state is State.DONE
    assert all(row.counts for row in rows(whole(submitted), report))
    assert retried(workspace, whole(submitted), stop) == ([], [])


def test_some_of_their_circuits_can_be_retried_alone(workspace, gone, submitted, provider, stop):
    sent, _ = retried(workspace, resolve(workspace.store, "@last:7-9"), stop, per_job=2)
    assert sent == ["7-8", "9-9"]
    provider.finish()
    *_, (report,) = follow(workspace, [whole(submitted)], stop=stop)
    assert [row.index for row in rows(whole(submitted), report) if row.blank] == [6, 10, 11]
    assert retried(workspace, whole(submitted), stop)[0] == ["6-6", "10-11"]


def test_a_failure_that_may_pass_is_not_taken_for_the_end(workspace, submitted, provider, stop):
    provider.finish()
    report = status(workspace, whole(submitted))
    provider.reachable = False
    assert len(fetch(workspace, submitted, report.jobs, stop=stop)) == 3
    provider.reachable = True
    assert fetch(workspace, submitted, report.jobs, stop=stop) == ()
    assert all(not job.attempt.failed for job in submitted.jobs()) or all(
        job.attempt.failed == Failed() for job in submitted.jobs()
    )


def test_circuits_that_had_failed_before_are_gone_with_the_others(
    workspace, submitted, provider, stop
):
    """A provider that tells has said of one circuit that it failed, and then loses all of them."""
    provider.blank = {7}
    provider.finish()
    with submitted.journal() as journal:
        journal.append(Fact(1, 1, workspace.clock(), FactKind.FAILED, "7", "7 is blank"))
    provider.gone = {"remote-1"}
    *_, (report,) = follow(workspace, [whole(submitted)], stop=stop)
    assert report.jobs[1].gone
    assert report.jobs[1].failed == (Slice(6, 6),)


@pytest.mark.parametrize("per_job", [1, 2, 4, 5, 6, 100])
def test_a_retry_is_cut_as_it_is_told(workspace, gone, submitted, provider, stop, per_job):
    sent, _ = retried(workspace, whole(submitted), stop, per_job=per_job)
    expected = [str(Slice(start, min(per_job, 12 - start))) for start in range(6, 12, per_job)]
    assert sent == expected
    newest = list(provider.jobs.values())[3:]
    assert [str(Slice(job.start_index, job.circuits)) for job in newest] == expected
    provider.finish()
    *_, (report,) = follow(workspace, [whole(submitted)], stop=stop)
    assert all(
        row.counts == {format(row.index, "08b"): 100} for row in rows(whole(submitted), report)
    )


def test_a_job_that_was_too_large_to_run_is_halved_until_it_runs(
    workspace, submitted, provider, stop
):
    provider.finish(JobStatus.ERROR, "5 MB over the limit")
    sizes = []
    for _ in range(3):
        sent, _ = retried(workspace, whole(submitted), stop)
        sizes.append(sorted({int(b) - int(a) + 1 for a, b in (part.split("-") for part in sent)}))
        provider.finish(JobStatus.ERROR, "5 MB over the limit")
    assert sizes == [[3], [1, 2], [1]]
    status(workspace, whole(submitted))

    sent, said = retried(workspace, whole(submitted), stop)
    assert sent == []
    assert len(said) == 18
    assert said[0] == "job 0 has one circuit, and was too large: --per-job 1 sends it"
    sent, _ = retried(workspace, whole(submitted), stop, per_job=1)
    assert len(sent) == 18


def test_the_earlier_attempts_of_a_cut_job_keep_their_circuits(
    workspace, submitted, provider, stop
):
    provider.finish(JobStatus.ERROR, "5 MB over the limit")
    retried(workspace, whole(submitted), stop)
    report = status(workspace, whole(submitted))
    listed = [
        (failure.job, failure.attempt, str(failure.slice))
        for failure in failures(whole(submitted), report, all_attempts=True)
    ]
    assert listed == [(0, 1, "0-5"), (1, 1, "6-11"), (2, 1, "12-17")]


def test_results_that_are_too_large_to_be_given_are_halved(workspace, submitted, provider, stop):
    provider.gone = {"remote-1"}
    deleted = provider.result

    def result(job_id, **more):
        try:
            return deleted(job_id, **more)
        except Exception as error:
            raise type(error)("they are over the limit") from error

    provider.result = result
    provider.finish()
    follow_to_the_end = [*follow(workspace, [whole(submitted)], stop=stop)]
    assert follow_to_the_end[-1][0].jobs[1].gone
    assert retried(workspace, whole(submitted), stop)[0] == ["6-8", "9-11"]


def test_an_ordinary_failure_is_sent_again_as_it_was(workspace, submitted, provider, stop):
    provider.finish(JobStatus.ERROR, "it broke")
    assert retried(workspace, whole(submitted), stop) == (["0-5", "6-11", "12-17"], [])


def test_a_death_while_a_retry_is_sent_leaves_it_cut(workspace, submitted, provider, stop):
    """What is opened is on the disk with its cuts: `resume` sends nothing as large as before."""
    provider.finish(JobStatus.ERROR, "5 MB over the limit")
    report = status(workspace, whole(submitted))
    open_attempts(workspace, whole(submitted), report, FAILED)
    again = workspace.store.open(submitted.job_set.set_id)
    submit_unsent(workspace, again, stop=stop)
    assert {job.circuits for job in [*provider.jobs.values()][3:]} == {3}
