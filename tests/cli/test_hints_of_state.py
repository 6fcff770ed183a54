"""Hints about the config file, the environment and the state: to do what they say helps."""

import os
import re
import shutil
from pathlib import Path

import pytest
from support.hints import FAKE, SWEPT, Qjobs, good, hint_of, the

from qjobs.errors import ExitCode


@pytest.fixture
def config(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("QJOBS_CONFIG", str(tmp_path / "config.toml"))
    (tmp_path / "config.toml").touch()
    return tmp_path / "config.toml"


# The config file and the environment


def test_a_config_file_that_is_not_there(
    qjobs: Qjobs, bell: str, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.unlink()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(config.parent))
    variable = the("^unset ([A-Z_]+)$", hint_of(qjobs("submit", bell, *FAKE)))
    monkeypatch.delenv(variable)
    good(qjobs, "submit", bell, *FAKE)


def test_a_byte_order_mark(qjobs: Qjobs, bell: str, config: Path) -> None:
    config.write_text("[providers.fake]\n", encoding="utf-8-sig")
    assert hint_of(qjobs("submit", bell, *FAKE)) == "save it as UTF-8 without one"
    config.write_text(config.read_text("utf-8-sig"), encoding="utf-8")
    good(qjobs, "submit", bell, *FAKE)


@pytest.mark.parametrize("way", ["give it a value", "remove the line"])
def test_a_setting_that_is_empty(qjobs: Qjobs, bell: str, config: Path, way: str) -> None:
    config.write_text('[providers.local]\nworkers = ""\n')
    assert way in hint_of(qjobs("submit", bell, *FAKE))
    config.write_text("[providers.local]\n" + ("workers = 1\n" if "value" in way else ""))
    good(qjobs, "submit", bell, *FAKE)


@pytest.mark.parametrize("variable", ["QJOBS_HOME", "QJOBS_FAKE_SEED"])
def test_a_variable_that_is_empty(
    qjobs: Qjobs, bell: str, config: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(config.parent / "own"))
    monkeypatch.setenv(variable, "")
    named = the("unset ([A-Z_]+)$", hint_of(qjobs("submit", bell, *FAKE)))
    monkeypatch.delenv(named)
    good(qjobs, "submit", bell, *FAKE)


def test_a_secret_that_is_not_set(
    qjobs: Qjobs, bell: str, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text(
        '[providers.acme]\nfactory = "acme:Provider"\narguments = {token = {env = "ACME_TOKEN"}}\n'
    )
    ended = qjobs("submit", bell, "-b", "acme:one")
    assert ended.code == ExitCode.CREDENTIALS
    monkeypatch.setenv(the("^export ([A-Z_]+)=", hint_of(ended)), "secret")
    # The next thing that is missing is the package: that leads on.
    assert "is its package installed" in hint_of(qjobs("submit", bell, "-b", "acme:one"))


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ('python = "/nowhere/python"', "look at `python` in the config file"),
        ("", "is its package installed for the Python that is to run it?"),
    ],
)
def test_a_package_that_cannot_be_loaded(
    qjobs: Qjobs,
    bell: str,
    config: Path,
    monkeypatch: pytest.MonkeyPatch,
    wrong: str,
    named: str,
) -> None:
    config.write_text(f'[providers.acme]\nfactory = "acme_here:Provider"\n{wrong}\n')
    assert hint_of(qjobs("backends", "-p", "acme")) == named
    (config.parent / "packages").mkdir()
    (config.parent / "packages" / "acme_here.py").write_text(
        "from qiskit.providers.basic_provider import BasicSimulator\n\n"
        "class Provider:\n"
        "    def backends(self):\n"
        "        return [BasicSimulator()]\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(config.parent / "packages"))
    config.write_text('[providers.acme]\nfactory = "acme_here:Provider"\n')
    assert "basic_simulator" in good(qjobs, "backends", "-p", "acme").out


def test_a_vendor_s_provider_without_a_backend_of_its_own_choice(
    qjobs: Qjobs, bell: str, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (config.parent / "acme_there.py").write_text(
        "from qiskit.providers.basic_provider import BasicSimulator\n\n"
        "class Provider:\n"
        "    def backends(self, name=None):\n"
        "        return [BasicSimulator()]\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(config.parent))
    config.write_text('[providers.acme]\nfactory = "acme_there:Provider"\n')
    named = the(r"backends: ([\w:]+)", hint_of(qjobs("submit", bell, "-b", "acme:bogus")))
    # Its jobs would be lost with the process: that leads on to where the same one runs.
    place = the("use -b (.*)", hint_of(qjobs("submit", bell, "-b", named)))
    good(qjobs, "submit", bell, "-b", place, "--dry-run")


# The state


@pytest.fixture
def folder(qjobs: Qjobs, bell: str, home: Path) -> Path:
    """That of a set of two jobs that are done."""
    set_id = good(qjobs, "submit", bell, bell, "--per-job", "1", *FAKE).out.strip()
    good(qjobs, "wait")
    return home / "sets" / set_id


def edit(path: Path, pattern: str, by: str) -> bytes:
    """Change a file behind our back; what it held."""
    before = path.read_bytes()
    path.write_text(re.sub(pattern, by, before.decode(), count=1))
    assert path.read_bytes() != before
    return before


@pytest.mark.parametrize("way", ["backup", "believed"])
def test_a_state_file_that_was_changed(qjobs: Qjobs, folder: Path, way: str) -> None:
    state = folder / "state.toml"
    backup = edit(state, "name = .*", 'name = "other"')
    mark = the("remove its lines that begin with `(.*)`", hint_of(qjobs("retry", "--all")))
    kept = [line for line in state.read_text().splitlines() if not line.startswith(mark)]
    state.write_bytes(backup if way == "backup" else "\n".join([*kept, ""]).encode())
    good(qjobs, "retry", "--all")


@pytest.mark.parametrize("way", ["mend that line", "put the file back from a backup"])
@pytest.mark.parametrize("verb", [["status"], ["resume"], ["status", "ID"]])
def test_a_state_file_that_cannot_be_read(
    qjobs: Qjobs, folder: Path, way: str, verb: list[str]
) -> None:
    words = [word.replace("ID", folder.name) for word in verb]
    state = folder / "state.toml"
    backup = edit(state, "created = ", "created = x")
    ended = qjobs(*words)
    assert way in hint_of(ended)
    line = int(the(r"state\.toml:([0-9]+):", ended.err))
    lines = state.read_text().split("\n")
    lines[line - 1] = lines[line - 1].replace("= x", "= ")
    state.write_bytes(backup if "backup" in way else "\n".join(lines).encode())
    good(qjobs, *words)


@pytest.mark.parametrize("way", ["name the folder", "remove it"])
def test_a_copy_of_a_set_under_another_name(
    qjobs: Qjobs, folder: Path, home: Path, way: str
) -> None:
    copy = home / "sets" / ("f" * 12)
    if way == "remove it":
        shutil.copytree(folder, copy)
    else:
        folder.rename(copy)
    hint = hint_of(qjobs("status", copy.name))
    assert way in hint
    if way == "remove it":
        shutil.rmtree(copy)
    else:
        copy.rename(home / "sets" / the("name the folder ([0-9a-f]+),", hint))
    good(qjobs, "status", folder.name)


@pytest.mark.parametrize("content", ["{}\n", "", None], ids=["header", "empty", "checksum"])
def test_a_result_that_is_damaged(qjobs: Qjobs, folder: Path, content: str | None) -> None:
    before = good(qjobs, "result").out
    path = folder / "results" / "0-1.jsonl"
    path.write_bytes(path.read_bytes()[:-4] if content is None else content.encode())
    ended = qjobs("result")
    assert "remove the file to have the result fetched again" in hint_of(ended)
    Path(the(r"error: (.*?\.jsonl):", ended.err)).unlink()
    assert good(qjobs, "result").out == before


def test_where_circuits_came_from_is_damaged(qjobs: Qjobs, folder: Path) -> None:
    (folder / "sources.json").write_text("{")
    ended = qjobs("show")
    assert hint_of(ended).startswith("remove it: ")
    Path(the(r"error: (.*?\.json) ", ended.err)).unlink()
    good(qjobs, "show")


@pytest.fixture
def unsent(qjobs: Qjobs, bell: str, home: Path, config: Path) -> Path:
    """The folder of a set of which nothing was sent."""
    ended = qjobs("submit", bell, bell, "--per-job", "1", "-b", "fake:drop=6")
    assert ended.code == ExitCode.PARTLY_SUBMITTED
    return home / "sets" / ended.out.strip()


@pytest.mark.parametrize("way", ["back", "new"])
def test_circuits_that_were_changed(qjobs: Qjobs, unsent: Path, bell: str, way: str) -> None:
    circuits = unsent / "circuits.qpy"
    backup = circuits.read_bytes()
    circuits.write_bytes(backup + b"x")
    hint = hint_of(qjobs("resume"))
    assert "put it back from a backup" in hint
    assert "submit the circuits as a new set" in hint
    if way == "new":
        good(qjobs, "submit", bell, *FAKE)
        return
    circuits.write_bytes(backup)
    good(qjobs, "resume")


def test_values_of_parameters_that_are_gone(qjobs: Qjobs, home: Path, tmp_path: Path) -> None:
    (tmp_path / "swept.qasm").write_text(SWEPT)
    (tmp_path / "values.csv").write_text("turn\n0.5\n")
    ended = qjobs("submit", "swept.qasm", "--parameters", "values.csv", "-b", "fake:drop=3")
    folder = home / "sets" / ended.out.strip()
    shutil.copytree(folder, tmp_path / "where it was submitted")
    (folder / "parameters.npy").unlink()
    ended = qjobs("resume")
    assert "copy the whole folder of the set from where" in hint_of(ended)
    shutil.copytree(tmp_path / "where it was submitted", folder, dirs_exist_ok=True)
    good(qjobs, "resume")


def test_a_state_folder_that_cannot_be_made(
    qjobs: Qjobs, bell: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.touch()  # a file, which is in the way for every user, root too
    variable = the("set ([A-Z_]+) to another folder", hint_of(qjobs("submit", bell, *FAKE)))
    assert os.environ[variable] == str(home)
    monkeypatch.setenv(variable, str(home.parent / "another"))
    good(qjobs, "submit", bell, *FAKE)


def test_a_set_of_a_newer_qjobs_says_the_name_under_which_it_is_updated(
    qjobs: Qjobs, folder: Path
) -> None:
    edit(folder / "state.toml", "format = 2", "format = 99")
    package = the("^update ([a-z-]+)$", hint_of(qjobs("retry", "--all")))
    assert package == "qiskit-qjobs"
    good(qjobs, "status")  # it can be read
