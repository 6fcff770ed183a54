"""A time limit holds for a whole command, whatever of the provider hangs."""

from collections.abc import Callable

import pytest


def unsent(qjobs: Callable[..., object]) -> list[str]:
    (only,) = qjobs("status", "--cached", "--json").document("status")["sets"]
    return [job["state"] for job in only["jobs"] if not job["job_id"]]


@pytest.mark.slow
@pytest.mark.parametrize("verb", [("run",), ("submit", "--wait")])
def test_a_submission_that_hangs_ends_with_its_time_and_is_gone_on_with(
    start, qjobs, bell, home, verb
):
    name, *more = verb
    hung = "fake:hold=2,connections=1,settle=0"
    process = start(name, *[bell] * 3, "-b", hung, "--per-job", "1", "--timeout", "3", *more)

    out, err = process.communicate(timeout=60)

    assert process.returncode == 124, err
    (set_id,) = qjobs("list", "-q").out.split()
    assert out == ("" if name == "run" else f"{set_id}\n")
    assert f"qjobs resume {set_id}" in err
    assert unsent(qjobs) == ["unknown", "planned"]
    (home / "fake" / "release").touch()
    ended = qjobs("resume", set_id, "--wait")
    assert ended.code == 0, ended
    assert unsent(qjobs) == []
    document = qjobs("status", "--json").document("status")
    ids = [job["job_id"] for job in document["sets"][0]["jobs"]]
    assert sorted(ids) == ["fake-1", "fake-2", "fake-3"]


@pytest.mark.slow
def test_a_command_in_time_says_what_it_says_without_a_limit(start, qjobs, bell):
    process = start("run", bell, "-b", "fake:", "--timeout", "10m")

    out, err = process.communicate(timeout=60)

    assert process.returncode == 0, err
    assert out == qjobs("result").out
