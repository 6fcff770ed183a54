"""A fact that was recorded stays recorded, whoever else writes and whatever fails."""

import os
import resource
import threading
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from support.sample_set import (
    NOON,
    accepted,
    attempted,
    finished,
    recorded_after,
    recorded_in,
    whole_file,
)

from qjobs.errors import NotFound, StateDamaged, StateTooNew, StateUnwritable
from qjobs.facts import Fact, FactKind
from qjobs.lock import FileLock
from qjobs.model import Accepted, Attempted, Finished, JobStatus, Planned
from qjobs.store.folder import SetFolder
from qjobs.store.journal import Journal
from qjobs.store.state import checks
from qjobs.store.state import format as layout
from qjobs.store.state.reading import read_state

NewSet = Callable[..., SetFolder]


def facts_in(path: Path) -> list[Fact]:
    return read_state(path).contents.facts


def test_what_was_appended_is_in_the_file_and_in_the_ledger(
    new_set: NewSet, state_path: Path
) -> None:
    with new_set().journal() as journal:
        assert journal.append(attempted(0))
        assert facts_in(state_path) == [attempted(0)]
        assert journal.append(accepted(0), finished(0, message="a\n[[fact]]\nb"))
        assert journal.job(0).state == Finished("id-0-1", JobStatus.DONE, "a\n[[fact]]\nb")
        assert [type(job.state) for job in journal.jobs()] == [Finished, Planned, Planned]
        everything = [attempted(0), accepted(0), finished(0, message="a\n[[fact]]\nb")]
        assert facts_in(state_path) == everything
    assert state_path.read_bytes() == whole_file(*everything)


def test_a_fact_that_cannot_follow_is_not_written(new_set: NewSet, state_path: Path) -> None:
    with new_set().journal() as journal:
        before = state_path.read_bytes()
        assert not journal.append(accepted(0))
        assert not journal.append(attempted(7))
        assert state_path.read_bytes() == before
        assert not journal.append(attempted(0), attempted(0), attempted(1))
        assert facts_in(state_path) == [attempted(0), attempted(1)]


def test_two_journals_cannot_both_attempt_one_job(new_set: NewSet, state_path: Path) -> None:
    folder = new_set()
    with folder.journal() as one, folder.journal() as other:
        assert one.append(attempted(0))
        assert not other.append(attempted(0))
        assert other.append(attempted(1))
        assert one.append(accepted(1))
        assert one.job(1).state == Accepted("id-1-1")
        assert facts_in(state_path) == [attempted(0), attempted(1), accepted(1)]
    assert recorded_in(state_path) == recorded_after(attempted(0), attempted(1), accepted(1))


def test_text_that_no_file_can_hold_is_known_as_it_will_be_read(
    new_set: NewSet, state_path: Path
) -> None:
    with new_set().journal() as journal:
        journal.append(attempted(0)._replace(value="tag \ud800"))
        assert journal.job(0).state == Attempted("tag ?", NOON)
    assert read_state(state_path).ledger()[0].job(0).state == Attempted("tag ?", NOON)


def test_many_threads_lose_no_fact_and_none_does_what_another_did(
    new_set: NewSet, state_path: Path
) -> None:
    jobs = 200
    ready = threading.Barrier(8)
    refused = []
    with new_set(jobs=jobs).journal() as journal:

        def work(first: int) -> None:
            ready.wait()
            for job in range(first, jobs, 4):  # each job is fought for by two threads
                if journal.append(attempted(job)):
                    journal.append(accepted(job), finished(job))
                else:
                    refused.append(job)

        threads = [threading.Thread(target=work, args=(number % 4,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = facts_in(state_path)
    assert len(found) == 3 * jobs
    assert sorted(refused) == list(range(jobs))
    for job in range(jobs):
        mine = [fact.kind for fact in found if fact.job == job]
        assert mine == [FactKind.ATTEMPTED, FactKind.ACCEPTED, FactKind.FINISHED]


def test_facts_are_folded_into_the_tables_and_any_toml_reader_reads_them(
    new_set: NewSet, state_path: Path
) -> None:
    folder = new_set(jobs=600)
    text = checks.without(state_path.read_text())
    text = text.replace("shots = 100\n", 'shots = 100\nour_own = "kept"\n')
    header = text[: text.index("\n[[job]]")].encode()
    state_path.write_text(text)
    facts = [fact for job in range(600) for fact in (attempted(job), accepted(job))]
    with folder.journal() as journal, folder.journal() as other:
        journal.append(*facts)
        journal.close()
        assert state_path.read_bytes().startswith(header)
        assert b"[[fact]]" not in state_path.read_bytes()
        # Another writer that was there before goes on in the new file.
        assert other.append(finished(0))
        assert other.job(0).state == Finished("id-0-1", JobStatus.DONE)
        assert facts_in(state_path) == [finished(0)]
    assert recorded_in(state_path) == recorded_after(*facts, finished(0), jobs=600)
    toml = tomllib.loads(state_path.read_text("utf-8"))
    assert [job["job_id"] for job in toml["job"]] == [f"id-{job}-1" for job in range(600)]
    assert {job["submitted"] for job in toml["job"]} == {NOON}
    assert [job["state"] for job in toml["job"]] == ["done", *["queued"] * 599]
    assert toml["set"]["our_own"] == "kept"
    assert [path.name for path in state_path.parent.glob("*.tmp")] == []


def test_facts_left_behind_by_a_dead_writer_are_folded_by_the_next(
    new_set: NewSet, state_path: Path
) -> None:
    folder = new_set(jobs=1200)
    facts = [attempted(job) for job in range(1200)]
    dead = folder.journal()
    dead.append(*facts)
    folder.refresh()
    with folder.journal() as journal:
        assert b"[[fact]]" not in state_path.read_bytes()
        assert journal.job(1199).state == Attempted(attempted(1199).value, NOON)
    dead.close()
    assert state_path.read_bytes() == whole_file(*facts, jobs=1200)


def test_whoever_writes_nothing_leaves_the_file_as_it_is(new_set: NewSet, state_path: Path) -> None:
    folder = new_set()
    before = state_path.stat()
    with folder.journal() as journal:
        assert not journal.append(accepted(0))
    assert state_path.stat() == before


def test_facts_that_contradict_each_other_are_not_folded_away(
    new_set: NewSet, state_path: Path
) -> None:
    folder = new_set()
    data = state_path.read_bytes() + layout.table(accepted(1))
    state_path.write_bytes(data)
    folder.refresh()
    with folder.journal() as journal:
        assert journal.append(attempted(0))
    assert state_path.read_bytes().startswith(data)
    assert facts_in(state_path) == [accepted(1), attempted(0)]


@pytest.mark.parametrize("odd", ['noted = "why"', 'color = "red"\naccepted = "id-0-1"'])
def test_what_we_do_not_know_survives(new_set: NewSet, state_path: Path, odd: str) -> None:
    folder = new_set(jobs=1200)
    with folder.journal() as journal:
        journal.append(attempted(0))
    table = f"\n[[fact]]\njob = 0\nattempt = 1\nat = 2026-11-22T12:00:00Z\n{odd}\n"
    with state_path.open("a") as file:
        file.write(table)
    folder.refresh()
    assert any("kinds unknown" in warning for warning in folder.warnings) == ("noted" in odd)
    with folder.journal() as journal:
        journal.append(*[attempted(job) for job in range(1, 1200)])
    assert table in state_path.read_text()
    assert len(facts_in(state_path)) >= 1199


def test_a_newer_format_is_read_but_not_written(new_set: NewSet, state_path: Path) -> None:
    folder = new_set()
    with folder.journal() as journal:
        journal.append(attempted(0))
    text = state_path.read_text().replace("format = 2\n", "format = 3\nflavour = 'new'\n")
    state_path.write_text(text)
    folder.refresh()
    assert isinstance(folder.jobs()[0].state, Attempted)
    assert any("newer qjobs" in warning for warning in folder.warnings)
    with pytest.raises(StateTooNew, match="newer qjobs"):
        folder.journal()
    assert state_path.read_text() == text
    state_path.write_text(text.replace("start_index", "begins"))
    with pytest.raises(StateTooNew):
        folder.refresh()


def test_a_journal_notices_that_the_file_became_newer(new_set: NewSet, state_path: Path) -> None:
    with new_set().journal() as journal:
        text = state_path.read_text().replace("format = 2\n", "format = 3\n")
        other = state_path.with_name("other")
        other.write_text(text)
        other.replace(state_path)
        with pytest.raises(StateTooNew):
            journal.append(attempted(0))
    assert state_path.read_text() == text


def test_a_file_changed_by_hand_is_appended_to(new_set: NewSet, state_path: Path) -> None:
    folder = new_set()
    with folder.journal() as journal:
        journal.append(attempted(0))
        text = checks.without(state_path.read_text())
        by_hand = text.replace("seed = 7", "seed = 7 # ours").rstrip("\n")
        state_path.write_text(by_hand)
        assert journal.append(accepted(0))
    assert state_path.read_text().startswith(by_hand + "\n")
    assert facts_in(state_path) == [attempted(0), accepted(0)]


def test_a_file_that_cannot_be_appended_to_is_left_alone(new_set: NewSet, state_path: Path) -> None:
    folder = new_set()
    inline = 'fact = [{job = 0, attempt = 1, at = 2026-11-22T12:00:00Z, attempted = "t"}]\n'
    text = inline + checks.without(state_path.read_text())
    state_path.write_text(text)
    folder.refresh()
    assert folder.jobs()[0].state == Attempted("t", NOON)
    with pytest.raises(StateDamaged, match="no fact can be appended"):
        folder.journal()
    assert state_path.read_text() == text


def test_damage_behind_our_back_stops_the_writer(new_set: NewSet, state_path: Path) -> None:
    with new_set().journal() as journal:
        journal.append(attempted(0))
        with state_path.open("a") as file:
            file.write("what is this\n")
        damaged = state_path.read_bytes()
        with pytest.raises(StateDamaged, match=r"state\.toml:\d+: not TOML"):
            journal.append(accepted(0))
    assert state_path.read_bytes() == damaged


def test_a_set_that_was_removed_is_not_written_anew(new_set: NewSet, state_path: Path) -> None:
    with new_set().journal() as journal:
        state_path.unlink()
        with pytest.raises((NotFound, StateUnwritable)):
            journal.append(attempted(0))
    assert not state_path.exists()


def test_a_lock_that_never_comes_free_is_named(new_set: NewSet, state_path: Path) -> None:
    folder = new_set()
    state = read_state(state_path)
    lock = FileLock(state_path.with_name("state.lock"))
    with lock.held(wait_s=1), pytest.raises(StateUnwritable, match=r"state\.lock"):
        Journal(state_path, state, wait_s=0.01)
    lock.close()
    with folder.journal() as journal:
        assert journal.append(attempted(0))


def test_a_sync_that_fails_is_not_passed_off_as_recorded(new_set: NewSet, state_path: Path) -> None:
    with new_set().journal() as journal:
        journal.append(attempted(0))
        before = state_path.read_bytes()
        # A pipe takes what is written and refuses to sync it, as a disk that breaks does.
        reader, writer = os.pipe()
        assert journal._file._descriptor is not None
        os.dup2(writer, journal._file._descriptor)
        with pytest.raises(StateUnwritable):
            journal.append(accepted(0))
        os.close(reader)
        os.close(writer)
        assert isinstance(journal.job(0).state, Attempted)
        assert state_path.read_bytes() == before
        assert journal.append(accepted(0))
    assert recorded_in(state_path) == recorded_after(attempted(0), accepted(0))


def test_of_facts_that_do_not_all_fit_none_is_recorded(new_set: NewSet, state_path: Path) -> None:
    with new_set().journal() as journal:
        before = state_path.read_bytes()
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 150, hard))
        try:
            with pytest.raises(StateUnwritable, match="cannot write"):
                journal.append(attempted(0), attempted(1))  # the first would have fitted
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert state_path.read_bytes() == before
        assert journal.job(0).state == Planned()
        assert journal.append(attempted(0))
