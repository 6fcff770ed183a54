"""How a table fits into a terminal: what each column is worth, and one rule for all tables.

Nothing is ever cut. Columns that do not fit, those worth least first, move under their rows or go;
numbers, ids, names and addresses stay whole, and text is broken between words.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from qjobs.render.folding import GAP, cell_length, folded, packed
from qjobs.render.rows import Cell, Rows
from qjobs.render.text import clean

if TYPE_CHECKING:
    from rich.text import Text

Style: TypeAlias = Callable[[Cell], str]
"""The style of a cell, as rich knows it."""


class Column(NamedTuple):
    """What a column is worth; the least leave first where there is not room for all.

    `goes`: it goes rather than moves under its row. `text`: words that explain themselves; such a
    column stands last, and a cell that is too long for it stands under its row. `usual`: what need
    not be said; a column of nothing else is left out.
    """

    worth: int = 5
    goes: bool = False
    text: bool = False
    usual: Cell = ""
    speaks: bool = False


_UNKNOWN = Column()

COLUMNS = {
    # What the row is about.
    "property": Column(9, speaks=True),
    "set": Column(9),
    "job": Column(9),
    "backend": Column(8),
    # How it is, and what else it is called.
    "state": Column(8),
    "outcome": Column(8),
    "name": Column(7),
    "job_id": Column(7),
    "slice": Column(6),
    # How much there is of it.
    "circuits": Column(5),
    "qubits": Column(5),
    "pending": Column(5),
    "found": Column(5),
    "queue_position": Column(5),
    "usage_s": Column(4),
    "attempt": Column(3, usual=1),
    "duplicate": Column(3),
    "duplicates": Column(3, usual=0),
    "kind": Column(2, usual="simulator"),
    # When it was.
    "created": Column(4),
    "waited": Column(3),
    "ran": Column(3),
    "waited_s": Column(2, goes=True),
    "ran_s": Column(2, goes=True),
    "started": Column(3),
    "ended": Column(3),
    "estimated_start": Column(3),
    "submitted": Column(2, goes=True),
    "finished": Column(2, goes=True),
    # In words.
    "jobs": Column(text=True),
    "summary": Column(text=True),
    "value": Column(text=True),
    "message": Column(text=True),
    "description": Column(text=True),
    "files": Column(text=True),
    "left out": Column(8),
    "waits_for": Column(text=True),
}
"""All columns that tables have."""


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
            ["bold" if column.speaks else style(value) for value in values],
            numbers=all(isinstance(value, int | float) or value == "" for value in values),
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
    if "start" in values and "end" in values:
        slices = map(_slice, values["start"], values.pop("end"))
        values = {
            "slice" if name == "start" else name: [*slices] if name == "start" else of_name
            for name, of_name in values.items()
        }
    made = [_Laid.of(name, of_name, style) for name, of_name in values.items()]
    return [column for column in made if not rows or any(map(column.says, range(len(rows))))]


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
    beside = [column for column in columns if not column.text]
    text = [column for column in columns if column.text]
    moved = []

    def room() -> int:
        return width - sum(column.width + len(GAP) for column in beside)

    while len(beside) > 1 and room() < -len(GAP):
        least = min(reversed(beside), key=lambda column: column.column.worth)
        beside.remove(least)
        if not least.column.goes:
            moved.append(least)
    last = text[0] if text and text[0].worth_its_place(room()) else None
    under = [column for column in columns if column in moved or column in text]
    return _Places(beside, last, under, room())


def _grid(columns: Sequence[_Laid], width: int) -> Iterator["Text"]:
    """One group of rows: a heading, and each row with what has moved under it."""
    places = _places(columns, width)
    if not columns[0].column.speaks:
        yield _row(places, None)
    for row in range(len(columns[0].cells)):
        yield _row(places, row)
        yield from packed(_fields(places, row), width)


def _row(places: _Places, row: int | None) -> "Text":
    """The cells of a row that are beside one another; the heading for None."""
    from rich.text import Text

    line = Text()
    for column in places.beside:
        cell = column.name if row is None else column.cells[row]
        blank = " " * (column.width - cell_length(cell))
        line.append(blank if column.numbers else "")
        line.append(cell, "bold" if row is None else column.styles[row])
        line.append(GAP if column.numbers else blank + GAP)
    if (last := places.last) is not None:
        if row is None:
            line.append(last.name, "bold")
        elif last.fits(row, places.room):
            line.append(last.cells[row], last.styles[row])
    line.rstrip()
    return line


def _fields(places: _Places, row: int) -> Iterator["Text"]:
    """What stands under a row."""
    from rich.text import Text

    for column in places.under:
        if not column.says(row) or (column is places.last and column.fits(row, places.room)):
            continue
        field = Text() if column.text else Text(f"{column.name} ", "dim")
        yield field.append(column.cells[row], column.styles[row])
