"""An empty text is no wish for a default: each option, argument and variable says so itself."""

from concurrent.futures import ThreadPoolExecutor
from threading import Lock

import pytest

from qjobs import JobManager, ManagedJob, ManagedJobSet
from qjobs.cli.app import VERBS, _import_verb
from qjobs.errors import QjobsError, UsageError
from qjobs.providers.loading import parse_backend


def words():
    """Every option and argument of every verb that takes a value: how it is named and given."""
    for verb in VERBS:
        before: list[str] = []
        for param in _import_verb(verb).params:
            if getattr(param, "is_flag", False) or param.name == "help":
                continue
            name = max(param.opts, key=len)
            if name.startswith("-"):
                yield from ((verb.name, name, [option]) for option in param.opts)
            else:
                yield verb.name, f"argument {param.metavar}", before
                before = [*before, "x"]


WORDS = list(words())


def test_there_are_options_to_be_tried():
    assert len(WORDS) > 90
    assert ("submit", "--backend", ["-b"]) in WORDS
    assert ("status", "argument ADDRESS...", []) in WORDS


@pytest.mark.parametrize("empty", ["", " \t"], ids=["empty", "blank"])
@pytest.mark.parametrize(
    ("verb", "name", "given"), WORDS, ids=[f"{verb} {name} {given}" for verb, name, given in WORDS]
)
def test_what_is_given_must_not_be_empty(qjobs, verb, name, given, empty):
    ended = qjobs(verb, *given, empty)
    assert ended.code == 2
    assert f"{name} is empty" in ended.err
    assert ended.out == ""


def test_one_empty_word_among_others_is_found(qjobs, bell):
    for words_ in (
        ["submit", bell, "", "-b", "fake:"],
        ["submit", bell, "--tag", "a", "--tag", ""],
        ["status", "@last", ""],
        ["submit", bell, "--backend="],
        ["submit", bell, "-b", "fake:", "--option", "mode="],
        ["submit", bell, "-b", "ibm:"],
        ["submit", bell, "-b", "local: "],
        ["submit", bell, "-b", " :aer"],
    ):
        assert qjobs(*words_).code == 2, words_
    assert qjobs("list", "-q").out == ""


VARIABLES = ["BACKEND", "HOME", "CONFIG", "DEBUG", "LOCAL_WORKERS", "IBM_ACCOUNT", "ACME_TIMEOUT_S"]


@pytest.mark.parametrize("name", VARIABLES)
@pytest.mark.parametrize("empty", ["", "  "], ids=["empty", "blank"])
def test_a_variable_of_ours_must_not_be_empty(qjobs, bell, monkeypatch, name, empty):
    monkeypatch.setenv(f"QJOBS_{name}", empty)
    for words_ in (["submit", bell], ["run", bell, "-b", "fake:"], ["status"], ["schema"]):
        ended = qjobs(*words_)
        assert ended.code == 2
        assert f"QJOBS_{name} is empty" in ended.err
    # To ask how it works is always fine.
    assert qjobs("--version").code == qjobs("status", "--help").code == 0


def test_variables_of_others_are_their_own_affair(qjobs, bell, monkeypatch):
    for name in ("NO_COLOR", "QISKIT_IBM_TOKEN", "XDG_CONFIG_HOME", "COLUMNS"):
        monkeypatch.setenv(name, "")
    assert qjobs("submit", bell, "-b", "fake:").code == 0


@pytest.mark.parametrize("key", ["account", "factory", "python", "workers"])
def test_a_setting_must_not_be_empty(qjobs, bell, tmp_path, monkeypatch, key):
    config = tmp_path / "config.toml"
    config.write_text(f'[providers.local]\n{key} = " "\n')
    monkeypatch.setenv("QJOBS_CONFIG", str(config))
    ended = qjobs("submit", bell)
    assert ended.code == 2
    assert f"providers.local.{key} is empty" in ended.err


# The library


@pytest.mark.parametrize("empty", ["", " "])
def test_the_library_takes_no_empty_text_either(home, tmp_path, empty):
    manager = JobManager()
    with ThreadPoolExecutor() as executor:
        for ask in (
            lambda: manager.run([], empty),
            lambda: manager.run([], "local:aer", name=empty),
            lambda: manager.run([], "local:aer", job_tags=[empty]),
            lambda: manager.run([], f"local:{empty}"),
            lambda: manager.retrieve_job_set(empty),
            lambda: manager.job_sets(empty),
            lambda: ManagedJobSet(empty),
            lambda: ManagedJobSet(None, empty),
            lambda: JobManager(empty),
            lambda: ManagedJob(0, 1).submit([], empty, "local:aer", executor, Lock()),
        ):
            with pytest.raises(QjobsError, match=r"empty|no backend"):
                ask()
    assert not home.exists()
    assert not (tmp_path / "sets").exists()


@pytest.mark.parametrize("text", ["", "  ", "local:", "ibm: ", ":aer", " :aer"])
def test_a_backend_without_a_name_is_refused(home, text):
    with pytest.raises(UsageError):
        parse_backend(text)
