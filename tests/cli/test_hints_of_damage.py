"""Hints about state files that tell what cannot be: whoever does what they say can go on."""

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from itertools import repeat
from pathlib import Path

import pytest
from support.hints import FAKE, Qjobs, as_planned, good, hint_of, the

from qjobs import files
from qjobs.errors import StateError, StateUnwritable
from qjobs.lock import FileLock
from qjobs.store.state import checks


@pytest.fixture
def planned(qjobs: Qjobs, bell: str, home: Path) -> Path:
    """The folder of a set whose first job was refused, and the second not sent.

    What the provider has cannot be asked for by its tag.
    """
    words = ["--per-job", "1", "-b", "fake:refuse=1,find=no", "--max-workers", "1", "--fail-fast"]
    ended = qjobs("submit", bell, bell, *words)
    assert "1 job not submitted" in ended.err
    return home / "sets" / ended.out.strip()


def add(state: Path, job: int, what: str) -> bytes:
    """Write a fact into a state file behind our back; what it held."""
    before = state.read_bytes()
    with state.open("a") as file:
        file.write(f"\n[[fact]]\njob = {job}\nattempt = 1\nat = 2026-11-22T05:00:03Z\n{what}\n")
    return before


def test_a_fact_of_a_kind_of_the_future(qjobs: Qjobs, planned: Path) -> None:
    state = planned / "state.toml"
    backup = add(state, 0, 'attempred = "x"')
    assert "put the file back from a backup" in hint_of(qjobs("resume"))
    state.write_bytes(backup)
    good(qjobs, "resume")


def test_a_note_in_the_table_of_a_job(qjobs: Qjobs, planned: Path) -> None:
    state = planned / "state.toml"
    noted = checks.without(state.read_text()).replace("[[job]]\n", '[[job]]\nmine = "x"\n', 1)
    state.write_text(noted)
    assert hint_of(qjobs("resume")).endswith("a note of yours stands well behind a #")
    state.write_text(noted.replace("mine", "# mine"))
    good(qjobs, "resume")


@pytest.mark.parametrize("way", ["put the file back from a backup", "remove that fact"])
def test_a_fact_that_cannot_follow(qjobs: Qjobs, planned: Path, way: str) -> None:
    state = planned / "state.toml"
    backup = add(state, 1, 'accepted = "fake-77"')
    ended = qjobs("resume")
    assert way in hint_of(ended)
    if way.startswith("put"):
        state.write_bytes(backup)
    else:
        line = int(the(r"state\.toml:([0-9]+):", ended.err))
        lines = state.read_text().splitlines(keepends=True)
        assert lines[line - 1] == "[[fact]]\n"
        del lines[line - 1 : line + 4]
        state.write_text("".join(lines))
    good(qjobs, "resume")


def test_facts_that_are_not_written_as_qjobs_does(qjobs: Qjobs, planned: Path) -> None:
    state = planned / "state.toml"
    add(state, 1, f'attempted = "qj-{planned.name}-1-1"')
    add(state, 1, 'deferred = "not now"')
    head, *facts = checks.without(state.read_text()).split("\n[[fact]]\n")
    assert facts
    inline = ", ".join(f"{{{', '.join(fact.splitlines())}}}" for fact in facts)
    state.write_text(f"fact = [{inline}]\n{head}")
    heading = the(r"as a table (\[\[\w+\]\])", hint_of(qjobs("resume")))
    state.write_text(f"\n{heading}\n".join([head, *facts]))
    good(qjobs, "resume")


def test_a_state_file_that_is_larger_than_any_of_ours(qjobs: Qjobs, planned: Path) -> None:
    state = planned / "state.toml"
    backup = state.read_bytes()
    os.truncate(state, files.LARGEST_BYTES + 1)
    assert "put it back from a backup" in hint_of(qjobs("resume", planned.name))
    state.write_bytes(backup)
    good(qjobs, "resume")


@pytest.fixture
def done(qjobs: Qjobs, bell: str, home: Path) -> Path:
    """The folder of a set whose result is fetched."""
    set_id = good(qjobs, "submit", bell, *FAKE).out.strip()
    good(qjobs, "result")
    return home / "sets" / set_id


@pytest.mark.parametrize("name", ["sources.json", "state.toml"])
def test_what_is_larger_than_any_of_ours_is_moved_away(
    qjobs: Qjobs, done: Path, tmp_path: Path, name: str
) -> None:
    os.truncate(done / name, files.LARGEST_BYTES + 1)
    verb = "show" if name.startswith("sources") else "result"
    ended = qjobs(verb, done.name)
    assert "move it away" in hint_of(ended)
    Path(the(r"error: (/\S+) has", ended.err)).rename(tmp_path / "away")
    ended = qjobs(verb, done.name)
    if name == "state.toml":  # there is no set without it
        good(qjobs, *the("^qjobs (.*)", hint_of(ended)).split())
    else:
        assert ended.code == 0


def test_observables_that_are_damaged(
    qjobs: Qjobs, bell: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "o.json").write_text('["ZZ"]')
    monkeypatch.setenv("QJOBS_LOCAL_IDLE_S", "0.1")
    words = ["submit", bell, "--observables", "o.json", "-b", "local"]
    folder = home / "sets" / good(qjobs, *words, "--wait").out.strip()
    shutil.copytree(folder, tmp_path / "where it was submitted")
    (folder / "observables.json").write_text("3")
    ended = qjobs("result")
    assert "copy it from where the set was submitted" in hint_of(ended)
    path = Path(the(r"error: (/\S+) does", ended.err))
    shutil.copy(tmp_path / "where it was submitted" / path.name, path)
    good(qjobs, "result")


def test_circuits_of_a_set_that_was_recovered(qjobs: Qjobs, bell: str, home: Path) -> None:
    set_id = good(qjobs, "submit", bell, "-b", "fake:fail=1").out.strip()
    shutil.rmtree(home / "sets")
    good(qjobs, "recover", "-b", "fake:fail=1")
    ended = qjobs("retry", set_id)
    assert "submit the files once more, as a new set" in hint_of(ended)
    good(qjobs, "submit", bell, *FAKE)


def test_a_file_that_is_written_all_the_while(tmp_path: Path) -> None:
    path = tmp_path / "circuits.qpy"
    path.write_bytes(bytes(1 << 20))
    enough = threading.Event()

    def write() -> None:
        while not enough.is_set():
            path.touch()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        with pytest.raises(StateError, match="was written while it was read") as caught:
            all(files.sha256(path) for _ in repeat(None))
    finally:
        enough.set()
        writer.join()
    assert the("^wait until nobody (.*) it,", caught.value.hint) == "writes"
    assert files.sha256(path)[0]


def test_a_lock_that_another_process_never_lets_go(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from qjobs.lock import FileLock; "
        "FileLock(Path(sys.argv[1])).acquire(wait_s=0); print(flush=True); input()"
    )
    lock = FileLock(tmp_path / "sets.lock")
    with subprocess.Popen(
        [sys.executable, "-c", code, tmp_path / "sets.lock"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout
        holder.stdout.readline()
        with pytest.raises(StateUnwritable) as caught, lock.held(wait_s=0.01):
            raise AssertionError
        command = the(r"\((.*) names it\)", caught.value.hint).split()
        if shutil.which(command[0]):
            found = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            assert [int(pid) for pid in found.split() if int(pid) != os.getpid()] == [holder.pid]
        holder.kill()
    with lock.held(wait_s=0):
        pass
    lock.close()


def test_a_name_by_which_a_set_is_to_be_recovered(qjobs: Qjobs, bell: str, home: Path) -> None:
    set_id = good(qjobs, "submit", bell, "--name", "ghz-sweep", *FAKE).out.strip()
    shutil.rmtree(home / "sets")
    words = the("^qjobs (.*)", hint_of(qjobs("recover", "-b", "fake", "ghz-sweep"))).split()
    (line,) = good(qjobs, *words).out.splitlines()
    assert line.split("\t")[0] == set_id
    good(qjobs, "recover", "-b", "fake", set_id)


def test_a_prefix_of_two_ids(qjobs: Qjobs, bell: str, home: Path) -> None:
    ids = {good(qjobs, "submit", bell, *FAKE).out.strip() for _ in range(2)}
    for number, set_id in enumerate(ids):  # ids that begin alike, as chance makes them at last
        folder, alike = home / "sets" / set_id, f"abcdef{number:06x}"
        state = folder / "state.toml"
        state.write_text(checks.without(state.read_text()).replace(set_id, alike))
        folder.rename(home / "sets" / alike)
    ended = qjobs("status", "abcdef")
    assert hint_of(ended) == "name one of them by its id"
    for named in the("means 2 job sets: (.*)$", ended.err.splitlines()[0]).split(", "):
        good(qjobs, "show", named)


def test_a_folder_where_a_set_is_to_be_recovered(
    qjobs: Qjobs, done: Path, home: Path, tmp_path: Path
) -> None:
    (done / "state.toml").rename(done / "notes.txt")
    ended = qjobs("recover", "-b", "fake")
    assert the("^move it out of (.*)$", hint_of(ended)) == str(home / "sets")
    Path(the("there is already a (.*)$", ended.err.splitlines()[0])).rename(tmp_path / "away")
    good(qjobs, "recover", "-b", "fake")
    assert done.name in good(qjobs, "status").out


@pytest.fixture
def halved(qjobs: Qjobs, bell: str, home: Path) -> Path:
    """The folder of a set whose job was halved, with a state file from before it was sent."""
    words = ["--per-job", "4", "-b", "fake:circuits=2,stated=no"]
    folder = home / "sets" / good(qjobs, "submit", *[bell] * 4, *words).out.strip()
    state = folder / "state.toml"
    shutil.copy(state, folder / "newest")
    state.write_text(as_planned(state, 4))
    return folder


@pytest.mark.parametrize("way", ["put the newest copy back", "move the folder away"])
def test_an_older_copy_of_a_state_file(
    qjobs: Qjobs, halved: Path, tmp_path: Path, way: str
) -> None:
    hint = hint_of(qjobs("resume"))
    assert way in hint
    if way.startswith("put"):
        (halved / "newest").replace(halved / "state.toml")
    else:
        halved.rename(tmp_path / "away")
        good(qjobs, *the("run: qjobs (.*)$", hint).split())
    good(qjobs, "resume")
    good(qjobs, "wait")


@pytest.mark.parametrize("way", ["give it its tag back", "delete it there"])
def test_a_job_that_has_lost_its_tag(qjobs: Qjobs, bell: str, home: Path, way: str) -> None:
    state = home / "sets" / good(qjobs, "submit", bell, *FAKE).out.strip() / "state.toml"
    state.write_text(as_planned(state, 1))
    with closing(sqlite3.connect(home / "fake" / "books.sqlite", isolation_level=None)) as books:
        books.execute("UPDATE job SET tag = substr(tag, 1, length(tag) - 4)")
        ended = qjobs("resume")
        hint = hint_of(ended)
        assert way in hint
        if way.startswith("give"):
            tag = the("give it its tag back, (.*), or", hint)
            tag = tag.replace("JOB", "0").replace("ATTEMPT", "1")
            books.execute("UPDATE job SET tag = ?", [tag])
        else:
            books.execute("DELETE FROM job")
    good(qjobs, "resume")
    good(qjobs, "wait")


def test_a_queue_that_is_damaged(
    qjobs: Qjobs, bell: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QJOBS_LOCAL_IDLE_S", "0.1")
    (home / "local").mkdir(parents=True, mode=0o700)
    (home / "local" / "queue.db").write_bytes(b"damaged" * 4096)
    (home / "local" / "queue.db").chmod(0o600)
    resume = the("^qjobs (.*)$", hint_of(qjobs("submit", bell, "-b", "local"))).split()
    pattern = Path(the(r"move (\S+) away", qjobs(*resume).err))
    for path in pattern.parent.glob(pattern.name):
        path.rename(tmp_path / path.name)
    good(qjobs, *resume)
    good(qjobs, "wait")
