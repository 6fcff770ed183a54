"""Failed circuits of jobs that are done: every verb gives the same answer, every hint works."""

import json

import pytest


@pytest.fixture
def blank(qjobs, bell):
    """A set of two jobs that are done; of circuits 0-4 1 and 2 gave nothing."""
    words = ["-b", "fake:blank_circuits=1;2,connections=1", "--per-job", "3"]
    return qjobs("submit", *[bell] * 5, *words).out.strip()


@pytest.mark.parametrize(
    "words",
    [
        ["wait"],
        ["status", "--exit-status"],
        ["status", "--exit-status", "--json"],
        ["result"],
        ["result", "--json"],
        ["result", "--partial"],
        ["error", "--exit-status"],
        ["retry", "--wait"],
    ],
    ids=" ".join,
)
def test_every_verb_ends_with_6(qjobs, blank, words):
    assert qjobs(*words).code == 6
    # And so it does for whoever comes later.
    assert qjobs(*words).code == 6
    assert qjobs("status", "--exit-status", "--cached").code == 6


@pytest.mark.parametrize("verb", ["run", "submit"])
def test_so_do_those_that_make_a_set(qjobs, bell, verb):
    words = [] if verb == "run" else ["--wait"]
    ended = qjobs(verb, bell, bell, "-b", "fake:blank_circuits=1", *words)
    assert ended.code == 6
    assert "1 of 2 circuits failed" in ended.err


def test_circuits_that_gave_something_are_a_success(qjobs, blank):
    for words in (["wait"], ["status", "--exit-status"], ["result"], ["error", "--exit-status"]):
        assert qjobs(*words, f"{blank}:0").code == 0
        assert qjobs(*words, f"{blank}:3-4").code == 0
        assert qjobs(*words, f"{blank}:0-1").code == 6


def test_the_set_is_no_success_at_a_glance(qjobs, blank):
    qjobs("wait")
    (document,) = qjobs("status", "--json").document("status")["sets"]
    assert document["state"] == "error"
    assert document["circuits_failed"] == 2
    assert document["counts"]["done"] == len(document["jobs"]) == 2
    assert [job["failed_circuits"] for job in document["jobs"]] == ["1-2", ""]
    assert "2 of 3 circuits failed: circuit 1: " in document["jobs"][0]["message"]
    (listed,) = qjobs("list", "--json").document("list")["sets"]
    assert (listed["state"], listed["circuits_failed"]) == ("error", 2)
    assert (
        qjobs("list", "--format", "table").out.splitlines()[1].endswith("2 done, 2 circuits failed")
    )
    table = qjobs("status", "--format", "table").out
    assert "ERROR" in table
    assert "(3/5 circuits)" in table
    assert "DONE" not in table
    assert qjobs("status", "--failed", "-q").out == f"{blank}/0\n"


def test_the_hints_lead_to_all_results(qjobs, bell):
    """`fake` fails these circuits for ever; another set takes its place to be mended."""
    ended = qjobs("submit", *[bell] * 3, "-b", "fake:blank_circuits=1", "--wait")
    set_id = ended.out.strip()
    assert f"hint: qjobs error {set_id}; once mended: qjobs retry {set_id}" in ended.err
    listed = qjobs("error", set_id, "--json").document("failures")["failures"]
    assert [(f["origin"], f["start_index"]) for f in listed] == [("circuit", 1)]
    again = qjobs("retry", set_id)
    assert again.code == 0
    assert f"{set_id}: 1 circuit in 1 job to send again" in again.err


def test_a_retry_is_a_job_beside_the_others(qjobs, blank):
    qjobs("retry", "-q")
    document = qjobs("show", "--json").document("set")
    assert [(job["start_index"], job["experiments_count"]) for job in document["jobs"]] == [
        (0, 3), (3, 2), (1, 2),
    ]  # fmt: skip
    assert [job["retried_circuits"] for job in document["jobs"]] == ["1-2", "", ""]
    rows = json.loads(qjobs("result", "--partial", "--json").out)["circuits"]
    assert [(row["index"], row["job"]) for row in rows] == [
        (0, 0), (1, 2), (2, 2), (3, 1), (4, 1),
    ]  # fmt: skip


def test_results_that_cannot_be_had_are_no_success(qjobs, bell):
    qjobs("submit", bell, "-b", "fake:result_error=100")
    for words in (["wait"], ["status", "--exit-status"], ["result"]):
        ended = qjobs(*words)
        assert ended.code == 1
        assert "could not be fetched" in ended.err


def test_a_result_that_comes_at_the_second_try_is_waited_for(qjobs, bell):
    assert qjobs("submit", bell, "-b", "fake:result_error=1", "--wait").code == 0


# Circuits of a part of a job


@pytest.fixture
def long(qjobs, bell):
    """Two jobs of three circuits that run for long."""
    return qjobs("submit", *[bell] * 6, "-b", "fake:delay=300", "--per-job", "3").out.strip()


def states(qjobs):
    return [job["state"] for job in json.loads(qjobs("status", "--json").out)["sets"][0]["jobs"]]


def test_cancel_takes_no_circuit_beside_those_that_are_named(qjobs, long):
    ended = qjobs("cancel", f"{long}:4", "-y")
    assert ended.code == 2
    assert f"{long}/1 would take more circuits with it than are named, 2 in all" in ended.err
    assert "--whole-jobs" in ended.err
    assert states(qjobs) == ["running", "running"]


def test_cancel_does_so_if_it_is_told(qjobs, long):
    assert qjobs("cancel", f"{long}:4", "--whole-jobs").code == 0
    assert states(qjobs) == ["running", "cancelled"]
    assert qjobs("cancel", f"{long}/0").code == 0
    assert states(qjobs) == ["cancelled", "cancelled"]
    # What has ended is nothing to be cancelled, and no reason to refuse.
    assert qjobs("cancel", f"{long}:1").code == 0


def test_nothing_is_cancelled_if_one_address_is_refused(qjobs, long):
    assert qjobs("cancel", f"{long}/0", f"{long}:4").code == 2
    assert states(qjobs) == ["running", "running"]


def test_retry_sends_no_circuit_beside_those_that_are_named(qjobs, bell):
    words = ["-b", "fake:fail=1,connections=1", "--per-job", "3", "--wait"]
    set_id = qjobs("submit", *[bell] * 6, *words).out.strip()
    ended = qjobs("retry", f"{set_id}:1")
    assert ended.code == 2
    assert f"qjobs retry {set_id}/0" in ended.err
    assert states(qjobs) == ["error", "done"]
    assert qjobs("retry", f"{set_id}:1-5", "--whole-jobs", "--wait").code == 0
    assert states(qjobs) == ["done", "done"]


def test_resume_sends_no_circuit_beside_those_that_are_named(qjobs, bell):
    words = ["-b", "fake:auth=no", "--per-job", "3"]
    set_id = qjobs("submit", *[bell] * 6, *words).out.strip()
    assert qjobs("resume", f"{set_id}:1").code == 2
    assert qjobs("resume", f"{set_id}:0-2").code == 4
