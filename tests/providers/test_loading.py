"""Plug-ins are found by their entry points, and ours cannot be stood in for."""

import importlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import distribution
from pathlib import Path

import pytest

from qjobs.contract import ProviderContext
from qjobs.errors import ProviderError, UnknownBackend, UsageError
from qjobs.providers.fake.provider import FakeProvider
from qjobs.providers.loading import GROUP, OURS, load, names, parse_backend

Plug = Callable[..., None]


@pytest.fixture
def plug(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plug]:
    """Install a package with entry points, as pip would leave it, for this test."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)
    modules = set(sys.modules)

    def install(package: str, code: str, **providers: str) -> None:
        (site / f"{package}.py").write_text(code)
        info = site / f"{package}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        lines = [f"{name} = {package}:{attribute}" for name, attribute in providers.items()]
        (info / "entry_points.txt").write_text("\n".join([f"[{GROUP}]", *lines, ""]))
        importlib.invalidate_caches()

    yield install
    for name in set(sys.modules) - modules:
        if name.startswith("plugged"):
            del sys.modules[name]


@pytest.fixture
def context(tmp_path: Path) -> ProviderContext:
    return ProviderContext(tmp_path / "provider", {"instance": "here"})


MINE = """
class Mine:
    def __init__(self, context):
        self.context = context

class Shelf:
    Provider = Mine
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ibm:ibm_fez", ("ibm", "ibm_fez")),
        ("fake:fail=2,delay=0.1", ("fake", "fail=2,delay=0.1")),
        ("aer", ("local", "aer")),
        ("fake", ("fake", "")),
        ("local", ("local", "")),
        ("python", ("local", "python")),
        ("fake:", ("fake", "")),
        ("x:arn:aws:braket", ("x", "arn:aws:braket")),
    ],
)
def test_a_backend_is_written_behind_its_provider(text: str, expected: tuple[str, str]) -> None:
    assert parse_backend(text) == expected


def test_a_colon_needs_a_provider_before_it() -> None:
    with pytest.raises(UsageError, match="':aer'"):
        parse_backend(":aer")


def test_a_bare_word_that_names_a_plug_in_is_that_provider(plug: Plug) -> None:
    plug("plugged", MINE, mine="Mine", aer="Mine", generic_5="Mine")

    assert parse_backend("mine") == ("mine", "")
    assert parse_backend("min") == ("local", "min")
    # What is local's stays local's, whoever installs what.
    assert parse_backend("aer") == ("local", "aer")
    assert parse_backend("generic_5") == ("local", "generic_5")


def test_the_table_of_ours_is_what_the_distribution_declares() -> None:
    declared = distribution("qiskit-qjobs").entry_points.select(group=GROUP)

    assert {point.name: point.value for point in declared} == OURS


def test_ours_are_loaded_without_a_look_at_other_packages(context: ProviderContext) -> None:
    program = """
import sys
from pathlib import Path
from qjobs.contract import ProviderContext
from qjobs.providers.loading import load
print(type(load("fake", ProviderContext(Path("nowhere")))).__name__)
print("importlib.metadata" in sys.modules, "qjobs.providers.local.provider" in sys.modules)
"""
    outcome = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )

    assert outcome.stdout.split() == ["FakeProvider", "False", "False"]


def test_a_foreign_plug_in_is_found_and_given_its_context(
    plug: Plug, context: ProviderContext
) -> None:
    plug("plugged", MINE, mine="Mine", shelved="Shelf.Provider")

    for name in ("mine", "shelved"):
        provider = load(name, context)
        assert type(provider).__name__ == "Mine"
        assert provider.context is context  # type: ignore[attr-defined]  # it is no Provider
    assert {"fake", "local", "mine", "shelved"} <= set(names())
    assert names() == sorted(names())


def test_what_a_plug_in_prints_is_no_data_of_ours(
    plug: Plug, context: ProviderContext, capsys: pytest.CaptureFixture[str]
) -> None:
    loud = "print('imported')\nclass Mine:\n    def __init__(self, context): print('built')\n"
    plug("plugged_loud", loud, loud="Mine")
    load("loud", context)

    assert capsys.readouterr() == ("", "imported\nbuilt\n")


def test_only_the_named_plug_in_is_imported(plug: Plug, context: ProviderContext) -> None:
    plug("plugged_quiet", MINE, quiet="Mine")
    plug("plugged_loud", "raise SystemError('imported')", loud="Mine")

    assert "loud" in names()
    load("quiet", context)

    assert "plugged_loud" not in sys.modules


def test_no_package_stands_in_for_ours(plug: Plug, context: ProviderContext) -> None:
    plug("plugged_thief", MINE, fake="Mine", local="Mine")

    assert isinstance(load("fake", context), FakeProvider)
    assert names().count("fake") == 1


def test_an_unknown_provider_is_said_with_near_names(plug: Plug, context: ProviderContext) -> None:
    plug("plugged", MINE, ionq="Mine")

    with pytest.raises(UnknownBackend) as caught:
        load("lokal", context)
    assert caught.value.message == "no provider 'lokal'; near ones: local"
    assert caught.value.hint == f"providers: {', '.join(names())}"
    with pytest.raises(UnknownBackend, match="near ones: ionq"):
        load("ion", context)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import no_such_client", "ModuleNotFoundError: No module named 'no_such_client'"),
        ("", "AttributeError"),
        ("Mine = 3", "TypeError"),
        ("def Mine(context): raise OSError('no disk')", "OSError: no disk"),
        ("def Mine(: pass", "SyntaxError"),
    ],
)
def test_a_plug_in_that_cannot_be_used_names_its_package_and_the_reason(
    plug: Plug, context: ProviderContext, code: str, reason: str
) -> None:
    plug("plugged_bad", code, bad="Mine")

    with pytest.raises(ProviderError) as caught:
        load("bad", context)

    assert "'bad' of the package plugged_bad" in caught.value.message
    assert reason in caught.value.message
    assert "plugged_bad" in caught.value.hint
    assert caught.value.__cause__ is not None


def test_what_a_plug_in_says_in_our_words_is_passed_on(
    plug: Plug, context: ProviderContext
) -> None:
    code = "from qjobs.errors import AuthError\ndef Mine(context): raise AuthError('no token')"
    plug("plugged_shy", code, shy="Mine")

    with pytest.raises(ProviderError, match=r"^no token$"):
        load("shy", context)


def test_two_packages_with_one_provider_are_both_named(
    plug: Plug, context: ProviderContext
) -> None:
    plug("plugged_one", MINE, twin="Mine")
    plug("plugged_two", MINE, twin="Mine")

    with pytest.raises(ProviderError, match="plugged_one and plugged_two"):
        load("twin", context)
