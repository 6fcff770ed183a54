"""Whoever waits for a set that another process is submitting sees all of its jobs end."""

from contextlib import ExitStack

from support.scripted import RemoteJob, whole

from qjobs.engine.report import State
from qjobs.engine.wait import follow
from qjobs.facts import Fact, FactKind
from qjobs.model import JobStatus


def test_a_submitter_that_finishes_while_we_look_does_not_end_the_waiting(
    workspace, new_set, provider, stop
):
    folder = new_set(jobs=2)
    submitter = ExitStack()
    other = workspace.store.open(folder.job_set.set_id)
    submitter.enter_context(other.claim_submission())
    journal = submitter.enter_context(other.journal())

    for job in range(2):
        provider.jobs[f"remote-{job}"] = RemoteJob(f"remote-{job}", "", 3, 1, JobStatus.DONE)

    def submit(job):
        tag = folder.job_set.job_tag(job, 1)
        journal.append(
            Fact(job, 1, workspace.clock(), FactKind.ATTEMPTED, tag),
            Fact(job, 1, workspace.clock(), FactKind.ACCEPTED, f"remote-{job}"),
        )

    give = provider.result

    def submit_the_rest_and_end(job_id, *, backend):
        if job_id == "remote-0":
            submit(1)
            submitter.close()
        return give(job_id, backend=backend)

    provider.result = submit_the_rest_and_end
    submit(0)
    journal.append(Fact(0, 1, workspace.clock(), FactKind.FINISHED, "DONE"))
    states = [
        [job.state for job in report.jobs]
        for (report,) in follow(workspace, [whole(folder)], stop=stop)
    ]

    assert states[0] == [State.DONE, State.PLANNED]
    assert states[-1] == [State.DONE, State.DONE]
