"""rm, prune, gc and du: sets go with all that is kept of them here, and none whose jobs may run."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.hints import good, hint_of, the

from qjobs.contract import ProviderContext
from qjobs.lock import FileLock
from qjobs.providers.fake.provider import FakeProvider
from qjobs.results import CircuitResult, JobResult
from qjobs.store import once
from qjobs.store.state import checks

Qjobs = Callable[..., Any]


@pytest.fixture
def submit(qjobs: Qjobs, bell: str) -> Callable[..., str]:
    """Submit three jobs to a script of `fake`; the id of the set."""

    def submit(script: str = "", *more: str) -> str:
        words = ("submit", *[bell] * 3, "-b", f"fake:{script}", "--per-job", "1", *more)
        return str(qjobs(*words).out.strip())

    return submit


@pytest.fixture
def fake(home: Path) -> FakeProvider:
    return FakeProvider(ProviderContext(home / "fake"))


def sets_in(home: Path) -> list[str]:
    """The names of everything in the folder of the sets."""
    return sorted(path.name for path in (home / "sets").iterdir())


def disk_usage(*paths: Path) -> int:
    """What `du`, a second reader, counts."""
    said = subprocess.run(["du", "-sB1", *paths], capture_output=True, text=True, check=True)
    return sum(int(line.split()[0]) for line in said.stdout.splitlines())


# rm


def test_a_finished_set_goes_with_its_jobs_at_the_provider_and_no_other(
    qjobs: Qjobs, submit: Callable[..., str], home: Path, fake: FakeProvider
) -> None:
    gone, stays = submit("", "--name", "gone"), submit("", "--name", "stays")
    good(qjobs, "result", stays)
    before = qjobs("result", stays, "--json").out

    ended = good(qjobs, "rm", "gone")

    assert (ended.out, ended.err) == (f"{gone}\n", "1 set, 17 kB freed\n")
    assert sets_in(home) == [stays]
    assert {line.tag.rsplit("-", 2)[0] for line in fake.submissions()} == {f"qj-{stays}"}
    assert qjobs("result", stays, "--json").out == before
    assert qjobs("rm", gone).code == 3


def test_the_room_that_was_freed_is_what_du_counts(
    qjobs: Qjobs, submit: Callable[..., str], home: Path
) -> None:
    set_id = submit()
    good(qjobs, "result", set_id)
    (usage,) = qjobs("du", set_id, "--json").document("du")["sets"]
    own = disk_usage(home / "sets" / set_id)

    document = qjobs("rm", set_id, "--json").document("removal")

    assert usage["circuits_bytes"] + usage["results_bytes"] + usage["state_bytes"] == own
    assert usage["provider_bytes"] > 0
    assert document["freed_bytes"] == usage["total_bytes"] == own + usage["provider_bytes"]


@pytest.mark.parametrize(
    ("script", "more", "counts"),
    [
        ("delay=3600", (), "3 running"),
        ("queue=3600", (), "3 queued"),
        ("lose=1,find_error=1", ("--max-workers", "1"), "1 unknown"),
        ("auth=no", (), "3 planned"),
    ],
)
def test_a_set_with_unfinished_jobs_stays_and_force_stops_them_first(
    qjobs: Qjobs, submit: Callable[..., str], home: Path, script, more, counts
) -> None:
    submit(script, *more)
    (set_id,) = sets_in(home)

    ended = qjobs("rm", set_id)

    assert ended.code == 8
    assert counts in ended.err
    assert len(ended.err.splitlines()) == 2
    assert sets_in(home) == [set_id]
    assert the("(rm --force .*)", hint_of(ended)) == f"rm --force {set_id}"
    good(qjobs, "rm", "--force", set_id)
    assert sets_in(home) == []


def test_jobs_that_cannot_be_stopped_keep_their_set_also_with_force(
    qjobs: Qjobs, submit: Callable[..., str], home: Path
) -> None:
    set_id = submit("delay=3600,cancel=no")

    ended = qjobs("rm", "--force", set_id)

    assert ended.code == 8
    assert "could not be stopped: not supported" in ended.err
    assert sets_in(home) == [set_id]
    assert good(qjobs, *the("qjobs (status .*)", hint_of(ended)).split()).out.count("running") == 3


def test_a_job_of_which_nobody_can_tell_keeps_its_set_until_it_is_asked_for_again(
    qjobs: Qjobs, submit: Callable[..., str], home: Path
) -> None:
    submit("lose=1,find=no", "--max-workers", "1")
    (set_id,) = sets_in(home)

    ended = qjobs("rm", "--force", set_id)

    assert ended.code == 8
    assert f"qj-{set_id}-0-1" in ended.err
    assert qjobs("rm", set_id).code == 8
    again = the("qjobs (rm .*)", hint_of(ended))
    good(qjobs, *again.split())
    assert sets_in(home) == []


def test_results_that_can_be_had_only_once_go_only_by_force(
    qjobs: Qjobs, submit: Callable[..., str], home: Path
) -> None:
    set_id = submit("once=yes")
    good(qjobs, "wait", set_id)

    ended = qjobs("rm", set_id)

    assert ended.code == 2
    assert f"{set_id}/0-2" in ended.err
    keep = the("to keep them: qjobs (.*?);", hint_of(ended))
    good(qjobs, *keep.split())
    assert len(Path(f"{set_id}.jsonl").read_text().splitlines()) == 3
    ended = good(qjobs, *the("same: qjobs (.*)", hint_of(ended)).split())
    assert f"had only once are gone: {set_id}/0-2" in ended.err
    assert sets_in(home) == []


def test_results_that_were_kept_elsewhere_for_want_of_room_go_too(
    qjobs: Qjobs, submit: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, stays = submit(), submit()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    result = JobResult.of([CircuitResult(1, {"0x0": 1}, 1)])
    paths = [
        once.keep_elsewhere(f"qjobs-{set_id}-0-1", result.body, [tmp_path])
        for set_id in (gone, stays)
    ]

    good(qjobs, "rm", gone)

    assert [path.exists() for path in paths if path] == [False, True]


def test_a_set_that_another_process_submits_stays_and_nothing_of_it_is_cancelled(
    qjobs: Qjobs, submit: Callable[..., str], home: Path
) -> None:
    set_id = submit("delay=3600")
    lock = FileLock(home / "sets" / set_id / "submitting.lock")
    assert lock.acquire(wait_s=0)

    ended = qjobs("rm", "--force", set_id)

    assert ended.code == 9
    assert "another process is submitting" in ended.err
    assert sets_in(home) == [set_id]
    lock.close()
    (only,) = qjobs("status", set_id, "--json").document("status")["sets"]
    assert only["counts"]["running"] == 3


def test_of_several_sets_those_that_can_go_do(
    qjobs: Qjobs, submit: Callable[..., str], home: Path
) -> None:
    first, running, last = submit(), submit("delay=3600"), submit()

    ended = qjobs("rm", first, running, last, "--format", "tsv")

    assert ended.code == 8
    assert [line.split("\t")[::2][:2] for line in ended.out.splitlines()] == [
        [first, "removed"], [running, "kept"], [last, "removed"],
    ]  # fmt: skip
    assert sets_in(home) == [running]


def test_ids_come_from_standard_input_and_none_are_nothing(
    qjobs: Qjobs, submit: Callable[..., str], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = submit(), submit()
    read, write = os.pipe()
    os.write(write, f"{first}\n{second}\n".encode())
    os.close(write)
    with os.fdopen(read) as stream:
        monkeypatch.setattr("sys.stdin", stream)
        good(qjobs, "rm", "-")
        assert sets_in(home) == []
        good(qjobs, "rm", "-")


def test_no_set_is_no_wish_for_the_newest(
    qjobs: Qjobs, submit: Callable[..., str], home: Path
) -> None:
    set_id = submit()

    assert qjobs("rm").code == 2
    assert qjobs("tag", "--add", "x").code == 2
    assert qjobs("prune", "--yes", "--force").code == 2
    ended = qjobs("prune")
    assert ended.code == 2
    options = the("one of (.*?);", hint_of(ended)).replace(" and", ",").split(", ")
    for option in options:
        good(qjobs, "prune", *option.split(), "--dry-run")
    assert sets_in(home) == [set_id]


@pytest.mark.parametrize("verb", [["rm"], ["tag", "--add", "x"], ["du"]])
def test_a_part_of_a_set_is_no_set(qjobs: Qjobs, submit: Callable[..., str], verb) -> None:
    set_id = submit()

    ended = qjobs(*verb, f"{set_id}/1")

    assert ended.code == 2
    assert the("name (.*)", hint_of(ended)) == set_id
    good(qjobs, *verb, set_id)


def test_a_set_whose_file_does_not_say_all_stays(
    qjobs: Qjobs, submit: Callable[..., str], home: Path
) -> None:
    set_id = submit()
    good(qjobs, "status", set_id)
    state = home / "sets" / set_id / "state.toml"
    state.write_text(state.read_text().replace("shots = 1024", "shots = 1025"))

    for words in (("rm", set_id), ("rm", "--force", set_id), ("prune", "--keep", "0")):
        ended = qjobs(*words)
        assert ended.code == 9, words
        assert "is not as qjobs wrote it; the set stays" in ended.err
    assert sets_in(home) == [set_id]


def test_a_link_is_not_followed(
    qjobs: Qjobs, submit: Callable[..., str], home: Path, tmp_path: Path
) -> None:
    set_id = submit()
    good(qjobs, "status", set_id)
    (home / "sets" / set_id).rename(tmp_path / set_id)
    (home / "sets" / set_id).symlink_to(tmp_path / set_id)

    assert qjobs("rm", set_id).code == 9
    assert (tmp_path / set_id / "state.toml").exists()

    inside = submit()
    good(qjobs, "result", inside)
    (home / "sets" / inside / "results").rename(tmp_path / "mine")
    (home / "sets" / inside / "results").symlink_to(tmp_path / "mine")
    good(qjobs, "rm", inside)
    assert len([*(tmp_path / "mine").iterdir()]) == 3


def test_a_provider_that_is_not_there_is_borne_with_force_and_gc_ends_it_later(
    qjobs: Qjobs, submit: Callable[..., str], home: Path, tmp_path: Path
) -> None:
    set_id = submit()
    good(qjobs, "wait", set_id)
    books = home / "fake" / "books.sqlite"
    books.rename(tmp_path / "books")
    books.mkdir()

    ended = good(qjobs, "rm", set_id, "--format", "tsv")
    assert "not all of it" in ended.err
    (hidden,) = sets_in(home)
    left = {path.name for path in (home / "sets" / hidden).iterdir()}
    assert left == {"submitting.lock", "state.toml"}
    assert qjobs("list", "-q").out == ""
    assert "cannot use" in good(qjobs, "gc").err
    assert sets_in(home) == [hidden]

    books.rmdir()
    (tmp_path / "books").rename(books)
    (item,) = json.loads(good(qjobs, "gc", "--json").out)["items"]
    assert item["kind"] == "removed set"
    assert sets_in(home) == []
    assert FakeProvider(ProviderContext(home / "fake")).submissions() == []


def test_a_provider_that_cannot_be_opened_keeps_its_sets_unless_forced(
    qjobs: Qjobs, submit: Callable[..., str], home: Path
) -> None:
    set_id = submit()
    good(qjobs, "wait", set_id)
    (home / "fake").chmod(0o777)  # and so is not used

    ended = qjobs("rm", set_id)

    assert ended.code == 1
    assert "cannot be removed" in ended.err
    assert sets_in(home) == [set_id]
    ended = good(qjobs, *the("qjobs (rm .*)", hint_of(ended)).split())
    assert "not all of it" in ended.err
    (home / "fake").chmod(0o700)
    good(qjobs, "gc")
    assert sets_in(home) == []
    assert FakeProvider(ProviderContext(home / "fake")).submissions() == []


# prune


@pytest.fixture
def aged(submit: Callable[..., str], home: Path) -> Callable[..., str]:
    """Submit a set, and have it be so many days old."""

    def aged(days: float, script: str = "") -> str:
        set_id = submit(script)
        state = home / "sets" / set_id / "state.toml"
        made = datetime.now(UTC) - timedelta(days=days)
        text = re.sub("created = .*", f"created = {made:%Y-%m-%dT%H:%M:%SZ}", state.read_text())
        state.write_text(checks.without(text))
        return set_id

    return aged


def test_sets_go_by_their_age_their_number_and_their_fate(
    qjobs: Qjobs, aged: Callable[..., str], home: Path
) -> None:
    sets = [
        aged(days, script) for days, script in ((1, ""), (9, "fail=1"), (31, ""), (40, "fail=1"))
    ]
    good_sets = sorted(sets)

    def would_go(*words: str) -> list[int]:
        ended = good(qjobs, "prune", *words, "--dry-run", "--json")
        document = ended.document("removal")
        assert document["dry_run"]
        assert document["freed_bytes"] == sum(one["bytes"] for one in document["sets"])
        assert {one["outcome"] for one in document["sets"]} <= {"to be removed"}
        return [sets.index(one["id"]) for one in document["sets"]]

    assert would_go("--older-than", "30d") == [3, 2]
    assert would_go("--older-than", "30d12h") == [3, 2]
    assert would_go("--older-than", "32d") == [3]
    assert would_go("--keep", "1") == [3, 2, 1]
    assert would_go("--keep", "9") == []
    assert would_go("--keep", "0") == [3, 2, 1, 0]
    for set_id in sets:
        qjobs("wait", set_id)
    assert would_go("--failed") == [3, 1]
    assert would_go("--failed", "--older-than", "30d") == [3]
    assert would_go("--older-than", "5d", "--keep", "3", "--failed") == [3]
    assert sets_in(home) == good_sets

    ended = good(qjobs, "prune", "--older-than", "5d", "--failed")

    assert ended.out.splitlines() == [sets[3], sets[1]]
    assert sets_in(home) == sorted([sets[0], sets[2]])


def test_pruning_leaves_what_may_run_and_what_can_be_had_once(
    qjobs: Qjobs, submit: Callable[..., str], home: Path
) -> None:
    running, once_only, done = submit("delay=3600"), submit("once=yes"), submit()

    for words in (("--dry-run",), ()):
        ended = good(qjobs, "prune", "--keep", "0", *words)
        assert ended.out == f"{done}\n"
        assert f"it stays: {running} has unfinished jobs: 3 running" in ended.err
        assert f"{once_only}/0-2 can be had only once" in ended.err
    assert sets_in(home) == sorted([running, once_only])
    assert good(qjobs, "prune", "--keep", "0", "--force").out.split() == [running, once_only]


def test_a_set_that_cannot_be_read_stays_and_hides_no_other(
    qjobs: Qjobs, submit: Callable[..., str], home: Path
) -> None:
    damaged, done = submit(), submit()
    (home / "sets" / damaged / "state.toml").write_text("format = 2\n[set]\nname = 3\n")

    ended = good(qjobs, "prune", "--keep", "0")

    assert ended.out == f"{done}\n"
    assert f"it stays: {home}/sets/{damaged}/state.toml" in ended.err
    (usage,) = qjobs("du", "--json").document("du")["sets"]
    assert (usage["id"], usage["name"], usage["provider_bytes"]) == (damaged, None, None)
    good(qjobs, "gc")
    assert sets_in(home) == [damaged]


def test_on_a_terminal_it_asks_and_no_answer_removes_nothing(
    submit: Callable[..., str], home: Path, start: Callable[..., Any]
) -> None:
    set_id = submit()
    for answer, code in ((b"n\n", 1), (b"y\n", 0)):
        leader, follower = os.openpty()
        process = start("prune", "--keep", "0", stdin=follower, stderr=follower)
        os.close(follower)
        os.write(leader, answer)
        said = b""
        while b"?" not in said:
            said += os.read(leader, 1000)
        assert b"remove 1 set, 17 kB? [y/N]" in said
        assert process.wait(60) == code
        os.close(leader)
        assert sets_in(home) == ([set_id] if code else [])


# gc


def test_what_no_set_needs_is_removed_and_what_is_needed_stays(
    qjobs: Qjobs, submit: Callable[..., str], home: Path, fake: FakeProvider
) -> None:
    kept, gone, running = submit(), submit(), submit("delay=3600")
    good(qjobs, "result", kept)
    for set_id in (gone, running):
        shutil.rmtree(home / "sets" / set_id)  # as users do
    (home / "sets" / "0123456789ab").mkdir()
    (home / "sets" / "0123456789ab" / "circuits.qpy").write_bytes(b"half")
    (home / "sets" / "0123456789ab" / "draft.lock").touch()
    (home / "sets" / kept / "results" / "0-1.jsonl.0123456789ab.tmp").write_bytes(b"half")
    (home / "fake" / "x.0123456789ab.tmp").write_bytes(b"half")
    room = home / "sets" / kept / "results" / "1-1.jsonl.part"
    room.write_bytes(bytes(8192))
    (home / "mine").mkdir()
    (home / "mine" / "notes.tmp").write_text("not to be touched")
    for path in home.rglob("*"):
        os.utime(path, (0, 0))
    before = qjobs("result", kept, "--json").out

    planned = qjobs("gc", "--dry-run", "--json").document("gc")
    assert len([*home.rglob("*.0123456789ab.tmp")]) == 2
    document = qjobs("gc", "--json").document("gc")

    assert document == planned | {"dry_run": False}
    assert sorted((item["kind"], Path(item["name"]).name) for item in document["items"]) == [
        ("draft", "0123456789ab"), ("orphan", f"fake qj-{gone}"), ("reserved room", room.name),
        ("temporary file", "0-1.jsonl.0123456789ab.tmp"), ("temporary file", "x.0123456789ab.tmp"),
    ]  # fmt: skip
    assert document["freed_bytes"] == sum(item["bytes"] for item in document["items"])
    assert room.stat().st_size == 0
    assert (home / "mine" / "notes.tmp").exists()
    assert {line.tag.rsplit("-", 2)[0] for line in fake.submissions()} == {
        f"qj-{kept}", f"qj-{running}",  # which runs, and may be recovered
    }  # fmt: skip
    assert qjobs("result", kept, "--json").out == before
    assert qjobs("gc", "--json").document("gc")["items"] == []


def test_nothing_is_collected_where_there_is_nothing(qjobs: Qjobs, home: Path) -> None:
    assert qjobs("gc", "--json").document("gc")["items"] == []
    assert qjobs("du", "--json").document("du")["sets"] == []
    assert good(qjobs, "prune", "--keep", "3").out == ""
    assert not home.exists()
