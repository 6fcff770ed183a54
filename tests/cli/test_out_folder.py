"""`--out FOLDER`: the files of one set, and never anything of somebody else's."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from qjobs.render.folder import LIST

OUT = Path("out")


@pytest.fixture
def sets(qjobs, bell):
    """A set of five circuits and one of two, done."""
    return [
        qjobs("submit", *[bell] * number, "-b", "fake:", "--wait").out.strip() for number in (5, 2)
    ]


def found(folder=OUT):
    return sorted(path.name for path in folder.glob("[0-9]*"))


def names(*indices, suffix="json"):
    return [f"{index:05d}-bell.{suffix}" for index in indices]


def everything(folder=OUT):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_files_of_an_earlier_larger_set_are_removed(qjobs, sets):
    large, small = sets
    qjobs("result", large, "--out", "out/")
    assert found() == names(*range(5))
    ended = qjobs("result", small, "--out", "out/")
    assert ended.code == 0
    assert "removed from there: 3 files of another set" in ended.err
    assert found() == names(0, 1)
    expected = json.loads(qjobs("result", small, "--json").out)["circuits"]
    assert [json.loads((OUT / name).read_text()) for name in found()] == expected


def test_run_removes_them_too(qjobs, bell):
    qjobs("run", *[bell] * 3, "-b", "fake:", "--out", "out/")
    assert qjobs("run", bell, "-b", "fake:", "--out", "out/").code == 0
    assert found() == names(0)


def test_parts_and_formats_of_one_set_come_together(qjobs, sets):
    large, _ = sets
    qjobs("result", f"{large}:0-1", "--out", "out/")
    qjobs("result", f"{large}:3-4", "--out", "out/")
    assert found() == names(0, 1, 3, 4)
    qjobs("result", f"{large}:3", "--out", "out/", "--format", "csv")
    assert found() == sorted([*names(0, 1, 3, 4), *names(3, suffix="csv")])


def test_files_of_others_are_left_alone(qjobs, sets):
    large, small = sets
    OUT.mkdir()
    others = {OUT / "notes.txt": b"mine", OUT / "00009-bell.json": b"{}", OUT / ".hidden": b""}
    for path, data in others.items():
        path.write_bytes(data)
    (OUT / "folder").mkdir()
    for set_id in (large, small):
        assert qjobs("result", set_id, "--out", "out").code == 0
    assert {path: data for path, data in everything().items() if path in others} == others
    assert (OUT / "folder").is_dir()


@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_what_stands_where_a_file_is_to_be_is_not_overwritten(qjobs, sets, kind):
    OUT.mkdir()
    target = OUT / names(1)[0]
    match kind:
        case "file":
            target.write_text("mine")
        case "folder":
            target.mkdir()
        case _:
            Path("precious").write_text("mine")
            target.symlink_to("../precious")
    before = everything()
    ended = qjobs("result", sets[0], "--out", "out")
    assert ended.code == 2
    assert f"out has files that qjobs did not write there: {names(1)[0]}" in ended.err
    assert "move them away, or name another folder" in ended.err
    assert everything() == before
    assert [path.name for path in OUT.iterdir()] == names(1)

    target.rmdir() if kind == "folder" else target.unlink()  # as the hint says
    assert qjobs("result", sets[0], "--out", "out").code == 0
    assert found() == names(*range(5))


def test_files_of_another_set_that_somebody_changed_are_not_removed(qjobs, sets):
    large, small = sets
    qjobs("result", large, "--out", "out/")
    (OUT / names(4)[0]).write_text("my notes")
    before = everything()
    ended = qjobs("result", small, "--out", "out/")
    assert ended.code == 2
    assert f"files of another set that were changed since: {names(4)[0]}" in ended.err
    assert everything() == before
    (OUT / names(4)[0]).rename("notes")
    assert qjobs("result", small, "--out", "out/").code == 0
    assert found() == names(0, 1)


def test_several_sets_have_folders_of_their_own(qjobs, sets):
    large, small = sets
    assert qjobs("result", large, small, "--out", "out/").code == 0
    assert found(OUT / large) == names(*range(5))
    assert found(OUT / small) == names(0, 1)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"files": 1}', '{"files": {"a": 1}}', "\x00"])
def test_a_damaged_list_is_named_before_anything_runs(qjobs, bell, text):
    OUT.mkdir()
    (OUT / LIST).write_text(text)
    ended = qjobs("run", bell, "-b", "fake:", "--out", "out")
    assert ended.code == 2
    assert f"{OUT / LIST} is damaged" in ended.err
    assert qjobs("list").out == ""


def test_a_list_of_somebody_else_leads_to_nothing_outside_the_folder(qjobs, sets):
    large, small = sets
    qjobs("result", large, "--out", "out/")
    outside = Path("00007-outside.json")
    outside.write_text("mine")
    document = json.loads((OUT / LIST).read_text())
    (entry, *_) = document["files"].values()
    document["files"]["../00007-outside.json"] = entry
    document["files"][str(outside.absolute())] = entry
    (OUT / LIST).write_text(json.dumps(document))
    assert qjobs("result", small, "--out", "out/").code == 0
    assert outside.read_text() == "mine"


def test_what_a_crash_leaves_half_moved_is_known_for_ours(qjobs, sets):
    """The list is there before the files, and with those of the other set until they are gone."""
    large, small = sets
    qjobs("result", large, "--out", "out/")
    old = json.loads((OUT / LIST).read_text())["files"]
    left = (OUT / names(4)[0]).read_bytes()
    qjobs("result", small, "--out", "out/")
    new = json.loads((OUT / LIST).read_text())["files"]
    # As after a death between the files of the new set and the end of those of the old one.
    (OUT / names(4)[0]).write_bytes(left)
    document = {"schema": "qjobs.files/1", "files": {**old, **new}}
    (OUT / LIST).write_text(json.dumps(document))
    (OUT / names(1)[0]).unlink()
    assert qjobs("result", small, "--out", "out/").code == 0
    assert found() == names(0, 1)


def test_a_failure_while_writing_leaves_the_folder_as_it_was(qjobs, home, sets):
    large, small = sets
    qjobs("result", large, "--out", "out/")
    before = everything()
    for path in home.glob(f"sets/{small}/results/1-*"):
        path.write_text("damaged")
    assert qjobs("result", small, "--out", "out/").code == 9
    assert everything() == before
    assert not list(OUT.glob("*.part")) + list(OUT.glob(".*.part"))


def test_files_of_the_set_itself_are_written_anew(qjobs, sets):
    large, _ = sets
    qjobs("result", large, "--out", "out/")
    before = everything()
    (OUT / names(2)[0]).write_text("changed")
    assert qjobs("result", large, "--out", "out/").code == 0
    assert everything() == before


WRITER = """
import sys
from pathlib import Path
from qjobs.render.files import replacing
from qjobs.render.folder import filling

with (
    filling(Path("out"), "killed") as fresh,
    fresh.file("00000-bell.json") as stream,
    replacing(Path("one.json")) as other,
    replacing(Path("out", ".qjobs-files")) as list_,
):
    for file in (stream, other, list_):
        file.write("half")
        file.flush()
    print("written", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def writer():
    """A process that is in the middle of writing files, and has been for a minute."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"written\n"
    for path in (*Path().glob(".*"), *OUT.rglob("*")):
        os.utime(path, (time.time() - 60,) * 2)
    yield process
    process.kill()
    process.communicate()


def begun():
    return sorted(path.name for path in (*Path().iterdir(), *OUT.iterdir()) if "part" in path.name)


@pytest.mark.slow
def test_what_a_killed_process_had_begun_is_removed_by_the_next(qjobs, sets, writer):
    (draft, *others) = begun()
    assert len(others) == 2, others
    writer.send_signal(signal.SIGKILL)
    assert writer.wait() == -signal.SIGKILL
    assert begun() == [draft, *others]

    assert qjobs("result", sets[1], "--out", "out/").code == 0
    assert qjobs("result", sets[1], "--out", "one.json").code == 0

    assert begun() == []
    assert found() == names(0, 1)
    assert json.loads(Path("one.json").read_text())["complete"]


@pytest.mark.slow
def test_what_a_living_process_is_writing_stays(qjobs, sets, writer):
    before = begun()

    assert qjobs("result", sets[1], "--out", "out/").code == 0
    assert qjobs("result", sets[1], "--out", "one.json").code == 0

    assert begun() == before


def test_what_only_looks_like_it_stays(qjobs, sets):
    OUT.mkdir()
    Path("precious").mkdir()
    Path("precious", "mine").touch()
    (OUT / f"{LIST}.abc.part").symlink_to(Path("precious").absolute())
    for name in (f"{LIST}.part", ".one.json.part", ".one.json.12.part.txt", ".two.json.12.part"):
        (OUT / name).touch()
        os.utime(OUT / name, (0, 0))
    before = sorted(OUT.iterdir())

    assert qjobs("result", sets[1], "--out", "out/one.json").code == 0
    assert sorted(OUT.iterdir()) == sorted([*before, OUT / "one.json"])
    (OUT / "one.json").unlink()
    assert qjobs("result", sets[1], "--out", "out/").code == 0

    assert {*before} <= {*OUT.iterdir()}
    assert Path("precious", "mine").exists()


@pytest.mark.parametrize(
    "words", [("result", "--out", "out.json"), ("report", "-o", "out.json"),
              ("export", "@last", "-o", "out.json")],
    ids=lambda words: words[0],
)  # fmt: skip
def test_what_is_no_file_is_not_replaced_and_a_link_stays_one(qjobs, bell, tmp_path, words):
    assert qjobs("submit", bell, "-b", "fake", "--wait").code == 0
    out = tmp_path / "out.json"
    os.mkfifo(out)

    ended = qjobs(*words)

    assert ended.code == 2
    assert "cannot write out.json: it is there, and no file" in ended.err
    assert out.is_fifo()
    out.unlink()
    out.symlink_to("there.json")
    assert qjobs(*words).code == 0
    assert out.is_symlink()
    assert (tmp_path / "there.json").stat().st_size
