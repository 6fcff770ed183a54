"""What a terminal shows while an answer takes its time, and what is left of it in the end."""

import os
import re
import signal
import sys

import pexpect
import pytest

pytestmark = pytest.mark.slow

PLUG_IN = """
import os, time
from qjobs.providers.fake.provider import FakeProvider

def open_provider(context):
    if "STUCK" in os.environ:
        time.sleep(3600)
    return FakeProvider(context)
"""
ERASED = "\r\x1b[K"


@pytest.fixture
def site(home, tmp_path, monkeypatch):
    """A provider that can be opened, or not, as pip would leave it."""
    info = tmp_path / "site" / "stuck_jobs-1.0.dist-info"
    info.mkdir(parents=True)
    (info.parent / "stuck_jobs.py").write_text(PLUG_IN)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stuck-jobs\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[qjobs.providers]\nstuck = stuck_jobs:open_provider\n")
    monkeypatch.setenv("PYTHONPATH", str(info.parent))


@pytest.fixture
def terminal(home):
    """Run a command in a terminal, as wide as one wants it."""
    opened = []

    def call(*arguments, columns=80, **environment):
        opened.append(
            pexpect.spawn(
                sys.executable, ["-m", "qjobs", *arguments],
                env={**os.environ, "TERM": "xterm-256color", **environment},
                encoding="utf-8", dimensions=(24, columns), timeout=60,
            )
        )  # fmt: skip
        return opened[-1]

    yield call
    for child in opened:
        child.close(force=True)


def left_of(child):
    """All that a terminal got up to its end, and the exit code."""
    text = child.before + (child.after if isinstance(child.after, str) else "") + child.read()
    child.close()
    return text, child.exitstatus


@pytest.mark.parametrize(
    "verb",
    [
        "status", "list", "show", "error", "result", "cancel -y", "retry", "wait", "resume",
        "adopt @last/0 fake-1", "recover -b stuck", "backends", "backends -p stuck",
        "submit bell.qpy -b stuck", "run bell.qpy -b stuck", "submit bell.qpy -b stuck --dry-run",
    ],
)  # fmt: skip
def test_every_verb_says_whom_it_asks_while_there_is_no_answer(start, site, terminal, bell, verb):
    script = "lose=1,find=no" if verb.split()[0] in ("adopt", "resume") else "delay=3600"
    start("submit", bell, "-b", f"stuck:{script}").communicate(timeout=60)

    child = terminal(*verb.split(), STUCK="yes")
    child.expect("asking stuck")
    child.expect("1 s")  # it counts
    child.sendintr()
    if verb == "wait":  # which lets what it has begun come to its end
        child.expect("no longer waiting")
        child.sendintr()
    shown, code = left_of(child)

    assert code == 130
    assert "\x1b[?25l" not in shown  # the cursor was never hidden
    assert shown.rindex(ERASED) > shown.rindex("asking stuck")


def test_what_is_written_meanwhile_stands_above_the_line(terminal, site, bell):
    child = terminal("submit", *[bell] * 8, "-b", "fake:hold=1,connections=8")
    child.expect("submitting")
    child.sendintr()
    child.expect_exact(f"{ERASED}stopping")
    child.sendintr()
    shown, code = left_of(child)

    assert code == 130
    assert "\x1b[?25l" not in shown
    assert shown.endswith(ERASED)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_nothing_of_the_line_is_left_after_a_signal(terminal, site, bell, qjobs, number):
    qjobs("submit", bell, "-b", "fake:slow=3600,delay=3600")
    child = terminal("status")
    child.expect("asking fake")
    child.kill(number)
    shown, code = left_of(child)

    assert code == 128 + number
    assert shown.rindex(ERASED) > shown.rindex("asking fake")


@pytest.mark.parametrize("quiet", [[], ["--json"], ["-q"]])
def test_a_pipe_gets_nothing_of_it(start, qjobs, bell, quiet):
    qjobs("submit", bell, "-b", "fake:slow=0.5,delay=3600")
    process = start("status", *quiet)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")


@pytest.mark.parametrize("arguments", [["status", "-q"], ["status", "--json"]])
def test_those_who_want_no_progress_get_none_on_a_terminal(terminal, qjobs, bell, arguments):
    qjobs("submit", bell, "-b", "fake:slow=0.5,delay=3600")
    shown, code = left_of_whole(terminal(*arguments))
    assert code == 0
    assert "asking" not in shown
    assert "\x1b" not in shown


def left_of_whole(child):
    shown = child.read()
    child.close()
    return shown, child.exitstatus


def test_a_dumb_terminal_gets_none_of_it(terminal, qjobs, bell):
    qjobs("submit", bell, "-b", "fake:slow=0.5,delay=3600")
    shown, code = left_of_whole(terminal("status", TERM="dumb"))
    assert code == 0
    assert "asking" not in shown


def test_no_color_means_none(terminal, qjobs, bell):
    qjobs("submit", bell, "-b", "fake:slow=3600,delay=3600")
    child = terminal("status", NO_COLOR="1")
    child.expect("asking fake")
    child.sendintr()
    shown, _ = left_of(child)
    assert not re.search("\x1b\\[[0-9;]*m", shown)


def test_the_bar_of_run_counts_jobs_and_circuits_and_the_time(terminal, bell):
    child = terminal("run", *[bell] * 30, "-b", "fake:delay=3600,jobs=10", LANG="C.UTF-8")
    child.expect_exact(" 0/10 jobs  0/30 circuits  2 s  ")
    child.sendintr()
    assert left_of(child)[1] == 130


def test_a_question_to_the_user_is_not_drawn_over_and_feedback_goes_on_after_it(
    terminal, qjobs, bell
):
    qjobs("submit", bell, "-b", "fake:slow=0.6,delay=3600,cancel=no")
    child = terminal("cancel", LANG="C.UTF-8")
    child.expect_exact("[y/N]")
    child.sendline("y")
    shown, code = left_of(child)
    assert code == 1
    assert "could not be stopped" in shown
    answered = shown.index("y\r\n")
    assert "asking" not in shown[shown.index("[y/N]") : answered]
