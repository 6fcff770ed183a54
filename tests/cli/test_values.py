"""Option values, and the table of verbs."""

import pytest
import typer

from qjobs.cli.app import VERBS
from qjobs.cli.values import duration_s, run_options


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("90s", 90),
        ("1.5", 1.5),
        ("30m", 1800),
        ("2h", 7200),
        ("1h30m", 5400),
        ("0", 0),
        ("30d", 2592000),
        ("1d12h", 129600),
    ],
)
def test_durations(text, seconds):
    assert duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-1", "1w", "d", "m", "30m1h", "1 h", "inf", "nan"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(typer.BadParameter):
        duration_s(text)


def test_values_of_run_options():
    assert run_options(["a=true", "b=False", "c=-3", "d=1e3", "f=x"]) == {
        "a": True, "b": "False", "c": -3, "d": 1000.0, "f": "x",
    }  # fmt: skip


@pytest.mark.parametrize("text", ["", "e", "e=", "=1", " =1", "e= "])
def test_a_run_option_has_a_name_and_a_value(text):
    with pytest.raises(typer.BadParameter):
        run_options([text])


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_each_verb_has_a_module_a_sentence_and_examples(verb):
    assert callable(verb.function())
    assert len(verb.help) <= 64
    assert all(example.startswith(("qjobs ", "id=$(qjobs ")) for example in verb.examples)
