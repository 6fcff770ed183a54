"""The curves of a sweep on a terminal, under its numbers."""

from qjobs.pictures.axes import choose
from qjobs.pictures.picture import Curves
from qjobs.pictures.source import Source, Wish
from qjobs.pictures.sweeps import sweep
from qjobs.pictures.terminal import chart, typical_error
from qjobs.render.tables import console
from qjobs.render.text import clean, count

_FEWEST = 8  # rows; less is seen from the numbers
_CHARTS = 4
_INDENT = "  "


def print_curves(source: Source, *, top: int | None) -> None:
    """Print what a sweep gave over its parameter, if it has one and enough rows."""
    from rich.text import Text

    axes = choose(source, Wish()) if len(source.circuits) >= _FEWEST else None
    if axes is None:
        return
    out = console()
    if len(axes.names) == 2:
        said = f"over {clean(axes.names[0])} and {clean(axes.names[1])}: "
        out.print(f"{said}qjobs result {source.job_set.set_id} --plot FILE.svg", soft_wrap=True)
        return
    panels = [panel for panel in sweep(source, axes, Wish(top)).panels if isinstance(panel, Curves)]
    lines = [(panel, line) for panel in panels for line in panel.lines]
    for panel, line in lines[:_CHARTS]:
        rows = list(chart(panel, line, out.width - len(_INDENT)))
        if not rows:
            continue
        name = f"{clean(panel.title)}  " if len(panels) > 1 else ""
        heading = Text(f"{name}{clean(line.name)}", "bold")
        error = typical_error(line)
        heading.append(f"  ± {error:.1g}" if error else "", "not bold")
        out.print(heading, soft_wrap=True)
        for row in rows:
            text = Text(_INDENT).append(clean(row.mark), "dim").append(row.drawn, "cyan")
            out.print(text, soft_wrap=True)
    if len(lines) > _CHARTS:
        left = count(len(lines) - _CHARTS, "more curve")
        where = f"qjobs result {source.job_set.set_id} --plot FILE.svg"
        out.print(f"... {left}: {where}", soft_wrap=True)
