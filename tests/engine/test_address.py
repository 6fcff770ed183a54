"""How the user names sets, jobs and circuits."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qjobs.engine.address import check_name, parse, resolve
from qjobs.errors import AmbiguousAddress, NotFound, UsageError


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("ghz:3", [3]),
        ("ghz:0-2", [0, 1, 2]),
        ("ghz:7-", [7, 8, 9]),
        ("ghz:-2", [0, 1, 2]),
        ("ghz:0-9:4", [0, 4, 8]),
        ("ghz:5,1-2,1", [1, 2, 5]),
        ("ghz:1-:3,0", [0, 1, 4, 7]),
    ],
)
def test_ranges_are_inclusive_and_may_have_steps(text, chosen):
    address = parse(text)

    assert address.set_word == "ghz"
    assert address.circuits.within(10, "circuit") == chosen


@pytest.mark.parametrize("text", ["a:", "a:x", "a:5-2", "a:1-2:0", "a/", "a/1,", "a:1--2", "a:-"])
def test_what_cannot_be_read_is_a_usage_error_that_shows_it(text):
    with pytest.raises(UsageError, match=text.replace("/", ".")):
        parse(text)


@given(st.sets(st.integers(0, 99), min_size=1))
def test_numbers_written_one_by_one_choose_just_these(numbers):
    text = "set/" + ",".join(map(str, numbers))

    assert parse(text).jobs.within(100, "job") == sorted(numbers)


@given(st.text(max_size=30))
def test_no_text_is_worse_than_a_usage_error(text):
    with suppress(UsageError):
        parse(text)


def test_the_newest_set_is_last_and_older_ones_count_back(workspace, new_set):
    first, second = new_set(), new_set()

    for text in ("@last", "last", "latest", "@1"):
        assert resolve(workspace.store, text).folder.job_set.set_id == second.job_set.set_id
    assert resolve(workspace.store, "@2").folder.job_set.set_id == first.job_set.set_id
    with pytest.raises(NotFound, match="only 2"):
        resolve(workspace.store, "@3")


def test_a_set_answers_to_its_id_a_unique_prefix_and_its_name(workspace, new_set):
    folder = new_set(name="ghz-sweep")
    set_id = folder.job_set.set_id

    for text in (set_id, set_id[:4], "ghz-sweep"):
        assert resolve(workspace.store, text).folder.job_set.set_id == set_id


def test_a_prefix_of_several_sets_is_ambiguous_and_lists_them(workspace, new_set):
    first, second = new_set(name="ghz"), new_set(name="ghz")

    with pytest.raises(AmbiguousAddress) as caught:
        resolve(workspace.store, "0000")
    assert first.job_set.set_id in caught.value.message
    assert second.job_set.set_id in caught.value.message


def test_of_several_sets_of_one_name_the_newest_is_meant_and_that_is_said(workspace, new_set):
    first, second, other = new_set(name="ghz"), new_set(name="ghz"), new_set(name="ghz-2")
    said = []

    assert resolve(workspace.store, "ghz/1", warn=said.append).folder.job_set == second.job_set
    (warning,) = said
    assert warning.index(second.job_set.set_id) < warning.index(first.job_set.set_id)
    assert resolve(workspace.store, "ghz-2", warn=said.append).folder.job_set == other.job_set
    assert len(said) == 1


@pytest.mark.parametrize("name", ["0000", "00000000", "dead2", "20261130", "1" * 12, "0" * 11])
def test_a_name_goes_before_a_prefix_of_an_id_and_an_id_before_a_name(workspace, new_set, name):
    first, named = new_set(), new_set(name=name)  # the ids are 000000000001 and so on
    first_id = first.job_set.set_id

    assert resolve(workspace.store, name).folder.job_set == named.job_set
    assert resolve(workspace.store, f"{name}:0").folder.job_set == named.job_set
    new_set(name=first_id)
    assert resolve(workspace.store, first_id).folder.job_set == first.job_set


def test_an_unknown_set_names_a_near_one(workspace, new_set):
    new_set(name="ghz")

    with pytest.raises(NotFound, match="did you mean 'ghz'"):
        resolve(workspace.store, "gzh")


@pytest.mark.parametrize("text", ["../..", "/etc", "", ".", "a/b/c"])
def test_an_address_never_becomes_a_path(workspace, new_set, text):
    new_set()

    with pytest.raises((NotFound, UsageError)):
        resolve(workspace.store, text)


def test_no_sets_at_all_is_said_plainly(workspace):
    with pytest.raises(NotFound, match="no job sets yet"):
        resolve(workspace.store, "@last")


def test_circuits_lead_to_their_jobs_and_jobs_to_their_circuits(workspace, new_set):
    new_set(jobs=4)  # three circuits a job

    assert resolve(workspace.store, "@last:2-3,9").jobs == (0, 1, 3)
    assert tuple(resolve(workspace.store, "@last/1").circuits) == (3, 4, 5)
    with pytest.raises(NotFound, match="no circuit 12: they are numbered 0-11"):
        resolve(workspace.store, "@last:12")
    with pytest.raises(NotFound, match="no job 4"):
        resolve(workspace.store, "@last/4")


@pytest.mark.parametrize("name", ["", "-x", "a b", "a:b", "a/b", "last", "all", "x" * 65])
def test_a_name_that_reads_as_another_address_is_refused(name):
    with pytest.raises(UsageError):
        check_name(name)


@pytest.mark.parametrize(
    "name", ["ghz", "beef", "20261130", "1234567890123", "beef-2", "9f3c1a7e2b40-x", "v1.2_final"]
)
def test_an_ordinary_name_is_fine(name):
    check_name(name)


def test_a_set_that_cannot_be_read_is_said_before_another_is_taken_for_the_newest(
    workspace, new_set
):
    first, second = new_set(), new_set()
    (second.circuits_path.parent / "state.toml").write_text("nothing of ours")
    said: list[str] = []

    target = resolve(workspace.store, "@last", warn=said.append)

    assert target.folder.job_set.set_id == first.job_set.set_id
    assert len(said) == 1
    assert second.job_set.set_id in said[0]
