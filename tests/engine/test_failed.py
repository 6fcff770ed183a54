"""Circuits that failed in jobs that are DONE: known everywhere, and sent again by themselves."""

import pytest
from support.scripted import ScriptedProvider, TellingProvider, whole

from qjobs.engine.address import of_jobs, resolve
from qjobs.engine.cancel import cancel
from qjobs.engine.error import Origin, failures
from qjobs.engine.failed import look_into
from qjobs.engine.report import FAILED, State
from qjobs.engine.result import fetch, rows
from qjobs.engine.retry import open_attempts
from qjobs.engine.sending.submission import submit_jobs
from qjobs.engine.status import status
from qjobs.engine.submit import submit_unsent
from qjobs.engine.wait import follow
from qjobs.errors import UsageError
from qjobs.facts import Fact, FactKind
from qjobs.model import JobStatus, Slice


@pytest.fixture(params=[ScriptedProvider, TellingProvider])
def provider(request):
    return request.param()


@pytest.fixture
def submitted(workspace, new_set, provider, stop):
    """Circuits 0-8 in three jobs, all DONE; 1, 3 and 4 gave nothing."""
    folder = new_set(jobs=3)
    submit_jobs(folder, provider, jobs=range(3), clock=workspace.clock, stop=stop)
    provider.blank = {1, 3, 4}
    provider.finish()
    return workspace.store.open(folder.job_set.set_id)


def known(workspace, target, stop):
    return look_into(workspace, target, status(workspace, target), stop=stop)


def retried(workspace, target, stop, states=FAILED):
    """What `retry` does; the indices of the jobs that it sends."""
    opened = open_attempts(workspace, target, known(workspace, target, stop), states)
    submit_unsent(workspace, target.folder, stop=stop, jobs=opened)
    return opened


def counts_of(workspace, target, stop):
    """Which job each circuit is in, and what it gave."""
    report = status(workspace, target)
    fetch(workspace, target.folder, report.jobs, stop=stop)
    return [(row.index, row.job, row.counts) for row in rows(target, report)]


def test_the_word_for_the_set_is_error_and_each_job_says_what_failed(workspace, submitted, stop):
    report = known(workspace, whole(submitted), stop)

    assert report.state is State.ERROR
    assert report.counts[State.DONE] == 3
    assert report.failed_circuits == 3
    assert [job.failed for job in report.jobs] == [(Slice(1, 1),), (Slice(3, 2),), ()]
    assert [job.message for job in report.jobs] == [
        "1 of 3 circuits failed: circuit 1: 1 is blank",
        "2 of 3 circuits failed: circuit 3: 3 is blank",
        "",
    ]


def test_what_one_process_learnt_another_knows_without_results_or_provider(
    workspace, submitted, provider, stop
):
    known(workspace, whole(submitted), stop)
    for path in submitted.results.folder.glob("*"):
        path.unlink()
    provider.calls.clear()
    elsewhere = workspace.store.open(submitted.job_set.set_id)

    assert known(workspace, whole(elsewhere), stop).failed_circuits == 3
    assert provider.calls == []


def test_a_provider_that_tells_does_so_with_the_status(workspace, submitted, provider):
    report = status(workspace, whole(submitted))
    tells = isinstance(provider, TellingProvider)
    assert report.failed_circuits == (3 if tells else 0)
    assert not any(call.startswith("result") for call in provider.calls)


def test_waiting_learns_it(workspace, submitted, stop):
    *_, (report,) = follow(workspace, [whole(submitted)], stop=stop)
    assert report.failed_circuits == 3


def test_results_that_never_come_end_the_waiting_and_are_no_success(
    workspace, submitted, provider, stop
):
    provider.jobs["remote-0"].circuits = 2  # so its result is not taken
    *_, (report,) = follow(workspace, [whole(submitted)], stop=stop)
    unclear = [job.index for job in report.jobs if not job.looked_into]
    assert unclear == ([] if isinstance(provider, TellingProvider) else [0])
    assert any("2 results for 3 circuits" in problem for problem in report.problems)


def test_a_result_that_comes_a_moment_later_is_waited_for(workspace, submitted, provider, stop):
    provider.jobs["remote-0"].circuits = 2
    looks = []
    for (report,) in follow(workspace, [whole(submitted)], stop=stop):
        looks.append(report)
        provider.jobs["remote-0"].circuits = 3
    assert looks[-1].failed_circuits == 3
    assert all(job.looked_into for job in looks[-1].jobs)


def test_only_the_failed_circuits_are_sent_again_and_the_other_results_stay(
    workspace, submitted, provider, stop
):
    before = counts_of(workspace, whole(submitted), stop)
    provider.blank.clear()

    assert retried(workspace, whole(submitted), stop) == (3, 4)

    sent = [job for job in provider.jobs.values() if int(job.job_id[7:]) > 2]
    assert [(job.start_index, job.circuits) for job in sent] == [(1, 1), (3, 2)]
    provider.finish()
    report = known(workspace, whole(submitted), stop)
    assert report.state is State.DONE
    assert sum(report.counts.values()) == len(report.jobs) == 5
    assert [job.retried for job in report.jobs[:2]] == [(Slice(1, 1),), (Slice(3, 2),)]
    after = counts_of(workspace, whole(submitted), stop)
    assert [(index, job) for index, job, _ in after] == [
        (0, 0), (1, 3), (2, 0), (3, 4), (4, 4), (5, 1), (6, 2), (7, 2), (8, 2),
    ]  # fmt: skip
    assert all(counts == {format(index, "08b"): 100} for index, _, counts in after)
    assert [row for row in before if row[2]] == [row for row in after if row[0] not in (1, 3, 4)]


def test_two_processes_cannot_both_retry_them(workspace, submitted, provider, stop):
    target = whole(submitted)
    report = known(workspace, target, stop)
    assert open_attempts(workspace, target, report, FAILED) == (3, 4)
    assert open_attempts(workspace, target, report, FAILED) == ()
    assert len(workspace.store.open(submitted.job_set.set_id).jobs()) == 5


def test_named_circuits_alone_are_retried(workspace, submitted, provider, stop):
    target = resolve(workspace.store, "@last:2-3")
    assert known(workspace, target, stop).failed_circuits == 1
    assert retried(workspace, target, stop) == (3,)
    assert submitted.jobs()[3].slice == Slice(3, 1)
    assert known(workspace, whole(submitted), stop).failed_circuits == 2


def test_a_retry_that_fails_again_can_be_retried(workspace, submitted, provider, stop):
    retried(workspace, whole(submitted), stop)
    provider.finish()
    provider.blank = {4}
    assert known(workspace, whole(submitted), stop).failed_circuits == 1

    assert retried(workspace, whole(submitted), stop) == (5,)
    provider.finish()
    # All of that job failed again: it gets another attempt, not another job.
    assert known(workspace, whole(submitted), stop).failed_circuits == 1
    assert retried(workspace, whole(submitted), stop) == (5,)
    provider.blank.clear()
    provider.finish()

    rows_ = counts_of(workspace, whole(submitted), stop)
    assert [job for _, job, _ in rows_] == [0, 3, 0, 4, 5, 1, 2, 2, 2]
    assert all(counts for _, _, counts in rows_)
    assert submitted.jobs()[5].attempt.number == 2


def test_circuits_whose_retry_was_cancelled_are_still_missing(workspace, submitted, provider, stop):
    retried(workspace, whole(submitted), stop)
    provider.blank.clear()
    cancelled = cancel(workspace, of_jobs(submitted, [3]))
    assert [report.index for report in cancelled] == [3]
    provider.finish()

    report = known(workspace, whole(submitted), stop)
    assert report.counts[State.CANCELLED] == 1
    found = [f for f in failures(whole(submitted), report) if f.origin is Origin.CANCEL]
    assert [failure.slice for failure in found] == [Slice(1, 1)]
    assert retried(workspace, whole(submitted), stop) == (3,)
    assert submitted.jobs()[3].attempt.number == 2


def test_failed_circuits_are_listed_until_a_newer_job_has_them(
    workspace, submitted, provider, stop
):
    def listed(**options):
        report = known(workspace, whole(submitted), stop)
        found = failures(whole(submitted), report, **options)
        return [(f.job, f.attempt, f.slice.start_index, f.message) for f in found]

    fetch(workspace, submitted, known(workspace, whole(submitted), stop).jobs, stop=stop)
    first = [(0, 1, 1, "1 is blank"), (1, 1, 3, "3 is blank"), (1, 1, 4, "4 is blank")]
    assert listed() == first
    retried(workspace, whole(submitted), stop)
    assert listed() == []
    assert listed(all_attempts=True) == first


def test_a_job_of_retried_circuits_is_halved_like_any_other(workspace, submitted, provider, stop):
    provider.most_circuits = 1
    assert retried(workspace, whole(submitted), stop) == (3, 4)
    provider.blank.clear()
    provider.finish()
    assert [job.slice for job in submitted.jobs()[3:]] == [Slice(1, 1), Slice(3, 1), Slice(4, 1)]
    assert [job for _, job, _ in counts_of(workspace, whole(submitted), stop)] == [
        0, 3, 0, 4, 5, 1, 2, 2, 2,
    ]  # fmt: skip


def test_an_address_means_the_job_that_has_the_circuit_now(workspace, submitted, provider, stop):
    retried(workspace, whole(submitted), stop)
    submitted.refresh()

    assert resolve(workspace.store, "@last:3").jobs == (4,)
    assert resolve(workspace.store, "@last:5").jobs == (1,)
    assert tuple(resolve(workspace.store, "@last/1").circuits) == (5,)
    assert resolve(workspace.store, "@last/1").jobs == (1,)
    assert of_jobs(submitted, [0, 3]).circuits == (0, 1, 2)


def test_a_job_that_has_left_all_circuits_to_others_is_still_shown(
    workspace, submitted, provider, stop
):
    provider.blank = {0, 1, 2}
    for circuit in range(3):
        retried(workspace, resolve(workspace.store, f"@last:{circuit}"), stop)
    submitted.refresh()

    assert submitted.parts[0] == ()
    assert of_jobs(submitted, [0]).jobs == (0,)
    report = status(workspace, whole(submitted))
    assert [job.index for job in report.jobs] == [0, 1, 2, 3, 4, 5]
    provider.blank.clear()
    provider.finish()
    assert [job for _, job, _ in counts_of(workspace, whole(submitted), stop)] == [
        3, 4, 5, 1, 1, 1, 2, 2, 2,
    ]  # fmt: skip
    # Nothing of it is left to be sent.
    assert retried(workspace, whole(submitted), stop) == ()


def test_a_crash_between_two_pieces_loses_nothing(workspace, submitted, stop):
    """As long as not all of what failed is on record, it is looked into again."""
    with submitted.journal() as journal:
        journal.append(Fact(0, 1, workspace.clock(), FactKind.FAILED, "1,", "1 is blank"))
    assert submitted.jobs()[0].attempt.failed is None
    assert known(workspace, whole(submitted), stop).failed_circuits == 3


@pytest.mark.parametrize(
    ("address", "jobs", "more"),
    [("@last:1", [0], 2), ("@last:2-7", [0, 2], 3), ("@last:0-4", [1], 1)],
)
def test_parts_of_jobs_are_refused_by_the_address_of_the_jobs(
    workspace, submitted, address, jobs, more
):
    target = resolve(workspace.store, address)
    with pytest.raises(UsageError) as caught:
        target.refuse_parts("cancel", target.jobs)
    assert f", {more} in all" in caught.value.message
    named = ",".join(map(str, jobs))
    assert f"{submitted.job_set.set_id}/{named} would take more circuits" in caught.value.message
    assert f"qjobs cancel {submitted.job_set.set_id}/{named}" in caught.value.hint
    target.refuse_parts("cancel", [index for index in target.jobs if index not in jobs])


def test_jobs_that_are_named_whole_are_not_refused(workspace, submitted, provider, stop):
    for address in ("@last", "@last/1", "@last:3-5", "@last:0-8"):
        target = resolve(workspace.store, address)
        target.refuse_parts("cancel", target.jobs)
    retried(workspace, whole(submitted), stop)
    target = resolve(workspace.store, "@last:0,2")  # 1 is another job's by now
    assert target.jobs == (0,)
    target.refuse_parts("cancel", target.jobs)


def test_a_job_in_error_is_retried_as_ever(workspace, submitted, provider, stop):
    provider.jobs["remote-2"].status = JobStatus.ERROR
    assert retried(workspace, whole(submitted), stop) == (2, 3, 4)
    assert submitted.jobs()[2].attempt.number == 2
