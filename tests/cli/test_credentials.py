"""Where nobody has said who the user is, every verb that needs to know ends with exit 4."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import TESTS

pytestmark = pytest.mark.slow

PACKAGES = TESTS / "support" / "packages"
KNOWN = """
[providers.acme]
factory = "folder_vendor:Provider"
arguments = {folder = "service"}
"""
UNSET = KNOWN.replace("}", ', token = {env = "ACME_NOT_SET"}}')

Run = Callable[..., Any]
NEEDS = [
    ("backends", "-p", "acme"),
    ("submit", "bell.qpy", "-b", "acme:calm"),
    ("submit", "bell.qpy", "-b", "acme:calm", "--dry-run"),
    ("run", "bell.qpy", "-b", "acme:calm"),
    ("status", "sent"),
    ("wait", "sent"),
    ("result", "sent"),
    ("error", "sent"),
    ("show", "sent"),
    ("cancel", "sent"),
    ("resume", "unsent"),
    ("resume", "unsent", "--wait"),
    ("retry", "refused"),
]


@pytest.fixture
def config(
    home: Path, bell: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], None]:
    """Writes the config file. There is no account of anybody's."""
    (tmp_path / "nobody").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    monkeypatch.setenv("QJOBS_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("PYTHONPATH", str(PACKAGES))
    for name in [name for name in os.environ if name.startswith("QISKIT_IBM_")]:
        monkeypatch.delenv(name)

    def write(text: str) -> None:
        (tmp_path / "config.toml").write_text(text)

    write(KNOWN)
    return write


def qjobs(*arguments: str) -> "subprocess.CompletedProcess[str]":
    ended = subprocess.run(
        [sys.executable, "-m", "qjobs", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "Traceback" not in ended.stderr
    return ended


def test_every_verb_that_asks_ends_with_4_and_names_the_variable(
    config: Callable[[str], None],
) -> None:
    assert qjobs("submit", "bell.qpy", "-b", "acme:busy", "--name", "sent").returncode == 0
    assert qjobs("submit", "bell.qpy", "-b", "acme:refusing", "--name", "refused").returncode == 6
    assert qjobs("submit", "bell.qpy", "-b", "acme:unreachable", "--name", "unsent").returncode == 7
    config(UNSET)

    ended = {verb: qjobs(*verb) for verb in NEEDS}

    assert {verb: one.returncode for verb, one in ended.items()} == dict.fromkeys(NEEDS, 4)
    for one in ended.values():
        assert "needs the variable ACME_NOT_SET, which is not set" in one.stderr
        assert "export ACME_NOT_SET=..." in one.stderr
    assert qjobs("list").returncode == 0


@pytest.mark.parametrize(
    ("way", "code"),
    [
        ("file", 4), ("variable", 4), ("argument", 4), ("person", 4), ("session", 4),
        ("region", 4), ("late", 4), ("network", 1), ("json", 1), ("other file", 1),
    ],
)  # fmt: skip
def test_a_package_that_is_not_told_who_the_user_is_ends_with_4_and_another_fault_does_not(
    config: Callable[[str], None], way: str, code: int
) -> None:
    config(
        '[providers.acme]\nfactory = "folder_vendor:unlocked"\n'
        f'arguments = {{folder = "x", way = "{way}", credentials_file = "no/such.json"}}\n'
    )

    for verb in NEEDS[:2]:
        ended = qjobs(*verb)
        assert ended.returncode == code, ended.stderr
        assert ("`arguments` of [providers.acme]" in ended.stderr) == (code == 4)


@pytest.mark.parametrize(
    ("variables", "saved"),
    [
        ({}, None),
        ({"QISKIT_IBM_TOKEN": ""}, None),
        ({"QISKIT_IBM_TOKEN": "  "}, None),
        ({"QISKIT_IBM_INSTANCE": "mine"}, None),
        ({"QJOBS_IBM_ACCOUNT": "nobody"}, None),
        ({}, "{"),
        ({}, '{"default-ibm-quantum-platform": {"channel": "ibm_quantum_platform"}}'),
    ],
)
def test_without_an_account_of_ibm_it_is_4_and_the_hint_says_how_to_have_one(
    config: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    variables: dict[str, str],
    saved: str | None,
) -> None:
    pytest.importorskip("qiskit_ibm_runtime")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    if saved is not None:
        (tmp_path / "nobody" / ".qiskit").mkdir()
        (tmp_path / "nobody" / ".qiskit" / "qiskit-ibm.json").write_text(saved)

    verbs = [("backends", "-p", "ibm"), ("submit", "bell.qpy", "-b", "ibm:ibm_fez")]
    if not variables and saved is None:
        verbs += [("recover", "-b", "ibm"), ("submit", "bell.qpy", "-b", "ibm", "--least-busy")]
    for verb in verbs:
        ended = qjobs(*verb)
        assert ended.returncode == 4, ended.stderr
        assert "no account of IBM Quantum Platform" in ended.stderr
        assert "QiskitRuntimeService.save_account" in ended.stderr


def test_one_provider_without_credentials_does_not_keep_others_from_being_listed(
    config: Callable[[str], None],
) -> None:
    config(UNSET)

    ended = qjobs("backends", "-q")

    assert ended.returncode == 0
    assert "local:aer" in ended.stdout.splitlines()
    assert "acme: [providers.acme] needs the variable ACME_NOT_SET" in ended.stderr


def test_a_network_that_is_down_is_no_fault_of_the_token(start, home):
    nowhere = dict.fromkeys(("HTTPS_PROXY", "https_proxy"), "http://127.0.0.1:1")
    account = {"QISKIT_IBM_TOKEN": "x", "HOME": str(home.parent), "NO_PROXY": "", "no_proxy": ""}
    process = start("backends", "-p", "ibm", env={**os.environ, **account, **nowhere})
    _, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert err.startswith("error: IBM Cloud cannot be reached: ")
    assert "token" not in err
