"""Option values, and the table of verbs."""

import re

import pytest
import typer

from qjobs.cli.app import VERBS
from qjobs.cli.values import LARGEST_NUMBER, duration_s, run_options, whole_number


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
        ("2d", 172_800),
        ("1.5h", 5400),
        ("500ms", 0.5),
        ("1d12h", 129_600),
        ("1m30s", 90),
    ],
)  # fmt: skip
def test_durations(text, seconds):
    assert duration_s(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "soon", "-1", "m", "30m1h", "1 h", "inf", "nan", "1h30", "1d2", "1.h", "2w"]
)
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(typer.BadParameter):
        duration_s(text)


def test_whole_numbers_are_read_within_their_limits():
    assert [whole_number(1)("7"), whole_number(0, 3)("3"), whole_number(0)(0)] == [7, 3, 0]
    assert whole_number(0, LARGEST_NUMBER)(str(2**63 - 1)) == 2**63 - 1
    assert whole_number(1)("9" * 5000) == int("9" * 60)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0", "0 is not a whole number from 1 on"), ("-1", "'-1' is not a whole"),
        ("1e3", "'1e3' is not a whole"), ("", "'' is not"), (str(2**63), f"{2**63} is too large"),
        ("9" * 5000, f"{'9' * 60}... is too large"),
    ],
)  # fmt: skip
def test_what_is_no_such_number_is_named(text, said):
    with pytest.raises(typer.BadParameter, match=f"^{re.escape(said)}"):
        whole_number(1, LARGEST_NUMBER)(text)
    with pytest.raises(typer.BadParameter, match="4 is not a whole number from 0 to 3"):
        whole_number(0, 3)("4")


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
    assert all(
        example.startswith(("qjobs ", "id=$(qjobs ", 'eval "$(qjobs ')) for example in verb.examples
    )
