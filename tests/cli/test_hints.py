"""Every hint, followed, works or leads on."""

import re
import time
from types import SimpleNamespace

import pytest

from qjobs.cli.workspace import open_workspace
from qjobs.engine.address import resolve

COMMAND = re.compile(r"qjobs ((?:[a-z]+)(?: (?:-{1,2}[a-z-]+|[\w@/:,.-]+))*)")


def named(err):
    """The commands that the hint of an error names; words of prose end one."""
    (line,) = [line for line in err.splitlines() if line.startswith("hint: ")]
    prose = r"(?:,? (?:lists|shows|or|and|then)\b.*?(?=qjobs |$))"
    commands = COMMAND.findall(re.sub(prose, "; ", line))
    return [command.rstrip(".,").split() for command in commands]


def follow(qjobs, ended, *, most=4):
    """Run what hints name, one after the other, until a command has none; its exit code."""
    for _ in range(most):
        commands = named(ended.err)
        assert commands, ended.err
        for words in commands:
            if words[0] == "error":
                words.append("--exit-status")
            ended = qjobs(*words)
        if "hint: " not in ended.err:
            return ended.code
    raise AssertionError(f"a circle: {ended.err}")


@pytest.fixture
def submitted(qjobs, bell):
    def submit(script, *more):
        return qjobs(
            "submit", *[bell] * 3, "-b", f"fake:{script}", "--max-workers", "1",
            *(more or ("--per-job", "1")),
        )  # fmt: skip

    return submit


OPEN = {"planned", "unknown", "refused", "cancelled", "error"}


@pytest.mark.parametrize(
    ("script", "commands", "code"),
    [
        ("drop=3", [], 7),
        ("lose=1,find_error=1", [], 7),
        ("refuse=1", [], 7),
        ("refuse=3", [], 6),
        ("fail=1", [["wait"]], 6),
        ("fail=3", [["result"]], 6),
        ("blank_circuits=1", [["wait"]], 6),
        ("drop=3", [["result"]], 7),
        ("drop=3", [["wait"]], 7),
        ("delay=1", [["wait", "--timeout", "0"]], 124),
        ("delay=1", [["result"]], 8),
        ("delay=60", [["cancel", "@last/1"], ["cancel"], ["wait"]], 6),
        ("fail=1,delay=0.2", [["cancel", "@last/2"], ["wait"]], 6),
        ("delay=0", [["status", "nobody"]], 3),
        ("delay=0", [["status", "@7"]], 3),
        ("delay=0", [["recover", "-b", "fake", "0123456789ab"]], 3),
    ],
    ids=str,
)
def test_it_is_followed_to_an_end(qjobs, submitted, script, commands, code):
    ended = submitted(script)
    for words in commands:
        ended = qjobs(*words)
    assert ended.code == code, ended.err
    assert follow(qjobs, ended) == 0
    (only,) = qjobs("status", "--json").document("status")["sets"]
    assert not OPEN & {job["state"] for job in only["jobs"]}


def test_that_of_a_verb_that_would_take_more_circuits_than_are_named_does_what_it_says(
    qjobs, submitted
):
    submitted("delay=60", "--per-job", "3")
    ended = qjobs("cancel", "@last:0")
    assert ended.code == 2
    (command, *_) = named(ended.err)
    assert qjobs(*command).code == 0
    assert qjobs("status", "--exit-status").code == 6


def test_that_of_a_retry_which_finds_nothing_to_do(qjobs, submitted):
    submitted("delay=60")
    qjobs("cancel", "@last/1")
    note = qjobs("retry", "--json").err + qjobs("retry", "--format", "tsv").err
    (words,) = COMMAND.findall(note)
    assert "--cancelled" in words
    assert qjobs(*words.split()).code == 0
    assert {
        job["state"] for job in qjobs("status", "--json").document("status")["sets"][0]["jobs"]
    } == {"running"}


def test_that_of_a_set_which_another_process_submits(qjobs, submitted):
    submitted("drop=3")
    folder = resolve(open_workspace().store, "@last").folder
    with folder.claim_submission():
        ended = qjobs("resume")
    assert ended.code == 9
    assert follow(qjobs, ended) == 0


def test_that_of_what_was_cancelled_while_it_was_submitted(qjobs, bell, home, start):
    words = ["submit", bell, bell, "--per-job", "1", "-b", "fake:hold=1", "--max-workers", "1"]
    submitting = start(*words)
    while not any(b"attempted" in path.read_bytes() for path in home.glob("sets/*/state.toml")):
        assert submitting.poll() is None
        time.sleep(0.01)
    assert qjobs("cancel").code == 0
    (home / "fake" / "release").touch()
    _, err = submitting.communicate(timeout=60)
    assert submitting.returncode == 6
    assert follow(qjobs, SimpleNamespace(code=6, err=err)) == 0
    assert qjobs("wait").code == 0


def test_that_of_jobs_that_cannot_be_stopped(qjobs, submitted):
    submitted("delay=60,cancel=no")
    ended = qjobs("cancel")
    assert ended.code != 0
    assert follow(qjobs, ended) == 0
