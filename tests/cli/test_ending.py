"""What is done when waiting is over: a command of the user's, a notification. The outcome stays."""

import json
import shlex
import sys

import pytest
from support.schemas import validate

KEEP = "import sys; open(sys.argv[1], 'w').write(sys.stdin.read())"


@pytest.fixture
def keeping(tmp_path):
    """A command that keeps what it is told; and what it kept."""
    path = tmp_path / "what it's told.json"

    def told():
        document = json.loads(path.read_text())
        validate(document, "status")
        return document["sets"]

    return shlex.join([sys.executable, "-c", KEEP, str(path)]), told


@pytest.fixture
def desktop(tmp_path, monkeypatch):
    """A machine that has `notify-send`, which keeps the words that it gets, and may fail."""
    monkeypatch.setattr(sys, "platform", "linux")
    kept = tmp_path / "words"
    program = tmp_path / "bin" / "notify-send"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nprintf "%s\\0" "$@" > {kept}\n[ ! -e fails ] || exit 3\n')
    program.chmod(0o700)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return lambda: kept.read_text().split("\0")[:-1]


@pytest.mark.parametrize(
    ("verb", "code"),
    [
        (["submit", "bell.qpy", "-b", "fake:fail=1", "--wait"], 6),
        (["run", "bell.qpy", "-b", "fake:"], 0),
        (["wait", "slow", "--timeout", "1"], 124),
    ],
)
def test_the_command_gets_the_status_and_the_exit_code_is_that_of_the_jobs(
    qjobs, bell, keeping, verb, code
):
    command, told = keeping
    qjobs("submit", bell, "-b", "fake:delay=3600", "--name", "slow")
    ended = qjobs(*verb, "--on-end", command)

    assert ended.code == code
    (only,) = told()
    assert only["state"] == {0: "done", 6: "error", 124: "running"}[code]
    assert len(only["jobs"]) == sum(only["counts"].values()) == 1


@pytest.mark.parametrize("verb", ["wait", "result --wait", "resume --wait", "retry --wait"])
def test_whoever_waits_may_say_what_comes_then(qjobs, bell, keeping, verb):
    command, told = keeping
    qjobs("submit", bell, "-b", "fake:", "--name", "one")
    qjobs("submit", bell, "-b", "fake:", "--name", "two")
    assert qjobs(*verb.split(), "one", "two", "--on-end", command).code == 0
    assert [known["name"] for known in told()] == ["one", "two"]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (f"{sys.executable} -c 'raise SystemExit(5)'", "ended with exit code 5"),
        (f"{sys.executable} -c 'import os; os.kill(os.getpid(), 15)'", "was killed by signal 15"),
    ],
)
def test_a_command_that_fails_is_said_and_changes_nothing(qjobs, bell, command, said):
    ended = qjobs("run", bell, "-b", "fake:", "--json", "--on-end", command)
    assert ended.code == 0
    ended.document("result")
    assert said in json.loads(ended.err)["message"]
    assert sys.executable in ended.err


def test_what_the_command_prints_is_not_among_the_data(start, qjobs, bell):
    process = start("run", bell, "-b", "fake:", "--json", "--on-end", "echo done")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert json.loads(out)["schema"] == "qjobs.result/1"
    assert "done" in err


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("no-such-command --now", "there is no command 'no-such-command'"),
        ("echo 'unfinished", "No closing quotation"),
        ("#", "there is no command"),
    ],
)
def test_a_command_that_cannot_be_run_is_refused_before_anything_is_submitted(
    qjobs, bell, command, said
):
    ended = qjobs("run", bell, "-b", "fake:", "--on-end", command)
    assert ended.code == 2
    assert said in ended.err
    assert qjobs("list", "-q").out == ""


def test_the_hint_leads_to_a_command_with_a_pipe(qjobs, bell, tmp_path):
    ended = qjobs("run", bell, "-b", "fake:", "--on-end", "| tee one")
    assert "for one: sh -c '...'" in ended.err
    assert qjobs("run", bell, "-b", "fake:", "--on-end", "sh -c 'cat | tee one >two'").code == 0
    assert (tmp_path / "one").read_text() == (tmp_path / "two").read_text() != ""


@pytest.mark.parametrize("verb", ["submit bell.qpy -b fake:", "result", "resume", "retry"])
@pytest.mark.parametrize("option", [["--notify"], ["--on-end", "true"]])
def test_there_is_no_end_for_those_who_do_not_wait(qjobs, bell, verb, option):
    qjobs("submit", bell, "-b", "fake:")
    ended = qjobs(*verb.split(), *option)
    assert ended.code == 2
    assert "hint: add --wait" in ended.err
    assert qjobs(*verb.split(), "--wait", "--on-end", "true").code == 0


def test_the_desktop_is_told_and_names_are_no_options_of_its_program(qjobs, bell, desktop):
    assert (
        qjobs("submit", bell, "-b", "fake:fail=1", "--name", "a.b", "--wait", "--notify").code == 6
    )
    assert desktop() == ["--app-name=qjobs", "--", "qjobs: a.b error", "1 error"]
    qjobs("submit", bell, "-b", "fake:", "--name", "other")
    qjobs("wait", "a.b", "other", "--notify")
    assert desktop()[2:] == ["qjobs: 2 sets ended", "1 error, 1 done"]


def test_a_desktop_that_is_not_there_is_said_once_and_changes_nothing(
    qjobs, bell, desktop, tmp_path, monkeypatch
):
    (tmp_path / "fails").touch()
    ended = qjobs("run", bell, "-b", "fake:", "--notify")
    assert ended.code == 0
    assert "no notification: notify-send ended with exit code 3" in ended.err
    monkeypatch.setenv("PATH", "/nowhere")
    ended = qjobs("run", bell, "-b", "fake:", "--notify")
    assert (ended.code, "notification" in ended.err) == (0, False)


def test_on_a_mac_the_script_is_ours_and_the_words_are_its_arguments(
    qjobs, bell, desktop, tmp_path, monkeypatch
):
    (tmp_path / "bin" / "notify-send").rename(tmp_path / "bin" / "osascript")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert qjobs("wait", "--notify", *submitted(qjobs, bell)).code == 0
    *script, title, text = desktop()
    assert script == [
        "-e", "on run argv",
        "-e", "display notification (item 2 of argv) with title (item 1 of argv)",
        "-e", "end run",
    ]  # fmt: skip
    assert (title, text) == ("qjobs: ghz done", "1 done")


def submitted(qjobs, bell):
    qjobs("submit", bell, "-b", "fake:", "--name", "ghz")
    return ["ghz"]
