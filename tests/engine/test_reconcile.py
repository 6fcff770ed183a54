"""A set that another process began is held against the provider's jobs before more is sent."""

import shutil
from datetime import UTC, datetime

import pytest
from support.scripted import Answer, Killed, ScriptedProvider, whole
from support.starting import run, states
from support.tallying import Tallying

from qjobs import contract as interface
from qjobs.engine.cancel import cancel
from qjobs.engine.report import FAILED
from qjobs.engine.retry import open_attempts
from qjobs.engine.status import status
from qjobs.engine.submit import submit_unsent
from qjobs.errors import StateDamaged
from qjobs.facts import Fact, FactKind
from qjobs.ledger import Ledger
from qjobs.model import (
    Accepted,
    Attempted,
    Dropped,
    Finished,
    JobStatus,
    Planned,
    Refused,
)
from qjobs.store.state import checks
from qjobs.store.state import format as layout
from qjobs.store.state.fold import assembled
from qjobs.store.state.reading import read_state

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture(params=["in one question", "one by one"])
def provider(request):
    return Tallying() if request.param == "in one question" else ScriptedProvider()


@pytest.fixture
def tallying():
    return Tallying()


@pytest.fixture
def copies(workspace, tmp_path):
    """Keep the state file of a set as it is, and put it back."""

    class Copies:
        def keep(self, folder, name="copy"):
            shutil.copy2(folder.state_path, tmp_path / name)

        def put_back(self, folder, name="copy"):
            shutil.copy2(tmp_path / name, folder.state_path)
            return workspace.store.open(folder.job_set.set_id)

    return Copies()


def sent(provider):
    return [call for call in provider.calls if call.startswith("submit")]


def on(workspace, provider):
    return workspace._replace(load_provider=lambda _name, **_settings: provider)


def test_what_an_older_copy_does_not_know_is_adopted_and_not_sent_again(
    workspace, new_set, provider, copies, stop
):
    folder = new_set(jobs=3)
    copies.keep(folder)
    run(folder, provider, stop)
    assert len(provider.jobs) == 3

    said = []
    report = run(
        copies.put_back(folder), provider, stop, progress=lambda step: said.append(step.waiting)
    )

    assert report.accepted == 3
    assert len(provider.jobs) == len(sent(provider)) == 3
    assert states(workspace, folder) == [Accepted(f"remote-{job}") for job in range(3)]
    assert any("adopted remote-0" in text for text in said)


def test_jobs_of_which_nobody_says_when_they_were_made_are_known_since_now(
    workspace, new_set, tallying, copies, stop
):
    folder = new_set(jobs=1)
    copies.keep(folder)
    run(folder, tallying, stop)
    ours = tallying.jobs_of

    def undated(set_tag, *, backend):
        jobs = ours(set_tag, backend=backend)
        return [job._replace(created=interface.UNDATED) for job in jobs]

    tallying.jobs_of = undated
    before = datetime.now(UTC)
    again = copies.put_back(folder)
    run(again, tallying, stop)
    (job,) = again.jobs()
    assert job.state == Accepted("remote-0")
    assert before <= job.attempt.submitted <= datetime.now(UTC)


def test_a_set_costs_one_question_however_many_jobs_it_has(
    workspace, new_set, tallying, copies, stop
):
    folder = new_set(jobs=20)
    copies.keep(folder)
    run(folder, tallying, stop, jobs=range(10))
    tallying.calls.clear()

    run(copies.put_back(folder), tallying, stop)

    tag = folder.job_set.tag
    assert tallying.calls == [f"jobs_of {tag}", *(f"submit {tag}-{job}-1" for job in range(10, 20))]


def test_the_process_that_made_a_set_need_not_ask(new_set, tallying, stop):
    folder = new_set(jobs=2)
    run(folder, tallying, stop, jobs=[0])
    run(folder, tallying, stop, jobs=[1])
    assert not [call for call in tallying.calls if call.startswith("jobs_of")]


def test_attempts_that_an_older_copy_does_not_know_count_too(
    workspace, new_set, tallying, copies, stop
):
    folder = new_set(jobs=1)
    here = on(workspace, tallying)
    run(folder, tallying, stop)
    tallying.finish(JobStatus.ERROR, "it broke")
    report = status(here, whole(folder))
    copies.keep(folder)
    open_attempts(here, whole(folder), report, FAILED)
    run(folder, tallying, stop)
    assert [*tallying.jobs] == ["remote-0", "remote-1"]

    old = copies.put_back(folder)
    opened = open_attempts(here, whole(old), status(here, whole(old)), FAILED)

    assert opened == ()
    assert states(workspace, folder) == [Accepted("remote-1")]
    submit_unsent(here, workspace.store.open(folder.job_set.set_id), stop=stop)
    assert len(tallying.jobs) == 2
    (job,) = workspace.store.open(folder.job_set.set_id).jobs()
    assert job.attempts[0].state == Finished("remote-0", JobStatus.ERROR, "it broke")


def test_a_copy_from_before_a_job_was_sent_learns_of_all_its_attempts(
    workspace, new_set, tallying, copies, stop
):
    folder = new_set(jobs=2)
    here = on(workspace, tallying)
    copies.keep(folder)
    run(folder, tallying, stop, jobs=[0])
    tallying.finish(JobStatus.ERROR, "it broke")
    open_attempts(here, whole(folder), status(here, whole(folder)), FAILED)
    run(folder, tallying, stop, jobs=[0])

    run(copies.put_back(folder), tallying, stop)

    first, second = workspace.store.open(folder.job_set.set_id).jobs()
    assert [attempt.state for attempt in first.attempts] == [
        Finished("remote-0", JobStatus.ERROR, "why"),
        Accepted("remote-1"),
    ]
    assert second.state == Accepted("remote-2")
    assert len(tallying.jobs) == 3


def test_an_attempt_without_a_job_before_one_that_has_one_was_refused(
    workspace, new_set, tallying, copies, stop
):
    folder = new_set(jobs=1)
    here = on(workspace, tallying)
    copies.keep(folder)
    tallying.script.append(Answer.REFUSE)
    run(folder, tallying, stop)
    open_attempts(here, whole(folder), status(here, whole(folder)), FAILED)
    run(folder, tallying, stop)

    run(copies.put_back(folder), tallying, stop)

    (job,) = workspace.store.open(folder.job_set.set_id).jobs()
    assert [attempt.state for attempt in job.attempts] == [
        Refused("no job carries the tag"),
        Accepted("remote-0"),
    ]


def test_duplicates_are_known_by_their_ids(workspace, new_set, tallying, copies, stop):
    folder = new_set(jobs=1)
    copies.keep(folder)
    tallying.script.append(Answer.ACCEPT_TWICE)
    run(folder, tallying, stop)

    run(copies.put_back(folder), tallying, stop)

    (job,) = workspace.store.open(folder.job_set.set_id).jobs()
    assert (job.state, job.duplicates) == (Accepted("remote-0"), ("remote-1",))


def test_halved_jobs_that_a_copy_does_not_know_stop_it(workspace, new_set, tallying, copies, stop):
    folder = new_set(jobs=1, circuits=4)
    copies.keep(folder)
    tallying.most_circuits = 2
    run(folder, tallying, stop)
    assert len(tallying.jobs) == 2

    old = copies.put_back(folder)
    before = old.state_path.read_bytes()
    with pytest.raises(StateDamaged, match="is an older copy") as caught:
        run(old, tallying, stop)

    assert "put the newest copy back" in caught.value.hint
    assert len(tallying.jobs) == 2
    assert old.state_path.read_bytes() == before


def test_cancel_stops_what_an_older_copy_calls_planned(workspace, new_set, provider, copies, stop):
    folder = new_set(jobs=2)
    copies.keep(folder)
    run(folder, provider, stop, jobs=[0])

    first, second = cancel(on(workspace, provider), whole(copies.put_back(folder)))

    assert (first.job_id, first.outcome, second.outcome) == ("remote-0", "cancelled", "cancelled")
    assert provider.jobs["remote-0"].status is JobStatus.CANCELLED
    assert states(workspace, folder)[1] == Dropped()


def test_what_was_dropped_in_an_older_copy_is_known_by_its_id(
    workspace, new_set, tallying, copies, stop
):
    """The provider could not be asked when it was cancelled."""
    folder = new_set(jobs=2)
    here = on(workspace, tallying)
    copies.keep(folder)
    run(folder, tallying, stop, jobs=[0])
    old = copies.put_back(folder)
    tallying.reachable = False
    cancel(here, whole(old))
    assert states(workspace, folder) == [Dropped(), Dropped()]
    tallying.reachable = True

    again = workspace.store.open(folder.job_set.set_id)
    open_attempts(here, whole(again), status(here, whole(again)), FAILED)
    again.refresh()
    run(again, tallying, stop)

    first, second = workspace.store.open(folder.job_set.set_id).jobs()
    assert first.state == Accepted("remote-0")
    assert second.state == Accepted("remote-1")
    assert len(tallying.jobs) == 2
    # And once more changes nothing.
    run(workspace.store.open(folder.job_set.set_id), tallying, stop)
    assert workspace.store.open(folder.job_set.set_id).jobs() == [first, second]


def test_nothing_is_sent_before_the_provider_could_be_asked(
    workspace, new_set, provider, copies, stop
):
    folder = new_set(jobs=2)
    copies.keep(folder)
    run(folder, provider, stop, jobs=[0])
    provider.reachable = False

    report = run(copies.put_back(folder), provider, stop)

    assert (report.accepted, report.planned) == (0, 2)
    assert "no route to host" in report.problems[0]
    assert len(sent(provider)) == 1


def test_one_that_cannot_search_is_not_asked(workspace, new_set, copies, stop):
    provider = ScriptedProvider(finds=False)
    folder = new_set(jobs=1)
    copies.keep(folder)

    run(copies.put_back(folder), provider, stop)

    assert provider.calls == [f"submit {folder.job_set.tag}-0-1"]


def test_a_call_that_the_provider_knows_without_its_end_is_looked_up(
    workspace, new_set, copies, stop
):
    class Books(Tallying):
        def jobs_of(self, set_tag, *, backend):
            return [interface.RemoteJob("", backend, NOW, JobStatus.UNKNOWN, (f"{set_tag}-0-1",))]

    provider = Books(finds=False)
    folder = new_set(jobs=2)
    copies.keep(folder)

    report = run(copies.put_back(folder), provider, stop)

    assert (report.unknown, report.accepted) == (1, 1)
    assert isinstance(states(workspace, folder)[0], Attempted)
    assert len(provider.jobs) == 1


def test_a_lost_answer_is_left_to_the_look_up_with_its_settle_time(
    workspace, new_set, tallying, stop
):
    tallying.script.append(Answer.DIE_AFTER)
    folder = new_set(jobs=1)
    with pytest.raises(Killed):
        run(folder, tallying, stop)
    tallying.settle_s = 3600

    def give_up(progress):
        if "its answer was lost" in progress.waiting:
            stop.set()

    run(workspace.store.open(folder.job_set.set_id), tallying, stop, progress=give_up)

    assert isinstance(states(workspace, folder)[0], Attempted)


def test_a_job_that_has_lost_its_tag_stops_the_set(workspace, new_set, copies, stop):
    class Careless(Tallying):
        def jobs_of(self, set_tag, *, backend):
            told = super().jobs_of(set_tag, backend=backend)
            return [job._replace(labels=(set_tag,)) for job in told]

    provider = Careless()
    folder = new_set(jobs=2)
    copies.keep(folder)
    run(folder, provider, stop, jobs=[0])
    newest = folder.state_path.read_bytes()

    with pytest.raises(StateDamaged, match="has remote-0 of this set, whose tags do not say"):
        run(copies.put_back(folder), provider, stop)
    assert len(provider.jobs) == 1

    folder.state_path.write_bytes(newest)  # which knows it by its id
    assert run(workspace.store.open(folder.job_set.set_id), provider, stop).accepted == 2


def test_an_earlier_attempt_that_may_run_stops_the_next(workspace, new_set, tallying, stop):
    folder = new_set(jobs=1)
    here = on(workspace, tallying)
    tallying.script.append(Answer.DIE_AFTER)
    with pytest.raises(Killed):
        run(folder, tallying, stop)
    with folder.journal() as journal:  # as `--resend-unknown` does
        journal.append(Fact(0, 2, NOW, FactKind.PLANNED, "resent on request"))

    again = workspace.store.open(folder.job_set.set_id)
    with pytest.raises(StateDamaged, match="remote-0 of attempt 1 may run") as caught:
        run(again, tallying, stop)
    assert len(tallying.jobs) == 1

    address = f"{folder.job_set.set_id}/0"
    assert caught.value.hint == f"qjobs cancel {address}; then: qjobs retry --cancelled {address}"
    cancel(here, whole(workspace.store.open(folder.job_set.set_id)))
    assert tallying.jobs["remote-0"].status is JobStatus.CANCELLED
    submit_unsent(here, workspace.store.open(folder.job_set.set_id), stop=stop)
    assert len(tallying.jobs) == 1
    target = whole(workspace.store.open(folder.job_set.set_id))
    open_attempts(here, target, status(here, target), FAILED)
    submit_unsent(here, workspace.store.open(folder.job_set.set_id), stop=stop)
    assert [job.status.final for job in tallying.jobs.values()] == [True, False]


# Facts that cannot follow


def without(folder, kind, job=0):
    """Take a fact of a job out of the file, as somebody does who edits it."""
    text = checks.without(unfolded(folder))
    head, *facts = text.split("\n[[fact]]\n")
    kept = [
        fact for fact in facts if not (fact.startswith(f"job = {job}\n") and f"{kind} =" in fact)
    ]
    assert len(kept) == len(facts) - 1
    folder.state_path.write_text("\n[[fact]]\n".join([head, *kept]))


def unfolded(folder):
    """The state file as a writer that died left it, with all that happened behind its tables."""
    contents = read_state(folder.state_path).contents
    if contents.facts:
        return folder.state_path.read_text()
    planned = Ledger(folder.job_set.slices).recorded()
    text = assembled(layout.header(folder.job_set), planned).decode()
    for index, (_, (attempt,), *_) in enumerate(contents.recorded.jobs):
        for kind, value, at in (
            (FactKind.ATTEMPTED, folder.job_set.job_tag(index, 1), attempt.attempted),
            (FactKind.ACCEPTED, attempt.job_id, attempt.submitted),
            (FactKind.FINISHED, attempt.status, attempt.finished),
        ):
            if at is not None:
                text += layout.table(Fact(index, 1, at, kind, value)).decode()
    return text


@pytest.mark.parametrize("kind", ["accepted", "finished"])
@pytest.mark.parametrize("finds", [True, False])
def test_an_id_or_an_end_that_cannot_follow_is_evidence_of_a_job(
    workspace, new_set, stop, kind, finds
):
    provider = ScriptedProvider(finds=finds)
    folder = new_set(jobs=2)
    here = on(workspace, provider)
    run(folder, provider, stop, jobs=[0])
    if kind == "finished":
        provider.finish()
        status(here, whole(folder))
        without(folder, "accepted")
    without(folder, "attempted")
    odd = workspace.store.open(folder.job_set.set_id)
    assert any("contradict earlier ones" in warning for warning in odd.warnings)

    if finds:  # the provider settles it
        assert run(odd, provider, stop).accepted == 2
        assert len(provider.jobs) == 2
        return
    with pytest.raises(StateDamaged, match=rf":\d+: job 0 {kind} .* may tell of a job") as caught:
        run(odd, provider, stop)
    assert len(provider.jobs) == 1
    assert states(workspace, folder) == [Planned(), Planned()]

    # What it says to do.
    assert "remove that fact" in caught.value.hint
    line = int(caught.value.message.split(":")[1])
    lines = odd.state_path.read_text().splitlines()
    assert lines[line - 1] == "[[fact]]"
    without(odd, kind)
    assert run(workspace.store.open(folder.job_set.set_id), provider, stop).accepted == 2


def test_an_id_that_nobody_knows_stops_the_set(workspace, new_set, tallying, stop):
    folder = new_set(jobs=2)
    with folder.journal() as journal:
        journal.append(Fact(0, 1, NOW, FactKind.ATTEMPTED, folder.job_set.job_tag(0, 1)))
        journal.append(Fact(0, 1, NOW, FactKind.ACCEPTED, "gone-for-good"))
    without(folder, "attempted")

    with pytest.raises(StateDamaged, match="'gone-for-good' cannot follow"):
        run(workspace.store.open(folder.job_set.set_id), tallying, stop)

    assert tallying.jobs == {}


def test_a_fact_of_a_kind_from_the_future_stops_the_set(workspace, new_set, tallying, stop):
    folder = new_set(jobs=1)
    with folder.state_path.open("a") as file:
        file.write(
            f"\n[[fact]]\njob = 0\nattempt = 1\nat = {NOW:%Y-%m-%dT%H:%M:%SZ}\nattempred = ''\n"
        )

    line = folder.state_path.read_text().splitlines().index("[[fact]]") + 1
    with pytest.raises(StateDamaged, match=rf":{line}: 1 facts are of kinds unknown to this qjobs"):
        run(workspace.store.open(folder.job_set.set_id), tallying, stop)

    assert tallying.jobs == {}


def test_an_attempt_with_the_tag_of_another_is_not_looked_for(workspace, new_set, tallying, stop):
    tallying.script.append(Answer.DIE_AFTER)
    folder = new_set(jobs=1)
    with pytest.raises(Killed):
        run(folder, tallying, stop)
    text = checks.without(folder.state_path.read_text())
    folder.state_path.write_text(text.replace("-0-1", "-0-7"))

    with pytest.raises(StateDamaged, match="attempted 'qj-000000000001-0-7'"):
        run(workspace.store.open(folder.job_set.set_id), tallying, stop)

    assert len(tallying.jobs) == 1
