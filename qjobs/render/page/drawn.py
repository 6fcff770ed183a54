"""The pictures of a page: each as SVG in the widths that suit a page and a telephone."""

from collections.abc import Sequence
from typing import NamedTuple

from qjobs.pictures.picture import Curves, Panel
from qjobs.pictures.svg.drawing import svg

_NARROW, _WIDE = 340, 720
_FEW = 3
"""Curves that are drawn as wide as the page; more stand side by side."""
_MOST_BYTES = 1_500_000  # of all pictures of a set


class Drawing(NamedTuple):
    """One panel as SVG, which is markup already. `wide` is empty if there is no room for that."""

    narrow: str
    wide: str = ""


def draw(panels: Sequence[Panel]) -> tuple[Drawing, ...]:
    """The panels in their order, as many as there is room for."""
    few = len(panels) <= _FEW
    drawings: list[Drawing] = []
    room = _MOST_BYTES
    for panel in panels:
        wide = ""
        if few and isinstance(panel, Curves):
            wide = svg(panel, width=_WIDE, style=False)
        drawing = Drawing(svg(panel, width=_NARROW, style=False), wide)
        room -= sum(map(len, drawing))
        if room < 0:
            break
        drawings.append(drawing)
    return tuple(drawings)
