"""Defaults of options: where they hold, what goes before them, and where they must not."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.hints import good

from qjobs import config
from qjobs.cli import filling, options

Qjobs = Callable[..., Any]


@pytest.fixture
def own(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config.toml"
    monkeypatch.setenv("QJOBS_CONFIG", str(path))
    monkeypatch.setenv("HOME", str(tmp_path))
    return path


def planned(qjobs: Qjobs, *words: str) -> Any:
    return good(qjobs, "submit", "--dry-run", "--json", *words).document("plan")


def test_a_set_is_made_with_the_defaults(qjobs: Qjobs, own: Path, bell: str) -> None:
    own.write_text("""\
[defaults]
backend = "fake"
shots = 7
seed = 3
optimization_level = 2
per_job = 2
max_workers = 1
""")
    plan = planned(qjobs, bell, bell, bell)
    assert (plan["provider"], plan["shots"]) == ("fake", 7)
    assert (plan["options"]["seed"], plan["options"]["optimization_level"]) == (3, 2)
    assert [job["experiments_count"] for job in plan["jobs"]] == [2, 1]


def test_option_variable_profile_project_user(
    qjobs: Qjobs, own: Path, bell: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own.touch()
    assert planned(qjobs, bell)["shots"] == 1024
    own.write_text("[defaults]\nshots = 1\n[profiles.ci]\nshots = 3\n")
    assert planned(qjobs, bell)["shots"] == 1
    (tmp_path / "qjobs.toml").write_text("[defaults]\nshots = 2\n")
    assert planned(qjobs, bell)["shots"] == 2
    assert planned(qjobs, bell, "--profile", "ci")["shots"] == 3
    monkeypatch.setenv("QJOBS_PROFILE", "ci")
    assert planned(qjobs, bell)["shots"] == 3
    monkeypatch.setenv("QJOBS_SHOTS", "4")
    assert planned(qjobs, bell)["shots"] == 4
    assert planned(qjobs, bell, "--shots", "5")["shots"] == 5


def test_the_variable_of_the_backend_goes_before_the_files(
    qjobs: Qjobs, own: Path, bell: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    own.write_text('[defaults]\nbackend = "fake"\n')
    monkeypatch.setenv("QJOBS_BACKEND", "local:stabilizer")
    assert planned(qjobs, bell)["backend"] == "stabilizer"
    assert planned(qjobs, bell, "-b", "aer")["backend"] == "aer"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[defaults]\n# x\nshots = 'many'\n", "config.toml:3: shots: 'many' is not a whole number"),
        ("[defaults]\nshots = 1.5\n", "config.toml:2: shots: '1.5' is not a whole number"),
        ("[defaults]\nbackend = 5\n", "config.toml:2: backend must be text, not 5"),
        ("[defaults]\nshotz = 1\n", "config.toml:2: defaults: 'shotz' is not known"),
        ("[profiles.ci]\nshotz = 1\n", "config.toml:2: profiles.ci: 'shotz' is not known"),
    ],
)
def test_a_wrong_default_is_said_with_its_place(
    qjobs: Qjobs, own: Path, bell: str, text: str, said: str
) -> None:
    own.write_text(text)
    for words in (["submit", bell, "--dry-run"], ["config", "list"]):
        ended = qjobs(*words)
        assert (ended.code, ended.out) == (2, "")
        assert said in ended.err


def test_a_wrong_variable_is_said(qjobs: Qjobs, own: Path, bell: str, monkeypatch: Any) -> None:
    monkeypatch.setenv("QJOBS_SHOTS", "x")
    assert "error: QJOBS_SHOTS: shots: 'x' is not" in qjobs("submit", bell).err


def test_help_and_what_mends_work_with_a_wrong_default(qjobs: Qjobs, own: Path) -> None:
    own.write_text("[defaults]\nshots = 'many'\n")
    for words in (["submit", "--help"], ["help", "config"], ["config", "path"], ["list"]):
        good(qjobs, *words)
    good(qjobs, "config", "set", "shots", "5")
    assert good(qjobs, "config", "get", "shots").out == "5\n"


def test_a_set_goes_on_with_what_it_recorded(qjobs: Qjobs, own: Path, bell: str) -> None:
    own.write_text('[defaults]\nbackend = "fake:fail=1"\nshots = 7\n')
    set_id = qjobs("submit", bell, bell, "--per-job", "1").out.strip()
    qjobs("wait", set_id)
    own.write_text('[defaults]\nbackend = "local:aer"\nshots = 9\nper_job = 5\nseed = 1\n')

    good(qjobs, "retry", set_id, "--wait")

    shown = good(qjobs, "show", set_id, "--json").document("set")
    assert (shown["provider"], shown["shots"], shown["options"]["seed"]) == ("fake", 7, None)
    assert [job["experiments_count"] for job in shown["jobs"]] == [1, 1]


def test_an_account_is_for_the_provider_of_the_backend_beside_it(
    qjobs: Qjobs, own: Path, bell: str, tmp_path: Path
) -> None:
    own.write_text('[defaults]\nbackend = "ibm:ibm_fez"\naccount = "work"\nmode = "batch"\n')
    # Neither knows accounts or modes, and would refuse them.
    assert planned(qjobs, bell, "-b", "fake")["account"] == ""
    assert planned(qjobs, bell, "-b", "local:aer")["account"] == ""
    (tmp_path / "qjobs.toml").write_text('[defaults]\nbackend = "local:stabilizer"\n')
    assert planned(qjobs, bell)["backend"] == "stabilizer"


@pytest.mark.parametrize(
    ("own", "project", "given", "taken"),
    [
        ({"backend": "ibm:ibm_fez", "account": "a"}, {}, {}, True),
        ({"backend": "ibm:ibm_fez", "account": "a"}, {}, {"backend": "ibm:ibm_kyiv"}, True),
        ({"backend": "ibm:ibm_fez", "account": "a"}, {}, {"backend": "slurm:aer"}, False),
        ({"backend": "ibm:ibm_fez", "account": "a"}, {"backend": "local:aer"}, {}, False),
        ({"backend": "ibm:ibm_fez"}, {"account": "a"}, {}, True),
        ({"account": "a"}, {"backend": "ibm:ibm_fez"}, {}, True),
        ({"account": "a"}, {}, {"backend": "ibm"}, True),
        ({"account": "a"}, {}, {}, False),
        ({"account": "a"}, {}, {"account": "b", "backend": "ibm"}, False),
    ],
)  # fmt: skip
def test_where_an_account_is_taken(
    home: Path, tmp_path: Path, monkeypatch: Any, own: Any, project: Any, given: Any, taken: bool
) -> None:
    monkeypatch.setenv("QJOBS_CONFIG", str(tmp_path / "config.toml"))
    for path, table in ((tmp_path / "config.toml", own), (tmp_path / "qjobs.toml", project)):
        lines = [f'{key} = "{value}"' for key, value in table.items()]
        path.write_text("\n".join(["[defaults]", *lines]))

    class Param:
        opts = ("--account",)
        name = "account"

    found = filling.given_by_settings("submit", [Param], {"profile": None, **given})

    assert found == ({"account": "a"} if taken else {})


def test_the_format_is_a_default_where_ids_are_not_what_is_printed(
    qjobs: Qjobs, own: Path, bell: str
) -> None:
    own.write_text('[defaults]\nbackend = "fake"\nformat = "jsonl"\n')
    set_id = good(qjobs, "submit", bell, "--wait").out.strip()
    assert len(set_id) == 12
    assert good(qjobs, "status").out.startswith("{")
    assert good(qjobs, "status", "--format", "tsv").out.startswith(set_id)
    assert good(qjobs, "status", "--json").document("status")


def test_a_profile_that_is_not_there_is_named_with_near_ones(
    qjobs: Qjobs, own: Path, bell: str
) -> None:
    own.write_text("[profiles.nightly]\nshots = 1\n")
    ended = qjobs("submit", bell, "--profile", "nightley")
    assert ended.code == 2
    assert "there is no profile 'nightley'; near ones: nightly" in ended.err


def test_each_default_is_an_option(qjobs: Qjobs) -> None:
    shown = "".join(qjobs(verb, "--help").out for verb in ("submit", "run"))
    for key in config.DEFAULTS:
        assert f"--{key.replace('_', '-')} " in shown
        assert hasattr(options, filling._OPTIONS[key])


def test_a_config_that_is_the_projects_file_is_the_users(
    qjobs: Qjobs, home: Path, bell: str, tmp_path: Path, monkeypatch: Any
) -> None:
    (tmp_path / "qjobs.toml").write_text("[defaults]\nshots = 3\n[providers.local]\nworkers = 1\n")
    monkeypatch.setenv("QJOBS_CONFIG", "qjobs.toml")
    assert planned(qjobs, bell)["shots"] == 3
