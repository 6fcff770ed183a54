"""The picture of results, whatever they are: counts, expectation values, a sweep of either."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

from qjobs.engine.result import CircuitRow
from qjobs.errors import UsageError
from qjobs.pictures.axes import choose
from qjobs.pictures.panels import histogram
from qjobs.pictures.picture import Curves, Histogram, Line, Panel, Picture
from qjobs.pictures.reference import (
    Distribution,
    Ideal,
    Reference,
    base_name,
    beside,
    check_as_many,
)
from qjobs.pictures.source import MOST_LINES, MOST_PANELS, Source, Wish
from qjobs.pictures.sweeps import MOST_POINTS, Drawn, expectation, sweep

_OF_COUNTS = "one standard error of sampling, √(p(1−p)/n)"  # noqa: RUF001
_OF_VALUES = "one standard error"
_TITLED = 3


def picture(
    sources: Sequence[Source], wish: Wish, *, reference: Reference | None = None
) -> Picture:
    """Draw all results, as far as they fit into one picture. Raises UsageError.

    With a `reference`, the results of one set are shown beside that.
    """
    if reference is not None and len(sources) != 1:
        raise UsageError("one set at a time stands beside another")
    if isinstance(reference, Source) and reference.name == sources[0].name:
        sources, reference = [_by_id(sources[0])], _by_id(reference)
    drawn = [_drawn(source, wish, reference) for source in sources]
    panels = [panel for one in drawn for panel in one.panels]
    notes = [note for one in drawn for note in one.notes]
    left = len(panels) - MOST_PANELS
    if left > 0:
        notes.append(f"{left:,} more panels are not shown")
    errors = [_errors(source, one.panels) for source, one in zip(sources, drawn, strict=True)]
    told = dict.fromkeys(filter(None, [*errors, *notes]))
    return Picture(_title(sources), tuple(panels[:MOST_PANELS]), tuple(told))


def _errors(source: Source, panels: Sequence[Panel]) -> str:
    """What the errors in panels are; empty where there are none."""
    if not any(isinstance(panel, Histogram | Curves) for panel in panels):
        return ""
    banded = any(isinstance(panel, Curves) and panel.joined for panel in panels)
    error = _OF_VALUES if source.job_set.observables else _OF_COUNTS
    return f"{'bands' if banded else 'whiskers'}: {error}"


def _by_id(source: Source) -> Source:
    return replace(source, name=source.job_set.set_id)


def _title(sources: Sequence[Source]) -> str:
    more = len(sources) - _TITLED
    plans = [source.job_set for source in sources]
    sets = ", ".join(f"{plan.name} {plan.set_id}".strip() for plan in plans[:_TITLED])
    where = dict.fromkeys(f"{plan.provider}:{plan.backend}" for plan in plans)
    return f"{sets}{f' and {more} more' if more > 0 else ''} · {', '.join(islice(where, _TITLED))}"


def _drawn(source: Source, wish: Wish, reference: Reference | None) -> Drawn:
    axes = choose(source, wish)
    if axes is not None:
        if isinstance(reference, Ideal):
            raise UsageError("a sweep stands beside another set, not beside a file")
        if reference is not None:
            if len(axes.names) == 2:
                raise UsageError(
                    "a heat map has no room for another set",
                    hint=f"draw curves: --x {axes.names[0]}",
                )
            check_as_many(source, reference)
        return sweep(source, axes, wish, against=reference)
    if source.job_set.observables:
        if isinstance(reference, Ideal):
            raise UsageError("expectation values stand beside another set, not beside a file")
        if reference is not None:
            check_as_many(source, reference)
        return _values(source, wish, reference)
    return _histograms(source, wish, reference)


def _histograms(source: Source, wish: Wish, reference: Reference | None) -> Drawn:
    shown = source.circuits[:MOST_PANELS]
    panels = [
        _histogram(row, wish, other, source, reference)
        for row, other in beside(reference, source, shown)
    ]
    left = len(source.circuits) - len(shown)
    return Drawn([*panels], [f"{left:,} more circuits are not shown"] if left else [])


def _histogram(
    row: CircuitRow,
    wish: Wish,
    other: Distribution | None,
    source: Source,
    reference: Reference | None,
) -> Histogram:
    if row.counts is None:
        reason = f": {row.message.splitlines()[0]}" if row.message else ""
        return Histogram(_name(row), (), note=f"no result ({row.state.value}{reason})")
    return histogram(
        row.counts,
        title=_name(row),
        note=_shots(row, None if isinstance(reference, Ideal) else other),
        top=wish.top,
        order=wish.order,
        against=other,
        exact=isinstance(reference, Ideal),
        only=source.outcomes(wish),
        names=("measured", "") if reference is None else (source.name, _called(reference)),
    )


def _shots(row: CircuitRow, other: Distribution | None) -> str:
    return f"{row.shots:,}{f' and {sum(other.values()):,.15g}' if other else ''} shots"


def _called(reference: Reference) -> str:
    return base_name(reference.path) if isinstance(reference, Ideal) else reference.name


def _name(row: CircuitRow) -> str:
    return f"#{row.index} {row.name}"


def _values(source: Source, wish: Wish, against: Source | None) -> Drawn:
    """Expectation values of circuits that are not a sweep: points over their indices."""
    chosen = source.observables(wish)
    compared = [source, against] if against else [source]
    lines = []
    shown = source.circuits[:MOST_POINTS]
    for one in compared:
        told = f" · {one.name}" if against else ""
        rows = list(one.read(one.circuits[: len(shown)]))
        lines += [
            Line(
                f"{label}{told}",
                tuple(map(float, shown)),
                tuple(expectation(row, at) for row in rows),
            )
            for at, label in chosen
        ]
    notes = []
    if len(lines) > MOST_LINES:
        notes.append(f"{len(lines) - MOST_LINES} more observables are not shown")
    if len(source.circuits) > len(shown):
        notes.append(f"{len(source.circuits) - len(shown):,} more circuits are not shown")
    alone = lines[0].name if len(lines) == 1 else "expectation value"
    return Drawn([Curves("", "circuit", alone, tuple(lines[:MOST_LINES]), joined=False)], notes)
