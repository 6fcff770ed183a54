"""A provider may make a job ready before its turn to be sent has come."""

from dataclasses import dataclass, field
from functools import partial

import pytest
from support.scripted import Answer, Killed, ScriptedProvider, whole
from support.starting import Clock, run, states

from qjobs.engine.cancel import cancel
from qjobs.errors import AuthError, JobRefused, NotNow, TooLarge, UnreadableCircuit
from qjobs.model import Accepted, Dropped, Planned, Refused


@dataclass
class PreparingProvider(ScriptedProvider):
    """Fails to make jobs ready as told, one error after the other."""

    faults: list[BaseException] = field(default_factory=list)

    def prepare(self, circuits, *, backend, options, tag):
        self.calls.append(f"prepare {tag}")
        if self.faults:
            raise self.faults.pop(0)
        return partial(self.submit, circuits, backend=backend, options=options, tag=tag)


@pytest.fixture
def provider() -> PreparingProvider:
    return PreparingProvider()


def short(provider):
    return [call.replace("qj-000000000001-", "") for call in provider.calls]


def test_a_death_before_a_job_is_ready_leaves_it_planned(workspace, new_set, provider, stop):
    """Whoever goes on asks for its tag all the same: the state may be an older copy."""
    provider.faults = [Killed()]
    folder = new_set(jobs=1)
    with pytest.raises(Killed):
        run(folder, provider, stop)
    assert states(workspace, folder) == [Planned()]

    run(workspace.store.open(folder.job_set.set_id), provider, stop)

    assert short(provider) == ["prepare 0-1", "find 0-1", "prepare 0-1", "submit 0-1"]
    assert states(workspace, folder) == [Accepted("remote-0")]


@pytest.mark.parametrize("answer", [Answer.NOT_NOW, Answer.LOSE_THE_CALL])
def test_what_is_ready_is_sent_again_as_it_is(workspace, new_set, provider, stop, answer):
    provider.script.extend([answer])
    folder = new_set(jobs=1)

    run(folder, provider, stop)

    assert short(provider).count("prepare 0-1") == 1
    assert short(provider).count("submit 0-1") == 2
    assert states(workspace, folder) == [Accepted("remote-0")]


def test_it_is_made_ready_before_its_turn_is_waited_for(workspace, new_set, provider, stop):
    provider.submits_per_minute = 1
    folder = new_set(jobs=2)

    run(folder, provider, stop, progress=lambda step: step.waiting and stop.set())

    assert short(provider) == ["prepare 0-1", "submit 0-1", "prepare 1-1"]
    assert states(workspace, folder) == [Accepted("remote-0"), Planned()]


def test_a_job_dropped_after_it_was_ready_is_not_sent(workspace, new_set, provider, stop):
    provider.submits_per_minute = 1200
    folder = new_set(jobs=31)

    def cancel_the_rest(step):
        if step.waiting:
            cancel(workspace, whole(workspace.store.open(folder.job_set.set_id)))

    run(folder, provider, stop, progress=cancel_the_rest, clock=Clock())

    assert "prepare 30-1" in short(provider)
    assert states(workspace, folder)[30] == Dropped()
    assert len(provider.jobs) == 30


def test_each_half_of_a_job_is_made_ready_anew(workspace, new_set, provider, stop):
    provider.faults = [TooLarge("too many gates")]
    provider.script.extend([Answer.TOO_LARGE])
    folder = new_set(jobs=1, circuits=4)

    run(folder, provider, stop)

    assert short(provider) == [
        "prepare 0-1", "prepare 0-2", "submit 0-2", "prepare 0-3", "submit 0-3",
        "prepare 1-1", "submit 1-1", "prepare 2-1", "submit 2-1",
    ]  # fmt: skip
    slices = {(job.start_index, job.circuits) for job in provider.jobs.values()}
    assert slices == {(0, 1), (1, 1), (2, 2)}


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (JobRefused("circuit 1 cannot be transpiled"), "circuit 1 cannot be transpiled"),
        (KeyError("backend"), "KeyError: 'backend'"),
        (
            JobRefused("it is too wide", hint="take a larger one"),
            "it is too wide; take a larger one",
        ),
    ],
)
def test_what_cannot_be_made_ready_is_refused_and_the_others_go_on(
    workspace, new_set, provider, stop, fault, message
):
    provider.faults = [fault]
    folder = new_set(jobs=2)

    report = run(folder, provider, stop)

    assert (report.refused, report.accepted) == (1, 1)
    assert states(workspace, folder) == [Refused(message), Accepted("remote-0")]


def test_what_cannot_be_made_ready_now_is_waited_for(workspace, new_set, provider, stop):
    provider.faults = [NotNow("no calibration", retry_after_s=0.001)]
    folder = new_set(jobs=1)
    said = []

    run(folder, provider, stop, progress=lambda step: said.append(step.waiting))

    assert "no calibration: waiting 0 s" in said
    assert states(workspace, folder) == [Accepted("remote-0")]


def test_what_would_stop_every_job_stops_them_before_any_is_sent(
    workspace, new_set, provider, stop
):
    provider.faults = [AuthError("who are you?")]
    folder = new_set(jobs=2)

    report = run(folder, provider, stop)

    assert isinstance(report.stopped_by, AuthError)
    assert states(workspace, folder) == [Planned()] * 2


@pytest.mark.parametrize("others", [True, False])
def test_a_circuit_that_cannot_be_read_halves_the_job_if_others_can(
    workspace, new_set, provider, stop, others
):
    provider.faults = [UnreadableCircuit("circuit 1 (bad): no", others=others)]
    folder = new_set(jobs=1, circuits=2)

    report = run(folder, provider, stop)

    assert (report.accepted, report.refused) == ((2, 0) if others else (0, 1))
    assert len(workspace.store.open(folder.job_set.set_id).jobs()) == (2 if others else 1)
