"""A job of unknown fate at a provider that cannot search: each way out is named, and works."""

import re

import pytest

LOST = "lose=1,find=no,delay=3600"


@pytest.fixture
def lost(qjobs, bell):
    """The id of a set of one job that was accepted, but its answer was lost."""

    def make(script=LOST, circuits=1):
        ended = qjobs("submit", *[bell] * circuits, "-b", f"fake:{script}", "--per-job", "1")
        assert ended.code == 7
        return ended.out.strip()

    return make


def ways(err):
    """The commands that a message names, by their verbs."""
    found = re.findall(r"qjobs (\w+) ((?:--[a-z-]+ )?[0-9a-f]{12}/\S+(?: JOB_ID)?)", err)
    return {verb: words.rstrip(";,").split() for verb, words in found}


def state(home):
    (file,) = home.glob("sets/*/state.toml")
    return file.read_bytes()


def jobs(qjobs):
    return qjobs("status", "--json").document("status")["sets"][0]["jobs"]


@pytest.mark.parametrize(
    ("verb", "code"),
    [("resume", 7), ("wait", 7), ("result", 7), ("retry", 0), ("error", 0), ("status", 7)],
)
def test_every_verb_that_comes_upon_it_names_the_ways_out(qjobs, lost, verb, code):
    set_id = lost()
    more = {"retry": ["--all"], "status": ["--exit-status"]}.get(verb, [])

    ended = qjobs(verb, set_id, *more)

    assert ended.code == code
    assert ways(ended.err) == {
        "adopt": [f"{set_id}/0", "JOB_ID"],
        "resume": ["--resend-unknown", f"{set_id}/0"],
        "cancel": [f"{set_id}/0"],
    }


def test_so_does_submit_for_the_jobs_concerned(qjobs, bell):
    ended = qjobs(
        "submit", *[bell] * 3, "-b", "fake:lose=2,find=no,connections=1", "--per-job", "1"
    )

    set_id = ended.out.strip()
    assert ways(ended.err)["cancel"] == [f"{set_id}/0-1"]
    assert ways(ended.err)["resume"] == ["--resend-unknown", f"{set_id}/0-1"]


def test_where_the_provider_can_search_resume_is_all_that_is_needed(qjobs, bell):
    ended = qjobs("submit", bell, "-b", "fake:lose=1,find_error=1")
    assert ended.code == 7
    assert f"hint: qjobs resume {ended.out.strip()}\n" in ended.err
    assert qjobs("resume", "--wait").code == 0


def test_to_send_it_again_works(qjobs, lost):
    lost("lose=1,find=no")
    again = ways(qjobs("wait").err)["resume"]
    assert qjobs("resume", *again).code == 0
    assert qjobs("wait").code == 0


def test_to_drop_it_works_and_says_what_may_run(qjobs, lost):
    set_id = lost()
    ended = qjobs("cancel", *ways(qjobs("wait").err)["cancel"])

    assert ended.code == 0
    assert f"{set_id}/0 may run" in ended.err
    assert f"qj-{set_id}-0-1" in ended.err
    assert [job["state"] for job in jobs(qjobs)] == ["cancelled"]
    assert qjobs("resume").code == 0  # there is nothing left to send
    assert qjobs("retry", "--cancelled").code == 0


def test_what_was_dropped_can_be_adopted_all_the_same_and_stopped(qjobs, lost):
    set_id = lost()
    ways_on = ways(qjobs("cancel").err)
    assert ways_on["adopt"] == [f"{set_id}/0", "JOB_ID"]

    assert qjobs("adopt", f"{set_id}/0", "fake-1").code == 0
    assert [job["state"] for job in jobs(qjobs)] == ["running"]
    assert qjobs("cancel", *ways_on["cancel"]).code == 0
    assert [(job["state"], job["job_id"]) for job in jobs(qjobs)] == [("cancelled", "fake-1")]


def test_to_adopt_it_works_and_doing_so_again_is_no_error(qjobs, lost):
    set_id = lost("lose=1,find=no")

    ended = qjobs("adopt", f"{set_id}/0", "fake-1", "--json")

    (job,) = ended.document("status")["sets"][0]["jobs"]
    assert (ended.code, job["job_id"]) == (0, "fake-1")
    assert qjobs("adopt", f"{set_id}/0", "fake-1") == (0, f"{set_id}/0\n", "")
    assert qjobs("wait").code == 0
    assert qjobs("result", "--json").document("result")["complete"]


def test_an_id_that_the_provider_does_not_know_changes_nothing(qjobs, lost, home):
    set_id = lost()
    before = state(home)

    ended = qjobs("adopt", f"{set_id}/0", "fake-99")

    assert ended.code == 3
    assert f"qj-{set_id}-0-1" in ended.err
    assert state(home) == before


def test_the_id_of_another_job_is_refused_whichever_set_has_it(qjobs, lost, bell):
    other = qjobs("submit", bell, "-b", "fake").out.strip()
    set_id = lost(circuits=2)
    own = next(job["job_id"] for job in jobs(qjobs) if job["job_id"])
    (index,) = [job["index"] for job in jobs(qjobs) if job["state"] == "unknown"]

    for job_id, owner in (("fake-1", f"{other}/0"), (own, f"{set_id}/{1 - index}")):
        ended = qjobs("adopt", f"{set_id}/{index}", job_id)
        assert ended.code == 2
        assert f"that of {owner} already" in ended.err


@pytest.mark.parametrize("address", ["@last", "@last/0-1", "@last:0-1"])
def test_it_must_be_said_of_which_job_it_is(qjobs, lost, address):
    lost(circuits=2)
    ended = qjobs("adopt", address, "fake-1")
    assert ended.code == 2
    assert "of which of 2 jobs" in ended.err


def test_a_job_that_waits_for_no_id_takes_none(qjobs, bell):
    qjobs("submit", bell, "-b", "fake:find=no,delay=3600")
    ended = qjobs("adopt", "@last/0", "fake-7")
    assert ended.code == 2
    assert "waits for no job id" in ended.err


@pytest.mark.parametrize("job_id", ["two words", "a\nb", "\x1b[31m"])
def test_what_cannot_be_a_job_id_is_refused(qjobs, lost, home, job_id):
    lost()
    before = state(home)
    ended = qjobs("adopt", "@last/0", job_id)
    assert ended.code == 2
    assert "\x1b" not in ended.err
    assert state(home) == before
