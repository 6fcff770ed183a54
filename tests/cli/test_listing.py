"""`list` and `status` of many sets: how they are now, and those that are meant."""

import re
from datetime import UTC, datetime, timedelta

import pytest

SILENT = "fake:slow=30,delay=3600"


@pytest.fixture
def submit(qjobs, bell):
    def call(*more, script=""):
        ended = qjobs("submit", bell, bell, "--per-job", "1", "-b", f"fake:{script}", *more)
        assert ended.code == 0, ended.err
        return ended.out.strip()

    return call


def listed(qjobs, *more):
    """The sets in JSON, by their ids."""
    found = qjobs("list", "--json", *more).document("list")["sets"]
    return {one["id"]: one for one in found}


def test_list_shows_how_sets_are_and_what_it_heard_is_recorded(qjobs, submit):
    set_id = submit()
    before = listed(qjobs, "--cached")[set_id]
    assert (before["state"], before["finished"]) == ("queued", None)
    assert before["as_of"] is not None

    now = listed(qjobs)[set_id]

    assert (now["state"], now["counts"]["done"], now["as_of"]) == ("done", 2, None)
    assert now["finished"] is not None
    assert listed(qjobs, "--cached")[set_id] == now


def test_a_set_that_goes_on_is_as_of_now(qjobs, submit):
    set_id = submit(script="delay=3600")
    before = datetime.now(UTC)
    now = listed(qjobs)[set_id]
    assert now["state"] == "running"
    assert before <= datetime.fromisoformat(now["as_of"]) <= datetime.now(UTC)


def test_a_provider_that_is_silent_hides_no_other_and_its_sets_have_their_age(qjobs, submit, bell):
    silent = submit(script=SILENT.removeprefix("fake:"))
    well = submit()

    ended = qjobs("list", "--format", "table")

    assert ended.code == 0
    assert "fake has not answered: what is not finished is shown as it was last heard" in ended.err
    lines = {line.split()[2]: line for line in ended.out.splitlines()[1:]}
    assert re.search(r"^○ queued +.*2 queued, as of (?:just now|\d+ s ago) *$", lines[silent])
    assert re.search(r"^✓ done +.*2 done *$", lines[well])


def test_what_is_wrong_with_a_provider_is_said_once(qjobs, submit):
    for _ in range(2):
        submit(script="status_error=9,delay=3600")
    ended = qjobs("list")
    assert ended.err.count("the question for statuses failed") == 1
    assert [line.split("\t")[5] for line in ended.out.splitlines()] == ["queued", "queued"]


def test_ids_alone_and_what_is_cached_ask_nobody(qjobs, submit):
    submit(script=SILENT.removeprefix("fake:"))
    for words in (["-q"], ["--cached"]):
        ended = qjobs("list", *words)
        assert (ended.code, ended.err) == (0, "")


def test_a_table_of_what_nobody_was_asked_about_has_its_age(qjobs, submit):
    set_id = submit(script="delay=3600")
    ago = "as of (?:just now|\\d+ s ago)"
    assert re.search(f"made .*, {ago}", table(qjobs, "status", "--cached").out)
    shown = table(qjobs, "status", "--jobs", "--cached")
    assert re.fullmatch(f"{set_id}: what is not finished is {ago}\n", shown.err)
    assert "as_of" in table(qjobs, "show", "--cached").out
    for words in (["status"], ["status", "--jobs"], ["show"]):
        shown = table(qjobs, *words)
        assert "as of" not in shown.out + shown.err
        assert "as_of" not in shown.out


def table(qjobs, *words):
    return qjobs(*words, "--format", "table")


@pytest.fixture
def several(qjobs, submit):
    """A set that is done, one that failed in part, one that runs; each with its name."""
    return {
        "done": submit("--name", "ghz-1", "--tag", "x", "--tag", "y"),
        "failed": submit("--name", "ghz-2", "--tag", "x", script="fail=1,connections=1"),
        "running": submit("--name", "rabi", script="delay=3600"),
    }


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("", "running failed done"),
        ("--failed", "failed"),
        ("--pending", "running"),
        ("--done", "done"),
        ("--done --failed", "failed done"),
        ("--status done", "failed done"),
        ("--status running --status error", "running failed"),
        ("--name ghz-*", "failed done"),
        ("--name ghz", ""),
        ("--tag x", "failed done"),
        ("--tag x --tag y", "done"),
        ("--backend fake", "running failed done"),
        ("--backend fake:delay=*", "running"),
        ("--backend ibm*", ""),
        ("--since 1h", "running failed done"),
        ("--until 1h", ""),
        ("--limit 1", "running"),
        ("--limit 1 --tag x", "failed"),
        ("--limit 1 --done", "done"),
        ("--sort name", "done failed running"),
        ("--sort name --reverse", "running failed done"),
        ("--sort state", "running done failed"),
        ("--sort finished --limit 2", "failed running"),
        ("--name ghz-* --failed --since 2020-01-01", "failed"),
    ],
)
def test_sets_are_chosen_and_sorted_by_what_they_are_like(qjobs, several, words, meant):
    ended = qjobs("list", "-q", *words.split())
    assert ended.code == 0, ended.err
    names = {set_id: name for name, set_id in several.items()}
    assert [names[set_id] for set_id in ended.out.split()] == meant.split()


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("--failed", ""),
        ("@all", "running/0 running/1 failed/0 failed/1 done/0 done/1"),
        ("all --failed", "failed/0"),
        ("@all --done", "failed/1 done/0 done/1"),
        ("@all --status running", "running/0 running/1"),
        ("--tag x", "failed/0 failed/1 done/0 done/1"),
        ("--name ghz-* --done", "failed/1 done/0 done/1"),
        ("--limit 1", "running/0 running/1"),
        ("ghz-1 rabi --tag x", "done/0 done/1"),
    ],
)
def test_status_takes_the_same_words(qjobs, several, words, meant):
    ended = qjobs("status", "-q", *words.split())
    assert ended.code == 0, ended.err
    names = {set_id: name for name, set_id in several.items()}
    found = [f"{names[word.split('/')[0]]}/{word.split('/')[1]}" for word in ended.out.split()]
    assert found == meant.split()


def test_a_time_may_be_a_date_a_moment_or_an_age(qjobs, several):
    created = datetime.fromisoformat(listed(qjobs)[several["failed"]]["created"])
    later = (created + timedelta(microseconds=1)).isoformat()
    assert qjobs("list", "-q", "--until", later).out.split() == [several["failed"], several["done"]]
    since = qjobs("list", "-q", "--since", created.isoformat()).out.split()
    assert since == [several["running"], several["failed"]]
    for words in ("2020-01-01", "2020-01-01T12:00", "90m", "1.5h", "2d", "1w", "10min", "5s"):
        assert qjobs("list", "--since", words, "--cached").code == 0
    for words in ("soon", "1y", "-2d", "2020-13-01", "99999999999d"):
        ended = qjobs("list", "--since", words)
        assert ended.code == 2, words
        assert "no date or time" in ended.err
    for words in ("99999999d", "0001-01-01T00:00Z", "9999-12-31"):
        assert qjobs("list", "--since", words, "--cached").code in (0, 2)
    assert qjobs("list", "--until", "99999999d", "-q") == (0, "", "")


def test_that_no_set_is_meant_is_said(qjobs, several):
    for verb in ("list", "status"):
        ended = qjobs(verb, "--tag", "nobody's")
        assert ended == (0, "", "no job set is like that\n")


def test_every_set_is_an_address_but_not_for_one_set(qjobs, several):
    assert qjobs("show", "@all").code == 3
    ended = qjobs("status", "@all:3")
    assert ended.code == 2
    assert "all job sets" in ended.err
    assert qjobs("cancel", "@all").code == 0
    assert qjobs("list", "--pending", "-q").out == ""


def test_a_set_that_cannot_be_read_does_not_hide_all_others(qjobs, several, home):
    (home / "sets" / several["failed"] / "state.toml").write_text("format = 2\n[set")
    ended = qjobs("status", "@all", "-q", "--cached")
    assert {word.split("/")[0] for word in ended.out.split()} == {
        several["done"],
        several["running"],
    }
    assert "cannot be read, and is left out" in ended.err


def test_what_resume_shows_is_how_jobs_are_now(qjobs, several):
    ended = qjobs("resume", several["done"], "--json")
    assert ended.document("status")["sets"][0]["state"] == "done"
