"""What is asked, what is recorded, what is only shown."""

import pytest
from support.scripted import MovingProvider, RemoteJob, whole

from qjobs.engine.report import FINAL, JobReport, State
from qjobs.engine.sending.submission import submit_jobs
from qjobs.engine.status import status
from qjobs.facts import Fact, FactKind
from qjobs.model import Finished, JobStatus, Slice


@pytest.fixture
def submitted(workspace, new_set, provider, stop):
    folder = new_set(jobs=4)
    submit_jobs(folder, provider, jobs=range(4), clock=workspace.clock, stop=stop)
    provider.calls.clear()
    return workspace.store.open(folder.job_set.set_id)


def test_one_call_asks_for_all_jobs(workspace, submitted, provider):
    report = status(workspace, whole(submitted))

    assert provider.calls == ["statuses remote-0 remote-1 remote-2 remote-3"]
    assert report.state is State.QUEUED


def test_what_is_final_is_recorded_and_never_asked_again(workspace, submitted, provider):
    provider.finish(JobStatus.ERROR, "qubit 3 melted")
    status(workspace, whole(submitted))
    provider.calls.clear()

    again = workspace.store.open(submitted.job_set.set_id)
    report = status(workspace, whole(again))

    assert provider.calls == []
    assert report.jobs[0].state is State.ERROR
    assert report.jobs[0].message == "qubit 3 melted"
    assert again.jobs()[0].state == Finished("remote-0", JobStatus.ERROR, "qubit 3 melted")


def test_a_provider_out_of_reach_is_shown_and_not_recorded(workspace, submitted, provider):
    provider.reachable = False
    report = status(workspace, whole(submitted))
    assert report.problems == ("no route to host",)
    assert {job.state for job in report.jobs} == {State.UNKNOWN}

    provider.reachable = True
    report = status(workspace, whole(workspace.store.open(submitted.job_set.set_id)))
    assert {job.state for job in report.jobs} == {State.QUEUED}


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ({"remote-1": 2, "remote-0": 9, "other": 4}, [None, 2, None, None]),
        ({"remote-1": 4, "remote-2": -1}, [None, 3, 0, None]),  # there are three circuits each
    ],
)
def test_one_more_call_tells_how_far_the_jobs_are_that_run(
    workspace, submitted, provider, told, shown
):
    jobs = provider.jobs
    for job_id in ("remote-1", "remote-2"):
        jobs[job_id].status = JobStatus.RUNNING
    moving = MovingProvider(jobs=jobs, circuits_have_run=told)
    workspace = workspace._replace(load_provider=lambda _name, **_settings: moving)

    report = status(workspace, whole(submitted))

    assert moving.calls[1:] == ["circuits_run remote-1 remote-2"]
    assert [job.circuits_run for job in report.jobs] == shown


def test_counts_have_every_state_and_add_up(workspace, submitted, provider):
    provider.jobs["remote-0"].status = JobStatus.DONE
    provider.jobs["remote-1"].status = JobStatus.RUNNING

    counts = status(workspace, whole(submitted)).counts

    assert list(counts) == list(State)
    assert sum(counts.values()) == 4
    assert (counts[State.DONE], counts[State.RUNNING], counts[State.QUEUED]) == (1, 1, 2)


def test_cached_asks_nobody(workspace, submitted, provider):
    report = status(workspace, whole(submitted), cached=True)

    assert provider.calls == []
    assert report.counts[State.QUEUED] == 4


def test_a_job_that_the_provider_has_forgotten_is_unknown(workspace, submitted, provider):
    del provider.jobs["remote-2"]

    job = status(workspace, whole(submitted)).jobs[2]

    assert job.state is State.UNKNOWN
    assert "does not know" in job.message


def test_a_flood_of_words_is_not_recorded_whole(workspace, submitted, provider):
    provider.finish(JobStatus.ERROR, "word " * 100_000)

    message = status(workspace, whole(submitted)).jobs[0].message

    assert message.startswith("word word")
    assert len(message) < 5_000


def test_what_cannot_be_recorded_is_shown_all_the_same(workspace, submitted, provider, tmp_path):
    (lock,) = tmp_path.rglob("state.lock")
    lock.unlink()
    lock.mkdir()  # nobody can lock that, root included
    provider.finish(JobStatus.DONE)

    report = status(workspace, whole(submitted))

    assert report.state is State.DONE
    assert "cannot lock" in report.problems[-1]


def test_of_a_thousand_jobs_only_those_that_are_not_final_are_asked_for(
    workspace, new_set, provider
):
    folder = new_set(jobs=1000)
    with folder.journal() as journal:
        for kind, value in ((FactKind.ATTEMPTED, "tag"), (FactKind.ACCEPTED, "remote-{}")):
            journal.append(
                *(Fact(job, 1, workspace.clock(), kind, value.format(job)) for job in range(1000))
            )
    for job in range(1000):
        provider.jobs[f"remote-{job}"] = RemoteJob(f"remote-{job}", "tag", 3, 100)
    running = ["remote-7", "remote-512", "remote-999"]
    for job in provider.jobs.values():
        job.status = JobStatus.RUNNING if job.job_id in running else JobStatus.DONE

    reports = [
        status(workspace, whole(workspace.store.open(folder.job_set.set_id))) for _ in range(3)
    ]

    everything = " ".join(provider.jobs)
    assert provider.calls == [f"statuses {everything}"] + [f"statuses {' '.join(running)}"] * 2
    assert reports[0].counts == reports[2].counts
    assert reports[2].counts[State.DONE] == 997


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("job_id", ["", "remote-0"])
def test_a_job_has_ended_or_goes_on_by_itself_or_waits_to_be_sent(state, job_id):
    job = JobReport(0, Slice(0, 1), 1, state, job_id)
    ended = state in FINAL

    assert ended + job.pending + job.unsent == 1
