"""Each planned job is handed over exactly once, whatever dies in between."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from scripted import Answer, Killed, whole

from qjobs.engine.cancel import cancel
from qjobs.engine.report import FAILED
from qjobs.engine.retry import open_attempts
from qjobs.engine.start import StartReport, start
from qjobs.engine.status import status
from qjobs.errors import QjobsError, StateError
from qjobs.model import Accepted, Attempted, Planned, Refused


def now() -> datetime:
    return datetime.now(UTC)


def run(folder, provider, stop, **options) -> StartReport:
    jobs = options.pop("jobs", range(len(folder.job_set.slices)))
    options.setdefault("clock", now)
    return start(folder, provider, jobs=jobs, stop=stop, **options)


def states(workspace, folder):
    return [job.state for job in workspace.store.open(folder.job_set.set_id).jobs()]


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


def test_a_lost_answer_is_looked_up_by_its_tag_and_not_sent_again(
    workspace, new_set, provider, stop
):
    provider.script.extend([Answer.LOSE_THE_ANSWER])
    folder = new_set(jobs=1)

    report = run(folder, provider, stop)

    assert report.accepted == 1
    assert len(provider.jobs) == 1
    assert states(workspace, folder) == [Accepted("remote-0")]


def test_an_error_that_a_plug_in_lets_through_counts_as_a_lost_answer(
    workspace, new_set, provider, stop
):
    provider.script.extend([Answer.LEAK])
    folder = new_set(jobs=1)

    run(folder, provider, stop)

    assert len(provider.jobs) == 1
    assert states(workspace, folder) == [Accepted("remote-0")]


def test_a_call_that_never_arrived_is_sent_again_once_that_is_sure(
    workspace, new_set, provider, stop
):
    provider.script.extend([Answer.LOSE_THE_CALL])
    folder = new_set(jobs=1)

    report = run(folder, provider, stop)

    tag = f"{folder.job_set.tag}-0-1"
    assert provider.calls == [f"submit {tag}", f"find {tag}", f"submit {tag}"]
    assert report.accepted == 1


def test_a_provider_that_always_loses_calls_is_not_asked_for_ever(
    workspace, new_set, provider, stop
):
    provider.script.extend([Answer.LOSE_THE_CALL] * 50)
    folder = new_set(jobs=1)

    report = run(folder, provider, stop)

    assert sum(call.startswith("submit") for call in provider.calls) == 3
    assert report.unknown == 1
    assert "no route to host" in report.problems[0]


def test_nothing_is_resent_before_the_settle_time_is_over(workspace, new_set, provider, stop):
    """A listing that lags behind must not make a second job."""
    provider.settle_s = 3600
    provider.script.extend([Answer.LOSE_THE_CALL])
    folder = new_set(jobs=1)
    finds = []

    def give_up_at_the_second_look(tag):
        finds.append(tag)
        if len(finds) == 2:
            stop.set()

    provider.on_find = give_up_at_the_second_look
    run(folder, provider, stop)

    assert sum(call.startswith("submit") for call in provider.calls) == 1
    assert isinstance(states(workspace, folder)[0], Attempted)


def test_the_settle_time_counts_from_the_attempt(workspace, new_set, provider, stop):
    provider.settle_s = 3600
    provider.script.extend([Answer.DIE_BEFORE])
    folder = new_set(jobs=1)
    with pytest.raises(Killed):
        run(folder, provider, stop)

    later = datetime.now(UTC) + timedelta(hours=2)
    report = run(folder, provider, stop, clock=lambda: later)

    assert report.accepted == 1


def test_several_jobs_with_one_tag_leave_the_oldest_adopted_and_the_rest_listed(
    workspace, new_set, provider, stop
):
    provider.script.extend([Answer.ACCEPT_TWICE])
    folder = new_set(jobs=1)
    said = []

    run(folder, provider, stop, progress=lambda progress: said.append(progress.waiting))

    (job,) = workspace.store.open(folder.job_set.set_id).jobs()
    assert job.state == Accepted("remote-0")
    assert job.attempt.duplicates == ("remote-1",)
    assert any("duplicate, remote-1" in text for text in said)


@pytest.mark.parametrize("death", [Answer.DIE_BEFORE, Answer.DIE_AFTER])
def test_a_death_on_either_side_of_the_call_leaves_exactly_one_job(
    workspace, new_set, provider, stop, death
):
    provider.script.extend([Answer.ACCEPT, death])
    folder = new_set(jobs=3)
    with pytest.raises(Killed):
        run(folder, provider, stop)

    reopened = workspace.store.open(folder.job_set.set_id)
    report = run(reopened, provider, stop)

    assert report.accepted == 3
    assert sorted(job.tag for job in provider.jobs.values()) == [
        f"{folder.job_set.tag}-{job}-1" for job in range(3)
    ]


def test_what_a_provider_cannot_find_is_resent_only_on_request(workspace, new_set, provider, stop):
    provider.finds = False
    provider.script.extend([Answer.LOSE_THE_CALL])
    folder = new_set(jobs=1)

    first = run(folder, provider, stop)
    again = run(folder, provider, stop)

    assert first.unknown == again.unknown == 1
    assert [call for call in provider.calls if call.startswith("submit")] == [
        "submit qj-000000000001-0-1"
    ]
    assert run(folder, provider, stop, resend_unknown=True).accepted == 1
    assert provider.calls[-1] == f"submit {folder.job_set.tag}-0-2"


def test_a_job_that_the_provider_happens_to_know_is_adopted(workspace, new_set, provider, stop):
    provider.finds = False
    provider.remembers = True
    provider.script.extend([Answer.LOSE_THE_ANSWER])
    folder = new_set(jobs=1)

    report = run(folder, provider, stop, resend_unknown=True)

    assert report.accepted == len(provider.jobs) == 1


def test_resending_on_request_is_refused_where_the_provider_can_tell(
    workspace, new_set, provider, stop
):
    provider.script.extend([Answer.DIE_AFTER])
    folder = new_set(jobs=1)
    with pytest.raises(Killed):
        run(folder, provider, stop)

    run(folder, provider, stop, resend_unknown=True)

    assert len(provider.jobs) == 1


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
        everybody_is_in.wait(timeout=10)
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

    report = run(folder, provider, stop, progress=note)

    assert (report.accepted, report.planned) == (2, 3)
    assert "at most 2 submissions a minute: waiting 62 s" in said
    assert states(workspace, folder)[2:] == [Planned()] * 3


def test_the_turns_are_shared_by_all_sets_of_a_provider(workspace, new_set, provider, stop):
    provider.submits_per_minute = 3
    run(new_set(jobs=2), provider, stop)

    other = new_set(jobs=2)
    report = run(other, provider, stop, progress=lambda step: step.waiting and stop.set())

    assert (report.accepted, report.planned) == (1, 1)


def test_a_job_that_was_waiting_for_its_turn_goes_out_when_it_comes(
    workspace, new_set, provider, stop
):
    provider.submits_per_minute = 1200  # thirty in a moment, the next 1.5 seconds later
    folder = new_set(jobs=31)
    said = []

    report = run(folder, provider, stop, progress=lambda step: said.append(step.waiting))

    assert report.accepted == 31
    assert "at most 1200 submissions a minute: waiting 2 s" in said


def test_a_job_dropped_while_it_waits_for_its_turn_is_not_sent(workspace, new_set, provider, stop):
    provider.submits_per_minute = 1200
    folder = new_set(jobs=31)

    def cancel_the_rest(progress):
        if progress.waiting:
            cancel(workspace, whole(workspace.store.open(folder.job_set.set_id)))

    run(folder, provider, stop, progress=cancel_the_rest)

    assert len(provider.jobs) == 30
