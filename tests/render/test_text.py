"""Text from outside is shown, never obeyed, and never lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qjobs.render.summaries import spans
from qjobs.render.tables import bar
from qjobs.render.text import clean, count, duration, first_line, time_left


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("[/x] [bold]", "[/x] [bold]"),
        ("a\tb\nc\rd", "a\\tb\\nc\\rd"),
        ("\x1b[31m\x07", "\\x1b[31m\\x07"),
        ("\x9b31m", "\\x9b31m"),
        ("gnp.\u202eexe", "gnp.\\u202eexe"),
        ("\udcff", "\\xff"),
        ("Schrödinger ⟨ψ|", "Schrödinger ⟨ψ|"),
    ],
)
def test_control_characters_are_escaped_and_all_else_is_kept(given_text, shown):
    assert clean(given_text) == shown


@given(st.text())
def test_nothing_that_a_terminal_obeys_is_left(text):
    cleaned = clean(text)
    assert not any(ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 for char in cleaned)
    assert len(cleaned.splitlines()) <= 1


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126)))
def test_plain_text_is_unchanged(text):
    assert clean(text) == text


def test_a_message_is_cut_at_its_first_line():
    assert first_line("what\nwhere") == "what"


def test_numbers_agree_with_their_nouns():
    assert [count(n, "job") for n in (0, 1, 2)] == ["0 jobs", "1 job", "2 jobs"]


@given(st.sets(st.integers(0, 200)))
def test_spans_name_each_number_once(numbers):
    read = [
        number
        for part in spans(numbers).split(",")
        if part
        for first, _, last in [part.partition("-")]
        for number in range(int(first), int(last or first) + 1)
    ]
    assert read == sorted(numbers)


def test_a_bar_is_in_eighths_and_never_empty_for_something():
    assert bar(0) == ""
    assert bar(1e-9) == "▏"
    assert len(bar(1)) == 24
    assert bar(0.5) == "█" * 12


@pytest.mark.parametrize(
    ("seconds", "lasted", "left"),
    [
        (-1.0, "0 s", "about 0 s left"),
        (0.9, "0 s", "about 0 s left"),
        (59.9, "59 s", "about 59 s left"),
        (60, "1 min", "about 1 min left"),
        (190, "3 min 10 s", "about 3 min left"),
        (3599, "59 min 59 s", "about 1 h left"),
        (3600, "1 h", "about 1 h left"),
        (4350, "1 h 12 min", "about 1 h 12 min left"),
        (86_400, "1 d", "about 1 d left"),
        (200_000, "2 d 7 h", "about 2 d 7 h left"),
    ],
)
def test_a_time_is_told_in_its_two_largest_units(seconds, lasted, left):
    assert (duration(seconds), time_left(seconds)) == (lasted, left)
