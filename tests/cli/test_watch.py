"""The verb watch, in real terminals and in pipes: it changes nothing, and leaves nothing behind."""

import json
import os
import re
import signal
import sys
import termios

import pexpect
import pytest
from support.schemas import validate

TAKEN, GIVEN_BACK = "\x1b[?1049h", "\x1b[?1049l"
HIDDEN, VISIBLE = "\x1b[?25l", "\x1b[?25h"


class Terminal:
    """A command in a terminal, and all that it has written there."""

    def __init__(self, *arguments, rows=24, columns=80, **environment):
        self.child = pexpect.spawn(
            sys.executable, ["-m", "qjobs", *arguments],
            env={**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8", **environment},
            encoding="utf-8", dimensions=(rows, columns), timeout=60,
        )  # fmt: skip
        self.written = ""
        self.modes = self.local_modes()

    def local_modes(self):
        """Whether lines are read as a whole, and shown as they are typed."""
        return termios.tcgetattr(self.child.child_fd)[3] & (termios.ICANON | termios.ECHO)

    def until(self, text):
        self.child.expect_exact(text)
        self.written += self.child.before + text
        return self

    def end(self):
        """The exit code; the terminal must be as it was."""
        self.written += self.child.read()
        modes = self.local_modes()
        self.child.close()
        assert modes == self.modes == termios.ICANON | termios.ECHO
        assert self.written.count(TAKEN) == self.written.count(GIVEN_BACK) >= 1
        assert self.written.rindex(GIVEN_BACK) > self.written.rindex(TAKEN)
        assert self.written.rindex(VISIBLE) > self.written.rindex(HIDDEN)
        return self.child.exitstatus

    @property
    def after(self):
        """What is on the terminal once the screen is gone."""
        return re.sub("\x1b\\[[0-9;?]*[a-zA-Z]", "", self.written.rpartition(GIVEN_BACK)[2])


@pytest.fixture
def terminal(home):
    opened = []

    def call(*arguments, **options):
        opened.append(Terminal(*arguments, **options))
        return opened[-1]

    yield call
    for one in opened:
        one.child.close(force=True)


@pytest.fixture
def long(qjobs, bell):
    """A set whose jobs run for an hour."""
    qjobs("submit", bell, bell, "-b", "fake:delay=3600", "-n", "ghz", "--per-job", "1")
    return "ghz"


def events(out):
    lines = [json.loads(line) for line in out.splitlines()]
    for line in lines:
        validate(line, "event")
    return lines


@pytest.mark.parametrize(("script", "code", "state"), [("", 0, "done"), ("fail=1", 6, "error")])
def test_in_a_pipe_each_change_is_a_line_and_the_exit_code_is_the_outcome(
    qjobs, bell, script, code, state
):
    qjobs("submit", bell, bell, "-b", f"fake:delay=0.3,{script}".strip(","), "--per-job", "1")
    ended = qjobs("watch")

    assert ended.code == code
    lines = events(ended.out)
    folded = {line["index"]: line["state"] for line in lines if line["event"] == "job"}
    (only,) = qjobs("status", "--json").document("status")["sets"]
    assert folded == {job["index"]: job["state"] for job in only["jobs"]}
    assert [line["event"] for line in lines[:3]] == ["job", "job", "set"]
    assert (lines[-1]["event"], lines[-1]["state"]) == ("set", state)
    assert lines[-1]["counts"] == only["counts"]
    assert lines[-1]["circuits_ended"] == 2


def test_json_is_for_programs_on_a_terminal_too(terminal, qjobs, bell):
    qjobs("submit", bell, "-b", "fake:")
    one = terminal("watch", "--json")
    out = one.child.read()
    one.child.close()
    assert one.child.exitstatus == 0
    assert [line["state"] for line in events(out)] == ["done", "done"]


def test_the_time_may_run_out_and_the_end_is_told_to_a_command(qjobs, long, tmp_path):
    ended = qjobs("watch", "--timeout", "1", "--on-end", "tee told.json")
    assert ended.code == 124
    assert "not finished; they go on" in ended.err
    (only,) = json.loads((tmp_path / "told.json").read_text())["sets"]
    assert only["name"] == long


def test_those_that_failed_are_told_of_before_it_ends(qjobs, bell):
    qjobs("submit", bell, bell, "-b", "fake:fail=1,delay=3600", "--per-job", "1")
    qjobs("cancel", "@last/0")
    ended = qjobs("watch", "--fail-fast")
    assert ended.code == 6
    assert [line["state"] for line in events(ended.out)][:2] == ["cancelled", "running"]


@pytest.mark.slow
def test_a_reader_that_leaves_ends_it(start, qjobs, long):
    process = start("watch")
    assert json.loads(process.stdout.readline())["event"] == "job"
    process.stdout.close()
    qjobs("cancel", long)
    assert process.stderr.read() == ""
    process.wait(timeout=60)


@pytest.mark.slow
def test_q_leaves_and_the_jobs_go_on(terminal, qjobs, long, tmp_path):
    one = terminal("watch", "--on-end", "touch ended").until("RUNNING").until("0/2 jobs")
    assert one.local_modes() == 0  # a key needs no Enter, and is not shown
    one.child.send("xq")

    assert one.end() == 0
    assert "2 running" in one.after
    assert "no longer watching; the jobs go on" in one.after
    assert not (tmp_path / "ended").exists()
    (only,) = qjobs("status", "--json").document("status")["sets"]
    assert only["counts"]["running"] == 2


@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_and_the_jobs_go_on(terminal, qjobs, long, end):
    one = terminal("watch").until("RUNNING")
    one.child.kill(end)

    assert one.end() == 128 + end
    assert "error: interrupted; the jobs go on" in one.after
    (only,) = qjobs("status", "--json").document("status")["sets"]
    assert only["counts"]["running"] == 2


@pytest.mark.slow
@pytest.mark.parametrize(("keys", "code"), [("qq", 0), ("\x03\x03", 130), ("q\x03", 130)])
def test_a_provider_that_does_not_answer_keeps_nobody(terminal, qjobs, bell, keys, code):
    qjobs("submit", bell, "-b", "fake:slow=3600,delay=3600")
    one = terminal("watch").until("asking")
    for key in keys:
        one.child.send(key)
        if key == "q" and key is not keys[-1]:
            one.until("leaving")

    if keys == "q\x03":  # it is the first of two
        one.child.send("\x03")
    assert one.end() == code


@pytest.mark.slow
def test_what_goes_wrong_is_said_when_the_terminal_is_back(terminal, long, home):
    one = terminal("watch").until("RUNNING")
    (state,) = home.glob("sets/*/state.toml")
    state.write_text("no state")
    (home / "fake" / "books.sqlite").write_text("no book")  # so that it looks into the state
    assert one.end() == 9
    assert "error: " in one.after


@pytest.mark.slow
def test_problems_are_shown_and_said_again_in_the_end(terminal, qjobs, bell):
    qjobs("submit", bell, "-b", "fake:status_error=2,delay=3600")
    one = terminal("watch").until("! ").until("RUNNING")
    one.child.send("q")
    assert one.end() == 0
    assert one.after.count("warning: ") == 1


@pytest.mark.slow
def test_the_screen_follows_the_size_of_the_terminal(terminal, long):
    one = terminal("watch", columns=100).until("▒" * 60).until("0/2 jobs")
    one.child.setwinsize(12, 40)
    one.until("\x1b[36m" + "▒" * 36 + "\x1b[0m")
    one.child.send("q")
    assert one.end() == 0


@pytest.mark.slow
def test_ctrl_z_gives_the_terminal_back_until_it_goes_on(terminal, long):
    one = terminal("watch").until("RUNNING")
    one.child.kill(signal.SIGTSTP)
    one.until(GIVEN_BACK)
    _, status = os.waitpid(one.child.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    assert one.local_modes() == one.modes
    one.child.kill(signal.SIGCONT)
    one.until(TAKEN).until("RUNNING")
    one.child.send("q")
    assert one.end() == 0


@pytest.mark.slow
def test_at_the_end_of_all_jobs_it_ends_with_their_outcome(terminal, qjobs, bell):
    qjobs("submit", bell, bell, "-b", "fake:delay=1.5,fail=1", "--per-job", "1", "-n", "ghz")
    one = terminal("watch", "--notify").until("RUNNING")
    assert one.end() == 6
    assert "\a" in one.written  # it rang
    assert "1 error" in one.after
    assert "error: 1 of 2 jobs failed" in one.after


@pytest.mark.slow
def test_addresses_from_a_pipe_leave_the_keyboard_alone(home, long, qjobs):
    """As in `qjobs list -q | qjobs watch -`: keys come from the terminal."""
    set_id = qjobs("list", "-q").out.strip()
    shell = pexpect.spawn(
        "/bin/sh", ["-c", f"echo {set_id} | {sys.executable} -m qjobs watch -"],
        env={**os.environ, "TERM": "xterm-256color"}, encoding="utf-8", timeout=60,
    )  # fmt: skip
    shell.expect_exact("RUNNING")
    shell.send("q")
    shell.expect_exact("no longer watching")
    shell.expect(pexpect.EOF)
    shell.close()
    assert shell.exitstatus == 0


@pytest.mark.slow
def test_a_dumb_terminal_gets_lines(terminal, qjobs, bell):
    qjobs("submit", bell, "-b", "fake:")
    one = terminal("watch", TERM="dumb")
    shown = one.child.read()
    one.child.close()
    assert one.child.exitstatus == 0
    assert "1 done" in shown
    assert TAKEN not in shown
