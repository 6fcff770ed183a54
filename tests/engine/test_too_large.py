"""A job that is too large for its provider is halved, and goes on."""

import pytest
from support.scripted import Answer, Killed, whole
from support.starting import run, states

from qjobs.engine.error import failures
from qjobs.engine.report import FAILED
from qjobs.engine.retry import open_attempts
from qjobs.engine.status import status
from qjobs.errors import UnreadableCircuit
from qjobs.model import Accepted, Refused


def parts(workspace, folder):
    return [str(job.slice) for job in workspace.store.open(folder.job_set.set_id).jobs()]


def test_a_job_that_is_too_large_is_halved_until_it_fits(workspace, new_set, provider, stop):
    provider.most_circuits = 2
    folder = new_set(jobs=1, circuits=8)
    seen = []

    report = run(folder, provider, stop, progress=seen.append)

    assert report.accepted == 4
    assert parts(workspace, folder) == ["0-1", "4-5", "2-3", "6-7"]
    assert sorted(job.start_index for job in provider.jobs.values()) == [0, 2, 4, 6]
    assert (seen[-1].settled, seen[-1].jobs) == (4, 4)
    assert any("job 1 takes circuits 4-7" in step.waiting for step in seen)


def test_the_attempts_of_a_halved_job_are_kept_and_each_call_has_its_own_tag(
    workspace, new_set, provider, stop
):
    provider.most_circuits = 2
    folder = new_set(jobs=1, circuits=3)

    run(folder, provider, stop)

    first, rest = workspace.store.open(folder.job_set.set_id).jobs()
    assert [attempt.state for attempt in first.attempts] == [
        Refused("a job may have 2 circuits"),
        Accepted("remote-0"),
    ]
    assert [attempt.state for attempt in rest.attempts] == [Accepted("remote-1")]
    tag = folder.job_set.tag
    assert provider.calls == [f"submit {tag}-{call}" for call in ("0-1", "0-2", "1-1")]


def test_one_circuit_that_is_too_large_is_refused(workspace, new_set, provider, stop):
    provider.script.extend([Answer.TOO_LARGE] * 2)
    folder = new_set(jobs=1, circuits=2)

    report = run(folder, provider, stop)

    assert (report.accepted, report.refused) == (1, 1)
    assert states(workspace, folder) == [Refused("the job is too large"), Accepted("remote-0")]


@pytest.mark.parametrize("death", [Answer.DIE_BEFORE, Answer.DIE_AFTER])
@pytest.mark.parametrize("call", range(1, 7))
def test_a_death_while_a_job_is_halved_loses_and_repeats_nothing(
    workspace, new_set, provider, stop, death, call
):
    provider.most_circuits = 1
    provider.script.extend([Answer.ACCEPT] * call + [death])
    folder = new_set(jobs=1, circuits=4)
    with pytest.raises(Killed):
        run(folder, provider, stop)

    again = workspace.store.open(folder.job_set.set_id)
    report = run(again, provider, stop, jobs=range(len(again.slices)))

    assert report.refused == report.unknown == report.planned == 0
    assert sorted(job.start_index for job in provider.jobs.values()) == [0, 1, 2, 3]


def test_the_halves_go_out_in_as_many_threads_as_the_rest(workspace, new_set, provider, stop):
    provider.most_circuits = 1
    provider.connections = 8
    folder = new_set(jobs=10, circuits=160)

    report = run(folder, provider, stop)

    assert report.accepted == len(provider.jobs) == 160


def test_a_retry_may_be_halved_too(workspace, new_set, provider, stop):
    provider.script.extend([Answer.REFUSE])
    folder = new_set(jobs=1, circuits=2)
    run(folder, provider, stop)
    provider.most_circuits = 1
    target = whole(folder)
    opened = open_attempts(workspace, target, status(workspace, target), FAILED)

    run(folder, provider, stop, jobs=opened)

    first, rest = workspace.store.open(folder.job_set.set_id).jobs()
    assert [type(attempt.state) for attempt in first.attempts] == [Refused, Refused, Accepted]
    assert [type(attempt.state) for attempt in rest.attempts] == [Accepted]


def test_each_refusal_names_the_circuits_that_were_sent_then(workspace, new_set, provider, stop):
    provider.script.extend([Answer.REFUSE])
    provider.most_circuits = 2
    folder = new_set(jobs=1, circuits=8)
    run(folder, provider, stop)
    target = whole(folder)
    run(
        folder,
        provider,
        stop,
        jobs=open_attempts(workspace, target, status(workspace, target), FAILED),
    )

    target = whole(workspace.store.open(folder.job_set.set_id))
    found = failures(target, status(workspace, target), all_attempts=True)

    assert [(failure.job, failure.attempt, str(failure.slice)) for failure in found] == [
        (0, 1, "0-7"),
        (0, 2, "0-7"),
        (0, 3, "0-3"),
        (1, 1, "4-7"),
    ]


def test_a_circuit_that_cannot_be_read_is_refused_alone(workspace, new_set, provider, stop):
    """As a provider does that decodes its circuits, while it makes a job or before."""

    def submit(circuits, **more):
        part = circuits.slice
        if part.start_index <= 5 <= part.end_index:
            raise UnreadableCircuit("circuit 5 (bad): no", others=part.experiments_count > 1)
        return accept(circuits, **more)

    accept, provider.submit = provider.submit, submit
    folder = new_set(jobs=2, circuits=16)

    report = run(folder, provider, stop)

    assert (report.accepted, report.refused) == (4, 1)
    assert parts(workspace, folder) == ["0-3", "8-15", "4-4", "6-7", "5-5"]
    assert Refused("circuit 5 (bad): no") in states(workspace, folder)
