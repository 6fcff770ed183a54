"""Results that are gone, and jobs that were too large when they ran, from the command line."""

import json
from pathlib import Path

import pytest

from qjobs.cli.main import print_unkept
from qjobs.errors import ResultsUnkept

VERBS = ["wait", "result", "status"]


def submit(qjobs, bell, script, *words):
    ended = qjobs("submit", *[bell] * 6, "-b", f"fake:{script}", *words, "--wait")
    return ended, ended.out.strip()


@pytest.mark.parametrize("verb", VERBS)
def test_results_that_are_gone_are_a_failure_for_every_verb(qjobs, bell, verb):
    _, set_id = submit(qjobs, bell, "gone=1,connections=1", "--per-job", "3")
    ended = qjobs(verb, set_id, *(["--exit-status"] if verb == "status" else []))
    assert ended.code == 6
    assert "3 of 6 circuits failed, and gave no result" in ended.err
    assert f"qjobs error {set_id}; once mended: qjobs retry {set_id}" in ended.err


def test_the_hints_lead_to_complete_results(qjobs, bell):
    ended, set_id = submit(qjobs, bell, "gone=1,connections=1", "--per-job", "3")
    assert ended.code == 6
    (failure,) = json.loads(qjobs("error", set_id, "--json").out)["failures"]
    assert (failure["start_index"], failure["experiments_count"]) == (0, 3)
    assert failure["message"].startswith("the results are gone")
    assert failure["message"].endswith("; qjobs retry runs its circuits again, and they cost again")

    again = qjobs("retry", set_id, "--wait")
    assert again.code == 0
    assert "its circuits run again, and cost again" in again.err
    document = json.loads(qjobs("result", set_id, "--json").out)
    assert document["complete"]
    assert all(circuit["counts"] for circuit in document["circuits"])


def test_placeholders_say_that_the_results_are_gone(qjobs, bell):
    _, set_id = submit(qjobs, bell, "gone=1,connections=1", "--per-job", "3")
    document = json.loads(qjobs("result", set_id, "--json").out)
    assert not document["complete"]
    assert [circuit["counts"] is None for circuit in document["circuits"]] == [True] * 3 + [
        False
    ] * 3


def test_results_that_can_be_read_once_are_read_once(qjobs, home, bell):
    ended, set_id = submit(qjobs, bell, "once=yes", "--per-job", "2")
    assert ended.code == 0
    first = qjobs("result", set_id, "--json").out
    assert qjobs("result", set_id, "--json").out == first
    (folder,) = home.glob("sets/*/results")
    assert len([*folder.iterdir()]) == 3
    # Whoever reads them a second time learns that they are gone, and pays again.
    for path in folder.iterdir():
        path.unlink()
    assert qjobs("wait", set_id).code == 6
    assert qjobs("retry", set_id, "--wait").code == 0
    assert qjobs("result", set_id, "--json").document("result")["complete"]


def test_the_last_resort_is_stdout(qjobs, capsys):
    """Each file with a warning of its own: what was read cannot be had again."""
    error = ResultsUnkept("no room", hint="make some", files={Path("a/0-1.jsonl"): b"{}\n{}\n"})
    print_unkept(error)
    captured = capsys.readouterr()
    assert captured.out == "{}\n{}\n"
    assert f"all that there is of {Path('a/0-1.jsonl')}" in captured.err


def test_what_is_too_large_to_run_is_halved_by_each_retry(qjobs, bell):
    _, set_id = submit(qjobs, bell, "runnable=2", "--per-job", "6")
    assert qjobs("retry", set_id, "--wait").code == 6
    assert qjobs("retry", set_id, "--wait").code == 0
    jobs = json.loads(qjobs("status", set_id, "--json").out)["sets"][0]["jobs"]
    assert [job["experiments_count"] for job in jobs] == [2, 2, 1, 1]


def test_a_retry_is_cut_by_its_option(qjobs, bell):
    _, set_id = submit(qjobs, bell, "runnable=2", "--per-job", "6")
    assert qjobs("retry", set_id, "--per-job", "2", "--wait").code == 0
    jobs = json.loads(qjobs("status", set_id, "--json").out)["sets"][0]["jobs"]
    assert [(job["start_index"], job["experiments_count"]) for job in jobs] == [
        (0, 2), (2, 2), (4, 2),
    ]  # fmt: skip
