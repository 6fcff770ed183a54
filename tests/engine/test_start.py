"""Each planned job is handed over exactly once, whatever dies in between."""

import threading

import pytest
from support.scripted import Answer, whole
from support.starting import Clock, run, states

from qjobs.engine.cancel import cancel
from qjobs.errors import QjobsError, RateLimited, StateError
from qjobs.model import Accepted, Attempted, Planned, Refused


def test_every_job_is_submitted_once_in_order_with_its_own_tag(workspace, new_set, provider, stop):
    folder = new_set(jobs=3)

    report = run(folder, provider, stop)

    assert report.accepted == 3
    tag = folder.job_set.tag
    assert provider.calls == [f"submit {tag}-{job}-1" for job in range(3)]
    assert states(workspace, folder) == [Accepted(f"remote-{job}") for job in range(3)]


def test_the_intent_is_on_disk_before_the_provider_is_called(workspace, new_set, provider, stop):
    folder = new_set(jobs=1)
    seen = []
    submit = provider.submit

    def look_first(circuits, **arguments):
        seen.extend(states(workspace, folder))
        return submit(circuits, **arguments)

    provider.submit = look_first
    run(folder, provider, stop)

    assert isinstance(seen[0], Attempted)
    assert seen[0].tag == f"{folder.job_set.tag}-0-1"


def test_a_refused_job_does_not_hold_up_the_others(workspace, new_set, provider, stop):
    provider.script.extend([Answer.ACCEPT, Answer.REFUSE])
    folder = new_set(jobs=3)

    report = run(folder, provider, stop)

    assert (report.accepted, report.refused) == (2, 1)
    assert states(workspace, folder)[1] == Refused("the device is closed")


def test_a_rate_limit_is_waited_out_and_is_no_failure(workspace, new_set, provider, stop):
    provider.script.extend([Answer.NOT_NOW, Answer.NOT_NOW])
    folder = new_set(jobs=1)
    said = []

    report = run(folder, provider, stop, progress=lambda progress: said.append(progress.waiting))

    assert report.accepted == 1
    assert any("too many requests" in text for text in said)


def test_a_job_put_off_by_a_rate_limit_is_planned_not_unknown(workspace, new_set, provider, stop):
    provider.script.extend([Answer.NOT_NOW])
    folder = new_set(jobs=1)

    run(folder, provider, stop, progress=lambda progress: progress.waiting and stop.set())

    assert states(workspace, folder) == [Planned()]


def test_bad_credentials_stop_everything_and_leave_the_jobs_planned(
    workspace, new_set, provider, stop
):
    provider.script.extend([Answer.ACCEPT, Answer.NO_CREDENTIALS])
    folder = new_set(jobs=5)

    report = run(folder, provider, stop)

    assert report.stopped_by is not None
    assert len(provider.calls) == 2
    assert states(workspace, folder)[1:] == [Planned()] * 4


def test_stopping_finishes_the_calls_in_flight_and_starts_no_other(
    workspace, new_set, provider, stop
):
    provider.connections = 4
    folder = new_set(jobs=40)
    everybody_is_in = threading.Barrier(4, action=stop.set)
    submit = provider.submit

    def meet_then_submit(circuits, **arguments):
        everybody_is_in.wait(timeout=60)
        return submit(circuits, **arguments)

    provider.submit = meet_then_submit
    report = run(folder, provider, stop)

    assert report.accepted == len(provider.jobs) == 4
    assert states(workspace, folder).count(Planned()) == 36


def test_max_workers_caps_the_width(workspace, new_set, provider, stop):
    provider.connections = 8
    folder = new_set(jobs=20)
    inside, most = [0], [0]
    lock = threading.Lock()
    submit = provider.submit

    def count_then_submit(circuits, **arguments):
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        try:
            return submit(circuits, **arguments)
        finally:
            with lock:
                inside[0] -= 1

    provider.submit = count_then_submit
    run(folder, provider, stop, max_workers=2)

    assert most[0] <= 2
    assert len(provider.jobs) == 20


def test_two_processes_never_submit_one_set_at_once(workspace, new_set, provider, stop):
    folder = new_set(jobs=2)
    other = workspace.store.open(folder.job_set.set_id)

    with other.claim_submission(), pytest.raises(StateError, match="another process"):
        run(folder, provider, stop)

    assert provider.calls == []


def test_a_job_dropped_by_another_process_is_not_sent(workspace, new_set, provider, stop):

    folder = new_set(jobs=3)
    submit = provider.submit

    def cancel_the_rest(circuits, **arguments):
        other = workspace.store.open(folder.job_set.set_id)
        if circuits.slice.start_index == 0:
            cancel(workspace, whole(other))
        return submit(circuits, **arguments)

    provider.submit = cancel_the_rest
    run(folder, provider, stop)

    assert len(provider.jobs) == 1


def test_an_answer_that_cannot_be_recorded_names_the_id(workspace, new_set, provider, stop):
    folder = new_set(jobs=1)
    path = folder.circuits_path.parent
    submit = provider.submit

    def break_the_folder(circuits, **arguments):
        job_id = submit(circuits, **arguments)
        (path / "state.toml").unlink()
        return job_id

    provider.submit = break_the_folder

    with pytest.raises(QjobsError, match="remote-0"):
        run(folder, provider, stop)


def test_no_more_are_submitted_in_a_minute_than_the_provider_states(
    workspace, new_set, provider, stop
):
    provider.submits_per_minute = 2
    folder = new_set(jobs=5)
    said = []

    def note(progress):
        said.append(progress.waiting)
        if progress.waiting:
            stop.set()

    report = run(folder, provider, stop, progress=note, clock=Clock())

    assert (report.accepted, report.planned) == (2, 3)
    assert "at most 2 submissions a minute: waiting 62 s" in said
    assert states(workspace, folder)[2:] == [Planned()] * 3


def test_the_turns_are_shared_by_all_sets_of_a_provider(workspace, new_set, provider, stop):
    provider.submits_per_minute = 3
    clock = Clock()
    run(new_set(jobs=2), provider, stop, clock=clock)

    other = new_set(jobs=2)
    report = run(
        other, provider, stop, clock=clock, progress=lambda step: step.waiting and stop.set()
    )

    assert (report.accepted, report.planned) == (1, 1)


def test_a_job_that_was_waiting_for_its_turn_goes_out_when_it_comes(
    workspace, new_set, provider, stop
):
    provider.submits_per_minute = 1200  # thirty in a moment, the next 1.5 seconds later
    folder = new_set(jobs=31)
    said = []
    clock = Clock()

    def note(step):
        said.append(step.waiting)
        if step.waiting:
            clock.put_forward(2)

    report = run(folder, provider, stop, progress=note, clock=clock)

    assert report.accepted == 31
    assert "at most 1200 submissions a minute: waiting 2 s" in said


def test_a_job_dropped_while_it_waits_for_its_turn_is_not_sent(workspace, new_set, provider, stop):
    provider.submits_per_minute = 1200
    folder = new_set(jobs=31)

    def cancel_the_rest(progress):
        if progress.waiting:
            cancel(workspace, whole(workspace.store.open(folder.job_set.set_id)))

    run(folder, provider, stop, progress=cancel_the_rest, clock=Clock())

    assert len(provider.jobs) == 30


@pytest.mark.parametrize("absurd_s", [1e300, float("inf")])
def test_a_provider_that_says_to_come_back_in_a_thousand_years_is_asked_tomorrow(
    workspace, new_set, provider, stop, absurd_s
):
    def not_now(circuits, **_):
        raise RateLimited("too many requests", retry_after_s=absurd_s)

    provider.submit = not_now
    said = []

    def give_up(progress):
        if progress.waiting:
            said.append(progress.waiting)
            stop.set()

    run(new_set(jobs=1), provider, stop, progress=give_up)

    assert said == ["too many requests: waiting 86400 s"]
