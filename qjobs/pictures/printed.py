"""Pictures as PNG and PDF, for papers, by matplotlib, which draws the same description.

It is an extra, and loaded only here.
"""

import warnings
from collections.abc import Sequence
from importlib.util import find_spec
from textwrap import wrap
from typing import IO, TYPE_CHECKING, Any, assert_never

from qjobs.errors import UsageError
from qjobs.pictures import axis
from qjobs.pictures.colours import SERIES, SHADES, Scale
from qjobs.pictures.picture import Curves, HeatMap, Histogram, Line, Panel, Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLUMNS = 3
_WIDTH_INCHES = 4.8
_DPI = 160
_DASHES: Sequence[Any] = (
    "-",
    (0, (5, 2)),
    (0, (1, 1.5)),
    (0, (6, 2, 1, 2)),
    (0, (3, 1)),
    (0, (9, 2)),
)
_MARKS = "osD^vx"
_MARKED = 45
_LONGEST_LABEL = 26
_TITLE_CHARACTERS = 52
_NAMES_A_ROW = 2
_SETTINGS = {
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": SHADES["axis"].light,
    "axes.labelcolor": SHADES["ink"].light,
    "text.color": SHADES["ink"].light,
    "text.parse_math": False,  # names from outside are no formulas
    "xtick.color": SHADES["muted"].light,
    "ytick.color": SHADES["muted"].light,
    "grid.color": SHADES["grid"].light,
    "legend.frameon": False,
    "pdf.fonttype": 42,  # text stays text
}


def check_installed() -> None:
    """Raise UsageError unless matplotlib is there."""
    if find_spec("matplotlib") is None:
        raise UsageError(
            "PNG and PDF are drawn by matplotlib, which is not installed",
            hint="pip install 'qiskit-qjobs[plot]', or name an .svg or .html file",
        )


def write_picture(picture: Picture, stream: IO[bytes], format_: str) -> None:
    """Write it as `png` or `pdf`: the same bytes each time, on one machine."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    columns = min(len(picture.panels), 2 if len(picture.panels) == 4 else _COLUMNS) or 1
    rows = [picture.panels[at : at + columns] for at in range(0, len(picture.panels), columns)]
    heights = [max(map(_height, row)) for row in rows] or [1.0]
    # A glyph that no font has becomes a box, and need not be spoken of.
    with warnings.catch_warnings(), mpl.rc_context(_SETTINGS):
        warnings.simplefilter("ignore", UserWarning)
        figure = Figure(figsize=(columns * _WIDTH_INCHES, sum(heights) + 0.9), layout="constrained")
        figure.suptitle(_plain(picture.title), fontsize=12, fontweight="bold")
        if picture.notes:
            figure.supxlabel(
                _plain("\n".join(picture.notes)), fontsize=8, color=SHADES["muted"].light
            )
        grid = figure.add_gridspec(len(heights), columns, height_ratios=heights)
        for at, panel in enumerate(picture.panels):
            place = grid[at // columns, at % columns]
            draw(figure.add_subplot(place), panel, rows[at // columns])
        figure.savefig(stream, format=format_, dpi=_DPI, metadata=_METADATA[format_])


_METADATA = {"png": {"Software": None}, "pdf": {"CreationDate": None, "Producer": None}}


def _height(panel: Panel) -> float:
    if isinstance(panel, Histogram):
        return 1.2 + 0.19 * len(panel.bars) * len(panel.series)
    return 3.6


def _plain(text: str) -> str:
    """The text as matplotlib writes it, with what it cannot have shown as U+FFFD."""
    return "".join(char if char.isprintable() or char == "\n" else "\ufffd" for char in text)


def draw(axes: "Axes", panel: Panel, beside: Sequence[Panel]) -> None:
    """Draw a panel that stands in a row with those `beside` it."""
    match panel:
        case Histogram():
            names = panel.series if len(panel.series) > 1 else ()
            _histogram(axes, panel)
            # As thick as their neighbours, and no thicker where there are few.
            bars = [len(one.bars) * len(one.series) for one in beside if isinstance(one, Histogram)]
            axes.set_ylim(max(bars) / len(panel.series) - 0.5, -0.5)
        case Curves():
            alone = all(line.name in ("", panel.y_label) for line in panel.lines)
            names = () if alone else tuple(line.name for line in panel.lines)
            _curves(axes, panel)
        case HeatMap():
            names = ()
            _heat_map(axes, panel)
        case _:
            assert_never(panel)
    told = "\n".join([*wrap(panel.title, _TITLE_CHARACTERS), *filter(None, [panel.note])])
    rows = -(-len(names) // _NAMES_A_ROW)
    axes.set_title(_plain(told), loc="left", fontsize=9, pad=6 + 13 * rows)
    if names:
        axes.legend(
            loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2, ncols=_NAMES_A_ROW,
            fontsize=8,
        )  # fmt: skip


def _histogram(axes: "Axes", panel: Histogram) -> None:
    series = len(panel.series)
    high = 0.8 / series
    for at, name in enumerate(panel.series):
        found = [
            (place + (at - (series - 1) / 2) * high, bar, share)
            for place, bar in enumerate(panel.bars)
            if (share := bar.shares[at]) is not None
        ]
        colours = [
            SHADES["rest"].light if bar.rest else SERIES[at % len(SERIES)].light
            for _, bar, _ in found
        ]
        axes.barh(
            [place for place, _, _ in found],
            [100 * share.value for _, _, share in found],
            height=high * 0.92,
            color=[(colour, 1.0 if at == 0 else 0.25) for colour in colours],
            edgecolor=colours,
            label=_legend(name),
        )
        sure = [(place, share) for place, _, share in found if share.error]
        axes.errorbar(
            [100 * share.value for _, share in sure],
            [place for place, _ in sure],
            xerr=[100 * (share.error or 0) for _, share in sure],
            linestyle="", ecolor=SHADES["ink"].light, elinewidth=1, capsize=2,
        )  # fmt: skip
    axes.set_yticks(range(len(panel.bars)), [_shortened(bar.label) for bar in panel.bars])
    for label in axes.get_yticklabels():
        label.set_fontfamily("monospace")
    own = [bar for bar in panel.bars if not bar.rest] or panel.bars
    reach = max((s.value + (s.error or 0) for bar in own for s in bar.shares if s), default=0) or 1
    axes.set_xlim(0, 100 * reach * 1.02)
    axes.set_xlabel("share of the shots / %")
    axes.grid(axis="x")
    axes.set_axisbelow(True)
    for place, bar in enumerate(panel.bars):
        told = bar.shares[0]
        if bar.rest and told and told.value > reach:  # it does not fit, and says how far it goes
            axes.text(
                100 * reach, place, f"{told.value:.1%} ", ha="right", va="center", color="white"
            )


def _shortened(label: str) -> str:
    """An outcome, or both ends of one that is too long."""
    half = _LONGEST_LABEL // 2 - 1
    return _plain(label if len(label) <= _LONGEST_LABEL else f"{label[:half]}…{label[-half:]}")


def _legend(name: str) -> str:
    """A name as legends have it: they leave out what begins with an underscore."""
    return f" {_plain(name)}" if name.startswith("_") else _plain(name)


def _curves(axes: "Axes", panel: Curves) -> None:
    for at, line in enumerate(panel.lines):
        colour = SERIES[at % len(SERIES)].light
        x, y, error = _columns(line)
        few = len(x) <= _MARKED
        style = {"color": colour, "label": _legend(line.name), "ms": 4}
        mark = _MARKS[at % len(_MARKS)] if few or not panel.joined else ""
        if panel.joined:
            axes.plot(x, y, linestyle=_DASHES[at % len(_DASHES)], marker=mark, **style)
            low = [one - width for one, width in zip(y, error, strict=True)]
            high = [one + width for one, width in zip(y, error, strict=True)]
            axes.fill_between(x, low, high, color=colour, alpha=0.2, linewidth=0)
        else:
            axes.errorbar(x, y, yerr=error, linestyle="", marker=mark, capsize=2, **style)
    axes.set_xlabel(_plain(panel.x_label))
    axes.set_ylabel(_plain(panel.y_label))
    axes.grid(axis="y")
    axes.set_axisbelow(True)


def _columns(line: Line) -> tuple[list[float], list[float], list[float]]:
    """The numbers of a line; NaN interrupts it."""
    y = [_number(one.value if one else None) for one in line.y]
    error = [(one.error or 0.0) if one else 0.0 for one in line.y]
    return [_number(x) for x in line.x], y, [one if axis.drawable(one) else 0.0 for one in error]


def _number(value: float | None) -> float:
    return value if value is not None and axis.drawable(value) else float("nan")


def _heat_map(axes: "Axes", panel: HeatMap) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    shown = [v for row in panel.values for v in row if v is not None and axis.drawable(v)]
    scale = Scale.of(shown)
    colours = LinearSegmentedColormap.from_list("qjobs", list(scale.stops))
    colours = colours.with_extremes(bad=SHADES["grid"].light)
    cells = [[_number(value) for value in row] for row in panel.values]
    drawn = axes.pcolormesh(
        axis.edges(panel.x), axis.edges(panel.y), cells, cmap=colours,
        vmin=scale.low, vmax=scale.high, rasterized=True,
    )  # fmt: skip
    axes.set_xlabel(_plain(panel.x_label))
    axes.set_ylabel(_plain(panel.y_label))
    bar = axes.figure.colorbar(drawn, ax=axes)
    bar.set_label(_plain(panel.value_label))
