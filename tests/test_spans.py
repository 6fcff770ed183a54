"""Runs of circuits, compared with sets of numbers."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qjobs import spans
from qjobs.model import Slice

NUMBERS = st.sets(st.integers(0, 40))
PARTS = st.lists(st.builds(Slice, st.integers(0, 30), st.integers(1, 9)))


def numbers(parts):
    return {n for part in parts for n in range(part.start_index, part.end_index + 1)}


def is_tidy(parts):
    return all(one.end_index + 1 < other.start_index for one, other in pairwise(parts))


@given(NUMBERS)
def test_numbers_are_runs_and_the_runs_the_numbers(chosen):
    runs = spans.runs_of(chosen)
    assert numbers(runs) == chosen
    assert is_tidy(runs)
    assert spans.size(runs) == len(chosen)
    assert spans.read(spans.written(runs)) == runs


@given(PARTS, PARTS)
def test_parts_are_joined_taken_away_and_compared_as_sets_are(some, others):
    for runs, expected in (
        (spans.joined(some), numbers(some)),
        (spans.without(some, others), numbers(some) - numbers(others)),
        (spans.within(some, others), numbers(some) & numbers(others)),
    ):
        assert numbers(runs) == expected
        assert is_tidy(runs)


@given(NUMBERS, st.integers(1, 5))
def test_pieces_make_the_whole_and_only_the_last_says_that_it_is_the_last(chosen, most):
    *first, last = spans.in_pieces(spans.runs_of(chosen), most)
    assert all(piece.endswith(",") for piece in first)
    assert not last.endswith(",")
    parts = [part for piece in (*first, last) for part in spans.read(piece.removesuffix(","))]
    assert numbers(parts) == chosen


@pytest.mark.parametrize("text", ["3,", ",3", "3-", "a", "-3", "03", "4-3", "3 ", "9" * 30, "1--2"])
def test_what_is_no_run_is_an_error(text):
    with pytest.raises(ValueError, match="not "):
        spans.read(text)
