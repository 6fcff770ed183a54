"""When too many jobs fail, no more are submitted: what is left stays planned."""

import pytest


def counts(qjobs):
    (only,) = qjobs("status", "--json").document("status")["sets"]
    return {state: number for state, number in only["counts"].items() if number}


@pytest.fixture
def submit(qjobs, bell):
    def call(script, *more, verb="submit", circuits=10):
        files = [bell] * circuits
        return qjobs(
            verb, *files, "-b", f"fake:{script}", "--per-job", "1", "--max-workers", "1", *more
        )

    return call


@pytest.mark.parametrize("more", [[], ["--wait"]], ids=["submit", "and wait"])
@pytest.mark.parametrize("script", ["fail_every=1,latency=0.1", "refuse=10,latency=0.1"])
def test_at_the_first_failure_with_fail_fast(qjobs, submit, script, more):
    ended = submit(script, "--fail-fast", *more)

    assert ended.code == 6
    assert f"qjobs resume {ended.out.strip()}" in ended.err
    found = counts(qjobs)
    assert found.pop("planned") >= 8
    assert set(found) <= {"error", "refused"}


def test_after_so_many_with_max_fails(qjobs, submit):
    ended = submit("fail=3,latency=0.1", "--max-fails", "3")

    assert ended.code == 6
    assert counts(qjobs)["error"] == 3
    assert counts(qjobs)["planned"] >= 6
    # The rest is submitted although these have failed: they are no news.
    assert qjobs("resume", "--max-fails", "1").code == 0
    assert qjobs("retry", "--max-fails", "1", "--wait").code == 0
    assert counts(qjobs) == {"done": 10}


def test_fewer_failures_keep_nothing_back(qjobs, submit):
    assert submit("fail=2,latency=0.1", "--max-fails", "3").code == 0
    assert qjobs("wait").code == 6
    assert counts(qjobs) == {"error": 2, "done": 8}


def test_circuits_that_fail_in_jobs_that_are_done_count(qjobs, submit):
    ended = submit("blank_circuits=0,latency=0.1", "--fail-fast")
    assert ended.code == 6
    assert counts(qjobs)["planned"] >= 8


def test_run_stops_and_prints_nothing(qjobs, submit):
    ended = submit("fail_every=1,latency=0.1", "--max-fails", "2", verb="run")
    assert (ended.code, ended.out) == (6, "")
    assert "qjobs resume" in ended.err
    assert counts(qjobs)["planned"] >= 7


def test_calls_that_wait_for_their_turn_are_not_made_either(qjobs, bell):
    ended = qjobs(
        "submit", *[bell] * 6, "-b", "fake:fail_every=1,delay=0.05,pending=1,connections=4",
        "--per-job", "1", "--fail-fast",
    )  # fmt: skip
    assert ended.code == 6
    assert counts(qjobs)["planned"] >= 1


def test_wait_stops_after_so_many_too(qjobs, submit):
    submit("fail=2,delay=0.1")
    assert qjobs("wait", "--max-fails", "2").code == 6


@pytest.mark.parametrize("verb", ["submit", "run", "resume", "retry", "wait", "result"])
def test_none_is_no_number_to_stop_after(qjobs, verb):
    assert qjobs(verb, "x", "--max-fails", "0").code == 2
