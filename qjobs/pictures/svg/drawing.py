"""A panel, or a whole picture, as the text of an SVG.

    svg(histogram({"00": 503, "11": 521}, title="bell"))

The same picture gives the same text. `width` is a number of pixels, and the height follows from
what is shown. For many pictures in one page: `style=False`, and paper.STYLE once.
"""

from typing import assert_never
from xml.etree import ElementTree as ET

from qjobs.pictures.picture import Curves, HeatMap, Histogram, Panel, Picture
from qjobs.pictures.svg.curves import draw_curves
from qjobs.pictures.svg.heat_map import draw_heat_map
from qjobs.pictures.svg.histogram import draw_histogram
from qjobs.pictures.svg.paper import (
    PAD,
    TEXT_PX,
    TITLE_PX,
    WIDTH,
    draw,
    lines,
    number,
    root,
    say,
    text_width,
    written,
)

_MOST_COLUMNS = 3


def svg(panel: Panel, *, width: int = WIDTH, style: bool = True, ground: bool = False) -> str:
    """One panel as an SVG; with `ground` it has a background of its own."""
    return written(element(panel, width=width, style=style, ground=ground))


def element(
    panel: Panel, *, width: int = WIDTH, style: bool = True, ground: bool = False
) -> ET.Element:
    """The same as `svg`, not written yet."""
    group = ET.Element("g")
    height = _draw(group, panel, width)
    drawing = root(width, height, label=_label(panel), style=style)
    if ground:
        draw(drawing, "rect", fill="ground", width=width, height=height)
    drawing.append(group)
    return drawing


def picture_svg(picture: Picture) -> str:
    """All panels in one SVG, in rows, with its own ground."""
    columns = _columns(len(picture.panels))
    width = columns * WIDTH
    content = ET.Element("g")
    y = float(PAD)
    for line in lines(picture.title, int((width - 2 * PAD) / text_width("0", 18)), 3):
        y += TITLE_PX + 6
        say(content, PAD, y, line, font_size=TITLE_PX + 3, font_weight="600")
    y += 4
    for start in range(0, len(picture.panels), columns):
        height = 0.0
        for column, panel in enumerate(picture.panels[start : start + columns]):
            place = f"translate({column * WIDTH} {number(y)})"
            group = draw(content, "g", transform=place, role="img", aria_label=_label(panel))
            height = max(height, _draw(group, panel, WIDTH))
        y += height
    for note in picture.notes:
        for line in lines(note, int((width - 2 * PAD) / text_width("0")), 3):
            y += TEXT_PX + 4
            say(content, PAD, y, line, fill="muted")
    y += PAD
    drawing = root(width, y, label=picture.title, style=True)
    draw(drawing, "rect", fill="ground", width=width, height=y)
    drawing.append(content)
    return written(drawing)


def _columns(panels: int) -> int:
    return 1 if panels < 2 else 2 if panels in (2, 4) else _MOST_COLUMNS


def _draw(parent: ET.Element, panel: Panel, width: float) -> float:
    match panel:
        case Histogram():
            return draw_histogram(parent, panel, width)
        case Curves():
            return draw_curves(parent, panel, width)
        case HeatMap():
            return draw_heat_map(parent, panel, width)
        case _:
            assert_never(panel)


def _label(panel: Panel) -> str:
    """What a screen reader says of a panel: what it is, and of a histogram its highest bars."""
    match panel:
        case Histogram():
            first = [
                f"{bar.label} {bar.shares[0].value:.1%}"
                for bar in panel.bars[:4]
                if bar.shares and bar.shares[0]
            ]
            return f"histogram of {panel.title}: {', '.join(first)}"
        case Curves():
            return f"{panel.y_label} over {panel.x_label}: {panel.title}"
        case HeatMap():
            return f"{panel.value_label} over {panel.x_label} and {panel.y_label}: {panel.title}"
        case _:
            assert_never(panel)
