"""Facts add up to the state of a job, and no history can be that must not."""

from collections import defaultdict
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qjobs.facts import Fact, FactKind
from qjobs.ledger import Ledger
from qjobs.model import (
    Accepted,
    Attempted,
    Dropped,
    Failed,
    Finished,
    Job,
    JobState,
    JobStatus,
    Planned,
    Refused,
    Session,
    Slice,
)

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SLICES = (Slice(0, 3), Slice(3, 3))
VALUES = {
    FactKind.ATTEMPTED: "tag",
    FactKind.ACCEPTED: "id",
    FactKind.DUPLICATE: "id2",
    FactKind.FINISHED: "ERROR",
    FactKind.SPLIT: "1",
}


def fact(kind: FactKind, value: str = "", *, attempt: int = 1, job: int = 0) -> Fact:
    return Fact(job, attempt, NOON, kind, value or VALUES.get(kind, "because"), "more")


def after(*kinds: FactKind) -> Ledger:
    ledger = Ledger(SLICES)
    for kind in kinds:
        assert ledger.admit(fact(kind)), kind
    return ledger


A, F, W = FactKind.ATTEMPTED, FactKind.FINISHED, FactKind.WITHDRAWN
HISTORIES: dict[tuple[FactKind, ...], JobState] = {
    (): Planned(),
    (FactKind.DROPPED,): Dropped(),
    (A,): Attempted("tag", NOON),
    (A, FactKind.LOST): Attempted("tag", NOON, "because"),
    (A, FactKind.LOST, FactKind.DEFERRED): Planned(),
    (A, FactKind.LOST, FactKind.DEFERRED, A): Attempted("tag", NOON),
    (A, FactKind.LOST, FactKind.ACCEPTED): Accepted("id"),
    (A, FactKind.DEFERRED): Planned(),
    (A, FactKind.DEFERRED, A): Attempted("tag", NOON),
    (A, W): Attempted("tag", NOON),
    (A, W, FactKind.DEFERRED): Dropped(),
    (A, W, FactKind.DEFERRED, FactKind.DROPPED): Dropped(),
    (A, W, FactKind.REFUSED): Refused("because"),
    (A, W, FactKind.ACCEPTED): Accepted("id"),
    (A, FactKind.ABANDONED): Dropped("tag"),
    (A, FactKind.ABANDONED, FactKind.ACCEPTED): Accepted("id"),
    (A, FactKind.REFUSED): Refused("because"),
    (A, FactKind.REFUSED, FactKind.ACCEPTED): Accepted("id"),
    (A, FactKind.REFUSED, FactKind.SPLIT): Planned(),
    (A, FactKind.ACCEPTED): Accepted("id"),
    (A, FactKind.ACCEPTED, FactKind.DUPLICATE): Accepted("id"),
    (A, FactKind.ACCEPTED, F): Finished("id", JobStatus.ERROR, "more"),
    (A, FactKind.ACCEPTED, F, FactKind.DUPLICATE): Finished("id", JobStatus.ERROR, "more"),
}
FOLLOWERS: dict[tuple[FactKind, ...], set[FactKind]] = {
    (): {A, FactKind.DROPPED, FactKind.SPLIT},
    (FactKind.DROPPED,): set(),
    (A,): {
        FactKind.LOST,
        FactKind.DEFERRED,
        FactKind.REFUSED,
        FactKind.ACCEPTED,
        FactKind.WITHDRAWN,
        FactKind.ABANDONED,
    },
    (A, FactKind.LOST): {
        FactKind.DEFERRED,
        FactKind.REFUSED,
        FactKind.ACCEPTED,
        FactKind.WITHDRAWN,
        FactKind.ABANDONED,
    },
    (A, W): {
        FactKind.LOST,
        FactKind.DEFERRED,
        FactKind.REFUSED,
        FactKind.ACCEPTED,
        FactKind.ABANDONED,
    },
    (A, W, FactKind.DEFERRED): {FactKind.DROPPED},
    (A, W, FactKind.REFUSED): {FactKind.ACCEPTED},
    (A, W, FactKind.ACCEPTED): {FactKind.STARTED, FactKind.FINISHED, FactKind.DUPLICATE},
    (A, FactKind.ABANDONED): {FactKind.ACCEPTED},
    (A, FactKind.DEFERRED): {A, FactKind.DROPPED, FactKind.SPLIT},
    (A, FactKind.REFUSED): {FactKind.ACCEPTED, FactKind.SPLIT},
    (A, FactKind.REFUSED, FactKind.SPLIT): {FactKind.ACCEPTED},
    (A, FactKind.ACCEPTED): {FactKind.STARTED, FactKind.FINISHED, FactKind.DUPLICATE},
    (A, FactKind.ACCEPTED, F): {FactKind.STARTED, FactKind.DUPLICATE},
}


@pytest.mark.parametrize(("kinds", "state"), HISTORIES.items(), ids=str)
def test_a_history_leads_to_a_state(kinds: tuple[FactKind, ...], state: JobState) -> None:
    assert after(*kinds).job(0).state == state


@pytest.mark.parametrize(
    ("kinds", "followers"), FOLLOWERS.items(), ids=["-".join(kinds) for kinds in FOLLOWERS]
)
def test_nothing_else_may_follow(kinds: tuple[FactKind, ...], followers: set[FactKind]) -> None:
    for kind in FactKind:
        if kind not in (FactKind.PLANNED, FactKind.OPENED):
            ledger = after(*kinds)
            before = ledger.jobs()
            assert ledger.admit(fact(kind)) == (kind in followers), kind
            assert (ledger.jobs() != before) <= (kind in followers)


@pytest.mark.parametrize("kinds", FOLLOWERS, ids="-".join)
def test_a_session_is_opened_once_and_closed_once_whatever_became_of_the_jobs(
    kinds: tuple[FactKind, ...],
) -> None:
    ledger = after(*kinds)
    before = ledger.jobs()
    assert not ledger.admit(fact(FactKind.CLOSED, "s-1"))
    for kind in (FactKind.OPENED, FactKind.CLOSED):
        assert ledger.admit(fact(kind, "s-1"))
        assert not ledger.admit(fact(FactKind.OPENED, "s-1"))
    assert not ledger.admit(fact(FactKind.CLOSED, "s-1"))
    assert ledger.admit(fact(FactKind.OPENED, "s-2"))
    assert ledger.sessions == (Session("s-1", NOON, NOON), Session("s-2", NOON))
    assert ledger.jobs() == before


def test_a_second_id_is_kept_as_a_duplicate_once() -> None:
    ledger = after(A, FactKind.ACCEPTED)
    assert ledger.admit(fact(FactKind.ACCEPTED, "second"))
    assert not ledger.admit(fact(FactKind.ACCEPTED, "second"))
    assert not ledger.admit(fact(FactKind.DUPLICATE, "id"))
    assert ledger.job(0).state == Accepted("id")
    assert ledger.job(0).attempt.duplicates == ("second",)


@pytest.mark.parametrize(
    ("kinds", "allowed"),
    [
        ((), False),
        ((A,), True),  # a resend on request: whoever opens it has seen that nobody can tell
        ((A, FactKind.ACCEPTED), False),
        ((A, FactKind.REFUSED), True),
        ((A, FactKind.ACCEPTED, F), True),
        ((FactKind.DROPPED,), True),
    ],
)
def test_a_further_attempt_never_stands_beside_a_live_one(
    kinds: tuple[FactKind, ...], allowed: bool
) -> None:
    ledger = after(*kinds)
    assert ledger.admit(fact(FactKind.PLANNED, attempt=2)) == allowed
    assert not ledger.admit(fact(FactKind.PLANNED, attempt=4))
    assert len(ledger.job(0).attempts) == 1 + allowed


def test_a_late_answer_to_an_earlier_attempt_is_kept() -> None:
    ledger = after(A, FactKind.REFUSED)
    assert ledger.admit(fact(FactKind.PLANNED, attempt=2))
    assert ledger.admit(fact(FactKind.ACCEPTED, "late"))
    assert [attempt.state for attempt in ledger.job(0).attempts] == [Accepted("late"), Planned()]


@pytest.mark.parametrize(("job", "attempt"), [(-1, 1), (2, 1), (0, 0), (0, -1), (0, 2)])
def test_a_fact_of_no_job_and_no_attempt_cannot_happen(job: int, attempt: int) -> None:
    assert not Ledger(SLICES).admit(fact(A, job=job, attempt=attempt))


def test_a_job_does_not_finish_with_a_status_that_is_not_final() -> None:
    ledger = after(A, FactKind.ACCEPTED)
    assert not ledger.admit(fact(F, "RUNNING"))
    assert not ledger.admit(fact(F, "nonsense"))
    assert ledger.job(0).state == Accepted("id")


def test_a_split_leaves_the_first_circuits_and_gives_the_others_to_a_new_job() -> None:
    ledger = after(A, FactKind.REFUSED)
    assert ledger.admit(fact(FactKind.SPLIT, "2"))

    first, second, third = ledger.jobs()
    assert (first.slice, third.slice) == (Slice(0, 2), Slice(2, 1))
    assert [attempt.state for attempt in first.attempts] == [Refused("because"), Planned()]
    assert third == Job(2, Slice(2, 1))
    assert second.slice == SLICES[1]
    assert [ledger.job_of(circuit).index for circuit in range(6)] == [0, 0, 2, 1, 1, 1]


def test_a_new_job_is_one_like_all_others_and_can_be_split_again() -> None:
    ledger = Ledger((Slice(0, 4),))
    history = [(0, FactKind.SPLIT, "1"), (1, FactKind.SPLIT, "2")]
    for job, kind, value in history:
        assert ledger.admit(fact(A, job=job))
        assert ledger.admit(fact(FactKind.REFUSED, job=job))
        assert ledger.admit(fact(kind, value, job=job))
    assert [job.slice for job in ledger.jobs()] == [Slice(0, 1), Slice(1, 2), Slice(3, 1)]


@pytest.mark.parametrize("value", ["0", "3", "4", "-1", "01", "1.0", "\u0661", "x", "9" * 5000])
def test_a_split_that_leaves_nothing_for_one_of_the_two_is_none(value: str) -> None:
    ledger = after(A, FactKind.REFUSED)
    assert not ledger.admit(fact(FactKind.SPLIT, value))
    assert len(ledger.jobs()) == 2


def test_only_the_newest_attempt_is_split_and_only_the_newest_is_put_off() -> None:
    ledger = after(A)
    assert ledger.admit(fact(FactKind.PLANNED, attempt=2))
    assert not ledger.admit(fact(FactKind.DEFERRED))
    assert ledger.admit(fact(FactKind.REFUSED))
    assert not ledger.admit(fact(FactKind.SPLIT))


facts = st.builds(
    Fact,
    st.integers(0, 3),
    st.integers(1, 3),
    st.just(NOON),
    st.sampled_from(FactKind),
    st.sampled_from(["DONE", "ERROR", "x", "y", "", "1", "2"]),
)


def ids(job: Job) -> set[str]:
    found = set()
    for attempt in job.attempts:
        found.update(attempt.duplicates)
        match attempt.state:
            case Accepted(job_id) | Finished(job_id):
                found.add(job_id)
    return found


@given(st.lists(facts, max_size=40))
def test_no_id_that_was_admitted_is_ever_lost(history: list[Fact]) -> None:
    ledger = Ledger(SLICES)
    kept: dict[int, set[str]] = defaultdict(set)
    for one in history:
        if ledger.admit(one) and one.kind in (FactKind.ACCEPTED, FactKind.DUPLICATE):
            kept[one.job].add(one.value)
    for job in ledger.jobs():
        assert ids(job) == kept[job.index]
        live = [attempt for attempt in job.attempts[:-1] if isinstance(attempt.state, Planned)]
        assert live == []  # only the newest attempt may still be sent


@given(st.lists(facts, max_size=40))
def test_each_circuit_is_in_exactly_one_job_whatever_is_split(history: list[Fact]) -> None:
    parts = Ledger(SLICES, history).slices
    found = [index for part in parts for index in range(part.start_index, part.end_index + 1)]
    assert sorted(found) == list(range(6))


@given(st.lists(facts, max_size=40))
def test_what_was_left_out_once_changes_nothing(history: list[Fact]) -> None:
    ledger = Ledger(SLICES)
    admitted = [one for one in history if ledger.admit(one)]
    again = Ledger(SLICES)
    assert all(again.admit(one) for one in admitted)
    assert again.jobs() == ledger.jobs() == Ledger(SLICES, history).jobs()


def done_with(*failed: str, told: str = "why") -> Ledger:
    """A job 0 of circuits 0-2 that is DONE, after these facts of its failed circuits."""
    ledger = after(A, FactKind.ACCEPTED)
    assert ledger.admit(fact(F, "DONE"))
    for value in failed:
        assert ledger.admit(Fact(0, 1, NOON, FactKind.FAILED, value, told)), value
    return ledger


def test_failed_circuits_are_known_when_the_last_piece_is() -> None:
    assert done_with().job(0).attempt.failed is None
    assert done_with("").job(0).attempt.failed == Failed()
    assert done_with("0,").job(0).attempt.failed is None
    assert done_with("0,", "0,", "2").job(0).attempt.failed == Failed(
        (Slice(0, 1), Slice(2, 1)), "why"
    )


def test_failed_circuits_may_be_told_before_the_end_and_of_no_job_that_gave_nothing() -> None:
    ledger = after(A, FactKind.ACCEPTED)
    assert ledger.admit(fact(FactKind.FAILED, "1"))
    assert ledger.admit(fact(F, "DONE"))
    assert ledger.job(0).attempt.failed == Failed((Slice(1, 1),), "more")
    assert not after(A, FactKind.ACCEPTED, F).admit(fact(FactKind.FAILED, "1"))


@pytest.mark.parametrize("value", ["3", "0-3", "nonsense", "1-0", "0-1"])
def test_failed_circuits_that_cannot_be_or_are_known_are_left_out(value: str) -> None:
    ledger = done_with("0-1")
    assert not ledger.admit(fact(FactKind.FAILED, value))
    assert ledger.job(0).attempt.failed == Failed((Slice(0, 2),), "why")


def test_a_run_of_failed_circuits_becomes_a_job_once() -> None:
    ledger = done_with("1")
    assert ledger.admit(fact(FactKind.RETRIED, "1"))
    assert not ledger.admit(fact(FactKind.RETRIED, "1"))
    assert [*ledger.slices] == [*SLICES, Slice(1, 1)]
    assert ledger.job(2) == Job(2, Slice(1, 1))
    assert ledger.job(0).retried == (Slice(1, 1),)
    assert ledger.parts(0) == (Slice(0, 1), Slice(2, 1))
    assert [ledger.job_of(circuit).index for circuit in range(6)] == [0, 2, 0, 1, 1, 1]
    # A further attempt would run that circuit twice.
    assert not ledger.admit(fact(FactKind.PLANNED, attempt=2))


@pytest.mark.parametrize(
    ("job", "attempt", "value"),
    [(0, 1, "0-3"), (0, 1, "0,2"), (0, 1, ""), (0, 2, "1"), (1, 1, "3"), (0, 1, "x")],
)
def test_nothing_else_becomes_a_job(job: int, attempt: int, value: str) -> None:
    ledger = done_with("0-2")
    assert not ledger.admit(
        fact(FactKind.RETRIED, value, job=job, attempt=attempt)
        if value
        else Fact(job, attempt, NOON, FactKind.RETRIED, "")
    )
    assert [*ledger.slices] == [*SLICES]
