"""A job set is pieced together from the labels of its jobs: no id is lost, nothing is made up."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.scripted import RemoteJob as ScriptedJob
from support.scripted import ScriptedProvider, whole

from qjobs.contract import RemoteJob
from qjobs.engine.cancel import cancel
from qjobs.engine.recover import Outcome, RecoverRequest, Recovery
from qjobs.engine.recover import recover as recover_sets
from qjobs.engine.report import State, report_jobs
from qjobs.engine.result import fetch, rows
from qjobs.engine.retry import open_attempts
from qjobs.engine.set.notes import read_note, write_note
from qjobs.engine.status import status
from qjobs.engine.submit import submit_unsent
from qjobs.engine.workspace import Workspace
from qjobs.errors import InputError, NotFound, StateUnwritable, UsageError
from qjobs.facts import Fact, FactKind
from qjobs.ledger import Ledger
from qjobs.model import Accepted, Destination, Finished, Job, JobSet, JobStatus, RunOptions, Slice
from qjobs.store.sets import Store

SET_ID = "0123456789ab"
TAG = f"qj-{SET_ID}"
NOW = datetime(2026, 11, 22, tzinfo=UTC)


@dataclass
class Lists(ScriptedProvider):
    """A provider that lists jobs with whatever labels they are given."""

    listed: list[RemoteJob] = field(default_factory=list)
    number: "count[int]" = field(default_factory=count)

    def labelled(self, *, backend: str, set_tag: str = "") -> Sequence[RemoteJob]:
        return [
            job
            for job in self.listed
            if backend in ("", job.backend) and (not set_tag or set_tag in job.labels)
        ]

    def add(
        self, *labels: str, status: JobStatus = JobStatus.QUEUED, backend: str = "device"
    ) -> str:
        number = next(self.number)
        job_id = f"remote-{number}"
        created = NOW + timedelta(seconds=number)
        self.listed.append(RemoteJob(job_id, backend, created, status, labels, "it says why"))
        return job_id

    def add_job(
        self, index: int, attempt: int = 1, *,
        plan: JobSet | None = None, part: Slice | None = None,
        status: JobStatus = JobStatus.QUEUED,
    ) -> str:  # fmt: skip
        """One as `submit` labels it."""
        plan = plan or planned()
        note = write_note(plan, part or plan.slices[index])
        return self.add(plan.job_tag(index, attempt), plan.tag, note, status=status)


def planned(*sizes: int, **more: object) -> JobSet:
    """The set that is lost, with jobs of these sizes."""
    slices, start = [], 0
    for size in sizes or (4, 4, 4, 2):
        slices.append(Slice(start, size))
        start += size
    return JobSet(
        set_id=SET_ID, name="lost", created=NOW, provider="scripted", backend="device",
        circuits=start, slices=tuple(slices), options=RunOptions(shots=100), **more,  # type: ignore[arg-type]  # for some tests
    )  # fmt: skip


@pytest.fixture
def provider() -> Lists:
    return Lists()


@pytest.fixture
def recover(workspace: Workspace) -> Callable[..., Recovery]:
    """Recover the one set."""

    def recover(*set_ids: str, **more: bool) -> Recovery:
        (recovery,) = recover_sets(
            workspace, RecoverRequest(Destination("scripted"), set_ids=set_ids, **more)  # type: ignore[arg-type]  # only dry_run
        )  # fmt: skip
        return recovery

    return recover


def jobs_of(workspace: Workspace) -> list[Job]:
    folder = workspace.store.open(SET_ID)
    assert folder.warnings == ()  # as it would say of facts that contradict each other
    return folder.jobs()


# A whole set


def test_a_set_whose_jobs_are_all_there_is_as_it_was(workspace, provider, recover):
    ids = [provider.add_job(index) for index in (2, 0, 3, 1)]

    recovery = recover()

    assert recovery == Recovery(SET_ID, "device", Outcome.RECOVERED, 14, 4, 4)
    job_set = workspace.store.open(SET_ID).job_set
    assert (job_set.slices, job_set.options) == (planned().slices, planned().options)
    assert (job_set.provider, job_set.backend) == ("scripted", "device")
    assert (job_set.name, job_set.created, job_set.recovered) == ("", NOW, True)
    states = [job.state for job in jobs_of(workspace)]
    assert states == [Accepted(ids[at]) for at in (1, 3, 0, 2)]


def test_what_was_asked_for_is_recovered_too(workspace, provider, recover):
    plan = planned(6, 6, parameters=("a", "b"), bindings=3, observables=2)
    provider.add_job(0, plan=plan)
    recover()
    job_set = workspace.store.open(SET_ID).job_set
    assert job_set.parameters == ("parameter-0", "parameter-1")
    assert (job_set.bindings, job_set.observables, job_set.circuits) == (3, 2, 12)


def test_a_second_time_changes_nothing(workspace, provider, recover, tmp_path):
    provider.add_job(0)
    recover()
    provider.add_job(1)
    state = tmp_path / "home" / "sets" / SET_ID / "state.toml"
    before = state.read_bytes()
    assert recover().outcome is Outcome.PRESENT
    assert recover(SET_ID).outcome is Outcome.PRESENT
    assert state.read_bytes() == before


def test_a_dry_run_tells_the_same_and_writes_nothing(provider, recover, tmp_path):
    provider.add_job(0)
    dry = recover(dry_run=True)
    assert dry.outcome is Outcome.MISSING
    assert not (tmp_path / "home").exists()
    assert recover()._replace(outcome=Outcome.MISSING) == dry


def test_status_asks_how_the_jobs_are_by_now(workspace, provider, recover):
    job_id = provider.add_job(0, plan=planned(3), status=JobStatus.ERROR)
    recover()
    provider.jobs = {job_id: type("Job", (), {"status": JobStatus.ERROR, "message": "too hot"})}
    (job,) = status(workspace, whole(workspace.store.open(SET_ID))).jobs
    assert (job.state, job.message) == (State.ERROR, "too hot")


# Jobs that are missing, or too many


def test_missing_jobs_are_planned_and_have_their_own_slices(workspace, provider, recover):
    provider.add_job(1)
    recovery = recover()
    assert (recovery.found, recovery.jobs) == (1, 4)
    assert "3 of 4 slices" in recovery.problems[0]
    jobs = jobs_of(workspace)
    assert [job.slice for job in jobs] == list(planned().slices)
    shown = [job.state for job in report_jobs(jobs, None)]
    assert shown == [State.PLANNED, State.QUEUED, State.PLANNED, State.PLANNED]


def test_duplicates_are_kept_and_one_that_did_not_fail_is_adopted(workspace, provider, recover):
    cancelled = provider.add_job(0, plan=planned(1), status=JobStatus.CANCELLED)
    first, second = (provider.add_job(0, plan=planned(1)) for _ in range(2))
    assert recover().duplicates == 2
    (job,) = jobs_of(workspace)
    assert job.state == Accepted(first)
    assert job.attempt.duplicates == (second, cancelled)


def test_earlier_attempts_are_kept_with_how_they_ended(workspace, provider, recover):
    plan = planned(1)
    failed = provider.add_job(0, 2, plan=plan, status=JobStatus.ERROR)
    newest = provider.add_job(0, 4, plan=plan)
    recover()
    (job,) = jobs_of(workspace)
    assert [attempt.number for attempt in job.attempts] == [1, 2, 3, 4]
    assert job.attempts[1].state == Finished(failed, JobStatus.ERROR, "it says why")
    assert job.state == Accepted(newest)


def test_an_earlier_attempt_may_still_be_alive(workspace, provider, recover):
    alive, newest = (provider.add_job(0, attempt, plan=planned(1)) for attempt in (1, 2))
    recover()
    (job,) = jobs_of(workspace)
    assert [attempt.state for attempt in job.attempts] == [Accepted(alive), Accepted(newest)]


def test_a_set_with_halved_jobs_is_numbered_by_its_circuits(workspace, provider, recover):
    plan = planned(4, 4)
    ids = [
        provider.add_job(0, 2, plan=plan, part=Slice(0, 2)),
        provider.add_job(2, plan=plan, part=Slice(2, 2)),
        provider.add_job(1, plan=plan),
    ]
    recovery = recover()
    assert "numbered anew" in recovery.problems[0]
    jobs = jobs_of(workspace)
    assert [job.slice for job in jobs] == [Slice(0, 2), Slice(2, 2), Slice(4, 4)]
    assert [job.state for job in jobs] == [Accepted(job_id) for job_id in ids]


def test_a_job_that_was_halved_after_it_failed_gives_way_to_its_half(workspace, provider, recover):
    plan = planned(4)
    provider.add_job(0, 1, plan=plan, status=JobStatus.ERROR)
    half = provider.add_job(1, plan=plan, part=Slice(2, 2))
    recover()
    jobs = jobs_of(workspace)
    assert [job.slice for job in jobs] == [Slice(0, 2), Slice(2, 2)]
    assert jobs[1].state == Accepted(half)


# Labels that say nothing, or something else


def test_foreign_jobs_are_ignored(provider, recover):
    provider.add("qj-", "qj-zz", "mine", "qj1.c1", "")
    provider.add()
    provider.add_job(0)
    (problem,) = recover().problems
    assert "3 of 4 slices" in problem


@pytest.mark.parametrize(
    "tag", [f"{TAG}-x-1", f"{TAG}-0", f"{TAG}-0-0", "qj-ffff-0-1", f"{TAG}-0-1000"]
)
def test_a_job_whose_tag_was_changed_is_named_and_left_out(workspace, provider, recover, tag):
    provider.add_job(1)
    job_id = provider.add(tag, TAG, write_note(planned(), Slice(0, 4)))
    recovery = recover(SET_ID)
    assert job_id in recovery.problems[0]
    assert repr(tag) in recovery.problems[0]
    assert recovery.found == 1


def test_a_job_whose_note_was_changed_keeps_the_place_between_the_others(
    workspace, provider, recover
):
    provider.add_job(0)
    changed = write_note(planned(), Slice(4, 4)).replace(".s4.", ".s5.")
    job_id = provider.add(f"{TAG}-1-1", TAG, changed)
    provider.add_job(2)
    recovery = recover()
    assert job_id in recovery.problems[0]
    assert changed in recovery.problems[0]
    job = jobs_of(workspace)[1]
    assert (job.slice, job.state) == (Slice(4, 4), Accepted(job_id))


def test_a_job_that_has_no_place_is_named(provider, recover):
    job_ids = [provider.add_job(0), provider.add(f"{TAG}-9-1", TAG)]
    provider.add_job(1, part=Slice(0, 2))
    recovery = recover()
    assert any(job_ids[1] in problem and "no place" in problem for problem in recovery.problems)


def test_a_set_without_a_readable_note_is_named_and_not_made(workspace, provider, recover):
    job_id = provider.add(f"{TAG}-0-1", TAG)
    recovery = recover()
    assert recovery.outcome is Outcome.UNREADABLE
    assert job_id in recovery.problems[0]
    assert not workspace.store.has(SET_ID)


def test_a_job_on_another_backend_is_named_and_left_out(workspace, provider, recover):
    ids = [provider.add_job(index) for index in (0, 1)]
    provider.add(*provider.listed[0].labels, backend="elsewhere")
    assert "elsewhere" in recover().problems[0]
    assert [job.state for job in jobs_of(workspace)[:2]] == [Accepted(job_id) for job_id in ids]


# What cannot be


def test_a_set_that_nobody_has_is_not_found_after_the_others(workspace, provider):
    provider.add_job(0)
    request = RecoverRequest(Destination("scripted"), set_ids=["ffffffffffff", SET_ID])
    with pytest.raises(NotFound, match="ffffffffffff"):
        list(recover_sets(workspace, request))
    assert workspace.store.has(SET_ID)


def test_half_an_id_is_refused_before_anybody_is_asked(workspace):
    with pytest.raises(UsageError, match="not the id"):
        list(recover_sets(workspace, RecoverRequest(Destination("scripted"), set_ids=["../x"])))


def test_a_provider_that_keeps_no_labels_says_so(workspace):
    mute = workspace._replace(load_provider=lambda _name: ScriptedProvider())
    with pytest.raises(UsageError, match="keeps no labels"):
        list(recover_sets(mute, RecoverRequest(Destination("scripted"))))


def test_what_is_left_of_a_folder_is_not_overwritten(provider, recover, tmp_path):
    folder = tmp_path / "home" / "sets" / SET_ID
    folder.mkdir(parents=True)
    (folder / "circuits.qpy").write_bytes(b"precious")
    provider.add_job(0)
    with pytest.raises(StateUnwritable, match=SET_ID):
        recover()
    assert (folder / "circuits.qpy").read_bytes() == b"precious"


def test_nothing_of_a_recovered_set_can_be_sent(workspace, provider, recover):
    provider.add_job(0)
    recover()
    folder = workspace.store.open(SET_ID)
    before = folder.jobs()
    with pytest.raises(InputError, match="are gone"):
        submit_unsent(workspace, folder, stop=threading.Event())
    report = status(workspace, whole(folder), cached=True)
    with pytest.raises(InputError, match="are gone"):
        open_attempts(workspace, whole(folder), report, [State.QUEUED])
    assert folder.jobs() == before
    assert provider.calls == []


# Notes


def test_a_note_is_short_and_says_what_it_was_told():
    plan = planned(50_000, 50_000, parameters=("a",), bindings=10, observables=9)
    note = write_note(plan, plan.slices[1])
    assert len(note) < 80
    read = read_note(note, set_tag=plan.tag)
    assert read.slice == Slice(50_000, 50_000)
    assert (read.outline.circuits, read.outline.jobs, read.outline.shots) == (100_000, 2, 100)


@given(st.text("0123456789abcdef", min_size=64, max_size=64))
def test_a_note_has_the_beginning_of_the_fingerprint(fingerprint):
    plan = planned(fingerprint=fingerprint)
    note = write_note(plan, plan.slices[1])
    assert len(note) < 80
    read = read_note(note, set_tag=plan.tag).outline
    assert read.fingerprint == fingerprint[:14]
    assert (
        read._replace(fingerprint="")
        == read_note(write_note(planned(), plan.slices[1]), set_tag=plan.tag).outline
    )


def test_a_note_without_room_for_the_fingerprint_has_the_rest():
    most = 10**9
    plan = planned(
        most, most, parameters=("a",) * 10_000, bindings=1_000_000,
        fingerprint=64 * "f",
    )  # fmt: skip
    read = read_note(write_note(plan, plan.slices[1]), set_tag=plan.tag)
    assert (read.slice, read.outline.fingerprint) == (plan.slices[1], "")


def test_a_set_that_comes_back_is_known_by_what_it_was_made_of(workspace, provider, recover):
    fingerprint = 8 * "0badcafe"
    plan = planned(fingerprint=fingerprint)
    for index in range(4):
        provider.add_job(index, plan=plan)
    recover()

    found = workspace.store.find_fingerprint(fingerprint)

    assert found is not None
    assert found.job_set.set_id == SET_ID
    assert workspace.store.find_fingerprint(8 * "0badcaff") is None


def test_sets_of_others_are_left_alone_and_a_set_of_several_people_is_marked(
    workspace, provider, recover
):
    for index in range(4):
        provider.add_job(index)
    provider.listed = [job._replace(owner="she") for job in provider.listed]
    ids = [job.job_id for job in provider.listed]
    provider.jobs = {job_id: ScriptedJob(job_id, "", 4, 100) for job_id in ids}
    found = recover()
    assert found.outcome is Outcome.FOREIGN
    assert not workspace.store.has(SET_ID)

    provider.listed[0] = provider.listed[0]._replace(owner="")
    found = recover()
    folder = workspace.store.open(SET_ID)

    assert found.outcome is Outcome.RECOVERED
    assert folder.job_set.owner == "she"
    with pytest.raises(UsageError, match="she"):
        cancel(workspace, whole(folder))
    assert provider.calls == []
    cancel(workspace, whole(folder), others=True)
    assert provider.calls


@given(st.data())
def test_a_note_with_any_change_is_not_read(data):
    note = write_note(planned(), planned().slices[1])
    at = data.draw(st.integers(0, len(note) - 1))
    sign = data.draw(st.sampled_from("0123456789abcxnsjk.") | st.characters())
    changed = note[:at] + sign + note[at + 1 :]
    if changed == note:
        return
    with pytest.raises(ValueError, match="qjobs wrote"):
        read_note(changed, set_tag=TAG)
    with pytest.raises(ValueError, match="qjobs wrote"):
        read_note(note[:at], set_tag=TAG)
    with pytest.raises(ValueError, match="qjobs wrote"):
        read_note(note, set_tag="qj-ffff")


# Any set, in any condition


class Past:
    """What might have happened to a set: the jobs that a provider has of it, and their truth."""

    def __init__(self, draw: Callable[..., int]) -> None:
        self.plan = planned(*(draw(1, 5) for _ in range(draw(1, 5))))
        self.ledger = Ledger(self.plan.slices)
        self.provider = Lists()
        self.truth: dict[str, Slice] = {}
        self.halved = False
        index = 0
        while index < len(self.ledger.slices):
            self._happen(index, draw)
            index += 1

    def _happen(self, index: int, draw: Callable[..., int]) -> None:
        for _ in range(draw(0, 3)):
            job = self.ledger.job(index)
            number = job.attempt.number

            def tell(kind: FactKind, value: str, number: int = number) -> bool:
                return self.ledger.admit(Fact(index, number, NOW, kind, value))

            tell(FactKind.ATTEMPTED, self.plan.job_tag(index, number))
            what = draw(0, 3)
            if what == 0:
                tell(FactKind.REFUSED, "no")
            elif what == 1 and tell(FactKind.SPLIT, str(job.slice.experiments_count // 2)):
                self.halved = True
                continue
            else:
                for _ in range(draw(1, 2)):
                    job_id = self.provider.add_job(
                        index, number, plan=self.plan, part=job.slice, status=JobStatus.ERROR
                    )
                    tell(FactKind.ACCEPTED, job_id)
                    self.truth[job_id] = job.slice
                tell(FactKind.FINISHED, "ERROR")
            self.ledger.admit(Fact(index, number + 1, NOW, FactKind.PLANNED, "retry"))


@st.composite
def pasts(draw: st.DrawFn) -> Past:
    return Past(lambda first, last: draw(st.integers(first, last)))


@given(pasts())
def test_no_id_is_lost_whatever_has_happened(tmp_path_factory, past: Past):
    store = Store(tmp_path_factory.mktemp("home"), clock=lambda: NOW)
    workspace = Workspace(store, lambda _name: past.provider, lambda: NOW, lambda: SET_ID)
    recoveries = list(recover_sets(workspace, RecoverRequest(Destination("scripted"))))
    if not past.truth:
        assert recoveries == []
        return
    jobs = jobs_of(workspace)
    found = [
        job_id
        for job in jobs
        for attempt in job.attempts
        for job_id in (getattr(attempt.state, "job_id", ""), *attempt.duplicates)
        if job_id
    ]
    assert sorted(found) == sorted(past.truth)
    assert [recovery.found for recovery in recoveries] == [len(job_indices(past))]
    # What a job's newest attempt measures is what its slice says.
    for job in jobs:
        if not isinstance(job.state, Accepted | Finished):
            continue
        truth = past.truth[job.state.job_id]
        assert truth.start_index == job.slice.start_index
        if not past.halved:
            assert truth == job.slice
            assert job.index == int(tag_of(past, job.state.job_id).split("-")[2])


def job_indices(past: Past) -> set[str]:
    return {tag_of(past, job_id).split("-")[2] for job_id in past.truth}


def tag_of(past: Past, job_id: str) -> str:
    return next(job.labels[0] for job in past.provider.listed if job.job_id == job_id)


def test_the_folder_of_a_recovered_set_is_as_private_as_any(provider, recover, tmp_path):
    provider.add_job(0)
    recover()
    folder: Path = tmp_path / "home" / "sets" / SET_ID
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_a_set_keeps_the_numbers_of_its_circuits(workspace, provider, recover):
    plan = replace(planned(4, 3), start_index=10, slices=(Slice(10, 4), Slice(14, 3)), program="ab")
    done = JobStatus.DONE
    provider.add_job(0, plan=plan, status=done)
    provider.add_job(2, plan=plan, part=Slice(11, 2), status=done)
    recover()
    job_set = workspace.store.open(SET_ID).job_set
    assert (job_set.start_index, job_set.slices) == (10, plan.slices)
    assert [job.slice for job in jobs_of(workspace)] == [*plan.slices, Slice(11, 2)]
    assert workspace.store.open(SET_ID).parts[0] == (Slice(10, 1), Slice(13, 1))


@pytest.mark.parametrize("gone", [None, 3])
def test_jobs_of_failed_circuits_stand_beside_those_that_they_came_from(
    workspace, provider, recover, gone
):
    """Jobs 2 and 3 have circuits that failed in 0, and 4 one that failed in 2 again."""
    plan = planned(4, 3)
    parts = [*plan.slices, Slice(0, 2), Slice(3, 1), Slice(1, 1)]
    ids = {
        index: provider.add_job(index, plan=plan, part=part, status=JobStatus.DONE)
        for index, part in enumerate(parts)
        if index != gone
    }
    recovery = recover()

    assert (recovery.jobs, recovery.found) == (len(ids), len(ids))
    assert bool(recovery.problems) is (gone is not None)
    jobs = jobs_of(workspace)
    assert [job.slice for job in jobs] == [parts[index] for index in ids]
    assert [job.state.job_id for job in jobs] == [*ids.values()]
    own = workspace.store.open(SET_ID).parts
    assert own[0] == ((Slice(2, 1),) if gone is None else (Slice(2, 2),))
    assert own[2] == (Slice(0, 1),)
    provider.jobs |= {
        job_id: ScriptedJob(job_id, "", parts[index].experiments_count, 100, JobStatus.DONE,
                            start_index=parts[index].start_index)
        for index, job_id in ids.items()
    }  # fmt: skip
    target = whole(workspace.store.open(SET_ID))
    report = status(workspace, target)
    assert fetch(workspace, target.folder, report.jobs, stop=threading.Event()) == ()
    assert [row.counts for row in rows(target, report)] == [
        {format(index, "08b"): 100} for index in range(7)
    ]
