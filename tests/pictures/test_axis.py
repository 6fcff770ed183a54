from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qjobs.pictures import axis

MINUS = "\u2212"


@pytest.mark.parametrize(
    ("low", "high", "marks"),
    [
        (0, 51, ["0", "20", "40"]),
        (0, 100, ["0", "25", "50", "75", "100"]),
        (-1.05, 1.05, [f"{MINUS}1.0", f"{MINUS}0.5", "0", "0.5", "1.0"]),
        (0, 6.3, ["0", "2", "4", "6"]),
        (0, 0.0031, ["0", "0.001", "0.002", "0.003"]),
        (0, 3e9, ["0", "1e+09", "2e+09", "3e+09"]),
        (3, 3, ["3"]),
        (nan, 1, ["0"]),
        (-inf, inf, ["0"]),
    ],
)
def test_marks_are_round_and_have_the_digits_that_tell_them_apart(
    low: float, high: float, marks: list[str]
) -> None:
    assert axis.labels(axis.ticks(low, high)) == marks


@given(
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(2, 8),
)
def test_marks_of_any_range_are_few_distinct_and_inside(low: float, high: float, most: int) -> None:
    marks = axis.ticks(low, high, most=most)

    assert 1 <= len(marks) <= most
    assert len(axis.labels(marks)) == len(marks)
    if high > low:
        air = (high - low) * 1e-6 if high - low < inf else 0
        assert all(low - air <= mark <= high + air for mark in marks)
        assert len(set(marks)) == len(marks)


@given(
    st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300),
    st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300),
)
def test_a_widened_range_has_a_width_and_holds_the_old_one(low: float, high: float) -> None:
    low, high = sorted((low, high))
    new_low, new_high = axis.widened(low, high)

    assert new_low <= low <= high <= new_high
    assert new_low < new_high
