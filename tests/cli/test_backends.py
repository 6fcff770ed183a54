"""`qjobs backends` lists what may stand after `-b`, vendors' packages of the config file too."""

import pytest
from support import TESTS

PACKAGES = TESTS / "support" / "packages"
CONFIG = """
[providers.acme]
factory = "folder_vendor:Provider"
arguments = {folder = "service"}

[providers.broken]
factory = "no_such_package:Provider"
"""


@pytest.fixture(autouse=True)
def config(home, tmp_path, monkeypatch):
    (tmp_path / "config.toml").write_text(CONFIG)
    monkeypatch.setenv("QJOBS_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("PYTHONPATH", str(PACKAGES))


def test_the_backends_of_one_provider_are_listed(qjobs):
    ended = qjobs("backends", "-p", "local")

    assert ended.code == 0
    lines = [line.split("\t") for line in ended.out.splitlines()]
    assert ["local:aer", "", "simulator", "Aer picks the method for each circuit", ""] in lines


def test_the_document_is_what_its_schema_says(qjobs):
    backends = qjobs("backends", "-p", "local", "--json").document("backends")["backends"]

    assert {"provider": "local", "name": "aer"}.items() <= backends[0].items()


def test_a_provider_is_checked_by_what_it_lists_if_it_cannot_be_tried(qjobs):
    ended = qjobs("backends", "--check", "-p", "fake", "--json")

    assert ended.code == 0
    document = ended.document("check")
    assert document["provider"] == "fake"
    (check,) = document["checks"]
    assert {"name": "backends", "works": True}.items() <= check.items()


def test_a_check_is_of_one_provider(qjobs):
    ended = qjobs("backends", "--check")

    assert ended.code == 2
    assert "qjobs backends -p NAME" in ended.err


@pytest.mark.slow
def test_a_check_of_a_provider_that_fails_says_so_in_a_line(qjobs):
    ended = qjobs("backends", "--check", "-p", "broken")

    assert ended.code == 1
    assert ended.out.startswith("backends\tno\t")
    assert "No module named 'no_such_package'" in ended.out


@pytest.mark.slow
def test_vendors_packages_are_listed_and_one_that_fails_is_said(qjobs):
    ended = qjobs("backends", "-q")

    assert ended.code == 0
    addresses = ended.out.splitlines()
    assert {"local:aer", "acme:calm", "acme:busy"} <= set(addresses)
    assert "No module named 'no_such_package'" in ended.err


@pytest.mark.slow
def test_a_provider_that_fails_and_was_asked_for_is_an_error(qjobs):
    ended = qjobs("backends", "-p", "broken")

    assert ended.code == 1
    assert "No module named 'no_such_package'" in ended.err


def test_a_misspelt_provider_is_said_with_configured_ones(qjobs):
    ended = qjobs("backends", "-p", "amce")

    assert ended.code == 2
    assert "near ones: acme" in ended.err


def test_tab_offers_configured_providers():
    from qjobs.cli.tab import complete_backend

    words = [word for word, _ in complete_backend()]
    assert {"acme:", "fake:"} <= set(words)
    assert "qiskit:" not in words
