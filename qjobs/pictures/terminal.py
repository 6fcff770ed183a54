"""Curves in the characters of a terminal: one of Braille, which has eight dots, is two by four."""

from collections.abc import Iterator, Sequence
from statistics import median
from typing import NamedTuple

from qjobs.pictures import axis
from qjobs.pictures.picture import Curves, Line

_ROWS = 8
_DOTS_ACROSS, _DOTS_UP = 2, 4
_MOST_WIDTH = 120
# The bits of a Braille character by the place of the dot, across and from the top down.
_BITS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
_EMPTY = 0x2800


class Row(NamedTuple):
    """A line of a chart: the marks of its axis, and what is drawn."""

    mark: str
    drawn: str


def chart(panel: Curves, line: Line, width: int) -> Iterator[Row]:
    """One line of a panel as a chart no wider than `width` characters, axes and all.

    It has no room for errors: see `typical_error`.
    """
    points = [
        (x, None if one is None or not axis.drawable(one.value) else one.value)
        for x, one in zip(line.x, line.y, strict=True)
        if axis.drawable(x)
    ]
    values = [value for _, value in points if value is not None]
    if not values:
        return
    low, high = axis.widened(min(values), max(values))
    left, right = points[0][0], points[-1][0]
    y_marks = axis.ticks(low, high, most=4)
    y_texts = axis.labels(y_marks)
    margin = max(map(len, y_texts))
    cells = max(min(width, _MOST_WIDTH) - margin - 2, 4)
    canvas = [[0] * cells for _ in range(_ROWS)]
    across = [_place(x, left, right, cells * _DOTS_ACROSS) for x, _ in points]
    up = [None if y is None else _place(y, low, high, _ROWS * _DOTS_UP) for _, y in points]
    dots = list(zip(across, up, strict=True))
    for dot, following in zip(dots, dots[1:] or dots, strict=False):
        _join(canvas, dot, following)
    rows = {
        _ROWS - 1 - _place(mark, low, high, _ROWS): text
        for mark, text in zip(y_marks, y_texts, strict=True)
    }
    for at, row in enumerate(canvas):
        mark = rows.get(at, "")
        edge = "┤" if mark else "│"
        yield Row(f"{mark:>{margin}} {edge}", "".join(chr(_EMPTY + bits) for bits in row))
    yield from _below(left, right, cells, " " * (margin + 1), panel.x_label)


def _place(value: float, low: float, high: float, places: int) -> int:
    """The place of a value among as many from `low` to `high`."""
    return min(int((value - low) / (high - low) * places), places - 1) if high > low else 0


def _join(
    canvas: list[list[int]], first: tuple[int, int | None], last: tuple[int, int | None]
) -> None:
    """Draw from a dot to the next one; where one of them is missing, there is only the other."""
    if first[1] is None or last[1] is None:
        for place, height in (first, last):
            if height is not None:
                _dot(canvas, place, height)
        return
    across, up = last[0] - first[0], last[1] - first[1]
    steps = max(abs(across), abs(up)) or 1
    for step in range(steps + 1):
        part = step / steps
        _dot(canvas, round(first[0] + across * part), round(first[1] + up * part))


def _dot(canvas: list[list[int]], across: int, up: int) -> None:
    row = _ROWS - 1 - up // _DOTS_UP
    below_top = _DOTS_UP - 1 - up % _DOTS_UP
    canvas[row][across // _DOTS_ACROSS] |= _BITS[across % _DOTS_ACROSS][below_top]


def _below(left: float, right: float, cells: int, before: str, label: str) -> Iterator[Row]:
    """The axis with its marks, and what it is."""
    marks: Sequence[float] = axis.ticks(left, right, most=max(cells // 12, 2))
    line, texts = ["─"] * cells, [" "] * (cells + 12)
    free = 0
    for mark, text in zip(marks, axis.labels([*marks]), strict=True):
        place = _place(mark, left, right, cells)
        start = min(max(place - len(text) // 2, 0), cells - len(text))
        if start < free:
            continue
        line[place] = "┬"
        texts[start : start + len(text)] = text
        free = start + len(text) + 1
    yield Row(f"{before}└{''.join(line)}", "")
    yield Row(f"{before} {''.join(texts).rstrip()}", "")
    yield Row(f"{before} {label.center(cells).rstrip()}", "")


def typical_error(line: Line) -> float | None:
    """The median of the standard errors of a line; None if it has none."""
    errors = [one.error for one in line.y if one is not None and one.error is not None]
    return median(errors) if errors else None
