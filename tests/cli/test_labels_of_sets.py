"""rename and tag change the words by which sets are found, and nothing else."""

import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from support.hints import good, hint_of, the
from support.older_format import header

from qjobs.cli.workspace import open_workspace
from qjobs.facts import Fact, FactKind
from qjobs.store.state import format as layout
from qjobs.store.state import reading

Qjobs = Callable[..., Any]


@pytest.fixture
def submit(qjobs: Qjobs, bell: str) -> Callable[..., str]:
    return lambda *more: str(qjobs("submit", bell, bell, "-b", "fake", *more).out.strip())


def test_a_set_is_found_by_its_new_name_and_not_by_the_old(
    qjobs: Qjobs, submit: Callable[..., str], home: Path
) -> None:
    set_id = submit("--name", "old", "--tag", "x")
    good(qjobs, "wait", set_id)
    path = home / "sets" / set_id / "state.toml"
    before = reading.read_state(path)

    assert good(qjobs, "rename", "old", "new").out == f"{set_id}\n"

    assert good(qjobs, "status", "new", "--jobs").out.startswith(set_id)
    assert qjobs("status", "old").code == 3
    after = reading.read_state(path)
    assert after.damage is None
    assert after.ledger()[0].recorded() == before.ledger()[0].recorded()
    (only,) = qjobs("rename", "new", "newer", "--json").document("labels")["sets"]
    assert only == {"id": set_id, "name": "newer", "tags": ["x"]}


@pytest.mark.parametrize("name", ["last", "all", "a b", "-x", "x/1", "é", "a" * 65, "@2", ""])
def test_what_would_be_no_name_when_submitting_is_none_here(
    qjobs: Qjobs, submit: Callable[..., str], home: Path, name: str
) -> None:
    set_id = submit("--name", "old")
    state = (home / "sets" / set_id / "state.toml").read_bytes()

    assert qjobs("rename", "old", "--", name).code == 2
    assert (home / "sets" / set_id / "state.toml").read_bytes() == state


def test_a_name_is_that_of_one_set(qjobs: Qjobs, submit: Callable[..., str]) -> None:
    first, second = submit("--name", "ghz"), submit()

    ended = qjobs("rename", second, "ghz")

    assert ended.code == 2
    assert first in ended.err
    other = the("first: qjobs (rename .*)", hint_of(ended)).replace("NAME", "older")
    good(qjobs, *other.split())
    good(qjobs, "rename", second, "ghz")
    good(qjobs, "rename", second, "ghz")
    assert qjobs("rename", second, first).code == 2
    assert [row.split("\t")[:2] for row in qjobs("tag", first, second).out.splitlines()] == [
        [first, "older"], [second, "ghz"],
    ]  # fmt: skip


def test_tags_are_added_then_removed_and_shown(qjobs: Qjobs, submit: Callable[..., str]) -> None:
    first, second = submit("--tag", "a"), submit()

    ended = good(qjobs, "tag", first, second, "--add", "b", "--add", "c", "--remove", "a")

    assert ended.out == f"{first}\n{second}\n"
    assert ended.err == f"warning: {second} had no tag 'a'\n"
    assert good(qjobs, "tag", first, second).out == f"{first}\t\tb c\n{second}\t\tb c\n"
    assert qjobs("show", first, "--json").document("set")["tags"] == ["b", "c"]


def test_labels_change_while_another_process_writes(
    qjobs: Qjobs, submit: Callable[..., str]
) -> None:
    set_id = submit("--name", "old")
    writer = open_workspace().store.open(set_id)
    with writer.journal() as journal:
        good(qjobs, "rename", "old", "new")
        good(qjobs, "tag", "new", "--add", "x")
        assert [job.index for job in journal.jobs()] == [0, 1]
        journal.label(tags=["x", "y"])
    good(qjobs, "wait", "new")

    job_set = open_workspace().store.open(set_id).job_set
    assert (job_set.name, job_set.tags) == ("new", ("x", "y"))


def test_a_set_of_the_older_format_gets_its_labels_too(
    qjobs: Qjobs, submit: Callable[..., str], home: Path
) -> None:
    set_id = submit("--name", "old")
    good(qjobs, "wait", set_id)
    path = home / "sets" / set_id / "state.toml"
    folder = open_workspace().store.open(set_id)
    facts = [
        Fact(job.index, 1, folder.job_set.created, kind, value)
        for job in folder.jobs()
        for kind, value in (
            (FactKind.ATTEMPTED, folder.job_set.job_tag(job.index, 1)),
            (FactKind.ACCEPTED, job.job_ids[0]),
            (FactKind.FINISHED, "DONE"),
        )
    ]
    path.write_bytes(header(folder.job_set) + b"".join(map(layout.table, facts)))
    assert open_workspace().store.open(set_id).jobs() == folder.jobs()

    good(qjobs, "rename", "old", "new")
    good(qjobs, "tag", "new", "--add", "x")

    folder = open_workspace().store.open(set_id)
    assert (folder.job_set.name, folder.job_set.tags, folder.warnings) == ("new", ("x",), ())
    assert good(qjobs, "status", "new", "--exit-status").code == 0


def test_a_changed_file_gets_no_label(qjobs: Qjobs, submit: Callable[..., str], home: Path) -> None:
    set_id = submit("--name", "old")
    path = home / "sets" / set_id / "state.toml"
    path.write_text(path.read_text().replace("shots = 1024", "shots = 1025"))
    before = path.read_bytes()

    for words in (["rename", "old", "new"], ["tag", "old", "--add", "x"]):
        assert qjobs(*words).code == 9
    assert path.read_bytes() == before


def test_of_tags_that_are_added_at_once_none_is_lost(
    submit: Callable[..., str], start: Callable[..., "subprocess.Popen[str]"]
) -> None:
    set_id = submit()

    with ThreadPoolExecutor(6) as pool:
        codes = pool.map(
            lambda tag: start("tag", set_id, "--add", f"t{tag}").wait(60), range(6)
        )  # fmt: skip
        assert [*codes] == [0] * 6

    tags = open_workspace().store.open(set_id).job_set.tags
    assert sorted(tags) == [f"t{tag}" for tag in range(6)]
