"""The verb config shows what is set and where, and changes one key and nothing else."""

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.hints import good, hint_of

from qjobs.cli.main import run
from qjobs.config import DEFAULTS

Qjobs = Callable[..., Any]
SECRET = "hunter2-and-more"


@pytest.fixture
def own(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's config file, which is not there yet."""
    path = tmp_path / "settings" / "config.toml"
    monkeypatch.setenv("QJOBS_CONFIG", str(path))
    monkeypatch.setenv("HOME", str(tmp_path))
    return path


def editor(patch: pytest.MonkeyPatch, folder: Path, text: str, *, code: int = 0) -> None:
    """An editor that puts a text into the file, after what it has found there."""
    (folder / "my editor.py").write_text(
        "import pathlib, sys\n"
        "assert sys.argv[1] == '--wait now'\n"
        "path = pathlib.Path(sys.argv[2])\n"
        "pathlib.Path('seen').write_text(path.read_text())\n"
        f"path.write_text({text!r})\n"
        f"sys.exit({code})\n"
    )
    patch.setenv("VISUAL", f"'{sys.executable}' '{folder / 'my editor.py'}' '--wait now'")
    patch.setenv("EDITOR", "false")


def settings(qjobs: Qjobs, *more: str) -> dict[str, tuple[Any, str, str | None]]:
    listed = good(qjobs, "config", "list", "--json", *more).document("config")["settings"]
    return {one["key"]: (one["value"], one["origin"], one["place"]) for one in listed}


def test_a_value_is_set_shown_and_unset(qjobs: Qjobs, own: Path) -> None:
    good(qjobs, "config", "set", "shots", "77")

    assert tomllib.loads(own.read_text()) == {"defaults": {"shots": 77}}
    assert own.stat().st_mode & 0o777 == 0o600
    assert good(qjobs, "config", "get", "shots").out == "77\n"
    assert good(qjobs, "config", "get", "defaults.shots").out == "77\n"
    shown = good(qjobs, "config", "list", "--show-origin").out.splitlines()
    assert f"shots\t77\tuser\t{own}:2" in shown
    good(qjobs, "config", "unset", "shots")
    assert settings(qjobs)["shots"] == ("1024", "default", None)


def test_path_names_the_files(qjobs: Qjobs, own: Path, tmp_path: Path) -> None:
    assert good(qjobs, "config", "path").out == f"{own}\n"
    assert good(qjobs, "config", "path", "--project").out == f"{tmp_path / 'qjobs.toml'}\n"


def test_the_order_is_variable_profile_project_user_default(
    qjobs: Qjobs, own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "qjobs.toml"
    assert settings(qjobs)["shots"] == ("1024", "default", None)
    good(qjobs, "config", "set", "shots", "1")
    assert settings(qjobs)["shots"] == (1, "user", f"{own}:2")
    good(qjobs, "config", "set", "shots", "2", "--project")
    assert settings(qjobs)["shots"] == (2, "project", f"{project}:2")
    good(qjobs, "config", "set", "profiles.ci.shots", "3")
    assert settings(qjobs)["shots"][0] == 2
    assert settings(qjobs, "--profile", "ci")["shots"] == (3, "user", f"{own}:5")
    monkeypatch.setenv("QJOBS_PROFILE", "ci")
    assert settings(qjobs)["shots"][0] == 3
    good(qjobs, "config", "set", "profiles.ci.shots", "4", "--project")
    assert settings(qjobs)["shots"][:2] == (4, "project")
    monkeypatch.setenv("QJOBS_SHOTS", "5")
    assert settings(qjobs)["shots"] == ("5", "environment", "QJOBS_SHOTS")


def test_it_is_said_what_goes_before_a_value_that_is_set(
    qjobs: Qjobs, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QJOBS_SHOTS", "5")
    assert qjobs("config", "set", "shots", "6").err == (
        "warning: QJOBS_SHOTS goes before it: shots is 5\n"
    )


def test_comments_and_layout_survive(qjobs: Qjobs, own: Path) -> None:
    before = """\
# Mine, by hand.

[providers.ionq]   # the lab's
factory = 'qiskit_ionq:IonQProvider'
arguments = {token = {env = "IONQ_API_KEY"}}

[defaults]
  shots   = 10  # few
backend = "ibm"  # IBM

# The end.
"""
    own.parent.mkdir()
    own.write_text(before)

    good(qjobs, "config", "set", "shots", "20")
    assert own.read_text() == before.replace("10", "20")
    good(qjobs, "config", "set", "per_job", "3")
    good(qjobs, "config", "unset", "per_job")
    good(qjobs, "config", "unset", "backend")
    after = before.replace("10", "20").replace('backend = "ibm"  # IBM\n', "")
    assert own.read_text() == after


@given(
    key=st.sampled_from(["shots", "profiles.ci.shots", "profiles.other.shots"]),
    text=st.sampled_from([
        "", "[defaults]", "[defaults]\nseed = 1", "defaults.seed = 1\n", "# x\n\n\n",
        "[profiles]\nci = {seed = 1}\n", "[profiles.ci]\nshots = 1\n[defaults]\n# y",
        "defaults = {seed = 1}\n", "[profiles.ci]\r\nseed = 1\r\n", "profiles.ci.seed = 1",
        "[defaults]\nseed = 1\n[providers.a]\nx = '''\n[defaults]\nshots = 5\n'''\n",
    ]),
)  # fmt: skip
def test_whatever_the_file_looks_like_that_key_and_no_other_changes(
    tmp_path_factory: pytest.TempPathFactory, key: str, text: str
) -> None:
    path = tmp_path_factory.mktemp("config") / "config.toml"
    path.write_bytes(text.encode())
    before = tomllib.loads(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QJOBS_CONFIG", str(path))
        code = run(["config", "set", key, "9"])
        after = tomllib.loads(path.read_bytes().decode())
    if code == 0:
        inner = before
        *tables, name = key.split(".") if "." in key else ("defaults", key)
        for table in tables:
            inner = inner.setdefault(table, {})
        inner[name] = 9
    assert after == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("set", "shotz", "1"), "'shotz' is not known; near ones: shots"),
        (("set", "default.shots", "1"), "'default' is not known; near ones: defaults"),
        (("set", "profiles.ci", "1"), "'profiles.ci' is no key, such as profiles.NAME.KEY"),
        (("set", "profiles.ci.shotz", "1"), "'shotz' is not known; near ones: shots"),
        (("set", "providers.local.workerz", "1"), "'workerz' is not known; near ones: workers"),
        (("get", "nothing"), "'nothing' is not known"),
        (("set", "shots", "x"), "error: config set: shots: 'x' is not a whole number from 1 on"),
        (("set", "shots", "0"), "shots: 0 is not a whole number from 1 on"),
        (("set", "optimization_level", "4"), "4 is not a whole number from 0 to 3"),
        (("set", "timeout", "soon"), "timeout: 'soon' is not a duration"),
        (("set", "format", "tabel"), "format: 'tabel' is not known; near ones: table"),
        (("set", "mode", "jobs"), "mode: 'jobs' is not known; near ones: job"),
        (("set", "shots"), "config set takes KEY and VALUE"),
        (("list", "shots"), "config list takes nothing"),
        (("lst",), "config has no action 'lst'; near ones: list"),
        (("set", "backend", "local:a.b:c", "--project"), "may name code"),
        (("set", "providers.local.workers", "2", "--project"), "not providers"),
        (("unset", "shots"), "defaults.shots is not set in"),
        (("set", "a..b", "1"), "is not known"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(
    qjobs: Qjobs, own: Path, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    ended = qjobs("config", *words)

    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert len(ended.err.splitlines()) <= 3
    assert not own.exists()
    assert not (tmp_path / "qjobs.toml").exists()


def test_the_hints_of_config_can_be_followed(qjobs: Qjobs, own: Path) -> None:
    for words in (("set", "shotz", "1"), ("unset", "shots"), ("lst",), ("get", "account")):
        hint = hint_of(qjobs("config", *words))
        good(qjobs, *hint.split()[1:])
    assert "profile" in qjobs("submit", "x", "--profile", "ci").err
    hint = hint_of(qjobs("submit", "x", "--profile", "ci"))
    assert hint.startswith("qjobs config list")


def test_what_a_project_may_not_have_goes_where_the_hint_says(
    qjobs: Qjobs, own: Path, bell: str, tmp_path: Path
) -> None:
    text = "[providers.local]\nworkers = 1\n"
    (tmp_path / "qjobs.toml").write_text(text)
    ended = qjobs("submit", bell, "--dry-run")
    assert "qjobs.toml:1: the file of a project has [defaults] and [profiles.NAME]" in ended.err
    assert "qjobs config path" in hint_of(ended)
    own.parent.mkdir()
    (tmp_path / "qjobs.toml").rename(good(qjobs, "config", "path").out.strip())
    good(qjobs, "submit", bell, "--dry-run")

    (tmp_path / "qjobs.toml").write_text('[defaults]\nbackend = "local:acme:Cats"\n')
    ended = qjobs("submit", bell, "--dry-run")
    assert "qjobs.toml:2: the backend 'local:acme:Cats' may name code" in ended.err
    assert "your own file" in hint_of(ended)


@pytest.mark.parametrize(
    "text", ["profiles = {}\n", "profiles.a.shots = 1\nprofiles.b.shots = 2\n"]
)
def test_what_cannot_be_written_into_the_file_as_it_is_can_be_by_hand(
    qjobs: Qjobs, own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    own.parent.mkdir()
    own.write_text(text + "[defaults]\n")
    ended = qjobs("config", "set", "profiles.ci.shots", "5")
    assert ended.code == 2
    assert "it cannot be changed without harm" in ended.err
    assert own.read_text() == text + "[defaults]\n"
    editor(monkeypatch, tmp_path, "[profiles.ci]\nshots = 5\n")
    good(qjobs, *hint_of(ended).removeprefix("change it by hand: qjobs ").split())
    assert good(qjobs, "config", "get", "profiles.ci.shots").out == "5\n"


def test_a_file_that_is_broken_is_not_touched(qjobs: Qjobs, own: Path) -> None:
    own.parent.mkdir()
    own.write_text("[defaults\n")
    ended = qjobs("config", "set", "shots", "1")
    assert ended.code == 2
    assert f"{own}: not TOML" in ended.err
    assert own.read_text() == "[defaults\n"
    assert good(qjobs, "config", "path").out == f"{own}\n"


def test_a_link_stays_a_link(qjobs: Qjobs, own: Path, tmp_path: Path) -> None:
    own.parent.mkdir()
    (tmp_path / "dotfiles").mkdir()
    target = tmp_path / "dotfiles" / "qjobs.toml"
    target.write_text("# kept\n")
    target.chmod(0o644)
    own.symlink_to(target)
    good(qjobs, "config", "set", "shots", "1")
    assert own.is_symlink()
    assert target.read_text() == "# kept\n\n[defaults]\nshots = 1\n"
    assert target.stat().st_mode & 0o777 == 0o600
    assert [*target.parent.iterdir()] == [target]


def test_the_file_of_a_project_keeps_its_mode(qjobs: Qjobs, own: Path, tmp_path: Path) -> None:
    path = tmp_path / "qjobs.toml"
    good(qjobs, "config", "set", "shots", "1", "--project")
    assert path.stat().st_mode & 0o777 == 0o644
    path.chmod(0o664)
    good(qjobs, "config", "set", "shots", "2", "--project")
    assert path.stat().st_mode & 0o777 == 0o664


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_said(qjobs: Qjobs, own: Path) -> None:
    own.parent.mkdir(mode=0o500)
    ended = qjobs("config", "set", "shots", "1")
    assert ended.code == 2
    assert f"cannot write {own}" in ended.err


def test_no_secret_is_shown(qjobs: Qjobs, own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own.parent.mkdir()
    own.write_text(f"""\
[providers.acme]
factory = "acme:Provider"
arguments = {{token = "{SECRET}", name = {{env = "NAME"}}, more = [{{deep = "{SECRET}"}}], \
made = {{call = "a:b", arguments = {{key = "{SECRET}"}}}}}}
run = {{api_key = "{SECRET}", url = "https://ada:{SECRET}@acme.example", fast = true}}
[backends.cats]
factory = "acme:Cats"
arguments = {{password = "{SECRET}"}}
""")
    monkeypatch.setenv("QJOBS_LOCAL_TOKEN", SECRET)
    for how in (["--json"], ["--show-origin"], ["--format", "csv"], []):
        ended = good(qjobs, "config", "list", *how)
        assert SECRET not in ended.out + ended.err
    for key in ("providers.acme", "backends.cats.arguments.password"):
        assert SECRET not in good(qjobs, "config", "get", key).out
    found = settings(qjobs)
    assert found["providers.acme.factory"][0] == "acme:Provider"
    assert found["providers.acme.arguments.name"][0] == {"env": "NAME"}
    assert found["providers.acme.arguments.token"][0] == "***"
    assert found["providers.acme.run.url"][0] == "https://***@acme.example"
    assert found["providers.acme.run.fast"][0] is True


def test_a_variable_of_a_provider_goes_before_its_table(
    qjobs: Qjobs, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good(qjobs, "config", "set", "providers.local.workers", "2")
    assert settings(qjobs)["providers.local.workers"] == (2, "user", f"{own}:2")
    monkeypatch.setenv("QJOBS_LOCAL_WORKERS", "3")
    assert settings(qjobs)["providers.local.workers"] == (
        "3", "environment", "QJOBS_LOCAL_WORKERS",
    )  # fmt: skip


def test_two_at_once_lose_no_key(own: Path, start: Any) -> None:
    running = [
        start("config", "set", key, "1") for key in ("shots", "seed", "per_job", "max_fails")
    ]
    assert [process.wait(60) for process in running] == [0] * 4
    assert tomllib.loads(own.read_text())["defaults"] == dict.fromkeys(
        ("shots", "seed", "per_job", "max_fails"), 1
    )


def test_tab_completes_keys_and_profiles(own: Path) -> None:
    own.parent.mkdir()
    own.write_text("[profiles.ci]\nshots = 1\n")

    def suggested(line: str) -> list[str]:
        tab = {"_QJOBS_COMPLETE": "complete_fish", "_TYPER_COMPLETE_FISH_ACTION": "get-args",
               "_TYPER_COMPLETE_ARGS": line}  # fmt: skip
        command = [sys.executable, "-m", "qjobs"]
        out = subprocess.check_output(command, env={**os.environ, **tab}, text=True)
        return [row.split("\t")[0] for row in out.splitlines()]

    assert set(DEFAULTS) <= set(suggested("qjobs config get "))
    assert "profiles.ci.shots" in suggested("qjobs config set prof")
    assert suggested("qjobs config un") == ["unset"]
    assert suggested("qjobs submit --profile ") == ["ci"]


def test_what_config_list_says_is_json_that_a_program_can_read(qjobs: Qjobs, own: Path) -> None:
    rows = good(qjobs, "config", "list", "--format", "jsonl").out.splitlines()
    assert {json.loads(row)["key"] for row in rows} == {"backend", "optimization_level", "shots"}


def test_what_was_edited_is_checked_and_takes_the_place_of_the_file(
    qjobs: Qjobs, own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good(qjobs, "config", "set", "shots", "1")
    editor(monkeypatch, tmp_path, "# Mine\n[defaults]\nshots = 2\n")
    good(qjobs, "config", "edit")
    assert Path("seen").read_text() == "[defaults]\nshots = 1\n"
    assert own.read_text() == "# Mine\n[defaults]\nshots = 2\n"
    assert own.stat().st_mode & 0o777 == 0o600
    assert [*own.parent.iterdir()] == [own]
    assert good(qjobs, "config", "edit").err == "nothing has changed\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[defaults]\nshots = 'x'\n", "config.toml:2: shots: 'x' is not a whole number"),
        ("[defaults\n", "config.toml: not TOML"),
        ("[defaults]\nshotz = 1\n", "config.toml:2: defaults: 'shotz' is not known"),
    ],
)
def test_what_was_edited_and_cannot_be_used_is_kept_for_the_next_time(
    qjobs: Qjobs, own: Path, tmp_path: Path, monkeypatch: Any, text: str, said: str
) -> None:
    good(qjobs, "config", "set", "shots", "1")
    editor(monkeypatch, tmp_path, text)
    ended = qjobs("config", "edit")
    assert ended.code == 2
    assert said in ended.err
    assert good(qjobs, "config", "get", "shots").out == "1\n"
    (draft,) = [path for path in own.parent.iterdir() if path != own]
    assert draft.stat().st_mode & 0o777 == 0o600

    editor(monkeypatch, tmp_path, "[defaults]\nshots = 2\n")
    words = hint_of(ended).removeprefix("qjobs ").split(" goes on")[0].split()
    good(qjobs, *words)
    assert Path("seen").read_text() == text
    assert good(qjobs, "config", "get", "shots").out == "2\n"
    assert [*own.parent.iterdir()] == [own]


def test_the_file_of_a_project_is_edited_under_its_rules(
    qjobs: Qjobs, own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor(monkeypatch, tmp_path, "[providers.local]\nworkers = 1\n")
    ended = qjobs("config", "edit", "--project")
    assert "qjobs.toml:1: the file of a project has" in ended.err
    assert not (tmp_path / "qjobs.toml").exists()
    editor(monkeypatch, tmp_path, "[defaults]\nshots = 1\n")
    assert hint_of(ended).startswith("qjobs config edit --project goes on")
    good(qjobs, "config", "edit", "--project")
    assert (tmp_path / "qjobs.toml").read_text() == "[defaults]\nshots = 1\n"


def test_an_editor_that_fails_or_is_not_there_changes_nothing(
    qjobs: Qjobs, own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good(qjobs, "config", "set", "shots", "1")
    editor(monkeypatch, tmp_path, "[defaults]\nshots = 2\n", code=3)
    ended = qjobs("config", "edit")
    assert "the editor ended with 3; nothing has changed" in ended.err
    assert good(qjobs, "config", "get", "shots").out == "1\n"
    for command, said in (
        ("no-such-editor -w", "cannot run the editor"),
        ("'x", "cannot be split"),
    ):
        monkeypatch.setenv("VISUAL", command)
        ended = qjobs("config", "edit")
        assert (ended.code, said in ended.err) == (2, True)
        assert hint_of(ended) == "export EDITOR=vi"
    monkeypatch.delenv("VISUAL")
    monkeypatch.setenv("EDITOR", "true")  # as vi would end that saw what was written before
    good(qjobs, "config", "edit")
    assert good(qjobs, "config", "get", "shots").out == "2\n"


def test_a_file_that_changes_while_it_is_edited_is_not_overwritten(
    qjobs: Qjobs, own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good(qjobs, "config", "set", "shots", "1")
    other = f"{sys.executable} -m qjobs config set seed 7 && echo 'defaults.shots = 9' >"
    monkeypatch.setenv("VISUAL", f'sh -c "{other} $0"')
    ended = qjobs("config", "edit")
    assert "was changed meanwhile" in ended.err
    assert tomllib.loads(own.read_text()) == {"defaults": {"shots": 1, "seed": 7}}
    monkeypatch.setenv("VISUAL", "true")
    good(qjobs, *hint_of(ended).removeprefix("qjobs ").split(" goes on")[0].split())
    assert tomllib.loads(own.read_text()) == {"defaults": {"shots": 9}}


def test_an_editor_that_is_not_there_leaves_no_draft(
    qjobs: Qjobs, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good(qjobs, "config", "set", "shots", "1")
    monkeypatch.setenv("VISUAL", "no-such-editor")
    assert qjobs("config", "edit").code == 2
    assert [*own.parent.iterdir()] == [own]


def test_ctrl_c_is_left_to_the_editor(own: Path, start: Any, tmp_path: Path) -> None:
    (tmp_path / "editor.py").write_text(
        "import os, pathlib, signal, sys, time\n"
        "assert signal.getsignal(signal.SIGINT) is signal.default_int_handler\n"
        "try:\n"
        "    os.kill(os.getppid(), signal.SIGINT)\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    time.sleep(60)\n"
        "except KeyboardInterrupt:\n"
        "    pathlib.Path(sys.argv[1]).write_text('defaults.shots = 8\\n')\n"
    )
    environment = {**os.environ, "VISUAL": f"{sys.executable} {tmp_path / 'editor.py'}"}
    process = start("config", "edit", env=environment)
    assert (process.wait(60), process.stderr.read()) == (0, "")
    assert tomllib.loads(own.read_text()) == {"defaults": {"shots": 8}}
