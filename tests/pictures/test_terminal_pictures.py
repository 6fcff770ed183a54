"""A chart read back: each dot of its Braille is where the number is."""

from math import cos, pi

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qjobs.pictures.panels import curves
from qjobs.pictures.terminal import Row, chart, typical_error

ROWS = 8


def drawn(rows: list[Row]) -> list[str]:
    return [row.drawn for row in rows if row.drawn]


def dots(rows: list[Row]) -> set[tuple[int, int]]:
    """The dots (across, up) of a chart, by the table of ISO/TR 11548-1."""
    place = {0: (0, 3), 1: (0, 2), 2: (0, 1), 3: (1, 3), 4: (1, 2), 5: (1, 1), 6: (0, 0), 7: (1, 0)}
    found = set()
    lines = drawn(rows)
    for at, line in enumerate(lines):
        for cell, char in enumerate(line):
            for bit in range(8):
                if (ord(char) - 0x2800) >> bit & 1:
                    across, up = place[bit]
                    found.add((2 * cell + across, 4 * (len(lines) - 1 - at) + up))
    return found


def test_a_rising_line_goes_from_the_lower_left_to_the_upper_right() -> None:
    panel = curves([0, 1], {"Z": [0, 1]}, x_label="theta")

    rows = list(chart(panel, panel.lines[0], 40))

    found = dots(rows)
    (first, last) = min(found), max(found)
    assert first == (0, pytest.approx(1, abs=1))
    assert last == (2 * len(drawn(rows)[0]) - 1, pytest.approx(4 * ROWS - 2, abs=1))
    assert {across for across, _ in found} == set(range(2 * len(drawn(rows)[0])))
    assert rows[-1].mark.strip() == "theta"


def test_dots_are_where_the_numbers_are() -> None:
    x = [at * 2 * pi / 500 for at in range(501)]
    panel = curves(x, {"Z": [cos(place) for place in x]})

    rows = list(chart(panel, panel.lines[0], 60))

    wide, high = 2 * len(drawn(rows)[0]), 4 * ROWS
    for across, up in dots(rows):
        place = (across + 0.5) / wide * 2 * pi
        value = -1.08 + (up + 0.5) / high * 2.16
        assert value == pytest.approx(cos(place), abs=0.2)


def test_marks_stand_beside_their_values() -> None:
    panel = curves([0, 1], {"Z": [0, 1]})

    marks = [row.mark.split()[0] for row in chart(panel, panel.lines[0], 40) if "┤" in row.mark]

    assert marks == ["1.0", "0.5", "0"]


def test_a_gap_stays_a_gap() -> None:
    panel = curves(range(5), {"Z": [1.0, 1.0, None, 1.0, 1.0]})

    rows = list(chart(panel, panel.lines[0], 40))

    across = {place for place, _ in dots(rows)}
    wide = 2 * len(drawn(rows)[0])
    assert 0 in across
    assert wide - 1 in across
    assert not across & set(range(round(wide * 0.27), round(wide * 0.73)))


def test_nothing_is_drawn_of_nothing() -> None:
    panel = curves([0, 1], {"Z": [None, None]})
    assert list(chart(panel, panel.lines[0], 40)) == []
    assert typical_error(panel.lines[0]) is None


def test_the_typical_error_is_the_median() -> None:
    panel = curves([0, 1, 2], {"Z": [0, 0, 0]}, {"Z": [0.1, 0.5, 0.2]})
    assert typical_error(panel.lines[0]) == 0.2


@given(
    st.lists(st.tuples(st.floats(), st.floats() | st.none()), max_size=8),
    st.integers(0, 200),
)
def test_no_chart_is_wider_than_its_room(
    points: list[tuple[float, float | None]], width: int
) -> None:
    panel = curves([x for x, _ in points], {"Z": [y for _, y in points]}, x_label="t")  # type: ignore[arg-type, misc]

    rows = list(chart(panel, panel.lines[0], width))

    assert all(len(row.mark + row.drawn) <= max(width, 24) for row in rows)
