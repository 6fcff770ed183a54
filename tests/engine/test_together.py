"""A provider may take several jobs in one call; each of them is kept track of by itself."""

from collections import Counter

import pytest
from support.scripted import Answer, Killed, TogetherProvider, whole
from support.starting import Clock, now, run, states

from qjobs.engine.cancel import cancel
from qjobs.engine.deadline import Deadline, within
from qjobs.errors import InputError, JobRefused, QjobsError, UnreadableCircuit
from qjobs.model import Accepted, Attempted, Dropped, JobStatus, Planned, Refused


@pytest.fixture
def provider():
    return TogetherProvider()


def calls(provider):
    """How many jobs each call had: of one that is alone, nobody says so."""
    return [call for call in provider.calls if call.split()[1].isdigit()]


def tags(provider):
    return Counter(job.tag for job in provider.jobs.values())


def once(folder, jobs):
    return Counter(folder.job_set.job_tag(job, 1) for job in range(jobs))


def test_as_many_jobs_as_the_provider_takes_are_in_one_call(workspace, new_set, provider, stop):
    folder = new_set(jobs=8)

    report = run(folder, provider, stop)

    assert calls(provider) == ["submit 3", "submit 3", "submit 2"]
    assert report.accepted == 8
    assert states(workspace, folder) == [Accepted(f"remote-{job}") for job in range(8)]
    assert [job.start_index for job in provider.jobs.values()] == [3 * job for job in range(8)]


def test_all_intents_are_on_the_disk_before_the_call(workspace, new_set, provider, stop):
    folder = new_set(jobs=3)
    provider.meanwhile.append(lambda: seen.extend(states(workspace, folder)))
    seen = []

    run(folder, provider, stop)

    assert [type(state) for state in seen] == [Attempted] * 3
    assert [state.tag for state in seen] == [folder.job_set.job_tag(job, 1) for job in range(3)]


def test_each_answer_is_recorded_by_itself(workspace, new_set, provider, stop):
    provider.script.extend([Answer.ACCEPT, Answer.REFUSE, Answer.LOSE_THE_ANSWER])
    folder = new_set(jobs=3)

    report = run(folder, provider, stop)

    assert (report.accepted, report.refused) == (2, 1)
    assert states(workspace, folder) == [
        Accepted("remote-0"), Refused("the device is closed"), Accepted("remote-1"),
    ]  # fmt: skip
    assert provider.calls.count(f"find {folder.job_set.job_tag(2, 1)}") == 1
    assert max(tags(provider).values()) == 1


def test_what_is_not_taken_now_goes_out_later_and_nothing_else_again(
    workspace, new_set, provider, stop
):
    provider.script.extend([Answer.ACCEPT, Answer.NOT_NOW, Answer.ACCEPT, Answer.NOT_NOW])
    folder = new_set(jobs=3)

    report = run(folder, provider, stop)

    assert report.accepted == 3
    assert calls(provider) == ["submit 3"]
    assert tags(provider) == once(folder, 3)


@pytest.mark.parametrize("answer", [Answer.LOSE_THE_ANSWER, Answer.LEAK, Answer.LOSE_THE_CALL])
def test_a_call_whose_answer_is_lost_is_looked_up_job_by_job(
    workspace, new_set, provider, stop, answer
):
    provider.for_all = True
    provider.script.append(answer)
    folder = new_set(jobs=3)

    report = run(folder, provider, stop)

    assert report.accepted == 3
    assert tags(provider) == once(folder, 3)
    assert calls(provider) == ["submit 3"] * (2 if answer is Answer.LOSE_THE_CALL else 1)


def test_a_call_that_is_lost_again_and_again_is_not_made_for_ever(
    workspace, new_set, provider, stop
):
    provider.script.extend([Answer.LOSE_THE_CALL] * 9)
    folder = new_set(jobs=3)

    report = run(folder, provider, stop)

    assert report.unknown == 3
    assert calls(provider) == ["submit 3"] * 3
    assert sum("no route to host" in problem for problem in report.problems) == 3


@pytest.mark.parametrize("bad", [0, 2])
def test_a_refusal_of_the_call_is_tracked_down_to_its_job(workspace, new_set, provider, stop, bad):
    submit, together = provider.submit, provider.submit_together

    def choosy(circuits, **arguments):
        if circuits.slice.start_index == 3 * bad:
            raise JobRefused("the device is closed")
        return submit(circuits, **arguments)

    def all_or_none(jobs, **arguments):
        if any(circuits.slice.start_index == 3 * bad for circuits, _ in jobs):
            raise JobRefused("one of them is not wanted")
        return together(jobs, **arguments)

    provider.together = 8
    provider.submit, provider.submit_together = choosy, all_or_none
    folder = new_set(jobs=4)

    report = run(folder, provider, stop)

    assert (report.accepted, report.refused) == (3, 1)
    assert states(workspace, folder)[bad] == Refused("the device is closed")
    assert max(tags(provider).values()) == 1


@pytest.mark.parametrize("stated", [True, False])
def test_a_call_has_no_more_jobs_than_may_be_pending(workspace, new_set, provider, stop, stated):
    """All of them at once: of a limit that is not told, a smaller call is the way to find out."""
    provider.together, provider.pending_jobs, provider.stated = 8, 4, stated
    folder = new_set(jobs=8)

    def finish(_step):
        if len(provider.jobs) == 4:
            provider.finish()

    report = run(folder, provider, stop, progress=finish)

    assert report.accepted == 8
    assert tags(provider) == once(folder, 8)
    assert max(int(call.split()[1]) for call in calls(provider)) == (4 if stated else 8)
    assert "submit 4" in calls(provider)


def test_jobs_that_are_too_large_are_halved_and_the_others_stay(workspace, new_set, provider, stop):
    provider.script.extend([Answer.ACCEPT, Answer.TOO_LARGE])
    folder = new_set(jobs=3, circuits=12)

    report = run(folder, provider, stop)

    assert (report.accepted, report.refused) == (4, 0)
    taken = sorted((job.start_index, job.circuits) for job in provider.jobs.values())
    assert taken == [(0, 4), (4, 2), (6, 2), (8, 4)]


def test_a_call_that_is_too_large_becomes_smaller_calls_not_smaller_jobs(
    workspace, new_set, provider, stop
):
    provider.for_all = True
    provider.script.append(Answer.TOO_LARGE)
    folder = new_set(jobs=3)

    run(folder, provider, stop)

    assert len(workspace.store.open(folder.job_set.set_id).jobs()) == 3
    assert tags(provider) == once(folder, 3)


def test_a_circuit_that_cannot_be_read_costs_its_job_alone(workspace, new_set, provider, stop):
    together = provider.submit_together

    def unread(jobs, **arguments):
        return [*together(jobs[:2], **arguments), UnreadableCircuit("circuit 7 (bad): no")]

    provider.submit_together = unread
    folder = new_set(jobs=3)

    report = run(folder, provider, stop)

    assert (report.accepted, report.refused) == (2, 1)
    assert states(workspace, folder)[2] == Refused("circuit 7 (bad): no")


def test_what_stops_every_job_is_raised_after_the_answers_are_recorded(
    workspace, new_set, provider, stop
):
    provider.script.extend([Answer.ACCEPT, Answer.NO_CREDENTIALS, Answer.ACCEPT])
    folder = new_set(jobs=6)

    report = run(folder, provider, stop)

    assert report.stopped_by is not None
    assert (report.accepted, report.planned) == (2, 4)
    assert states(workspace, folder)[1] == Planned()
    assert calls(provider) == ["submit 3"]


def test_circuits_that_are_gone_stop_every_job(workspace, new_set, provider, stop):
    def gone(jobs, **arguments):
        raise InputError("the circuits are gone")

    provider.submit_together = gone
    folder = new_set(jobs=3)

    with pytest.raises(InputError, match="are gone"):
        run(folder, provider, stop)

    assert states(workspace, folder) == [Planned()] * 3


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        (lambda ids: ids[:2], "scripted gave 2 answers for 3 jobs"),
        (lambda ids: [*ids, "one more"], "scripted gave 4 answers for 3 jobs"),
        (lambda ids: [ids[0], None, ids[2]], "None is no answer"),
    ],
)
def test_an_answer_that_is_none_leaves_the_job_to_be_looked_up(
    workspace, new_set, provider, stop, answers, why
):
    together = provider.submit_together
    reasons = []

    def broken(jobs, **arguments):
        return answers(together(jobs, **arguments))

    find = provider.find

    def look(tag, **arguments):
        reasons.extend(
            state.reason for state in states(workspace, folder) if isinstance(state, Attempted)
        )
        return find(tag, **arguments)

    provider.submit_together, provider.find = broken, look
    folder = new_set(jobs=3)

    report = run(folder, provider, stop)

    assert report.accepted == 3
    assert why in reasons
    assert tags(provider) == once(folder, 3)


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("death", [Answer.DIE_BEFORE, Answer.DIE_AFTER])
def test_a_death_within_the_call_loses_and_repeats_nothing(
    workspace, new_set, provider, stop, place, death
):
    provider.script.extend([Answer.ACCEPT] * place + [death])
    folder = new_set(jobs=5)
    with pytest.raises(Killed):
        run(folder, provider, stop)
    assert [type(state) for state in states(workspace, folder)] == [Attempted] * 3 + [Planned] * 2

    report = run(workspace.store.open(folder.job_set.set_id), provider, stop)

    assert report.accepted == 5
    assert tags(provider) == once(folder, 5)


def test_a_job_that_was_cancelled_meanwhile_is_stopped_and_the_others_run(
    workspace, new_set, provider, stop
):
    folder = new_set(jobs=5)

    def cancel_two():
        other = workspace.store.open(folder.job_set.set_id)
        cancel(workspace, whole(other)._replace(circuits=(*range(3, 6), *range(9, 12))))

    provider.meanwhile.append(cancel_two)

    report = run(folder, provider, stop)

    assert (report.accepted, report.cancelled) == (3, 2)
    live = [job.start_index for job in provider.jobs.values() if not job.status.final]
    assert live == [0, 6, 12]
    assert states(workspace, folder)[3] == Dropped()
    assert provider.jobs["remote-1"].status is JobStatus.CANCELLED


def test_a_job_that_was_dropped_before_the_call_is_not_in_it(workspace, new_set, provider, stop):
    provider.for_all = True
    provider.script.append(Answer.NOT_NOW)
    folder = new_set(jobs=3)

    def drop_one(step):
        if step.waiting:
            other = workspace.store.open(folder.job_set.set_id)
            cancel(workspace, whole(other)._replace(circuits=(3, 4, 5)))

    report = run(folder, provider, stop, progress=drop_one)

    assert (report.accepted, report.cancelled) == (2, 1)
    assert calls(provider) == ["submit 3", "submit 2"]
    assert [job.start_index for job in provider.jobs.values()] == [0, 6]


def test_a_job_that_is_dropped_at_the_last_moment_is_not_in_it(workspace, new_set, provider, stop):
    """After the submitter has looked for the last time, and before it writes the intents down."""
    provider.submits_per_minute = 60
    folder = new_set(jobs=3)
    looked = []

    def clock():
        if not looked:
            looked.append(True)
            other = workspace.store.open(folder.job_set.set_id)
            cancel(workspace, whole(other)._replace(circuits=(3, 4, 5)))
        return now()

    report = run(folder, provider, stop, clock=clock)

    assert (report.accepted, report.cancelled) == (2, 1)
    assert calls(provider) == ["submit 2"]
    assert [job.start_index for job in provider.jobs.values()] == [0, 6]


def test_a_call_is_one_of_those_that_are_allowed_in_a_minute(workspace, new_set, provider, stop):
    provider.submits_per_minute = 2
    folder = new_set(jobs=7)

    report = run(
        folder, provider, stop, clock=Clock(), progress=lambda step: step.waiting and stop.set()
    )

    assert (report.accepted, report.planned) == (6, 1)


def test_stopping_finishes_the_call_and_makes_no_other(workspace, new_set, provider, stop):
    provider.meanwhile.append(stop.set)
    folder = new_set(jobs=9)

    report = run(folder, provider, stop)

    assert (report.accepted, report.planned) == (3, 6)
    assert calls(provider) == ["submit 3"]


def test_once_enough_went_wrong_no_further_call_is_made(workspace, new_set, provider, stop):
    provider.script.append(Answer.REFUSE)
    folder = new_set(jobs=9)

    report = run(folder, provider, stop, enough=lambda: True)

    assert report.gave_up
    assert (report.accepted, report.refused, report.planned) == (2, 1, 6)


def test_progress_counts_jobs_not_calls(workspace, new_set, provider, stop):
    folder = new_set(jobs=7)
    seen = []

    run(folder, provider, stop, progress=lambda step: seen.append((step.settled, step.jobs)))

    assert seen == [(0, 7), (3, 7), (6, 7), (7, 7)]


def test_after_the_deadline_no_call_is_made(workspace, new_set, provider, stop):
    folder = new_set(jobs=3)
    late = within(workspace, Deadline(0)).provider_at(folder.job_set.destination)

    report = run(folder, late, stop, progress=lambda step: step.waiting and stop.set())

    assert report.planned == 3
    assert provider.jobs == {}


def test_ids_that_cannot_be_recorded_are_named(workspace, new_set, provider, stop):
    folder = new_set(jobs=3)
    path = folder.circuits_path.parent
    together = provider.submit_together

    def break_the_folder(jobs, **arguments):
        answers = together(jobs, **arguments)
        (path / "state.toml").unlink()
        return answers

    provider.submit_together = break_the_folder

    with pytest.raises(QjobsError) as caught:
        run(folder, provider, stop)

    assert "job 0 as remote-0, job 1 as remote-1, job 2 as remote-2" in str(caught.value)
