"""What is recovered from an instance that several people use, and what a fresh machine knows."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support.ibm_client import BACKEND
from support.ibm_shell import Shell, submission, write_circuits
from support.standin.process import StandIn

pytestmark = pytest.mark.slow


@pytest.fixture
def circuits(tmp_path: Path) -> Path:
    return write_circuits(tmp_path / "circuits.qpy", 4)


@pytest.fixture
def people(standin: StandIn, tmp_path: Path) -> Callable[[str], Shell]:
    """The shell of a person; the service knows who it is until the next one is asked for."""

    def person(name: str) -> Shell:
        standin.set(user=name)
        return Shell(tmp_path / name, standin)

    return person


def cancelled(standin: StandIn) -> list[str]:
    return [job["user"] for job in standin.stats()["jobs"] if job["shown"] == "Cancelled"]


def test_only_ones_own_sets_are_recovered(
    people: Callable[[str], Shell], standin: StandIn, circuits: Path
) -> None:
    hers = people("she").run(*submission(circuits)).out.strip()
    he = people("he")
    his = he.run(*submission(circuits)).out.strip()
    shutil.rmtree(he.home)

    found = he.run("recover", "-b", "ibm")

    assert found.out == f"{his}\n"
    assert "1 set of other users" in found.err
    assert he.set_ids() == [his]
    refused = he.run("recover", "-b", "ibm", hers, codes=(3,))
    assert f"--others {hers}" in refused.err
    assert json.loads(he.run("show", his, "--json").out)["owner"] == ""
    he.run("cancel", his)
    assert {*cancelled(standin)} == {"he"}


def test_sets_of_others_are_marked_and_not_cancelled_unasked(
    people: Callable[[str], Shell], standin: StandIn, circuits: Path
) -> None:
    hers = people("she").run(*submission(circuits)).out.strip()
    he = people("he")

    found = he.run("recover", "-b", "ibm", "--others")

    assert found.out == f"{hers}\n"
    assert "IBMid-she" in found.err
    assert json.loads(he.run("show", hers, "--json").out)["owner"] == "IBMid-she"
    for words in ([hers], [f"{hers}/0"], [hers, "--duplicates"]):
        refused = he.run("cancel", *words, codes=(2,))
        assert "IBMid-she" in refused.err
    assert cancelled(standin) == []
    hint = refused.err.splitlines()[-1].partition("qjobs ")[2].split()
    he.run(*hint)
    assert {*cancelled(standin)} == {"she"}


def test_what_was_submitted_once_is_not_sent_again_from_a_fresh_machine(
    people: Callable[[str], Shell], standin: StandIn, circuits: Path, tmp_path: Path
) -> None:
    first = people("me")
    set_id = first.run(*submission(circuits, per_job=2), "--once").out.strip()
    fresh = Shell(tmp_path / "fresh", standin)

    fresh.run("recover", "-b", f"ibm:{BACKEND}")
    again = fresh.run(*submission(circuits, per_job=2), "--once")

    assert again.out.strip() == set_id
    assert len(standin.stats()["jobs"]) == 2
    other = write_circuits(tmp_path / "others.qpy", 3)
    assert fresh.run(*submission(other, per_job=3), "--once").out.strip() != set_id
    assert len(standin.stats()["jobs"]) == 3
