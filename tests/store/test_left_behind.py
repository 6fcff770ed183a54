"""What processes leave that die while they write is removed; what the living have is not."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.sample_set import plan

from qjobs import files
from qjobs.circuits.files import Scratch
from qjobs.store.sets import Store

PROGRAM = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path
from qjobs.circuits.files import Scratch
from qjobs import files
from qjobs.store.sets import Store

home, kept = Path(sys.argv[1]), Path(sys.argv[2])
draft = Store(home, clock=lambda: datetime.now(UTC)).draft("dead")
draft.circuits_path.write_bytes(b"half")
Scratch(draft.circuits_path).new("part").write_bytes(b"half")
with (
    files.temporary(home / "sets" / "probe", b"half"),
    files.temporary(kept / "state.toml", b"half"),
    files.temporary(kept / "results" / "0-1.jsonl", b"half"),
):
    print("written", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def store(home: Path) -> Store:
    return Store(home, clock=lambda: datetime.now(UTC))


@pytest.fixture
def kept(store: Store) -> Path:
    """The folder of a set."""
    draft = store.draft("9f3c1a7e2b40")
    draft.circuits_path.write_bytes(b"circuits")
    folder = draft.commit(plan())
    (folder.state_path.parent / "results").mkdir()
    return folder.state_path.parent


@pytest.fixture
def writer(home: Path, kept: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that is in the middle of it, and has been for a minute."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, home, kept], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == b"written\n"
    for path in home.rglob("*"):
        os.utime(path, (time.time() - 60,) * 2)
    yield process
    process.kill()
    process.wait()
    process.stdout.close()
    process.stdin.close()


def unfinished(home: Path) -> set[str]:
    names = {str(path.relative_to(home / "sets")) for path in (home / "sets").rglob("*")}
    return {name for name in names if name.endswith(".tmp") or name.startswith("dead")}


def look_after(store: Store) -> None:
    """What `submit`, and a verb that writes facts, begin with."""
    store.draft("another").abandon()
    store.open("9f3c1a7e2b40").journal().close()


def test_what_a_process_that_was_killed_had_begun_is_removed(
    store: Store, home: Path, kept: Path, writer: "subprocess.Popen[bytes]"
) -> None:
    assert len(unfinished(home)) == 8
    writer.kill()
    writer.wait()

    look_after(store)

    assert unfinished(home) == set()
    assert {path.name for path in kept.iterdir()} == {
        "circuits.qpy", "results", "sources.json", "state.lock", "state.toml",
    }  # fmt: skip


def test_what_a_living_process_has_begun_stays(
    store: Store, home: Path, writer: "subprocess.Popen[bytes]"
) -> None:
    before = unfinished(home)

    look_after(store)

    assert unfinished(home) == before


def test_what_was_made_a_moment_ago_stays(home: Path) -> None:
    home.mkdir()
    fresh = home / "state.toml.0123456789ab.tmp"
    fresh.touch()

    files.sweep(home)
    assert fresh.exists()

    os.utime(fresh, (0, 0))
    files.sweep(home)
    assert not fresh.exists()


def test_neither_folders_nor_links_are_followed_or_removed(home: Path, tmp_path: Path) -> None:
    (home / "a.tmp").mkdir(parents=True)
    (tmp_path / "mine").touch()
    (home / "b.tmp").symlink_to(tmp_path / "mine")
    os.mkfifo(home / "c.tmp")
    os.utime(home / "a.tmp", (0, 0))

    files.sweep(home)

    assert {path.name for path in home.iterdir()} >= {"a.tmp", "b.tmp"}
    assert (tmp_path / "mine").exists()


def test_abandoning_a_draft_removes_the_parts_of_its_circuits(store: Store, home: Path) -> None:
    draft = store.draft("9f3c1a7e2b40")
    Scratch(draft.circuits_path).new("part").write_bytes(b"half")

    draft.abandon()

    assert list((home / "sets").iterdir()) == []
