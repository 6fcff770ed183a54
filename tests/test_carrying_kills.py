"""Whoever exports or imports dies at any moment: files and sets are whole, or are not there."""

import os
import shutil
from pathlib import Path

import pytest
from support.deeds import chance_of, times
from support.dying import Shell, contents

from qjobs.engine import gc
from qjobs.engine.workspace import Workspace
from qjobs.testing.contract import steady

pytestmark = [pytest.mark.slow, pytest.mark.timeout(times(600, 3600))]

KILLS = times(16, 400)


@pytest.fixture
def source(tmp_path: Path) -> Shell:
    """Two sets that are done."""
    from qiskit import qpy

    with (tmp_path / "steady.qpy").open("wb") as file:
        qpy.dump([steady(index) for index in range(2)], file)
    shell = Shell(tmp_path, tmp_path / "source")
    for _ in range(2):
        set_id = shell.qjobs("submit", "steady.qpy", "--per-job", "1", "-b", "fake", "--wait")
        shell.qjobs("result", set_id.strip(), "--json")
    return shell


def moments(shell: Shell, *arguments: str) -> list[int]:
    """Some of the moments of a command, by chance."""
    assert not shell.kill_at(0, *arguments)
    number = int((shell.folder / "moments").read_text())
    assert number > 20
    return sorted(chance_of(arguments[0]).sample(range(1, number + 1), min(KILLS, number)))


def test_an_import_that_dies_leaves_whole_sets_and_what_gc_removes(
    source: Shell, tmp_path: Path
) -> None:
    source.qjobs("export", "@last", "@2", "-o", "x.zip")
    before = contents(source.home / "sets")

    seen_sets = set()
    for moment in moments(Shell(tmp_path, tmp_path / "counted"), "import", "x.zip"):
        home = tmp_path / "state"
        shutil.rmtree(home, ignore_errors=True)
        shell = Shell(tmp_path, home)
        assert shell.kill_at(moment, "import", "x.zip")

        workspace = Workspace.at(home)
        listing = workspace.store.listing()
        assert listing.errors == ()
        seen = {header.set_id for header in listing.headers}
        seen_sets.add(len(seen))
        for set_id in seen:
            there = contents(home / "sets" / set_id)
            assert there == {
                name.removeprefix(f"{set_id}/"): data
                for name, data in before.items()
                if name.startswith(set_id)
            }, moment
        for path in (home / "sets").glob(".arriving-*"):
            os.utime(path, (1, 1))  # a second after it was made the dead are told from the living
        problems: list[str] = []
        assert {one.kind for one in gc.collect(workspace, problems)} <= {"draft"}
        assert problems == []
        assert {path.name for path in (home / "sets").glob("*")} == seen, moment
        shell.qjobs("import", "x.zip")
        assert contents(home / "sets") == before, moment
    assert 0 in seen_sets


def test_an_update_that_dies_leaves_the_set_as_it_was_or_as_it_is_in_the_file(
    source: Shell, tmp_path: Path
) -> None:
    source.qjobs("submit", "steady.qpy", "--per-job", "1", "-b", "fake:delay=1")
    source.qjobs("export", "@last", "-o", "early.zip", "--cached")
    source.qjobs("wait")
    source.qjobs("export", "@last", "-o", "late.zip")
    early = tmp_path / "early"
    Shell(tmp_path, early).qjobs("import", "early.zip")
    (folder,) = (early / "sets").iterdir()
    before = contents(folder)
    after = contents(source.home / "sets" / folder.name)
    counted = tmp_path / "counted"
    shutil.copytree(early, counted)

    for moment in moments(Shell(tmp_path, counted), "import", "late.zip"):
        home = tmp_path / "state"
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(early, home)
        shell = Shell(tmp_path, home)
        assert shell.kill_at(moment, "import", "late.zip")

        there = contents(home / "sets" / folder.name)
        assert there["state.toml"] in (before["state.toml"], after["state.toml"]), moment
        if there["state.toml"] == after["state.toml"]:
            assert there == after, moment
        shell.qjobs("import", "late.zip")
        assert contents(home / "sets" / folder.name) == after, moment


def test_an_export_that_dies_leaves_what_was_there_or_all_of_it(
    source: Shell, tmp_path: Path
) -> None:
    words = ("export", "@last", "@2", "-o", "x.zip", "--cached")
    source.qjobs(*words)
    whole = (tmp_path / "x.zip").read_bytes()
    before = contents(source.home / "sets")
    for moment in moments(source, *words):
        (tmp_path / "x.zip").write_bytes(b"before")
        assert source.kill_at(moment, *words)
        assert (tmp_path / "x.zip").read_bytes() in (b"before", whole), moment
        assert contents(source.home / "sets") == before, moment
    source.qjobs(*words)
    assert (tmp_path / "x.zip").read_bytes() == whole
