"""The config file is read with suspicion, and what is wrong with it is said with the place."""

import os
import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import platformdirs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qjobs import paths
from qjobs.config import DEFAULTS, LARGEST_BYTES, read, read_project
from qjobs.contract import Limits
from qjobs.errors import AuthError, UsageError
from qjobs.providers.loading import names, open_provider
from qjobs.providers.local.provider import LocalProvider
from qjobs.providers.vendor.provider import QiskitProvider
from qjobs.providers.vendor.settings import Settings

IONQ = """
[providers.ionq]
factory = "qiskit_ionq:IonQProvider"
arguments = {token = {env = "ACME_TOKEN"}, options = [{env = "ACME_TOKEN"}, 1, true]}
python = "~/ionq/bin/python"
run = {extra_metadata = {qjobs = "{tag}"}, fast = true}
limits = {circuits = 10, connections = 2, pending_jobs = 5, submits_per_minute = 0.5}
timeout_s = 30

[providers.local]
workers = 2
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("QJOBS_")]:
        monkeypatch.delenv(name)
    path = tmp_path / "config.toml"
    monkeypatch.setenv("QJOBS_CONFIG", str(path))
    return path


# The file


def test_where_there_is_no_file_nothing_is_configured(tmp_path: Path) -> None:
    assert read(tmp_path / "config.toml").providers == {}


def test_a_file_that_was_named_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no config file") as caught:
        read(tmp_path / "config.toml", must_exist=True)

    assert caught.value.hint == "unset QJOBS_CONFIG"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[providers.ionq]\nfactory = @\n", r"config.toml: not TOML: Invalid value \(at line 2"),
        ("[providers.a]\n[providers.a]\n", r"not TOML: Cannot declare .* \(at line 2"),
        ("# fine\n# \xff\n", r"config.toml:2: not UTF-8"),
        ("a = " + "[" * 100_000, "not TOML"),
        ("[provider.ionq]\n", ":1: 'provider' is not known; near ones: providers"),
        (
            "colour = 1\n",
            ":1: 'colour' is not known; known ones: backends, defaults, profiles, providers",
        ),
        ("providers = 1\n", r"providers must be tables, \[providers.NAME\]"),
        ("[providers]\nionq = 1\n", r"providers.ionq must be a table"),
        ("defaults = 1\n", r":1: defaults must be a table, \[defaults\]"),
        ("[profiles]\nci = 1\n", r"profiles.ci must be a table"),
        ("\n[defaults]\nshotz = 1\n", ":3: defaults: 'shotz' is not known; near ones: shots"),
        ("[profiles.ci]\nper-job = 1\n", ":2: profiles.ci: 'per-job' is .* near ones: per_job"),
        ("defaults.shots = true\n", ":1: shots must be a number or text"),
        ("defaults = {shots = [1]}\n", "shots must be a number or text"),
        ("[defaults]\naccount = ' '\n", ":2: defaults.account is empty"),
        ("#" * (LARGEST_BYTES + 1), "has more than 1048576 bytes"),
    ],
)
def test_what_is_wrong_with_the_file_is_said(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "config.toml").write_bytes(text.encode("latin-1"))

    with pytest.raises(UsageError, match=message):
        read(tmp_path / "config.toml")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "config.toml").touch(mode=0)

    with pytest.raises(UsageError, match=r"cannot read the config file .*: Permission denied"):
        read(tmp_path / "config.toml")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\xef\xbb\xbf[providers.local]\n", r":1: it begins with a byte order mark"),
        (b"[providers.local]\nworkers = " + b"9" * 5000, r":2: a number with too many digits"),
        (b"[providers.local]\rworkers = 1\n", "not TOML"),
        (b"[providers.local]\nx = '\0'\n", "not TOML.*line 2"),
        (b"[providers.local]\nx = 9999-99-99\n", "not TOML.*line 2"),
    ],
)
def test_what_cannot_be_is_named(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(data)
    with pytest.raises(UsageError, match=rf"{re.escape(str(path))}.*{said}"):
        read(path)


def test_a_fifo_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config.toml")
    with pytest.raises(UsageError, match="it is a FIFO, not a file"):
        read(tmp_path / "config.toml")


def test_the_null_device_is_an_empty_file(tmp_path: Path) -> None:
    assert read(Path(os.devnull)).providers == {}
    with pytest.raises(UsageError, match="it is a device, not a file"):
        read(Path("/dev/zero"))


def test_a_folder_in_its_place_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read the config file .*: Is a directory"):
        read(tmp_path)


@given(data=st.binary(max_size=200))
def test_whatever_is_in_the_file_it_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.mktemp("config") / "config.toml"
    path.write_bytes(data)

    with suppress(UsageError):
        assert read(path).path == path


def test_the_file_is_where_the_platform_has_settings(tmp_path: Path) -> None:
    from platformdirs import user_config_path

    expected = user_config_path("qjobs", appauthor=False) / "config.toml"

    assert (
        paths.config_file({k: v for k, v in os.environ.items() if k != "QJOBS_CONFIG"}) == expected
    )
    assert paths.config_file({"QJOBS_CONFIG": str(tmp_path / "mine")}) == tmp_path / "mine"


@pytest.mark.skipif(sys.platform != "linux", reason="XDG is Linux's")
@pytest.mark.parametrize("relative", ["state", "./state", "..", "", " "])
def test_folders_of_xdg_that_are_relative_are_ignored(relative, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    environ = {"XDG_CONFIG_HOME": relative, "XDG_STATE_HOME": relative}

    assert paths.config_file(environ) == tmp_path / ".config" / "qjobs" / "config.toml"
    assert paths.key_file(environ) == tmp_path / ".config" / "qjobs" / "key"
    assert paths.state_home(environ) == tmp_path / ".local" / "state" / "qjobs"


@pytest.mark.skipif(sys.platform != "linux", reason="XDG is Linux's")
def test_the_state_folder_is_where_platformdirs_says(tmp_path, monkeypatch):
    for value in ("", str(tmp_path)):
        monkeypatch.setenv("XDG_STATE_HOME", value)
        assert paths.state_home({"XDG_STATE_HOME": value}) == platformdirs.user_state_path("qjobs")


@pytest.mark.skipif(sys.platform != "linux", reason="XDG is Linux's")
def test_the_users_own_place_for_settings_counts(tmp_path: Path) -> None:
    environ = {"XDG_CONFIG_HOME": str(tmp_path)}

    assert paths.config_file(environ) == tmp_path / "qjobs" / "config.toml"


# Providers by name


def test_a_table_with_a_factory_is_a_provider(file: Path, tmp_path: Path) -> None:
    file.write_text(IONQ)

    assert isinstance(open_provider("ionq", tmp_path), QiskitProvider)
    assert {"ionq", "local", "fake"} <= set(names())
    assert not {"qiskit", "python"} & set(names())


def test_other_tables_are_settings_and_the_environment_goes_first(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text(IONQ)
    provider = open_provider("local", tmp_path)
    assert isinstance(provider, LocalProvider)
    jobs = provider.limits("").jobs_wanted

    monkeypatch.setenv("QJOBS_LOCAL_WORKERS", "6")
    assert open_provider("local", tmp_path).limits("").jobs_wanted == 3 * jobs

    monkeypatch.setenv("QJOBS_LOCAL_WORKERS", "")
    with pytest.raises(UsageError, match="QJOBS_LOCAL_WORKERS is empty"):
        open_provider("local", tmp_path)


def test_variables_of_a_provider_with_a_longer_name_do_no_harm(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text(IONQ)
    monkeypatch.setenv("QJOBS_IONQ_EU_TIMEOUT_S", "7")
    assert isinstance(open_provider("ionq", tmp_path), QiskitProvider)

    monkeypatch.setenv("QJOBS_IONQ_TIMEOUT_S", "soon")
    with pytest.raises(UsageError, match="not 'soon'"):
        open_provider("ionq", tmp_path)


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("[providers.local]\nfactory = 'a:b'\n", "local", "the name is taken"),
        ("[providers.sets]\nfactory = 'a:b'\n", "sets", "the name is taken"),
        ("[providers.'../x']\nfactory = 'a:b'\n", "../x", "names are of the signs a-z"),
        ("[providers.'']\nfactory = 'a:b'\n", "", "names are of the signs a-z"),
        ("[providers.acme]\npython = 'x'\n", "acme", r"\[providers.acme\] has no factory"),
        ("[providers.acme]\nfactory = 'a:b'\ncolour = 1\n", "acme", "'colour' is not known"),
        ("[providers.acme]\nfactory = 'a:b'\ntimeout = 1\n", "acme", "near ones: timeout_s"),
    ],
)
def test_a_table_that_makes_no_provider_is_said_with_the_file(
    file: Path, tmp_path: Path, text: str, name: str, message: str
) -> None:
    file.write_text(text)

    with pytest.raises(UsageError, match=message) as caught:
        open_provider(name, tmp_path)

    assert str(file) in caught.value.message


def test_a_misspelt_provider_is_said_with_configured_ones(file: Path, tmp_path: Path) -> None:
    file.write_text(IONQ)

    with pytest.raises(UsageError, match="no provider 'inoq'; near ones: ionq"):
        open_provider("inoq", tmp_path)


def test_the_plug_in_alone_says_how_it_is_used(file: Path, tmp_path: Path) -> None:
    file.touch()

    with pytest.raises(UsageError, match="names of your own") as caught:
        open_provider("qiskit", tmp_path)

    assert "factory" in caught.value.hint


# The settings of a vendor's package


def settings(**more: Any) -> Settings:
    return Settings.of("acme", {"factory": "acme.api:Provider.make", **more})


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"factory": "acme"}, "factory must be 'package.module:callable', not 'acme'"),
        ({"factory": "acme:x; y"}, "factory must be"),
        ({"factory": 1}, "factory must be"),
        ({"python": 3}, "python must be the path of an interpreter, not 3"),
        ({"arguments": "x"}, "arguments must be a table, not 'x'"),
        ({"arguments": {"a": [{"b": None}]}}, r"arguments.a\[0\].b must be text"),
        ({"run": []}, "run must be a table"),
        ({"limits": {"circuit": 1}}, "limits: 'circuit' is not known; near ones: circuits"),
        ({"limits": {"circuits": 0}}, "limits.circuits must be a whole number above 0, not 0"),
        ({"limits": {"circuits": 1.5}}, "limits.circuits must be a whole number"),
        ({"limits": {"connections": True}}, "limits.connections must be a whole number"),
        ({"limits": {"submits_per_minute": "2"}}, "must be a number above 0, not '2'"),
        ({"timeout_s": "soon"}, "timeout_s must be a number of seconds above 0, not 'soon'"),
        ({"timeout_s": -1}, "timeout_s must be"),
        ({"timeout_s": True}, "timeout_s must be"),
        ({"submit_timeout_s": float("inf")}, "submit_timeout_s must be"),
    ],
)
def test_a_wrong_setting_is_said_with_its_value(table: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        settings(**table)

    assert caught.value.message.startswith("[providers.acme]: ")


def test_the_environment_gives_numbers_as_text() -> None:
    assert settings(timeout_s="2.5").timeout_s == 2.5


def test_variables_are_put_in_place_of_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_TOKEN", "a secret token")
    chosen = settings(arguments={"token": {"env": "ACME_TOKEN"}, "deep": [{"env": "ACME_TOKEN"}]})

    arguments, secrets = chosen.resolved_arguments()

    assert arguments == {"token": "a secret token", "deep": ["a secret token"]}
    assert set(secrets) == {"a secret token"}
    assert "a secret token" not in repr(chosen)


def test_a_variable_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACME_TOKEN", raising=False)

    with pytest.raises(AuthError, match="needs the variable ACME_TOKEN, which is not set"):
        settings(arguments={"token": {"env": "ACME_TOKEN"}}).resolved_arguments()


def test_the_tag_is_put_into_texts_at_any_depth() -> None:
    chosen = settings(run={"a": {"b": ["x-{tag}", 1]}, "c": True})

    assert chosen.run_keywords("qj-1") == {"a": {"b": ["x-qj-1", 1]}, "c": True}
    assert chosen.run_keywords("qj-2")["a"] == {"b": ["x-qj-2", 1]}


def test_configured_limits_go_before_stated_ones() -> None:
    limited = settings(limits={"circuits": 5}).limited(Limits(circuits=100, connections=3))

    assert limited == Limits(circuits=5, connections=3)


# The file of a project


@pytest.mark.parametrize(
    "text",
    [
        '[providers.x]\nfactory = "a:b"\n',
        "[providers.local]\nworkers = 1\n",
        '[providers.slurm]\npython = "/tmp/python"\n',
        '[backends.x]\nfactory = "a:b"\n',
        '[defaults]\nbackend = "local:acme.simulators:Cats"\n',
        '[profiles.ci]\nbackend = "slurm:acme.simulators:Cats"\n',
        '[defaults]\nbackend = "acme.simulators:Cats"\n',
        '[defaults]\non_end = "rm x"\n',
        '[defaults]\npython = "/tmp/python"\n',
        '[defaults]\noption = ["a=b"]\n',
        "[tool]\nx = 1\n",
        'key = "/tmp/key"\n',
        '"def\\u0061ults" = {backend = "local:a:b"}\n',
    ],
)
def test_the_file_of_a_project_names_no_code_and_no_place(tmp_path: Path, text: str) -> None:
    path = tmp_path / "qjobs.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=re.escape(str(path))):
        read_project(path)


def test_all_defaults_of_a_project_are_read(tmp_path: Path) -> None:
    path = tmp_path / "qjobs.toml"
    lines = [f'{key} = "ibm:x"' for key in DEFAULTS]
    path.write_text("\n".join(["[defaults]", *lines]))
    assert set(read_project(path).defaults) == set(DEFAULTS)


def test_each_default_has_a_variable() -> None:
    assert {f"QJOBS_{key.upper()}" for key in DEFAULTS} <= set(paths.VARIABLES)


def project(monkeypatch: pytest.MonkeyPatch, home: Path, folder: Path) -> Path | None:
    folder.mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(folder)
    return paths.project_file({"HOME": str(home)})


def test_the_nearest_parent_has_the_file_of_the_project_up_to_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    above, home = tmp_path / "qjobs.toml", tmp_path / "home"
    above.touch()
    deep = home / "a" / "b"
    assert project(monkeypatch, home, deep) is None
    (home / "qjobs.toml").touch()
    assert project(monkeypatch, home, deep) == home / "qjobs.toml"
    (home / "a" / "qjobs.toml").touch()
    assert project(monkeypatch, home, deep) == home / "a" / "qjobs.toml"
    assert project(monkeypatch, home, home) == home / "qjobs.toml"
    link = tmp_path / "link"
    link.symlink_to(home)
    (home / "qjobs.toml").unlink()
    (home / "a" / "qjobs.toml").unlink()
    assert project(monkeypatch, link, deep) is None  # the home folder by another name
    assert project(monkeypatch, home, tmp_path / "elsewhere") == above


def test_a_working_folder_that_is_gone_has_no_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert paths.project_file({}) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_the_file_of_another_user_is_passed_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "qjobs.toml").touch()
    os.chown(tmp_path / "qjobs.toml", 12345, -1)
    assert project(monkeypatch, tmp_path, tmp_path / "a") is None
