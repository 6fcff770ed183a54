from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qjobs.estimates import with_error


@pytest.mark.parametrize(
    ("value", "error", "written"),
    [
        (-0.982_345, 0.02, "-0.98 ± 0.02"),
        (-0.982_345, 0.01, "-0.982 ± 0.010"),
        (0.5, 0.125, "+0.50 ± 0.12"),
        (1.0, 0.031_25, "+1.00 ± 0.03"),
        (1.234_567, 0.000_194, "+1.23457 ± 0.00019"),
        (1.234_567, 0.000_196, "+1.2346 ± 0.0002"),
        (1234.6, 30, "+1230 ± 30"),
        (1234.6, 3, "+1235 ± 3"),
        (0.0, 0.4, "+0.0 ± 0.4"),
        (0.25, None, "+0.250000"),
        (0.25, 0.0, "+0.250000 ± 0.000000"),
        (nan, 0.1, "+nan ± 0.1"),
        (0.5, nan, "+0.5 ± nan"),
        (0.5, inf, "+0.5 ± inf"),
        (1e300, 0.1, "+1e+300 ± 0.1"),
        (0.5, 5e-324, "+0.5 ± 4.9e-324"),
        (1.7e308, None, "+1.7e+308"),
    ],
)
def test_a_value_has_the_digits_that_its_error_leaves_it(
    value: float, error: float | None, written: str
) -> None:
    assert with_error(value, error) == written


@given(st.floats(-1e6, 1e6), st.floats(1e-9, 1e3))
def test_no_rounding_is_larger_than_a_third_of_the_error(value: float, error: float) -> None:
    told, _, told_error = with_error(value, error).partition(" ± ")

    assert abs(float(told) - value) <= error / 3
    assert float(told_error) == pytest.approx(error, rel=1 / 3)


@given(st.floats(), st.floats() | st.none())
def test_any_two_numbers_are_written_on_few_places(value: float, error: float | None) -> None:
    assert len(with_error(value, error)) < 60
