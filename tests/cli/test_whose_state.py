"""A state folder of another user, or one that others can write, is refused by every verb."""

import json
import os
import shlex
import subprocess
from pathlib import Path

import pytest

from qjobs import JobManager, paths
from qjobs.errors import StateError
from qjobs.store import trust

VERBS = (
    ("submit", "bell.qpy", "-b", "fake:"), ("run", "bell.qpy", "-b", "fake:"), ("status",),
    ("result",), ("list",), ("show",), ("error",), ("wait",), ("cancel",), ("resume",), ("retry",),
    ("recover", "-b", "fake:"), ("du",), ("gc",), ("tag", "@last"), ("rename", "@last", "x"),
    ("prune", "--keep", "0"), ("rm", "@last"), ("export", "@last", "-o", "x.zip"),
    ("import", "x.zip"),
)  # fmt: skip
STRANGER = 54321

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture
def used(qjobs, bell, home):
    """A state folder with a set that is done."""
    assert qjobs("submit", bell, "-b", "fake:", "--wait").code == 0
    (home / "local").mkdir(mode=0o700)
    (home / "local" / "queue.db").touch(mode=0o600)
    return home


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb[0])
def test_a_folder_that_others_can_write_is_refused_until_the_hint_is_followed(
    qjobs, used, verb
) -> None:
    used.chmod(0o770)

    ended = qjobs(*verb, "--json")

    assert ended.code == 9
    error = json.loads(ended.out or ended.err)
    assert str(used) in error["message"]
    subprocess.run(shlex.split(error["hint"].partition(": ")[2]), check=True)
    assert used.stat().st_mode & 0o777 == 0o750
    assert qjobs("status").code == 0


@pytest.mark.parametrize("name", ["sets", "local", "local/queue.db"])
@pytest.mark.parametrize("mode", [0o020, 0o002])
def test_what_is_in_the_folder_is_guarded_as_it_is(qjobs, used, name: str, mode: int) -> None:
    path = used / name
    path.chmod(path.stat().st_mode | mode)

    ended = qjobs("status")

    assert ended.code == 9
    assert f"{path} can be written by other users" in " ".join(ended.err.split())
    path.chmod(path.stat().st_mode & ~mode)
    assert qjobs("status").code == 0


def test_so_is_the_folder_of_the_provider_that_is_used(qjobs, used) -> None:
    (used / "fake").chmod(0o702)

    ended = qjobs("submit", "bell.qpy", "-b", "fake:", "--shots", "7")

    assert ended.code == 9
    assert "fake can be written by other users" in " ".join(ended.err.split())


@as_root
@pytest.mark.parametrize("name", [".", "sets", "local", "local/queue.db"])
def test_a_folder_of_another_user_is_refused_and_a_copy_is_not(
    qjobs, used, monkeypatch, tmp_path: Path, name: str
) -> None:
    os.chown(used / name, STRANGER, -1)

    ended = qjobs("status")

    assert ended.code == 9
    assert "belongs to user 54321" in " ".join(ended.err.split())
    with pytest.raises(StateError, match="belongs to"):
        JobManager(used)
    subprocess.run(["cp", "-r", used, tmp_path / "copy"], check=True)
    monkeypatch.setenv("QJOBS_HOME", str(tmp_path / "copy"))
    assert qjobs("status").code == 0


@as_root
def test_root_is_also_who_it_was_before_sudo(used) -> None:
    os.chown(used, STRANGER, -1)

    trust.check_home(used, owners=paths.trusted_owners({"SUDO_UID": str(STRANGER)}))
    with pytest.raises(StateError):
        trust.check_home(used, owners=paths.trusted_owners({"SUDO_UID": "54322"}))


def test_what_root_owns_is_used_but_not_where_others_can_write_it(tmp_path: Path) -> None:
    trust.check_home(Path("/"), owners={0})  # nobody but root can change that
    (tmp_path / "home").mkdir(mode=0o777)
    (tmp_path / "home").chmod(0o777)

    with pytest.raises(StateError, match="written by other users"):
        trust.check_home(tmp_path / "home", owners={0, os.geteuid()})


def test_help_and_completion_need_no_state_folder(qjobs, used) -> None:
    used.chmod(0o777)

    assert qjobs("--help").code == 0
    assert qjobs("completion", "bash").code == 0
