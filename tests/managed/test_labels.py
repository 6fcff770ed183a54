"""The name and the tags of a set change for everybody at once."""

import threading

import pytest
from support.backends_of_objects import ScriptedBackend, numbered, run_and_send

from qjobs import JobManagerInvalidStateError, ManagedJobSet
from qjobs.errors import StateDamaged
from qjobs.store.sets import Store
from qjobs.store.state import checks


@pytest.fixture
def job_set(manager):
    return run_and_send(manager, numbered(2), ScriptedBackend(), name="old", job_tags=["a", "b"])


@pytest.mark.parametrize("name", ["new", 'a "quoted" \\ name', "tab\tline\n", "\x7f\x00 é 量子"])
def test_a_new_name_is_seen_by_everybody(job_set, another_process, home, name):
    job_set.update_name(name)

    store = Store(home, clock=lambda: None)
    assert job_set.name() == name
    assert another_process().retrieve_job_set(job_set.job_set_id()).name() == name
    assert [header.name for header in store.listing().headers] == [name]
    assert job_set.results().success


@pytest.mark.parametrize(
    ("arguments", "tags"),
    [
        ({"replacement_tags": ["x"]}, ["x"]),
        ({"replacement_tags": []}, []),
        ({"additional_tags": ["c", "a"]}, ["a", "b", "c"]),
        ({"removal_tags": ["a", "nothing"]}, ["b"]),
        (
            {"replacement_tags": ["x", "y"], "additional_tags": ["z"], "removal_tags": ["x"]},
            ["y", "z"],
        ),
    ],
)
def test_tags_are_replaced_then_added_then_removed(job_set, another_process, arguments, tags):
    assert job_set.update_tags(**arguments) == tags
    assert another_process().retrieve_job_set(job_set.job_set_id()).tags() == tags
    assert job_set.name() == "old"


def test_no_tags_at_all_are_no_request(job_set):
    with pytest.raises(JobManagerInvalidStateError, match="no tags were given"):
        job_set.update_tags()


def test_a_set_that_was_not_submitted_has_no_state_to_change():
    with pytest.raises(JobManagerInvalidStateError, match="not submitted yet"):
        ManagedJobSet().update_name("x")
    with pytest.raises(JobManagerInvalidStateError, match="empty"):
        ManagedJobSet().update_name("")


def test_a_set_is_renamed_while_it_is_being_sent(manager):
    inside, go_on = threading.Event(), threading.Event()

    def hold(_):
        inside.set()
        go_on.wait(30)

    job_set = manager.run(numbered(3), ScriptedBackend(on_run=hold), max_experiments_per_job=1)
    inside.wait(30)
    job_set.update_name("renamed")
    go_on.set()

    assert job_set.results().success
    assert job_set.name() == "renamed"
    assert all(job.job_id for job in job_set.jobs())


def state_of(job_set, home):
    return home / "sets" / job_set.job_set_id() / "state.toml"


def test_only_one_line_of_the_header_changes(job_set, home):
    path = state_of(job_set, home)
    text = checks.without(path.read_text()).replace("[set]\n", '[set]\nmine = "kept"\n')
    path.write_text(text)
    before = text.partition("[[job]]")[0].splitlines()
    job_set.update_name("new")

    after = checks.without(path.read_text()).partition("[[job]]")[0].splitlines()

    changed = [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]]
    assert changed == [('name = "old"', 'name = "new"')]


def test_run_options_called_name_and_tags_stay(manager, home):
    job_set = run_and_send(manager, numbered(1), ScriptedBackend(), tags="t")
    job_set.update_name("new")

    assert 'tags = "t"' in state_of(job_set, home).read_text()
    assert job_set.tags() == []


def test_a_file_that_somebody_wrote_otherwise_is_not_spoilt(job_set, home):
    path = state_of(job_set, home)
    text = checks.without(path.read_text())
    path.write_text(text.replace('name = "old"', "name = '''old'''\n# x"))
    job_set.update_name("new")
    assert job_set.name() == "new"
    text = checks.without(path.read_text())
    path.write_text(text.replace('name = "new"', 'name = """\nnew"""'))
    before = path.read_text()

    with pytest.raises(StateDamaged, match="not where qjobs writes it") as caught:
        job_set.update_name("newer")
    assert path.read_text() == before
    line = caught.value.hint.partition("in place of what it says: ")[2]
    path.write_text(before.replace('name = """\nnew"""', line))
    job_set.update_tags(["c"])
    assert (job_set.name(), job_set.tags()) == ("newer", ["c"])


def test_a_rename_elsewhere_survives_new_tags_here(job_set, another_process):
    another_process().retrieve_job_set(job_set.job_set_id()).update_name("renamed")

    job_set.update_tags(additional_tags=["c"])

    assert job_set.name() == "renamed"
