"""The line that moves: what is in it at each width, and who else may write meanwhile."""

import os
import pty
import re
import select
import sys
from pathlib import Path

import pytest

from qjobs import cli
from qjobs.render.line import Line
from qjobs.render.output import Format, Output
from qjobs.render.progress import Share, Shown, progress

NOTE = "120 queued, 3 running, 12 done"


def visible(text):
    return re.sub("\x1b\\[[0-9;?]*[a-zA-Z]", "", text)


@pytest.fixture
def shown():
    made = Shown("running", "jobs")
    made.show(12, 300, NOTE, circuits=Share(1200, 9000), left_s=190.0)
    return made


def test_no_line_is_wider_than_the_terminal_and_what_matters_most_stays(shown):
    for width in range(1, 200):
        line = visible(shown(width))
        assert len(line) < width, line
        if width > 50:
            # What does not fit is left out; nothing but the note is ever cut.
            assert "running  " in line
            assert "12/300 jobs  " in line
            assert "0 s, about 3 min left" in line
            assert "1200/9000 circuits" in line or "circ" not in line
    assert visible(shown(80)).count("━") + visible(shown(80)).count("#") >= 8


def test_with_room_everything_is_there_and_the_bar_is_that_of_the_circuits(shown):
    line = visible(shown(160))

    assert re.fullmatch(
        f". running  (.{{30}})  12/300 jobs  1200/9000 circuits  0 s, about 3 min left  {NOTE}",
        line,
    )
    bar = shown(160).split("running  ")[1].split("12/300")[0]
    assert len(re.findall("[━#]", bar.split("\x1b[0m")[0])) == 30 * 1200 // 9000


def test_a_long_note_is_cut_and_what_a_terminal_obeys_is_shown(shown):
    shown.show(0, 2, "waiting\x1b[2J" + "x" * 300)
    line = visible(shown(80))

    assert len(line) < 80
    assert "waiting\\x1b[2Jxxx" in line


def test_what_is_waited_for_stands_in_a_bar_that_knows_nothing_yet():
    shown = Shown("running", "jobs", waits_for="asking ibm")
    assert visible(shown(80))[2:] == "running  0 s  asking ibm"
    shown.show(0, 4, "4 queued")
    assert "asking" not in visible(shown(80))


class Terminal:
    """The other end of a terminal that a line is on."""

    def __init__(self):
        self.master, slave = pty.openpty()
        self.stream = os.fdopen(slave, "w", buffering=1)

    def read_until(self, text):
        read = ""
        while text not in read:
            assert select.select([self.master], [], [], 60)[0], read
            read += os.read(self.master, 1000).decode()
        return read

    def rest(self):
        self.stream.write("the end")
        self.stream.flush()
        return self.read_until("the end").removesuffix("the end")


@pytest.fixture
def terminal():
    made = Terminal()
    yield made
    made.stream.close()
    os.close(made.master)


def test_what_is_over_soon_is_not_shown(terminal):
    line = Line(terminal.stream.fileno(), late_s=3600)
    line.show(lambda _: "waiting")
    line.take_away()
    assert terminal.rest() == ""


def test_the_line_is_drawn_again_and_again_and_then_erased(terminal):
    line = Line(terminal.stream.fileno(), late_s=0, every_s=0.01)
    numbers = iter(range(10**9))
    line.show(lambda _: f"<{next(numbers)}>")
    shown = terminal.read_until("<2>")
    line.take_away()
    shown += terminal.rest()

    assert "?25l" not in shown  # the cursor stays
    assert shown.count("\n") == 0
    assert shown.endswith("\r\x1b[K")
    at_rest = terminal.rest()
    assert at_rest == ""


def test_what_others_write_stands_above_and_what_they_begin_is_not_drawn_over(
    terminal, monkeypatch
):
    monkeypatch.setattr(sys, "stderr", terminal.stream)
    line = Line(terminal.stream.fileno(), late_s=0, every_s=0.01)
    line.show(lambda _: "waiting")
    terminal.read_until("waiting")

    print("a warning", file=sys.stderr)
    assert "\r\x1b[Ka warning\r\n" in terminal.read_until("a warning\r\n")
    terminal.read_until("waiting")  # it is drawn again
    sys.stderr.write("continue? [y/N] ")
    terminal.read_until("[y/N] ")
    sys.stderr.write("y\n")
    assert terminal.read_until("y").startswith("y")  # nothing came between
    terminal.read_until("waiting")
    line.take_away()

    assert sys.stderr is terminal.stream


def test_every_verb_that_may_ask_somebody_shows_whom():
    sources = {path.name: path.read_text() for path in Path(cli.__file__).parent.glob("*.py")}
    silent = {name for name, source in sources.items() if "open_workspace()" in source}

    assert silent == {"tab.py"}  # which asks nobody
    assert sum("open_workspace(output" in source for source in sources.values()) > 10


def test_without_anybody_to_look_each_new_note_is_a_line(capsys):
    with progress(Output(Format.TSV), "submitting") as meter:
        meter.show(0, 4, "waiting 3 s")
        meter.show(1, 4, "waiting 3 s", circuits=Share(3, 12), left_s=4.0)
        meter.show(2, 4)

    assert capsys.readouterr().err == "submitting: waiting 3 s\n"
