"""A histogram: its bars lie on their sides, so that long outcomes stand beside or above them."""

from typing import NamedTuple
from xml.etree import ElementTree as ET

from qjobs.pictures import axis
from qjobs.pictures.picture import Bar, Estimate, Histogram
from qjobs.pictures.svg.paper import (
    MONO,
    PAD,
    TEXT_PX,
    draw,
    heading,
    outcome_lines,
    say,
    text_width,
)

_BESIDE = 22  # characters; longer outcomes stand above their bars
_MOST_LINES = 4
_LINE_PX = 15
_SHARE_PX = 50
_GAP_PX = 8


class _Lane(NamedTuple):
    """Where bars lie: the share `highest` ends at `right`."""

    left: float
    right: float
    highest: float

    def length(self, share: float) -> float:
        """How long the bar of a share is; none is longer than the lane."""
        return min(max(share, 0.0), self.highest) / self.highest * (self.right - self.left)


def draw_histogram(parent: ET.Element, panel: Histogram, width: float) -> float:
    """Draw it and give its height."""
    y = heading(parent, panel.title, panel.note, width)
    if len(panel.series) > 1:
        y = _legend(parent, panel, y)
    if not panel.bars:
        say(parent, PAD, y + TEXT_PX, "nothing was measured", fill="muted")
        return y + TEXT_PX + PAD
    characters = int((width - 2 * PAD) / text_width("0", mono=True))
    longest = max(len(bar.label) for bar in panel.bars)
    beside = longest <= _BESIDE
    # Of many outcomes the rest would dwarf all bars: it is cut off instead, and seen to be.
    own = [bar for bar in panel.bars if not bar.rest] or panel.bars
    lane = _Lane(
        PAD + (max(map(_label_width, panel.bars)) + 8 if beside else 0),
        width - PAD - _SHARE_PX,
        max(_reach(share) for bar in own for share in bar.shares) or 1.0,
    )
    thick, between = (15, 0) if len(panel.series) == 1 else (10, 2)
    bars = ET.SubElement(parent, "g")  # behind which the grid is drawn, once its height is known
    bits = draw(parent, "g", font_family=MONO)
    top = y
    for bar in panel.bars:
        if not beside:
            for line in (
                [bar.label] if bar.rest else outcome_lines(bar.label, characters, _MOST_LINES)
            ):
                y += _LINE_PX
                _label(parent if bar.rest else bits, bar, line, PAD, y - 4)
        height = len(bar.shares) * (thick + between) - between
        if beside:
            _label(
                parent if bar.rest else bits,
                bar,
                bar.label,
                lane.left - 8,
                y + height / 2 + 4,
                text_anchor="end",
            )
        for series, share in enumerate(bar.shares):
            _bar(bars, panel, bar, series, lane, y, thick)
            if share is not None:
                say(
                    parent, width - PAD, y + thick / 2 + 4, f"{share.value:.1%}",
                    fill="ink" if series == 0 else "muted", text_anchor="end",
                    font_size=TEXT_PX if thick > 12 else TEXT_PX - 1,
                )  # fmt: skip
            y += thick + between
        y += _GAP_PX - between
    _grid(parent, bars, lane, top - 3, y, lines=beside)
    return y + TEXT_PX + 6 + PAD


def _label_width(bar: Bar) -> float:
    return text_width(bar.label, mono=not bar.rest)


def _reach(share: Estimate | None) -> float:
    return 0.0 if share is None else share.value + (share.error or 0.0)


def _label(parent: ET.Element, bar: Bar, text: str, x: float, y: float, **attributes: str) -> None:
    tip = bar.label if text != bar.label else ""
    say(parent, x, y, text, fill="muted" if bar.rest else "ink", tip=tip, **attributes)


def _legend(parent: ET.Element, panel: Histogram, y: float) -> float:
    x = float(PAD)
    for series, name in enumerate(panel.series):
        _swatch(parent, series, x, y, 12, 10)
        say(parent, x + 18, y + 9, name, fill="muted")
        x += 18 + text_width(name) + 18
    return y + 22


def _swatch(
    parent: ET.Element, series: int, x: float, y: float, width: float, height: float, *,
    rest: bool = False, tip: str = "",
) -> None:  # fmt: skip
    """The body of a bar: full for the first series, an outline for those beside it."""
    fill = "rest" if rest else f"series-{series}"
    if series == 0:
        draw(parent, "rect", fill=fill, tip=tip, x=x, y=y, width=width, height=height, rx=1.5)
    else:
        draw(
            parent, "rect", fill=fill, stroke=fill, tip=tip, fill_opacity=".22",
            x=x + 0.5, y=y + 0.5, width=max(width - 1, 0), height=height - 1, rx=1,
        )  # fmt: skip


def _bar(
    parent: ET.Element, panel: Histogram, bar: Bar, series: int, lane: _Lane, y: float, thick: float
) -> None:
    """One bar and its whisker."""
    share, count = bar.shares[series], bar.counts[series]
    if share is None:
        return
    error = "" if share.error is None else f" ± {share.error:.2%}"
    number = "" if count is None else f"{count:,.15g}, "
    name = f"{panel.series[series]} " if len(panel.series) > 1 else ""
    tip = f"{bar.label}: {name}{number}{share.value:.2%}{error}"
    length = lane.length(share.value)
    _swatch(parent, series, lane.left, y, length, thick, rest=bar.rest, tip=tip)
    if share.value > lane.highest:
        slash = f"{y + thick + 2:.2f}l6 {-thick - 4:.2f}"
        path = "".join(f"M{lane.right - at:.2f} {slash}" for at in (22, 17))
        draw(parent, "path", stroke="ground", fill="none", d=path, stroke_width=2.5)
    elif share.error:
        low = lane.left + lane.length(share.value - share.error)
        high = lane.left + lane.length(share.value + share.error)
        middle, cap = y + thick / 2, thick / 4
        path = (
            f"M{low:.2f} {middle - cap:.2f}v{2 * cap:.2f}M{low:.2f} {middle:.2f}H{high:.2f}"
            f"M{high:.2f} {middle - cap:.2f}v{2 * cap:.2f}"
        )
        draw(
            parent, "path", stroke="ink", fill="none", d=path, stroke_width=1.25,
            stroke_opacity=".75", pointer_events="none",
        )  # fmt: skip


def _grid(
    parent: ET.Element, bars: ET.Element, lane: _Lane, top: float, bottom: float, *, lines: bool
) -> None:
    """The marks of the scale, below the bars, and their lines behind these."""
    behind = ET.Element("g")
    parent.insert(list(parent).index(bars), behind)
    marks = axis.ticks(0, lane.highest * 100)
    for mark, text in zip(marks, axis.labels(marks), strict=True):
        x = lane.left + lane.length(mark / 100)
        if lines or mark == 0:
            draw(
                behind, "path", stroke="axis" if mark == 0 else "grid", fill="none",
                d=f"M{x:.2f} {top:.2f}V{bottom:.2f}",
            )  # fmt: skip
        say(
            behind, x, bottom + TEXT_PX + 2, f"{text}%", fill="muted", text_anchor="middle",
            font_size=TEXT_PX - 1,
        )  # fmt: skip
