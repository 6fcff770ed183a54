"""A heat map: a cell for each pair of values, and the scale of its colours beside it."""

from itertools import pairwise
from xml.etree import ElementTree as ET

from qjobs.pictures import axis
from qjobs.pictures.colours import Scale
from qjobs.pictures.picture import HeatMap
from qjobs.pictures.svg.frame import BELOW_PX, MARK_PX, Frame, framed
from qjobs.pictures.svg.paper import PAD, draw, heading, say

_HEIGHT_PX = 260
_SCALE_PX = 14
_BESIDE_PX = 76  # the scale, and its numbers
_TOLD = 2_500  # cells; of more, none says its value
_STEPS = 48


def draw_heat_map(parent: ET.Element, panel: HeatMap, width: float) -> float:
    """Draw it and give its height."""
    top = heading(parent, panel.title, panel.note, width)
    x_edges, y_edges = axis.edges(panel.x), axis.edges(panel.y)
    frame = framed(
        parent, top, width - PAD - _BESIDE_PX, _HEIGHT_PX,
        (x_edges[0], x_edges[-1]), (y_edges[0], y_edges[-1]),
        x_label=panel.x_label, y_label=panel.y_label, grid=False,
    )  # fmt: skip
    told = len(panel.x) * len(panel.y) <= _TOLD
    shown = [v for row in panel.values for v in row if v is not None and axis.drawable(v)]
    scale = Scale.of(shown)
    cells = draw(parent, "g", shape_rendering="crispEdges")
    for row, y, (low, high) in zip(panel.values, panel.y, pairwise(y_edges), strict=True):
        for value, x, (left, right) in zip(row, panel.x, pairwise(x_edges), strict=True):
            where = f"{panel.x_label} = {x:.6g}, {panel.y_label} = {y:.6g}"
            told_value = f"{value:.6g}" if value is not None else "no value"
            known = value is not None and axis.drawable(value)
            draw(
                cells, "rect", fill=scale.colour(value or 0.0) if known else "grid",
                tip=f"{where}: {told_value}" if told else "",
                x=frame.x(left), y=frame.y(high),
                width=frame.x(right) - frame.x(left), height=frame.y(low) - frame.y(high),
            )  # fmt: skip
    _scale(parent, scale, frame, panel.value_label)
    return frame.bottom + BELOW_PX


def _scale(parent: ET.Element, scale: Scale, frame: Frame, label: str) -> None:
    left = frame.right + 18
    height = (frame.bottom - frame.top) / _STEPS
    bar = draw(parent, "g", shape_rendering="crispEdges")
    for step in range(_STEPS):
        value = scale.low + (scale.high - scale.low) * (step + 0.5) / _STEPS
        draw(
            bar, "rect", fill=scale.colour(value), x=left, width=_SCALE_PX,
            y=frame.bottom - (step + 1) * height, height=height + 0.5,
        )  # fmt: skip
    low, high = scale.low, scale.high
    marks = axis.ticks(low, high)
    for mark, text in zip(marks, axis.labels(marks), strict=True):
        share = (mark - low) / (high - low) if high > low else 0.5
        y = frame.bottom - share * (frame.bottom - frame.top)
        say(parent, left + _SCALE_PX + 5, y + 4, text, fill="muted", font_size=MARK_PX)
    say(parent, left + _SCALE_PX, frame.top - 10, label, fill="muted", text_anchor="middle",
        font_size=MARK_PX)  # fmt: skip
