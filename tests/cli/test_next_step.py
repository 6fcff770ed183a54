"""What a verb says to do next, on a terminal, is right and works; and nobody else is told."""

import os
import re
import sys

import pexpect
import pytest

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture
def terminal(home):
    def call(*arguments):
        child = pexpect.spawn(
            sys.executable, ["-m", "qjobs", *arguments], encoding="utf-8", dimensions=(50, 200),
            env={**os.environ, "TERM": "xterm-256color", "NO_PAGER": "1"}, timeout=60,
        )  # fmt: skip
        text = ESCAPES.sub("", child.read()).replace("\r\n", "\n")
        child.close()
        return text

    return call


@pytest.fixture
def submitted(qjobs, bell):
    """Submit three jobs; the id of their set."""

    def submit(script, *more):
        how = ("--per-job", "1", "--max-workers", "1", *more)
        return qjobs("submit", *[bell] * 3, "-b", f"fake:{script}", *how).out.strip()

    return submit


FAILED = "qjobs error {}; once mended: qjobs retry {}"
CASES = [
    # Script, commands before, the command, what is next by the states of the jobs.
    ("delay=0", [["wait"]], ["status"], "qjobs result {}"),
    ("delay=0", [["wait"]], ["list"], "qjobs result {}"),
    ("delay=0", [["wait"]], ["show"], "qjobs result {}"),
    ("delay=0", [["wait"]], ["error"], "qjobs result {}"),
    ("delay=0", [], ["wait"], "qjobs result {}"),
    ("delay=0", [["wait"]], ["report", "-o", "report.html"], "qjobs result {}"),
    ("delay=0", [["wait"]], ["resume"], "qjobs result {}"),
    ("delay=0", [["wait"]], ["resume", "--wait"], "qjobs result {}"),
    ("delay=0", [["wait"]], ["result"], "qjobs show {}"),
    ("delay=3600", [], ["status"], "qjobs wait {}"),
    ("delay=3600", [], ["list"], "qjobs status {}"),
    ("delay=3600", [], ["show"], "qjobs wait {}"),
    ("delay=3600", [], ["cancel", "-y"], "qjobs status {}"),
    ("delay=3600", [["cancel"]], ["status"], f"{FAILED[:-2]}--cancelled {{}}"),
    ("delay=3600", [["cancel"]], ["error"], "qjobs retry --cancelled {}"),
    ("fail=1", [["wait"]], ["status"], FAILED),
    ("fail=1", [["wait"]], ["list"], FAILED),
    ("fail=1", [["wait"]], ["show"], FAILED),
    ("fail=1", [["wait"]], ["error"], "qjobs retry {}"),
    # The job may have run by then, or not.
    ("fail=1", [["wait"]], ["retry"], "qjobs status {}|qjobs result {}"),
    ("fail=1", [["wait"]], ["retry", "--wait"], "qjobs result {}"),
    ("fail=1", [["wait"]], ["status", "@last/1"], "qjobs result {}/1"),
    ("fail=1", [["wait"]], ["status", "@last/0-1"], FAILED.replace("}", "}/0-1")),
    ("blank_circuits=1", [["wait"]], ["status"], FAILED),
    ("drop=3", [], ["status"], "qjobs resume {}"),
    ("drop=3", [], ["list"], "qjobs status {}"),
    ("refuse=1", [], ["status"], FAILED),
]  # fmt: skip


@pytest.mark.parametrize(("script", "before", "command", "step"), CASES, ids=str)
def test_the_next_step_of_each_state_is_named_and_works(
    qjobs, terminal, submitted, script, before, command, step
):
    set_id = submitted(script)
    for words in before:
        qjobs(*words)
    shown = terminal(*command)
    (named,) = [line for line in shown.splitlines() if line.startswith("next: ")]
    assert named.removeprefix("next: ") in step.replace("{}", set_id).split("|")
    assert shown.endswith(f"{named}\n")
    for words in re.findall(r"qjobs ([a-z]+(?: [-\w/]+)*)", named):
        verb = words.split()
        # Of jobs that run for an hour a short look is enough.
        more = ["--timeout", "0"] if verb[0] == "wait" and "delay=3600" in script else []
        assert qjobs(*verb, *more).code in ({124} if more else {0}), verb


def test_what_is_left_to_be_submitted_comes_before_what_is_to_be_mended(qjobs, terminal, submitted):
    set_id = submitted("refuse=1", "--fail-fast")
    step = f"qjobs error {set_id}; to submit the rest: qjobs resume {set_id}"
    assert terminal("status").endswith(f"next: {step}\n")
    assert qjobs("error").code == 0
    qjobs("resume")
    assert terminal("status").endswith(f"next: {FAILED.replace('{}', set_id)}\n")
    assert qjobs("retry", "--wait").code == 0


def test_jobs_of_unknown_fate_are_settled_by_the_ways_that_are_named(qjobs, terminal, submitted):
    set_id = submitted("lose=1,find=no")
    shown = terminal("status")
    assert f"next: if fake has it: qjobs adopt {set_id}/0 JOB_ID; to submit it again" in shown
    assert qjobs("resume", "--resend-unknown", f"{set_id}/0").code == 0


def test_of_a_recovered_set_nothing_is_to_be_sent_again(qjobs, terminal, submitted, home):
    set_id = submitted("fail=1")
    qjobs("wait")
    for path in (home / "sets" / set_id).rglob("*"):
        if path.is_file():
            path.unlink()
    (home / "sets" / set_id / "results").rmdir() if (
        home / "sets" / set_id / "results"
    ).exists() else None
    (home / "sets" / set_id).rmdir()
    preview = terminal("recover", "-b", "fake:fail=1", "--dry-run")
    assert preview.endswith("next: the same without --dry-run\n")
    recovered = terminal("recover", "-b", "fake:fail=1")
    assert f"next: qjobs status {set_id}\n" in recovered
    assert qjobs("status", set_id).code == 0
    assert terminal("status").endswith(f"next: qjobs error {set_id}\n")
    assert "next:" not in terminal("error")


def test_while_another_process_submits_one_waits_for_it(qjobs, terminal, submitted):
    from qjobs.cli.workspace import open_workspace
    from qjobs.engine.address import resolve

    set_id = submitted("drop=3")
    with resolve(open_workspace().store, "@last").folder.claim_submission():
        assert terminal("status").endswith(f"next: qjobs wait {set_id}\n")


def test_the_verbs_that_begin_name_what_comes_next(qjobs, terminal, bell):
    submit = terminal("submit", bell, "-b", "fake:")
    (step,) = re.findall(r"next: qjobs (status \w{12})\n$", submit)
    assert qjobs(*step.split()).code == 0
    (step,) = re.findall(r"next: qjobs (show \w{12})\n$", terminal("run", bell, "-b", "fake:"))
    assert qjobs(*step.split()).code == 0
    preview = terminal("submit", bell, "-b", "fake:", "--dry-run")
    assert preview.endswith("next: the same without --dry-run\n")
    (step,) = re.findall(
        r"next: qjobs (run FILES... -b \S+)\n$", terminal("backends", "-p", "fake")
    )
    assert qjobs(*step.replace("FILES...", bell).split()).code == 0
    assert terminal("backends").endswith("next: qjobs run FILES... -b PROVIDER:BACKEND\n")


def test_of_several_sets_all_are_named(qjobs, terminal, submitted):
    one, other = submitted("delay=0"), submitted("delay=0")
    qjobs("wait", one, other)
    assert terminal("status", one, other).endswith(f"next: qjobs result {one} {other}\n")
    assert terminal("result", one, other).endswith(f"next: qjobs status --jobs {one} {other}\n")
    assert qjobs("status", "--jobs", one, other).code == 0


def test_whoever_tidies_up_sees_first_what_would_go(qjobs, terminal, submitted):
    submitted("delay=0")
    qjobs("wait")
    (step,) = re.findall(r"next: qjobs (prune --older-than 30d --dry-run)\n$", terminal("du"))
    assert qjobs(*step.split()).code == 0
    previewed = terminal("prune", "--older-than", "0s", "--dry-run")
    assert previewed.endswith("next: the same without --dry-run\n")
    assert qjobs("prune", "--older-than", "0s", "--yes").code == 0
    assert "next:" not in terminal("prune", "--older-than", "0s", "--dry-run")


def test_only_a_person_at_a_terminal_is_told(qjobs, terminal, submitted):
    submitted("fail=1")
    assert "next:" in terminal("status")
    for verb in ("status", "error", "list", "show", "wait", "result"):
        for shape in (["--json"], ["--format", "csv"], ["--format", "jsonl"], ["-q"]):
            if shape == ["-q"] and verb in ("error", "show"):  # which have no ids to give alone
                continue
            assert "next:" not in terminal(verb, *shape), (verb, shape)
        assert "next:" not in qjobs(verb).err
        assert "next:" not in qjobs(verb, "--format", "table").err
