"""A set of somebody else is data: what it names is imported only after --trust, once."""

import json
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import TESTS
from support.hints import good, hint_of

from qjobs.providers.local.folder import Folder
from qjobs.providers.local.supervision import stop

Qjobs = Callable[..., Any]
CODE = """
from pathlib import Path
Path({!r}).touch()

def go():
    from qiskit_aer import AerSimulator
    return AerSimulator()
"""
LOOKS = (
    ("status",), ("status", "--jobs"), ("result", "--partial"), ("show",), ("list",), ("error",),
    ("export", "-o", "again.zip"), ("report", "-o", "report.html"), ("cancel",), ("du",),
    ("tag",), ("wait", "--timeout", "1s"), ("resume",), ("retry",), ("retry", "--cancelled"),
)  # fmt: skip


@pytest.fixture
def imported(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], bool]:
    """Whether the module `lab_code`, which can be imported here, was."""
    told = tmp_path / "imported"
    (tmp_path / "lab_code.py").write_text(CODE.format(str(told)))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "theirs"))
    monkeypatch.setenv("QJOBS_LOCAL_IDLE_S", "1")
    return told.exists


@pytest.fixture
def mine(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Become another user, with a state folder of their own."""

    def become() -> None:
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "mine"))
        monkeypatch.setenv("QJOBS_HOME", str(tmp_path / "my-state"))

    return become


def planned(home: Path, set_id: str) -> None:
    """The set as it was before any job of it was submitted."""
    from support.hints import as_planned

    state = home / "sets" / set_id / "state.toml"
    state.write_text(as_planned(state, 1))


@pytest.fixture
def set_id(qjobs: Qjobs, home: Path, bell: str, imported: Callable[[], bool]) -> str:
    """A set of theirs that names code, with nothing sent."""
    made = good(qjobs, "submit", bell, "-b", "local:lab_code:go").out.strip()
    good(qjobs, "wait", made)
    stop(Folder(home / "local"), timeout_s=60)
    shutil.rmtree(home / "sets" / made / "results", ignore_errors=True)
    planned(home, made)
    return str(made)


@pytest.fixture(params=["import", "cp"])
def carried(
    request: pytest.FixtureRequest, qjobs: Qjobs, home: Path, tmp_path: Path, set_id: str,
    mine: Callable[[], None],
) -> str:  # fmt: skip
    """That set, where somebody else has it: by import, or as a copy of the folder."""
    (tmp_path / "imported").unlink()
    if request.param == "import":
        good(qjobs, "export", set_id, "-o", "x.zip", "--cached")
        mine()
        good(qjobs, "import", "x.zip")
    else:
        shutil.copytree(home / "sets", tmp_path / "my-state" / "sets")  # without the queue
        (tmp_path / "my-state").chmod(0o700)
        mine()
    return set_id


@pytest.mark.slow
def test_no_verb_imports_what_it_names_until_it_is_trusted_once(
    qjobs: Qjobs, tmp_path: Path, carried: str, imported: Callable[[], bool]
) -> None:
    state = tmp_path / "my-state" / "sets" / carried / "state.toml"
    before = state.read_bytes()
    for verb, *more in LOOKS:
        words = () if verb == "list" else (carried,)
        ended = qjobs(verb, *words, *more)
        assert "fault of qjobs" not in ended.err, (verb, ended)
        assert not imported(), verb
        if verb == "cancel":
            state.write_bytes(before)
    ended = qjobs("resume", carried)
    assert (ended.code, "nothing is sent" in ended.err) == (2, True)
    assert state.read_bytes() == before

    hint = hint_of(ended)
    assert good(qjobs, *hint.split("; ")[0].partition(": ")[2].split()[1:]).out
    assert not imported()
    words = hint.split("; if you trust it: ")[1].split()[1:]
    good(qjobs, *words, "--wait")

    assert imported()
    assert json.loads(good(qjobs, "result", carried, "--json").out)["complete"]
    mark = tmp_path / "my-state" / "sets" / carried / "trusted"
    assert stat.S_IMODE(mark.stat().st_mode) == 0o600
    planned(tmp_path / "my-state", carried)
    good(qjobs, "resume", carried, "--wait")  # it was said once
    stop(Folder(tmp_path / "my-state" / "local"), timeout_s=60)


@pytest.mark.parametrize("change", ["backend", "id", "no mark", "another's mark"])
@pytest.mark.slow
def test_trust_is_in_one_set_and_what_it_named_then(
    qjobs: Qjobs, home: Path, tmp_path: Path, set_id: str, imported: Callable[[], bool],
    change: str,
) -> None:  # fmt: skip
    """The mark of a set that was made here is of no use to another set."""
    (tmp_path / "imported").unlink()
    folder = home / "sets" / set_id
    text = (folder / "state.toml").read_text()
    if change == "backend":
        (tmp_path / "lab_more.py").write_text((tmp_path / "lab_code.py").read_text())
        (folder / "state.toml").write_text(text.replace("lab_code:go", "lab_more:go"))
    elif change == "id":
        other = set_id[::-1]
        (folder / "state.toml").write_text(text.replace(set_id, other))
        folder = folder.rename(folder.with_name(other))
        set_id = other
    elif change == "no mark":
        (folder / "trusted").unlink()
    else:
        (folder / "trusted").write_text("0" * 64)

    ended = qjobs("resume", set_id)

    assert ended.code == 2, ended
    assert "nothing is sent" in ended.err
    assert not imported()


@pytest.mark.slow
def test_whoever_made_a_set_goes_on_with_it_unasked(
    qjobs: Qjobs, home: Path, set_id: str, imported: Callable[[], bool]
) -> None:
    good(qjobs, "resume", set_id, "--wait")
    assert imported()
    stop(Folder(home / "local"), timeout_s=60)


def test_circuits_without_code_need_no_trust(
    qjobs: Qjobs, bell: str, home: Path, imported: Callable[[], bool], mine: Callable[[], None]
) -> None:
    made = good(qjobs, "submit", bell, "-b", "fake").out.strip()
    planned(home, made)
    good(qjobs, "export", made, "-o", "x.zip", "--cached")
    assert not (home / "sets" / made / "trusted").exists()
    mine()
    good(qjobs, "import", "x.zip")
    good(qjobs, "resume", made, "--wait")


@pytest.mark.slow
def test_a_vendors_factory_is_sent_nothing_of_a_strangers_set_before_it_is_trusted(
    qjobs: Qjobs, bell: str, home: Path, tmp_path: Path, imported: Callable[[], bool],
    mine: Callable[[], None], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    config = tmp_path / "config.toml"
    config.write_text(
        '[providers.acme]\nfactory = "folder_vendor:Provider"\narguments = {folder = "service"}\n'
    )
    monkeypatch.setenv("QJOBS_CONFIG", str(config))
    packages = TESTS / "support" / "packages"
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(packages), str(tmp_path)]))
    made = good(qjobs, "submit", bell, "-b", "acme:calm", "--wait").out.strip()
    planned(home, made)
    good(qjobs, "export", made, "-o", "x.zip", "--cached")
    mine()
    good(qjobs, "import", "x.zip")
    jobs = {path for path in (tmp_path / "service").rglob("*") if path.is_file()}
    assert jobs

    ended = qjobs("resume", made)

    assert (ended.code, "acme:calm" in ended.err) == (2, True)
    assert {path for path in (tmp_path / "service").rglob("*") if path.is_file()} == jobs
    good(qjobs, "resume", "--trust", made, "--wait")
    assert {path for path in (tmp_path / "service").rglob("*") if path.is_file()} > jobs
