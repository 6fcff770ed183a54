"""Sets are there whole or not at all, private, and one broken set hides no other."""

import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from support import older_format
from support.sample_set import NOON, attempted, plan

from qjobs.errors import (
    BeingSubmitted,
    NotFound,
    StateDamaged,
    StateError,
    StateUnwritable,
    Unreadable,
)
from qjobs.model import Planned, Source
from qjobs.store.folder import SetFolder
from qjobs.store.sets import MOST_SKIPPED, Store
from qjobs.store.state import checks

NewSet = Callable[..., SetFolder]


@pytest.fixture(params=[0o000, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def test_a_set_comes_back_as_it_was_planned(store: Store) -> None:
    draft = store.draft("9f3c1a7e2b40")
    draft.circuits_path.write_bytes(b"circuits")
    sources = [Source("a \udcff.qasm", "5" * 64, "qasm2", 0, 4), Source("b.qpy", "", "qpy", 4, 5)]
    folder = draft.commit(plan(), sources)
    for found in (folder, store.open("9f3c1a7e2b40")):
        assert found.job_set == plan()
        assert found.sources() == tuple(sources)
        assert found.circuits_path.read_bytes() == b"circuits"
        assert [job.state for job in found.jobs()] == [Planned()] * 3
        assert found.warnings == ()


def test_a_draft_is_no_set_until_it_is_committed(store: Store, home: Path) -> None:
    draft = store.draft("9f3c1a7e2b40")
    draft.circuits_path.write_bytes(b"")
    assert not store.has("9f3c1a7e2b40")
    assert store.listing().headers == ()
    with pytest.raises(NotFound):
        store.open("9f3c1a7e2b40")
    draft.abandon()
    assert list((home / "sets").iterdir()) == []


def test_abandoning_does_not_touch_a_set(store: Store) -> None:
    draft = store.draft("9f3c1a7e2b40")
    draft.circuits_path.write_bytes(b"circuits")
    folder = draft.commit(plan())
    draft.abandon()
    assert folder.circuits_path.exists()


def test_a_draft_without_circuits_cannot_be_committed(store: Store) -> None:
    with pytest.raises(StateUnwritable):
        store.draft("9f3c1a7e2b40").commit(plan())
    assert not store.has("9f3c1a7e2b40")


def test_drafts_nobody_touched_for_a_day_are_swept(store: Store, home: Path) -> None:
    names = {"aaaa": -25, "bbbb": -23, "cccc": -25, "dddd": -25}
    for name, hours in names.items():
        draft = store.draft(name)
        draft.circuits_path.write_bytes(b"")
        if name == "cccc":  # a set that somebody has taken apart is not ours to remove
            (draft.folder / "state.toml.bak").write_bytes(b"")
        if name == "dddd":
            (draft.folder / "state.toml").write_bytes(b"damaged")
        moment = (NOON + timedelta(hours=hours)).timestamp()
        for path in (*draft.folder.iterdir(), draft.folder):
            os.utime(path, (moment, moment))
    store.draft("eeee")
    assert {path.name for path in (home / "sets").iterdir()} == {"bbbb", "cccc", "dddd", "eeee"}
    assert (home / "sets" / "cccc" / "circuits.qpy").exists()


def test_the_newest_set_comes_first(store: Store, new_set: NewSet) -> None:
    for set_id, minutes in {"aa": 1, "bb": 3, "cc": 2, "dd": 3}.items():
        new_set(set_id, created=NOON + timedelta(minutes=minutes))
    assert [header.set_id for header in store.listing().headers] == ["dd", "bb", "cc", "aa"]


def test_a_broken_set_is_listed_beside_the_others(
    store: Store, new_set: NewSet, home: Path
) -> None:
    for set_id in ("aaaa", "bbbb", "cccc", "dddd", "eeee"):
        new_set(set_id)
    sets = home / "sets"
    (sets / "aaaa" / "state.toml").write_bytes(b"")
    (sets / "bbbb" / "state.toml").write_bytes(b"\xff\x00" * 100)
    (sets / "cccc").rename(sets / "copy")
    text = (sets / "dddd" / "state.toml").read_text()
    (sets / "dddd" / "state.toml").write_text(text.replace('"ghz-sweep"', "7"))
    (sets / "a file").write_text("")
    listing = store.listing()
    assert [header.set_id for header in listing.headers] == ["eeee"]
    assert len(listing.damaged) == 4
    assert any("dddd/state.toml:6: `name` must be text" in problem for problem in listing.damaged)


def test_an_empty_home_has_no_sets(store: Store, home: Path) -> None:
    assert store.listing().headers == ()
    assert store.find_fingerprint("") is None
    assert not home.exists()


@pytest.mark.parametrize("set_id", ["", ".", "..", "../x", "a/b", "a\0b", "é"])
def test_an_id_is_never_taken_for_a_path(store: Store, home: Path, set_id: str) -> None:
    home.mkdir()
    (home / "state.toml").write_text("")
    assert not store.has(set_id)
    with pytest.raises(NotFound):
        store.open(set_id)
    with pytest.raises(ValueError, match="not a set id"):
        store.draft(set_id)


@pytest.mark.parametrize(
    ("old", "new", "line", "what"),
    [
        ("shots = 100", "shots = 0", 4, "shots must be at least 1"),
        ("shots = 100", 'shots = "100"', 13, "`shots` must be a whole number"),
        ("shots = 100", "shots = true", 13, "`shots` must be a whole number"),
        ("shots = 100\n", "", 1, "`shots` must be a whole number"),
        ("circuits = 9\n", "circuits = 10\n", 4, "the slices hold 9"),
        ("Z", "", 8, "`created` must name its time zone"),
        ('["a", "b"]', '["a", 2]', 7, "`tags` must be texts"),
        ("format = 2", 'format = "2"', 2, "`format` must be a whole number"),
        ("format = 2", "format = 0", 2, "`format` must be at least 1"),
        ("[set]", "[other]", 5, "`id` must be text"),
        ('x"', 'x"\ndate = 2026-01-01', 19, "plain values"),
    ],
)
def test_a_wrong_header_is_named_with_its_key_and_line(
    new_set: NewSet, state_path: Path, old: str, new: str, line: int, what: str
) -> None:
    folder = new_set()
    text = state_path.read_text()
    assert old in text
    state_path.write_text(text.replace(old, new, 1))
    with pytest.raises(StateDamaged) as caught:
        folder.refresh()
    assert f"state.toml:{line}: " in caught.value.message
    assert what in caught.value.message


OLD = older_format.header(plan()).decode()


@pytest.mark.parametrize(
    ("old", "new", "line", "what"),
    [
        ("[3, 3]", "[4, 3]", 3, "does not follow"),
        ("[3, 3]", "[3, -3]", 4, "not a slice"),
        ("[3, 3]", "[3]", 4, "`slices` must be pairs"),
        ("[3, 3]", '["3", 3]', 4, "`slices` must be pairs"),
        ("[3, 3]", "[3, 3000000000]", 4, "at most 1,000,000,000 circuits"),
    ],
)
def test_wrong_slices_of_format_1_are_named_with_their_line(
    new_set: NewSet, state_path: Path, old: str, new: str, line: int, what: str
) -> None:
    folder = new_set()
    assert old in OLD
    state_path.write_text(OLD.replace(old, new, 1))
    with pytest.raises(StateDamaged, match=rf"state\.toml:{line}: .*{re.escape(what)}"):
        folder.refresh()


@pytest.mark.parametrize(
    "fact",
    [
        "job = 0\nattempt = 1\nat = 2026-11-22T12:00:00\naccepted = 'x'",
        "job = 0\nattempt = 1\nat = '2026'\naccepted = 'x'",
        "job = '0'\nattempt = 1\nat = 2026-11-22T12:00:00Z\naccepted = 'x'",
        "attempt = 1\nat = 2026-11-22T12:00:00Z\naccepted = 'x'",
        "job = 0\nattempt = 1\nat = 2026-11-22T12:00:00Z\naccepted = 7",
        "job = 0\nattempt = 1\nat = 2026-11-22T12:00:00Z\nfinished = 'RUNNING'",
        "job = 0\nattempt = 1\nat = 2026-11-22T12:00:00Z\naccepted = 'x'\nrefused = 'x'",
    ],
)
def test_a_wrong_fact_is_named_with_its_line(new_set: NewSet, state_path: Path, fact: str) -> None:
    folder = new_set()
    with folder.journal() as journal:
        journal.append(attempted(0))
    line = len(state_path.read_text().splitlines()) + 2
    with state_path.open("a") as file:
        file.write(f"\n[[fact]]\n{fact}\n")
    with pytest.raises(StateDamaged, match=rf"state\.toml:{line}: "):
        folder.refresh()


def test_facts_that_contradict_each_other_are_said(new_set: NewSet, state_path: Path) -> None:
    folder = new_set()
    with state_path.open("a") as file:
        file.write("\n[[fact]]\njob = 0\nattempt = 1\nat = 2026-11-22T12:00:00Z\naccepted = 'x'\n")
    folder.refresh()
    assert "contradict" in folder.warnings[0]
    assert "'x'" in folder.warnings[0]


def test_everything_is_private_whatever_the_umask(
    store: Store, new_set: NewSet, home: Path, umask: None
) -> None:
    store.check_writable()
    folder = new_set(jobs=1200)
    with folder.claim_submission(), folder.journal() as journal, store.exclusively():
        journal.append(*[attempted(job) for job in range(1200)])
    for path in (home, *home.rglob("*")):
        wanted = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == wanted, path
    assert len(list(home.rglob("*"))) == 8


@pytest.mark.parametrize("what", ["a file in the way", "no permission"])
def test_a_home_that_cannot_be_written_is_said_before_anything_is_sent(
    home: Path, what: str
) -> None:
    if what == "no permission":
        if os.geteuid() == 0:
            home = Path("/proc/qjobs")
        else:
            home.mkdir(mode=0o500)
    else:
        home.write_text("")
    with pytest.raises(StateUnwritable, match="cannot write") as caught:
        Store(home, clock=lambda: NOON).check_writable()
    assert "QJOBS_HOME" in caught.value.hint


def test_only_one_process_submits_a_set(store: Store, new_set: NewSet) -> None:
    folder = new_set()
    other = store.open("9f3c1a7e2b40")
    assert not other.being_submitted()
    with folder.claim_submission():
        assert other.being_submitted()
        with pytest.raises(BeingSubmitted), other.claim_submission():
            pass
    assert not other.being_submitted()
    with other.claim_submission():
        pass


def test_a_fingerprint_finds_the_newest_set_that_has_it(store: Store, new_set: NewSet) -> None:
    new_set("aaaa")
    new_set("bbbb", created=NOON + timedelta(seconds=1))
    found = store.find_fingerprint(plan().fingerprint)
    assert found is not None
    assert found.job_set.set_id == "bbbb"
    assert store.find_fingerprint("0") is None


def test_a_carried_state_file_is_all_a_set_needs(
    store: Store, new_set: NewSet, state_path: Path
) -> None:
    new_set()
    for path in state_path.parent.iterdir():
        if path != state_path:
            path.unlink()
    folder = store.open("9f3c1a7e2b40")
    assert folder.sources() == ()
    assert not folder.results.has(0, 1)
    with folder.journal() as journal:
        assert journal.append(attempted(0))


def test_files_left_out_are_kept_with_their_reasons_up_to_a_number(store: Store) -> None:
    left_out = Unreadable("a \udcff", 3, None, "no", "b")

    def write(count: int) -> SetFolder:
        set_id = f"9f3c1a7e{count:04}"
        draft = store.draft(set_id)
        draft.circuits_path.touch()
        draft.commit(plan(set_id), (), skipped=[left_out] * count)
        return store.open(set_id)

    assert write(0).skipped() == (0, ())
    assert write(2).skipped() == (2, (left_out, left_out))
    number, files = write(MOST_SKIPPED + 1).skipped()
    assert (number, len(files)) == (MOST_SKIPPED + 1, MOST_SKIPPED)


def test_lost_sources_are_not_made_up(new_set: NewSet, state_path: Path) -> None:
    folder = new_set()
    row = '{"path": "a", "sha256": "", "format": "qpy", "start_index": "0", "experiments_count": 3}'
    for content in (
        *("{", "[]", '{"sources": 7}', '{"sources": [{}]}', f'{{"sources": [{row}]}}'),
        *('{"sources": [], "skipped": 7}', '{"sources": [], "skipped": [{}]}'),
        '{"sources": [], "skipped_count": "many"}',
    ):
        state_path.with_name("sources.json").write_text(content)
        with pytest.raises(StateDamaged, match=r"sources\.json"):
            folder.sources()
        with pytest.raises(StateDamaged, match=r"sources\.json"):
            folder.skipped()


def test_a_header_of_many_slices_is_listed_too(store: Store, new_set: NewSet) -> None:
    new_set(jobs=10_000)
    assert store.listing().headers[0].set_id == "9f3c1a7e2b40"


def test_no_secret_is_written(store: Store, home: Path) -> None:
    draft = store.draft("9f3c1a7e2b40")
    draft.circuits_path.write_bytes(b"")
    draft.commit(replace(plan(), account="work"))
    _, *lines = checks.without((draft.folder / "state.toml").read_text()).splitlines()
    assert {line.split(" = ")[0] for line in lines} == {
        "", "[set]", "[set.options]", "format", "id", "name", "created", "provider", "backend",
        "account", "shots", "circuits", "memory", "optimization_level", "tags", "fingerprint",
        "seed", "resilience", '"two words"', "[[job]]", "index", "start_index",
        "experiments_count", "state", "attempt",
    }  # fmt: skip


def test_a_folder_that_cannot_be_read_is_an_error_of_the_state(home: Path, store: Store) -> None:
    home.mkdir()
    (home / "sets").write_text("")
    with pytest.raises(StateError, match="cannot read"):
        store.listing()
