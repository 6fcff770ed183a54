"""Lines with the band of their standard error; apart from each other by colour, dash and mark."""

from collections.abc import Iterator, Sequence
from xml.etree import ElementTree as ET

from qjobs.pictures import axis
from qjobs.pictures.colours import SERIES
from qjobs.pictures.picture import Curves, Estimate, Line
from qjobs.pictures.svg.frame import BELOW_PX, Frame, framed
from qjobs.pictures.svg.paper import PAD, draw, heading, lines, places, say, text_width

_HEIGHT_PX = 220
_MARKED = 45  # points; more would hide each other
_DASHES = ("", "7 3", "2 2.5", "9 3 2 3", "4 2", "12 3")
_SHAPES = (
    "m-3.2 0a3.2 3.2 0 1 0 6.4 0a3.2 3.2 0 1 0 -6.4 0z",
    "m-3 -3h6v6h-6z",
    "m0 -4l4 4l-4 4l-4 -4z",
    "m0 -3.8l3.8 6.6h-7.6z",
    "m0 3.8l3.8 -6.6h-7.6z",
    "m-3.2 -3.2l6.4 6.4m0 -6.4l-6.4 6.4",
)


def draw_curves(parent: ET.Element, panel: Curves, width: float) -> float:
    """Draw them and give their height."""
    top = heading(parent, panel.title, panel.note, width)
    if len(panel.lines) > 1 or any(line.name not in ("", panel.y_label) for line in panel.lines):
        top = _legend(parent, panel, top, width)
    y_range = _range([end for line in panel.lines for one in line.y for end in _ends(one)])
    x_range = _range([x for line in panel.lines for x in line.x if axis.drawable(x)])
    frame = framed(
        parent, top, width - PAD, _HEIGHT_PX, x_range, y_range,
        x_label=panel.x_label, y_label=panel.y_label,
    )  # fmt: skip
    for at, line in enumerate(panel.lines):
        if panel.joined:
            _band(parent, frame, line, at)
    for at, line in enumerate(panel.lines):
        _line(parent, frame, line, at, panel)
    return frame.bottom + BELOW_PX


def _range(values: Sequence[float]) -> tuple[float, float]:
    return axis.widened(min(values, default=0.0), max(values, default=1.0))


def _ends(one: Estimate | None) -> tuple[float, ...]:
    if one is None or not axis.drawable(one.value):
        return ()
    return one.value - _drawn(one.error), one.value + _drawn(one.error)


def _legend(parent: ET.Element, panel: Curves, top: float, width: float) -> float:
    room = width - 2 * PAD
    texts = [lines(line.name, int(room / text_width("0")) - 8, 1)[0] for line in panel.lines]
    rows = 0
    widths = [48 + text_width(text) for text in texts]
    for at, (row, x) in enumerate(places(widths, room)):
        rows = row + 1
        left, y = PAD + x, top + 18 * row + 5
        if panel.joined:
            _stroke(parent, at, f"M{left:.2f} {y:.2f}h24")
        _mark(parent, at, left + 12, y)
        tip = panel.lines[at].name if texts[at] != panel.lines[at].name else ""
        say(parent, left + 30, y + 4, texts[at], tip=tip)
    return top + 18 * rows + 8


def _colour(at: int) -> str:
    return f"series-{at % len(SERIES)}"


def _stroke(parent: ET.Element, at: int, path: str) -> None:
    dash = _DASHES[at % len(_DASHES)]
    more = {"stroke_dasharray": dash} if dash else {}
    draw(
        parent, "path", stroke=_colour(at), fill="none", d=path, stroke_width=2,
        stroke_linejoin="round", **more,
    )  # fmt: skip


def _mark(parent: ET.Element, at: int, x: float, y: float, tip: str = "") -> None:
    shape = _SHAPES[at % len(_SHAPES)]
    draw(
        parent, "path", fill=_colour(at) if shape.endswith("z") else "none", stroke=_colour(at),
        d=f"M{x:.2f} {y:.2f}{shape}", tip=tip,
    )  # fmt: skip


def _runs(line: Line) -> Iterator[list[tuple[float, Estimate]]]:
    """The pieces of a line between its gaps."""
    run: list[tuple[float, Estimate]] = []
    for x, one in zip(line.x, line.y, strict=True):
        if one is not None and axis.drawable(one.value) and axis.drawable(x):
            run.append((x, one))
        elif run:
            yield run
            run = []
    if run:
        yield run


def _band(parent: ET.Element, frame: Frame, line: Line, at: int) -> None:
    for run in _runs(line):
        if not any(one.error for _, one in run):
            continue
        upper = [(x, one.value + _drawn(one.error)) for x, one in run]
        lower = [(x, one.value - _drawn(one.error)) for x, one in reversed(run)]
        points = " ".join(f"{frame.x(x):.2f},{frame.y(y):.2f}" for x, y in (*upper, *lower))
        draw(parent, "polygon", fill=_colour(at), fill_opacity=".2", points=points)


def _line(parent: ET.Element, frame: Frame, line: Line, at: int, panel: Curves) -> None:
    runs = list(_runs(line))
    if panel.joined:
        for run in runs:
            points = "L".join(f"{frame.x(x):.2f} {frame.y(one.value):.2f}" for x, one in run)
            _stroke(parent, at, f"M{points}")
    few = sum(map(len, runs)) <= _MARKED
    for run in runs:
        if not (few or len(run) == 1):  # a point alone has no line to be seen by
            continue
        for x, one in run:
            left, y, error = frame.x(x), frame.y(one.value), _drawn(one.error)
            if error and (not panel.joined or len(run) == 1):
                low, high = frame.y(one.value - error), frame.y(one.value + error)
                draw(
                    parent, "path", stroke=_colour(at), fill="none", stroke_width=1.25,
                    d=f"M{left - 3:.2f} {low:.2f}h6M{left:.2f} {low:.2f}V{high:.2f}"
                    f"M{left - 3:.2f} {high:.2f}h6",
                )  # fmt: skip
            _mark(parent, at, left, y, _tip(panel, line, x, one))


def _drawn(error: float | None) -> float:
    return error if error is not None and axis.drawable(error) else 0.0


def _tip(panel: Curves, line: Line, x: float, one: Estimate) -> str:
    error = "" if one.error is None else f" ± {one.error:.3g}"
    return f"{line.name or panel.y_label} at {panel.x_label} = {x:.6g}: {one.value:.6g}{error}"
