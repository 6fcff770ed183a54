"""How a table fits into a terminal: one rule for all tables.

Nothing is ever cut. Columns that have no room, those worth least, move under their rows or go;
numbers, ids, names and addresses stay whole, and text is broken between words.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from qjobs.render.columns import COLUMNS, Column
from qjobs.render.folding import GAP, INDENT, cell_length, folded
from qjobs.render.rows import Cell, Rows
from qjobs.render.text import clean

if TYPE_CHECKING:
    from rich.text import Text

Style: TypeAlias = Callable[[Cell], str]
"""The style of a cell, as rich knows it."""

_UNKNOWN = Column()
_MEASURE = re.compile(r"(?:< )?\d+(?:\.\d+)? [A-Za-z]+(?: \d+ [A-Za-z]+)?")


def table_lines(
    table: Rows, *, width: int, most: int | None, style: Style = lambda _: ""
) -> Iterator["Text"]:
    """The lines of a table of the first `most` rows (None: of all), none wider than `width`.

    Only a word that is wider is, such as an id of some vendors'. Each group of rows is laid out
    by itself.
    """
    from rich.text import Text

    rows = iter(table.rows)
    shown = islice(rows, most)
    if not table.group:
        yield from _grid(_laid(table.columns, list(shown), style), width)
    else:
        at = table.columns.index(table.group)
        columns = _without(table.columns, at)
        for number, (key, group) in enumerate(groupby(shown, itemgetter(at))):
            title = table.titles.get(str(key), str(key))
            if number or not title:
                yield Text()
            if title:
                yield from folded(Text(clean(title), "bold"), width)
            yield from _grid(_laid(columns, [_without(row, at) for row in group], style), width)
    if left := sum(1 for _ in rows):
        yield Text(f"... {left} more")


def _without(values: Sequence[Any], at: int) -> tuple[Any, ...]:
    return (*values[:at], *values[at + 1 :])


@dataclass(frozen=True, slots=True, eq=False)
class _Laid:
    """A column that is to be shown, `width` places wide if it is not broken."""

    name: str
    column: Column
    cells: Sequence[str]
    styles: Sequence[str]
    numbers: bool
    width: int

    @classmethod
    def of(cls, name: str, values: Sequence[Cell], style: Style) -> "_Laid":
        column = COLUMNS.get(name, _UNKNOWN)
        cells = [_shown(value, column) for value in values]
        return cls(
            name,
            column,
            cells,
            ["dim" if column.speaks else style(value) for value in values],
            numbers=all(_is_number(value, column) for value in values),
            width=max(map(cell_length, (name, *cells))),
        )

    @property
    def text(self) -> bool:
        return self.column.text and not self.numbers

    def says(self, row: int) -> bool:
        return self.cells[row] not in ("", str(self.column.usual))

    def fits(self, row: int, room: int) -> bool:
        return cell_length(self.cells[row]) <= room

    def worth_its_place(self, room: int) -> bool:
        """Whether the column is of use where there is so much room for it."""
        rows = range(len(self.cells))
        return len(self.name) <= room and any(self.says(at) and self.fits(at, room) for at in rows)


def _laid(columns: Sequence[str], rows: Sequence[Sequence[Cell]], style: Style) -> list[_Laid]:
    """The columns that say something, with the slices in one: `0-299`."""
    values = {name: [row[at] for row in rows] for at, name in enumerate(columns)}
    if "end" in values:
        values["start"] = [*map(_slice, values["start"], values.pop("end"))]
    made = [
        _Laid.of("slice" if name == "start" else name, of_name, style)
        for name, of_name in values.items()
    ]
    return [column for column in made if not rows or any(map(column.says, range(len(rows))))]


def _is_number(value: Cell, column: Column) -> bool:
    """Whether a cell, unless it is of text, is a number, with a unit or without, or nothing."""
    if isinstance(value, str) and value and not column.text:
        return _MEASURE.fullmatch(value) is not None
    return not isinstance(value, str) or not value


def _slice(start: Cell, end: Cell) -> str:
    return f"{start}-{end}" if start != end else str(start)


def _shown(value: Cell, column: Column) -> str:
    """The cell as it is shown; the lines of a text follow one another."""
    if isinstance(value, str) and column.text:
        return " ".join(map(clean, value.splitlines()))
    return clean(str(value))


class _Places(NamedTuple):
    """Which columns are beside one another, which of text is `last`, and which are `under` a row.

    `room` is what is left for the last one.
    """

    beside: Sequence[_Laid]
    last: _Laid | None
    under: Sequence[_Laid]
    room: int


def _places(columns: Sequence[_Laid], width: int) -> _Places:
    """The one rule: who stays, who moves, who goes."""
    first, *others = [column for column in columns if not column.text]
    stay = {first}
    room = width - first.width
    for column in sorted(others, key=lambda column: -column.column.worth):
        if len(GAP) + column.width <= room:
            stay.add(column)
            room -= len(GAP) + column.width
    text = [column for column in columns if column.text]
    room -= len(GAP)
    return _Places(
        beside=[column for column in columns if column in stay],
        last=text[0] if text and text[0].worth_its_place(room) else None,
        under=[
            column for column in columns
            if column not in stay and (column.text or not column.column.goes)
        ],
        room=room,
    )  # fmt: skip


def _grid(columns: Sequence[_Laid], width: int) -> Iterator["Text"]:
    """One group of rows: a heading, and each row with what has moved under it."""
    places = _places(columns, width)
    if not columns[0].column.speaks:
        yield _row(places, None)
    for row in range(len(columns[0].cells)):
        yield _row(places, row)
        if under := _under(places, row):
            yield from folded(under, width, first=INDENT)


def _row(places: _Places, row: int | None) -> "Text":
    """The cells of a row that are beside one another; the heading for None."""
    from rich.text import Text

    line = Text()
    for column in places.beside:
        cell = column.name if row is None else column.cells[row]
        blank = " " * (column.width - cell_length(cell))
        line.append(blank if column.numbers else "")
        line.append(cell, "dim" if row is None else column.styles[row])
        line.append(GAP if column.numbers else blank + GAP)
    if (last := places.last) is not None:
        if row is None:
            line.append(last.name, "dim")
        elif last.fits(row, places.room):
            line.append(last.cells[row], last.styles[row])
    line.rstrip()
    return line


def _under(places: _Places, row: int) -> "Text":
    """What stands under a row, each with its name unless that need not be said."""
    from rich.text import Text

    line = Text()
    for column in places.under:
        if not column.says(row) or (column is places.last and column.fits(row, places.room)):
            continue
        line.append(GAP if line else "")
        line.append("" if column.text else f"{column.name} ", "dim")
        line.append(column.cells[row], column.styles[row])
    return line
