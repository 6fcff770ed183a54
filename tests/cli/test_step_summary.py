"""The summary of a step of GitHub's: written where one is wanted, and never in anybody's way."""

import html
import os
import re
from pathlib import Path

import pytest
from support.hints import BELL

FILE = "summary.md"


@pytest.fixture
def summary(home, tmp_path, monkeypatch):
    """What was appended to the summary since the last time."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", FILE)
    (tmp_path / FILE).write_text("before\n")

    def read():
        text = (tmp_path / FILE).read_text()
        assert text.startswith("before\n")
        (tmp_path / FILE).write_text("before\n")
        return text.removeprefix("before\n")

    return read


def cells(text):
    """The rows of all tables, each with as many cells as there are columns."""
    rows = [line for line in text.splitlines() if line.startswith("|")]
    found = [[html.unescape(cell.strip()) for cell in row.strip("|").split(" | ")] for row in rows]
    return [row for row in found if set(row) != {"---"}]


def test_each_stage_of_a_set_is_summarized(qjobs, bell, summary):
    set_id = qjobs("submit", bell, "-b", "fake", "-n", "ghz").out.strip()
    assert cells(summary())[1] == [
        f"ghz  {set_id}",
        "fake:",
        "○ queued",
        "0/1 circuits",
        "1 queued",
    ]
    assert qjobs("wait").code == 0
    text = summary()
    assert cells(text)[1] == [f"ghz  {set_id}", "fake:", "✓ done", "1/1 circuits", "1 done"]
    assert text.endswith(f"\n\nNext: qjobs result {set_id}\n\n")
    for verb in ("status", "result", "error", "list", "show"):  # they only look
        qjobs(verb)
        assert summary() == ""


@pytest.mark.parametrize("words", [("run",), ("submit", "--wait")])
def test_what_went_wrong_is_told_with_the_next_step(qjobs, bell, summary, words):
    faults = "fake:refuse=1,fail=1,connections=1"
    assert qjobs(*words, *[bell] * 4, "-b", faults, "--per-job", "1").code == 6
    text = summary()
    rows = cells(text)
    assert rows[1][2:] == ["✗ error", "2/4 circuits", "1 error, 2 done, 1 refused"]
    assert [row[1:3] for row in rows[3:]] == [["refused: job 0", bell], ["failed: job 1", bell]]
    assert re.search(r"Next: qjobs error \w+; once mended&#58; qjobs retry ", text)


def test_a_set_that_could_not_be_sent_is_summarized(qjobs, bell, summary):
    assert qjobs("run", bell, "-b", "fake:auth=no").code == 4
    assert "1 planned" in summary()


@pytest.mark.slow
def test_a_dry_run_lists_what_it_found(qjobs, home, tmp_path, summary):
    (tmp_path / "bell.qasm").write_text(BELL)
    (tmp_path / "cxx.qasm").write_text(BELL.replace("cx", "cxx"))
    assert qjobs("submit", "--dry-run", "bell.qasm", "cxx.qasm", "-b", "fake").code == 5
    text = summary()
    assert cells(text)[1] == ["error", "cxx.qasm:6:1", "'cxx' is not defined in this scope"]
    assert "\n\n1 of 2 files cannot be read\n" in text
    assert qjobs("submit", "--dry-run", "bell.qasm", "-b", "fake").code == 0
    assert "\n\n1 file, 1 circuit in 1 job for fake\n" in summary()


def test_names_are_shown_as_they_are_and_mean_nothing(qjobs, home, tmp_path, summary):
    name = "a|b<img src=x>`c`_d_*e*[f](g)\\|www.h.io https:i @j #1 &amp; ~~k~~\x1b.qasm"
    (tmp_path / name).write_text("")
    assert qjobs("submit", "--dry-run", name, "-b", "fake").code == 5
    text = summary()
    (row,) = cells(text)[1:]
    assert row[1] == name.replace("\x1b", "\\x1b")
    shown = text.splitlines()[4].removeprefix("| ").removesuffix(" |").split(" | ")[1]
    assert not re.search(r"[|<>`_*\[\]\\@~]|www\.|https:|&(?!#\d+;)|(?<!&)#", shown)


def test_it_is_bounded(qjobs, home, tmp_path, summary):
    for number in range(500):
        (tmp_path / f"{'e' * 200}{number}.qasm").touch()
    qjobs("submit", "--dry-run", "*.qasm", "-b", "fake")
    text = summary()
    assert len(cells(text)) == 51
    assert "\nand 450 more\n" in text


def test_a_full_one_is_left_alone(qjobs, bell, home, tmp_path, monkeypatch):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", FILE)
    (tmp_path / FILE).write_bytes(b"x" * ((1 << 20) - 10))
    ended = qjobs("run", bell, "-b", "fake", "-q")
    assert ended.code == 0
    assert "warning: the step summary is full" in ended.err
    assert (tmp_path / FILE).stat().st_size == (1 << 20) - 10


@pytest.mark.parametrize("place", ["folder", "nowhere/summary.md", "pipe"])
def test_one_that_cannot_be_written_is_a_warning(qjobs, bell, tmp_path, monkeypatch, place):
    (tmp_path / "folder").mkdir()
    os.mkfifo("pipe")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", place)
    ended = qjobs("run", bell, "-b", "fake", "-q")
    assert ended.code == 0
    assert "warning: the step summary cannot be written: " in ended.err
    assert ended.out


def test_without_one_nothing_is_written(qjobs, bell, tmp_path, monkeypatch):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "")
    before = {*Path().iterdir()}
    assert qjobs("run", bell, "-b", "fake").code == 0
    assert {*Path().iterdir()} - before == {tmp_path.joinpath("state").relative_to(tmp_path)}
