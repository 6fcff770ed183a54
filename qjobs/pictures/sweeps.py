"""Pictures of a sweep: curves over a parameter, and heat maps over two."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from qjobs.engine.result import CircuitRow
from qjobs.pictures import axis
from qjobs.pictures.axes import Axes, thinned
from qjobs.pictures.panels import share
from qjobs.pictures.picture import Curves, Estimate, HeatMap, Line, Panel
from qjobs.pictures.source import MOST_LINES, MOST_PANELS, Source, Wish

MOST_POINTS = 2000
_OUTCOMES = 4  # of their own accord
_FIXED_NAMED = 3
_COUNTED = 10_000  # outcomes, of which half are forgotten when there are more


class _Quantity(NamedTuple):
    """Something that has a value in each row: an observable, or the share of an outcome."""

    name: str
    of: Callable[[CircuitRow], Estimate | None]


class Drawn(NamedTuple):
    """Panels, and notes on what is not in them."""

    panels: list[Panel]
    notes: list[str]


def sweep(source: Source, axes: Axes, wish: Wish, *, against: Source | None = None) -> Drawn:
    """The panels of a sweep, one a circuit of the files or, of heat maps, one a quantity."""
    records = [list(same) for _, same in groupby(source.circuits, key=source.record)]
    quantities, left = _quantities(source, wish, thinned(source.circuits, MOST_POINTS))
    notes = [left] if left else []
    heat = len(axes.names) == 2
    most = MOST_PANELS // max(len(quantities), 1) if heat else MOST_PANELS
    if len(records) > most:
        notes.append(f"{len(records) - most:,} more circuits are not shown")
    panels: list[Panel] = []
    place = 0
    for circuits in records[:most]:
        others = against.circuits[place : place + len(circuits)] if against else ()
        place += len(circuits)
        if heat:
            panels += _heat_maps(source, axes, quantities, circuits, notes)
            continue
        compared = [(source, circuits), *([(against, others)] if against else [])]
        panels.append(_curves(compared, axes, quantities, notes))
    return Drawn(panels, list(dict.fromkeys(notes)))


def _quantities(source: Source, wish: Wish, circuits: Sequence[int]) -> tuple[list[_Quantity], str]:
    """What is drawn, and a note on what is not. Raises UsageError for what there is not."""
    if source.job_set.observables:
        chosen = source.observables(wish)
        left = len(chosen) - MOST_LINES
        note = f"{left} more observables are not shown: choose with --y" if left > 0 else ""
        return [_expectation(label, at) for at, label in chosen[:MOST_LINES]], note
    if wish.y:
        return [_probability(outcome) for outcome in source.outcomes(wish)[:MOST_LINES]], ""
    outcomes, all_of_them = _frequent(source.read(circuits))
    shown = outcomes[: min(wish.top or _OUTCOMES, MOST_LINES)]
    rest = len(outcomes) - len(shown)
    few = f"{rest:,}" if all_of_them else f"more than {rest:,}"
    note = f"{few} less frequent outcomes are not shown" if rest else ""
    return [_probability(outcome) for outcome in sorted(shown)], note


def _frequent(rows: Iterator[CircuitRow]) -> tuple[list[str], bool]:
    """The outcomes by falling frequency in all rows, and whether none was forgotten."""
    total: Counter[str] = Counter()
    whole = True
    for row in rows:
        shots = sum((row.counts or {}).values()) or 1
        for outcome, number in (row.counts or {}).items():
            total[outcome] += number / shots  # type: ignore[assignment]  # shares, which add up
        if len(total) > _COUNTED:
            total = Counter(dict(total.most_common(_COUNTED // 2)))
            whole = False
    return sorted(total, key=lambda outcome: (-total[outcome], outcome)), whole


def _expectation(label: str, at: int) -> _Quantity:
    return _Quantity(label, lambda row: expectation(row, at))


def expectation(row: CircuitRow, at: int) -> Estimate | None:
    """The value of an observable; None if there is none that could be drawn."""
    if row.evs is None or at >= len(row.evs) or not axis.drawable(row.evs[at]):
        return None
    std = row.stds[at] if row.stds and at < len(row.stds) else None
    return Estimate(row.evs[at], std if std is not None and axis.drawable(std) else None)


def _probability(outcome: str) -> _Quantity:
    def value(row: CircuitRow) -> Estimate | None:
        if row.counts is None:
            return None
        return share(row.counts.get(outcome, 0), sum(row.counts.values()))

    return _Quantity(f"P({outcome})", value)


class _Point(NamedTuple):
    """Where a row lies on the axis, what came of it, and which line it belongs to.

    Points of one line have the same `group`; `fixed` tells the values of the other parameters.
    """

    x: float
    group: int
    fixed: str
    values: tuple[Estimate | None, ...]


def _curves(
    compared: Sequence[tuple[Source, Sequence[int]]],
    axes: Axes,
    quantities: Sequence[_Quantity],
    notes: list[str],
) -> Curves:
    lines: list[Line] = []
    title = note = ""
    for source, all_of_them in compared:
        circuits = thinned(all_of_them, MOST_POINTS)
        if len(circuits) < len(all_of_them):
            chosen = f"{len(circuits):,} of {len(all_of_them):,} rows"
            notes.append(f"curves go through {chosen}, evenly chosen")
        points = []
        for row in source.read(circuits):
            title, note = title or row.name, note or _effort(row)
            points.append(_point(source, row, axes, quantities))
        lines += _lines(
            points, axes, quantities, f" · {source.name}" if len(compared) > 1 else "", notes
        )
    if len(lines) > MOST_LINES:
        notes.append(f"{len(lines) - MOST_LINES:,} more lines are not shown: choose with --y")
    expectations = bool(compared[0][0].job_set.observables)
    names = {line.name for line in lines}
    alone = quantities[0].name if len(names) == 1 and quantities else ""
    return Curves(
        title,
        axes.names[0] if axes.names else "row",
        alone or ("expectation value" if expectations else "share of the shots"),
        tuple(lines[:MOST_LINES]),
        note,
    )


def _effort(row: CircuitRow) -> str:
    return f"{row.shots:,} shots" if row.precision is None else f"precision {row.precision:g}"


def _point(source: Source, row: CircuitRow, axes: Axes, quantities: Sequence[_Quantity]) -> _Point:
    values = row.parameters or {}
    x = values.get(axes.names[0], float("nan")) if axes.names else source.row(row.index)
    others = axes.others if axes.names else ()
    # Of thousands of parameters the values are not kept, only whether they are the same.
    group = hash(tuple(values.get(name) for name in others))
    fixed = "".join(f", {name} = {values.get(name, 0):.4g}" for name in others[:_FIXED_NAMED])
    more = ", …" if len(others) > _FIXED_NAMED else ""
    return _Point(x, group, fixed + more, tuple(quantity.of(row) for quantity in quantities))


def _lines(
    points: list[_Point],
    axes: Axes,
    quantities: Sequence[_Quantity],
    told: str,
    notes: list[str],
) -> Iterator[Line]:
    """A line for each quantity and for each value of the parameters that vary besides.

    Where no two rows share these, they go along with x, and there is one line.
    """
    groups: dict[int, list[_Point]] = {}
    for point in points:
        groups.setdefault(point.group, []).append(point)
    if all(len(same) == 1 for same in groups.values()):
        groups = {0: [point._replace(fixed="") for point in points]}
    shown = thinned([*groups], max(MOST_LINES // len(quantities), 1)) if quantities else ()
    if len(shown) < len(groups):
        others = ", ".join(axes.others[:_FIXED_NAMED])
        notes.append(f"of {len(groups):,} values of {others}, {len(shown)} are shown")
    for group in shown:
        same = sorted(groups[group], key=lambda point: point.x)
        for at, quantity in enumerate(quantities):
            x = tuple(point.x for point in same)
            yield Line(
                f"{quantity.name}{same[0].fixed}{told}", x, tuple(p.values[at] for p in same)
            )


def _heat_maps(
    source: Source,
    axes: Axes,
    quantities: Sequence[_Quantity],
    circuits: Sequence[int],
    notes: list[str],
) -> Iterator[HeatMap]:
    """A heat map for each quantity; what several rows say of one cell is averaged."""
    title = note = ""
    cells: dict[tuple[float, float], list[_Mean]] = {}
    for row in source.read(circuits):
        title, note = title or row.name, note or _effort(row)
        values = row.parameters or {}
        x, y = (values.get(name, float("nan")) for name in axes.names)
        if not (axis.drawable(x) and axis.drawable(y)):
            continue
        means = cells.setdefault((x, y), [_Mean() for _ in quantities])
        for mean, quantity in zip(means, quantities, strict=True):
            mean.add(quantity.of(row))
    if any(mean.number > 1 for means in cells.values() for mean in means):
        notes.append("a cell with several rows has their mean")
    across, up = (tuple(sorted({cell[at] for cell in cells})) for at in (0, 1))
    x_label, y_label = axes.names
    for at, quantity in enumerate(quantities):
        known = {cell: means[at].value for cell, means in cells.items()}
        yield HeatMap(
            title, x_label, y_label, quantity.name, across, up,
            tuple(tuple(known.get((x, y)) for x in across) for y in up), note,
        )  # fmt: skip


class _Mean:
    """The mean of the values of a cell, of which most have one."""

    def __init__(self) -> None:
        self.number = 0
        self.total = 0.0

    def add(self, estimate: Estimate | None) -> None:
        """Take one more value into it, if there is one."""
        if estimate is not None:
            self.number += 1
            self.total += estimate.value

    @property
    def value(self) -> float | None:
        """The mean; None of no values."""
        return self.total / self.number if self.number else None
