"""Hints about providers and what they offer: whoever does what they say gets on."""

import importlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.hints import FAKE, Qjobs, good, hint_of, the

from qjobs.providers.loading import GROUP

VENDOR = """
from qiskit.providers.basic_provider import BasicSimulator

class Provider:
    def backends(self, name=None):
        return [BasicSimulator()]
"""


@pytest.fixture
def config(home: Path, bell: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A config file, and beside it a package of a vendor."""
    monkeypatch.setenv("QJOBS_CONFIG", str(tmp_path / "config.toml"))
    (tmp_path / "vendors").mkdir()
    (tmp_path / "vendors" / "acme_kept.py").write_text(VENDOR)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "vendors"))
    return tmp_path / "config.toml"


def test_a_table_without_a_factory(qjobs: Qjobs, config: Path) -> None:
    config.write_text("[providers.acme]\ntimeout_s = 20\n")
    line = hint_of(qjobs("backends", "-p", "acme"))
    with config.open("a") as file:
        file.write(line.replace("package.module:callable", "acme_kept:Provider"))
    assert "basic_simulator" in good(qjobs, "backends", "-p", "acme").out


def test_the_provider_of_others_under_its_own_name(qjobs: Qjobs, config: Path) -> None:
    config.write_text("")
    hint = hint_of(qjobs("submit", "bell.qpy", "-b", "qiskit:x"))
    table, line = the("in the config file: (.*)$", hint).split(" ", 1)
    named = f"{table.replace('NAME', 'acme')}\n{line}\n"
    config.write_text(named.replace("package.module:callable", "acme_kept:Provider"))
    assert "basic_simulator" in good(qjobs, "backends", "-p", "acme").out


@pytest.fixture
def plug(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Path]]:
    """Install a package with a provider, as pip would leave it; the folder that says so."""
    monkeypatch.syspath_prepend(tmp_path / "site")
    (tmp_path / "site").mkdir()

    def install(package: str, code: str) -> Path:
        (tmp_path / "site" / f"{package}.py").write_text(code)
        info = tmp_path / "site" / f"{package}-1.0.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[{GROUP}]\nmine = {package}:Provider\n")
        importlib.invalidate_caches()
        sys.modules.pop(package, None)
        return info

    yield install
    for name in [name for name in sys.modules if name.startswith("plugged_")]:
        del sys.modules[name]


GOOD = "from qjobs.providers.fake.provider import FakeProvider as Provider\n"


def test_two_packages_with_one_provider(qjobs: Qjobs, bell: str, plug: Callable[..., Path]) -> None:
    plug("plugged_one", GOOD)
    info = plug("plugged_other", GOOD)
    ended = qjobs("submit", bell, "-b", "mine:delay=0")
    assert hint_of(ended) == "remove one of them"
    assert info.name.partition("-")[0] in ended.err
    shutil.rmtree(info)
    importlib.invalidate_caches()
    good(qjobs, "backends", "-p", "mine")


@pytest.mark.parametrize("way", ["repair", "remove"])
def test_a_plug_in_that_fails(qjobs: Qjobs, bell: str, plug: Callable[..., Path], way: str) -> None:
    info = plug("plugged_bad", "raise RuntimeError('no')\n")
    hint = hint_of(qjobs("submit", bell, "-b", "mine:delay=0"))
    assert the(rf"{way} .*the package (\S+)$", hint) == "plugged_bad"
    if way == "repair":
        plug("plugged_bad", GOOD)
        good(qjobs, "backends", "-p", "mine")
    else:
        shutil.rmtree(info)
        importlib.invalidate_caches()
        named = the(r"providers: (\w+)", hint_of(qjobs("submit", bell, "-b", "mine:delay=0")))
        good(qjobs, "submit", bell, "-b", named)


BUSY = (
    GOOD
    + """
class Provider(Provider):
    def backends(self):
        return [info._replace(qubits=1, pending_jobs=1) for info in super().backends()]
"""
)


@pytest.mark.parametrize("code", [GOOD, BUSY], ids=["unknown", "small"])
def test_a_provider_that_has_no_least_busy_backend(
    qjobs: Qjobs, bell: str, plug: Callable[..., Path], code: str
) -> None:
    plug("plugged_busy", code)
    hint = hint_of(qjobs("submit", bell, "-b", "mine", "--least-busy"))
    shown = good(qjobs, *the("^qjobs (.*)", hint).split()).out
    assert shown.startswith("mine:")


def test_a_backend_that_is_empty(qjobs: Qjobs, bell: str) -> None:
    from qjobs.errors import UsageError
    from qjobs.providers.loading import parse_backend

    with pytest.raises(UsageError) as caught:
        parse_backend("")
    shown = good(qjobs, *the("^qjobs (.*) lists those", caught.value.hint).split()).out
    assert "local:aer" in shown


def test_a_run_option_that_aer_does_not_have(qjobs: Qjobs, bell: str) -> None:
    from qiskit_aer import AerSimulator

    words = ["submit", bell, "-b", "local", "--dry-run", "--option"]
    name = the("run options are those of (.*) that are plain", hint_of(qjobs(*words, "bogus=1")))
    assert name == AerSimulator.__name__
    assert hasattr(AerSimulator().options, "fusion_threshold")
    good(qjobs, *words, "fusion_threshold=14")


def test_a_plug_in_that_nobody_thought_of(
    qjobs: Qjobs, bell: str, plug: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    plug("plugged_odd", GOOD + "class Provider(Provider):\n    capabilities = None\n")
    hint = hint_of(qjobs("submit", bell, "-b", "mine:delay=0"))
    variable, value = the("; (.*) shows the traceback", hint).split("=")
    monkeypatch.setenv(variable, value)
    assert "Traceback" in qjobs("submit", bell, "-b", "mine:delay=0").err


STRANGER = 54321


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_state_folder_of_somebody_else(
    qjobs: Qjobs, bell: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_id = good(qjobs, "submit", bell, *FAKE).out.strip()
    os.chown(home, STRANGER, -1)
    hint = hint_of(qjobs("status"))
    assert the(r"a copy of it \((.*)\) is one", hint) == "cp -r"
    shutil.copytree(home, tmp_path / "copy", copy_function=shutil.copyfile)
    for path in (tmp_path / "copy", *(tmp_path / "copy").rglob("*")):
        path.chmod(0o700)
    monkeypatch.setenv(the("^set ([A-Z_]+) to", hint), str(tmp_path / "copy"))
    assert set_id in good(qjobs, "status").out
