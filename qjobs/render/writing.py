"""Documents and rows written to a stream, one inner object or one row at a time."""

import json
from collections.abc import Sequence
from typing import TextIO

from qjobs.render.data import DATA
from qjobs.render.output import Format, Output
from qjobs.render.rows import Cell, Rows
from qjobs.render.shapes import Document
from qjobs.render.text import clean

# Full-width ones are the same to spreadsheets of East Asia.
_BEGINS_FORMULA = tuple("=+-@\t\r\uff1d\uff0b\uff0d\uff20")


def show(
    output: Output, document: Document, table: Rows, *, most: int | None = 20, paged: bool = False
) -> None:
    """Write data to stdout: all of it for a program, a table of `most` rows for a person.

    It may be `paged`, where it is longer than the screen.
    """
    if output.format is Format.TABLE:
        from qjobs.render.tables import print_table

        print_table(table, most=most, paged=paged)
    else:
        write(DATA.stream, output.format, document, table, header=output.header)


def write(
    stream: TextIO,
    format_: Format,
    document: Document,
    table: Rows,
    *,
    header: bool = False,
) -> None:
    """Write TSV, CSV (always with a header), JSON or JSON Lines; a table is written as TSV."""
    match format_:
        case Format.JSON:
            _write_json(stream, document)
        case Format.JSONL:
            stream.writelines(f"{json.dumps(item)}\n" for item in document.inner)
        case Format.CSV:
            import csv

            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(map(_inert, _clean_row(table.columns)))
            writer.writerows(map(_inert, _clean_row(row)) for row in table.rows)
        case Format.TSV | Format.TABLE:
            if header:
                stream.write("\t".join(map(str, _clean_row(table.columns))) + "\n")
            stream.writelines("\t".join(map(str, _clean_row(row))) + "\n" for row in table.rows)


def _write_json(stream: TextIO, document: Document) -> None:
    """One document on one line, without ever holding all of its inner objects."""
    head = json.dumps({**document.head, document.key: []})
    stream.write(head.removesuffix("]}"))
    separator = ""
    for item in document.inner:
        stream.write(f"{separator}{json.dumps(item)}")
        separator = ", "
    stream.write("]}\n")


def _clean_row(row: Sequence[Cell]) -> list[Cell]:
    return [clean(cell) if isinstance(cell, str) else cell for cell in row]


def _inert(cell: Cell) -> Cell:
    """The cell as a spreadsheet shows it: a text that would be run as a formula is quoted."""
    if not isinstance(cell, str) or not cell.startswith(_BEGINS_FORMULA):
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell
