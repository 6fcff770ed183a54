"""What each column of a table is worth where there is not room for all of them."""

from typing import NamedTuple

from qjobs.render.rows import Cell


class Column(NamedTuple):
    """What a column is worth: those worth most have the places beside one another.

    `goes`: it goes rather than moves under its row. `text`: words that explain themselves, unless
    they are numbers; they come last, and under their row where there is no room. `usual`: what need
    not be said. `speaks`: it says what stands beside it, so that the table needs no heading.
    """

    worth: int = 5
    goes: bool = False
    text: bool = False
    usual: Cell = ""
    speaks: bool = False


COLUMNS = {
    # What the row is about.
    "property": Column(9, speaks=True),
    "left out": Column(9),
    "file": Column(9),
    "position": Column(9),
    "set": Column(9),
    "job": Column(9),
    "name": Column(8),
    "backend": Column(7),
    "key": Column(9),
    "origin": Column(4),
    "place": Column(3, goes=True),
    # How it is.
    "state": Column(8),
    "outcome": Column(8),
    "check": Column(9),
    "works": Column(8),
    "job_id": Column(7),
    "slice": Column(6),
    # How much there is of it.
    "circuits": Column(5),
    "results": Column(5),
    "provider": Column(5),
    "total": Column(8),
    "size": Column(8),
    "qubits": Column(5),
    "clbits": Column(4),
    "depth": Column(5),
    "two_qubit_gates": Column(5),
    "format": Column(4),
    "version": Column(3, goes=True),
    "pending": Column(5),
    "found": Column(5),
    "queue_position": Column(5),
    "usage_s": Column(4),
    "bytes": Column(6),
    "attempt": Column(3, usual=1),
    "duplicate": Column(3),
    "duplicates": Column(3, usual=0),
    "kind": Column(2, usual="simulator"),
    # When it was.
    "created": Column(4),
    "waited": Column(3, goes=True),
    "ran": Column(4),
    "waited_s": Column(2, goes=True),
    "ran_s": Column(2, goes=True),
    "started": Column(3),
    "ended": Column(3),
    "estimated_start": Column(3),
    "submitted": Column(2, goes=True),
    "finished": Column(2, goes=True),
    "as_of": Column(2, goes=True),
    # In words.
    "jobs": Column(text=True),
    "backends": Column(text=True),
    "registers": Column(text=True),
    "parameters": Column(text=True),
    "summary": Column(text=True),
    "value": Column(text=True),
    "message": Column(text=True),
    "description": Column(text=True),
    "detail": Column(text=True),
    "tags": Column(text=True),
    "files": Column(text=True),
    "waits_for": Column(text=True),
}
"""All columns that tables have."""
