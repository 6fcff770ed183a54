"""Text from outside is shown, never obeyed, and never lost."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qjobs.render.bars import bar, scale, scale_steps
from qjobs.render.summaries import spans
from qjobs.render.text import ago, clean, count, duration, first_line, time_left, until


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
    assert bar(0, 24) == ""
    assert bar(1e-9, 24) == "▏"
    assert len(bar(1, 24)) == 24
    assert bar(0.5, 24) == "█" * 12


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "just now"), (0.9, "just now"), (1, "1 s ago"), (59.9, "59 s ago"), (60, "1 min ago"),
        (3599, "59 min ago"), (3 * 3600 + 59 * 60, "3 h ago"), (400 * 86400, "400 d ago"),
    ],
)  # fmt: skip
def test_how_long_ago_is_said_in_the_largest_unit(seconds, words):
    now = datetime(2026, 12, 1, tzinfo=UTC)
    assert ago(now - timedelta(seconds=seconds), now) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "< 0.1 s"), (0.05, "0.1 s"), (9.94, "9.9 s"), (9.96, "10 s"), (59.6, "1 min"),
        (200, "3 min 20 s"), (3600, "1 h"), (7500, "2 h 5 min"), (90_000, "1 d 1 h"),
    ],
)  # fmt: skip
def test_a_span_of_time_is_said_in_its_two_largest_units(seconds, words):
    assert duration(seconds) == words


def test_what_is_to_come_is_said_by_how_soon_it_is():
    now = datetime(2026, 12, 1, tzinfo=UTC)
    assert until(now + timedelta(minutes=5, seconds=30), now) == "in 5 min"
    assert until(now - timedelta(hours=1), now) == "now"


@pytest.mark.parametrize(
    ("highest", "places", "written"),
    [
        (1.0, 50, "0%     20%       40%       60%       80%      100%"),
        (0.508, 30, "0%     20%       40%       60%"),
        (0.348, 12, "0%       50%"),
        (0.001, 20, "0%   0.05%      0.1%"),
    ],
)
def test_the_numbers_of_a_scale_end_where_bars_of_these_shares_do(highest, places, written):
    assert scale(*scale_steps(highest, places), places) == written


@given(st.integers(1, 10**9), st.integers(1, 10**9), st.integers(8, 100))
def test_a_scale_has_room_for_the_highest_share_and_little_more(number, others, places):
    share = number / (number + others)
    step, steps = scale_steps(share, places)
    assert share <= step * steps * (1 + 1e-9)
    assert 1 <= steps <= max(1, places // 8)
    assert share > step * (steps - 1) * (1 - 1e-9)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "about 0 s left"), (59, "about 59 s left"), (60, "about 1 min left"),
        (190, "about 3 min left"), (3599, "about 1 h left"), (4350, "about 1 h 12 min left"),
    ],
)  # fmt: skip
def test_the_time_that_is_left_is_told_no_finer_than_it_is_known(seconds, words):
    assert time_left(seconds) == words
