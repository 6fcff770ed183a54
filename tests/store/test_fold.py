"""Nothing that facts said is lost when they are folded into the tables of the jobs."""

import resource
import tomllib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import older_format
from support.sample_set import (
    NOON,
    accepted,
    attempted,
    finished,
    plan,
    recorded_after,
    recorded_in,
    whole_file,
)

from qjobs.errors import StateDamaged
from qjobs.facts import Fact, FactKind
from qjobs.ledger import Ledger
from qjobs.lock import FileLock
from qjobs.model import Job
from qjobs.store.folder import SetFolder
from qjobs.store.state import checks, document, fast, reading
from qjobs.store.state import format as layout
from qjobs.store.state.any_toml import Wrong
from qjobs.store.state.fold import assembled

NewSet = Callable[..., SetFolder]

HEADER = layout.header(plan(jobs=2))
values = st.sampled_from(
    ["DONE", "DONE", "ERROR", "1", "2", "0", "0-1", "0,2", "2,", ",", "", "x", 'y"\n[[job]]\n\\']
)
facts = st.builds(
    Fact, st.integers(0, 4), st.integers(1, 3), st.just(NOON), st.sampled_from(FactKind), values,
    st.sampled_from(["", "why", "the results are gone"]),
)  # fmt: skip


@st.composite
def histories(draw: st.DrawFn) -> list[Fact]:
    """Facts, each drawn among those that can follow the ones before it, but for some."""
    ledger = Ledger(plan(jobs=2).slices)
    history = []
    for number in range(draw(st.integers(0, 25))):
        one = draw(facts)
        if draw(st.integers(0, 9)):
            one = one._replace(job=one.job % len(ledger.slices))
            attempts = range(1, len(ledger.job(one.job).attempts) + 2)
            one = draw(st.sampled_from(_possible(ledger, one, attempts)))
        one = one._replace(at=NOON + timedelta(seconds=number))
        ledger.admit(one)
        history.append(one)
    return history


def _possible(ledger: Ledger, one: Fact, attempts: range) -> list[Fact]:
    """What may happen next to a job, the values of each kind of fact together."""
    recorded = ledger.recorded()
    found = {}
    for attempt, kind, value in product(attempts, FactKind, ("DONE", "2", "0", "0-1", one.value)):
        fact = one._replace(attempt=attempt, kind=kind, value=value)
        if Ledger.of(recorded).admit(fact):
            found.setdefault((attempt, kind), fact)
            if value == one.value:
                found[attempt, kind] = fact
    return list(found.values()) or [one]


@given(histories())
def test_a_folded_history_is_the_history_at_each_of_its_facts(history: list[Fact]) -> None:
    slices = plan(jobs=2).slices
    for length in range(len(history) + 1):
        ledger = Ledger(slices, history[:length])
        text = assembled(HEADER, ledger.recorded()).decode()
        contents = reading.understand(text)
        assert contents.exact
        assert contents.job_set == plan(jobs=2)
        assert contents.recorded == ledger.recorded()
        again = Ledger.of(contents.recorded)
        assert (again.jobs(), again.sessions) == (ledger.jobs(), ledger.sessions)
        for fact in history[length:]:  # and so it is for all that happens from then on
            assert again.admit(fact) == ledger.admit(fact)
        assert again.recorded() == ledger.recorded()


@given(histories())
def test_both_readers_take_the_tables_alike(history: list[Fact]) -> None:
    text = assembled(HEADER, Ledger(plan(jobs=2).slices, history).recorded()).decode()
    assert document.recorded(tomllib.loads(text)) == (fast.read(text).recorded, None)


def test_a_table_says_what_a_person_asks_for() -> None:
    late = attempted(0, 2)._replace(at=NOON + timedelta(minutes=9))
    history = [
        attempted(0), accepted(0), finished(0, message="no")._replace(value="ERROR"),
        Fact(0, 2, NOON, FactKind.PLANNED, "retry"), late, accepted(0, 2),
    ]  # fmt: skip
    assert (
        """

[[job]]
index = 0
start_index = 0
experiments_count = 3
state = "queued"
job_id = "id-0-2"
attempt = 2
attempted = 2026-11-22T12:09:00Z
submitted = 2026-11-22T12:00:00Z

[[job.earlier]]
state = "error"
job_id = "id-0-1"
attempt = 1
attempted = 2026-11-22T12:00:00Z
submitted = 2026-11-22T12:00:00Z
finished = 2026-11-22T12:00:00Z
message = "no"

[[job]]
index = 1
start_index = 3
experiments_count = 3
state = "planned"
attempt = 1
"""[1:]
        in whole_file(*history).decode()
    )


JOBS = checks.without(
    whole_file(
        attempted(0), accepted(0), attempted(1), Fact(1, 1, NOON, FactKind.REFUSED, "large"),
        Fact(1, 1, NOON, FactKind.SPLIT, "1"), attempted(2), accepted(2), finished(2),
        Fact(2, 1, NOON, FactKind.FAILED, "7"), Fact(2, 1, NOON, FactKind.RETRIED, "7"),
    ).decode()
)  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "table", "what"),
    [
        ('state = "queued"', 'state = "planned"', 0, "a job that is planned has no `job_id`"),
        ('state = "queued"', 'state = "sent"', 0, "`state` is 'sent', which is none"),
        ('job_id = "id-0-1"\n', "", 0, "a job that is queued has a `job_id`"),
        ("submitted = 2026-11-22T12:00:00Z\n", "", 0, "`submitted` are there together"),
        ("index = 1", "index = 2", 1, "this is job 1, not 2"),
        ("start_index = 0", "start_index = 1", 4, "does not follow circuit"),
        ("experiments_count = 3", "experiments_count = 0", 0, "not a slice"),
        ("experiments_count = 3", "experiments_count = 2", 4, "does not follow circuit 1"),
        ("attempt = 2", "attempt = 3", 1, "this is attempt 2, not 3"),
        ("attempt = 2", 'attempt = 2\nduplicates = ["x"]', 1, "belong to a job with an id"),
        ("attempt = 2", 'attempt = 2\ntag = "qj-9f3c1a7e2b40-1-2"', 1, "nobody knows the end"),
        ("split_from = 1", "split_from = 0", 0, "have other circuits"),
        ("split_from = 1", "split_from = 3", 3, "stands before it"),
        ("retry_of = 2", "retry_of = 0", 0, "not those of its new jobs"),
        ('retried = ["7"]', 'retried = ["8"]', 2, "not those of its new jobs"),
        ('retried = ["7"]', 'retried = ["x"]', 2, "`retried`: not runs"),
        ('failed = "7"', 'failed = "7;"', 2, "`failed`: not runs"),
        ("index = 0", "index = '0'", 0, "`index` must be a whole number"),
    ],
)
def test_tables_that_cannot_be_are_named_with_their_line(
    old: str, new: str, table: int, what: str
) -> None:
    assert old in JOBS
    changed = JOBS.replace(old, new, 1)
    with pytest.raises(Wrong) as caught:
        reading.understand(changed)
    assert what in caught.value.what
    heads = [number for number, line in enumerate(changed.splitlines(), 1) if line == "[[job]]"]
    assert (
        caught.value.line(changed) == [*heads[:4], changed.splitlines().index("[set]") + 1][table]
    )


def test_a_key_that_is_none_of_ours_is_kept_and_nothing_is_sent(
    new_set: NewSet, state_path: Path
) -> None:
    """It may once have been one of ours, such as the ids of duplicates."""
    new_set()
    text = checks.without(whole_file(attempted(0), accepted(0)).decode())
    text = text.replace("attempt = 1\n", 'attempt = 1\nduplicatez = ["id-2"]\n', 1)
    state_path.write_text(text)
    folder = SetFolder(state_path.parent)
    line = text.splitlines().index("[[job]]") + 1
    with pytest.raises(StateDamaged, match=rf":{line}: .*`duplicatez`.*nothing is sent"):
        folder.check_sendable()
    with folder.journal() as journal:
        assert journal.append(finished(0))
    assert state_path.read_text().startswith(text)
    # A comment is nobody's key.
    state_path.write_text(checks.without(state_path.read_text()).replace("duplicatez", "# "))
    folder.check_sendable()


def test_what_a_person_has_written_stays_and_facts_follow_it(
    new_set: NewSet, state_path: Path
) -> None:
    new_set()
    text = checks.without(whole_file(attempted(0), accepted(0)).decode())
    by_hand = text.replace('state = "queued"', "state = 'queued'  # the long one").replace(
        "\n", "\r\n"
    )
    state_path.write_bytes(by_hand.encode())
    folder = SetFolder(state_path.parent)
    with folder.journal() as journal:
        assert journal.append(finished(0))
    assert state_path.read_bytes().startswith(by_hand.encode())
    assert recorded_in(state_path) == recorded_after(attempted(0), accepted(0), finished(0))
    folder.refresh()
    assert folder.warnings == ()


OLD = checks.closed(older_format.header(plan()) + older_format.columns([attempted(0)]))


def test_the_first_writer_makes_format_2_of_format_1(new_set: NewSet, state_path: Path) -> None:
    new_set()
    state_path.write_bytes(OLD)
    with SetFolder(state_path.parent).journal():
        found = reading.read_state(state_path).contents
        assert (found.format, found.facts) == (2, [])
        assert found.recorded == recorded_after(attempted(0))


def test_while_somebody_submits_a_set_of_format_1_it_stays_one(
    new_set: NewSet, state_path: Path
) -> None:
    """It may be a process of the last version, which could record nothing any more."""
    new_set()
    state_path.write_bytes(OLD)
    folder = SetFolder(state_path.parent)
    lock = FileLock(state_path.with_name("submitting.lock"))
    with lock.held(wait_s=1), folder.journal() as journal:
        assert journal.append(accepted(0))
    assert state_path.read_bytes().startswith(OLD)
    with folder.claim_submission(), folder.journal() as journal:
        assert journal.append(finished(0))
    assert reading.read_state(state_path).contents.format == 2
    assert recorded_in(state_path) == recorded_after(attempted(0), accepted(0), finished(0))
    lock.close()


def test_without_room_for_other_tables_facts_are_appended(
    new_set: NewSet, state_path: Path
) -> None:
    new_set()
    state_path.write_bytes(OLD)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(OLD) + 150, hard))
    try:
        with SetFolder(state_path.parent).journal() as journal:
            assert journal.append(accepted(0))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert state_path.read_bytes().startswith(OLD)
    assert recorded_in(state_path) == recorded_after(attempted(0), accepted(0))
    assert list(state_path.parent.glob("*.tmp")) == []


WRITTEN = Path(__file__).with_name("format1")


def _untimed(job: Job) -> str:
    """The job as the last version told it, which knew no times of attempts."""
    attempts = [
        attempt._replace(submitted=None, started=None, finished=None) for attempt in job.attempts
    ]
    told = repr(replace(job, attempts=tuple(attempts)))
    return told.replace(", submitted=None, started=None, finished=None", "")


@pytest.mark.parametrize("name", ["facts", "columns", "torn"])
def test_what_the_last_version_wrote_says_what_it_said_to_that(tmp_path: Path, name: str) -> None:
    """The folders, and what that version read in them, were made with it."""
    said = (WRITTEN / name / "jobs.txt").read_text("utf-8").splitlines()
    path = tmp_path / "9f3c1a7e2b40" / "state.toml"
    path.parent.mkdir()
    path.write_bytes((WRITTEN / name / "state.toml").read_bytes())
    folder = SetFolder(path.parent)
    assert [*map(_untimed, folder.jobs()), *map(repr, folder.sessions)] == said
    assert any("unfinished fact" in warning for warning in folder.warnings) == (name == "torn")
    planned = folder.job_set
    with folder.journal() as journal:
        assert [*map(_untimed, journal.jobs())] == said[: len(journal.jobs())]
    assert [*map(_untimed, folder.jobs()), *map(repr, folder.sessions)] == said
    assert folder.job_set == planned
    assert folder.warnings == ()
    found = tomllib.loads(path.read_text("utf-8"))
    assert (found["format"], "facts" in found, "fact" in found) == (2, False, False)
    assert len(found["job"]) + len(found["session"]) == len(said)
    assert "slices" not in found["set"]
    assert found["set"]["options"]["slices"] == "no"


def test_the_file_that_the_docs_show_is_one() -> None:
    page = Path(__file__).parents[2] / "docs" / "state.md"
    shown = page.read_text("utf-8").partition("```toml\n")[2].partition("```")[0]
    contents = reading.understand(checks.without(shown))
    assert contents.exact
    assert len(contents.recorded.jobs[1].attempts) == 2
    assert [fact.job for fact in contents.facts] == [2]
    assert shown.startswith(layout.comment(contents.job_set, 3))
