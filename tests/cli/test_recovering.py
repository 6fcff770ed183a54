"""A state folder is lost, and `recover` brings back what was in it."""

import json
import shutil

import pytest

ONLY_IN_FILES = ("name", "source", "position")


@pytest.fixture
def lose(home):
    """Throw the job sets away; what the provider has stays."""
    return lambda: shutil.rmtree(home / "sets")


def submitted(qjobs, bell, script, *more, circuits=5):
    ended = qjobs("submit", *[bell] * circuits, "-b", f"fake:{script}", "--per-job", "2", *more)
    return ended.out.strip()


def states(qjobs):
    """How the jobs are, but for when that was heard of."""
    return [line.split("\t")[:8] for line in qjobs("status").out.splitlines()]


def measured(qjobs, *more):
    """What each circuit gave, without what is only in the user's files."""
    document = json.loads(qjobs("result", "--json", *more).out)
    for circuit in document["circuits"]:
        for key in ONLY_IN_FILES:
            del circuit[key]
    return document


@pytest.mark.parametrize("script", ["", "fail=1,connections=1"])
def test_a_finished_set_comes_back_as_it_was(qjobs, bell, lose, script):
    set_id = submitted(qjobs, bell, script, "--wait", "--memory")
    before = states(qjobs), measured(qjobs, "--partial")
    lose()

    assert qjobs("recover", "-b", f"fake:{script}") == (0, f"{set_id}\n", "")

    assert (states(qjobs), measured(qjobs, "--partial")) == before
    assert [
        c["name"] for c in json.loads(qjobs("result", "--partial", "--json").out)["circuits"]
    ] == [f"circuit-{index}" for index in range(5)]


def test_a_retried_set_comes_back_with_both_attempts(qjobs, bell, lose):
    submitted(qjobs, bell, "fail=1,connections=1", "--wait")
    qjobs("retry", "--wait")
    before = states(qjobs), measured(qjobs)
    lose()
    qjobs("recover", "-b", "fake")
    assert (states(qjobs), measured(qjobs)) == before
    (failure,) = json.loads(qjobs("error", "--all-attempts", "--json").out)["failures"]
    assert (failure["attempt"], failure["job_id"]) == (1, "fake-1")


def test_a_set_that_is_still_running_can_be_waited_for(qjobs, bell, lose):
    submitted(qjobs, bell, "delay=0.5")
    lose()
    qjobs("recover", "-b", "fake:delay=0.5", "-q")
    assert qjobs("wait").code == 0
    assert measured(qjobs)["complete"]


def test_a_set_whose_submission_died_comes_back_with_what_was_sent(qjobs, start, bell, lose):
    script = "connections=1,die_before=3"
    start("submit", *[bell] * 9, "-b", f"fake:{script}", "--per-job", "2").wait()
    before = qjobs("status").out.replace("unknown", "planned")
    lose()

    ended = qjobs("recover", "-b", f"fake:{script}")

    assert "no job is found for 3 of 5 slices" in ended.err
    after = qjobs("status").out
    assert [line.split("\t")[:7] for line in after.splitlines()] == [
        line.split("\t")[:7] for line in before.splitlines()
    ]
    assert "hint: qjobs result --partial" in qjobs("result").err
    resumed = qjobs("resume")
    assert resumed.code == 5
    assert "the circuits of the set" in resumed.err
    assert qjobs("status").out == after


def test_a_set_with_halved_jobs_gives_the_same_counts(qjobs, bell, lose):
    ended = qjobs(
        "submit", *[bell] * 9, "-b", "fake:circuits=3,stated=no", "--per-job", "8", "--wait"
    )
    assert ended.code == 0
    before = [circuit["counts"] for circuit in measured(qjobs)["circuits"]]
    lose()
    assert "halved" in qjobs("recover", "-b", "fake").err
    assert [circuit["counts"] for circuit in measured(qjobs)["circuits"]] == before


def test_only_what_is_missing_is_recovered(qjobs, bell, home):
    lost, kept = (submitted(qjobs, bell, "") for _ in range(2))
    shutil.rmtree(home / "sets" / lost)
    dry = qjobs("recover", "-b", "fake", "--dry-run", "--json").document("recover")["sets"]
    assert {found["id"]: found["outcome"] for found in dry} == {lost: "missing", kept: "present"}
    assert qjobs("recover", "-b", "fake").out == f"{lost}\n"
    again = qjobs("recover", "-b", "fake")
    assert again == (0, "", "2 sets found, none of them missing here\n")


def test_a_set_that_nobody_has_is_not_found(qjobs):
    ended = qjobs("recover", "-b", "fake", "0123456789ab", "--json")
    assert (ended.code, json.loads(ended.err)["code"]) == (3, "not_found")


def test_books_from_before_there_were_notes_are_read(qjobs, bell, home, lose):
    import sqlite3
    from contextlib import closing

    set_id = submitted(qjobs, bell, "")
    with closing(sqlite3.connect(home / "fake" / "books.sqlite")) as file:
        file.execute("DROP TABLE note")
        file.execute("PRAGMA user_version = 1")
    lose()
    ended = qjobs("recover", "-b", "fake", set_id)
    assert ended.code == 3
    assert f"not enough is left of {set_id}" in ended.err
