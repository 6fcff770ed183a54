"""The table of all circuits of a set, each in few enough bytes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from qjobs.engine.report import State
from qjobs.engine.result import CircuitRow
from qjobs.estimates import with_error
from qjobs.model import Source
from qjobs.render.rows import expectations
from qjobs.render.summaries import most_frequent

MOST_ROWS = 20_000
"""Circuits in the table of one set; of the others it says how to get at them."""

_MOST_COLUMNS = 6  # of parameters, and of observables
_MOST_OUTCOMES = 4
_BYTES = 2_000_000  # for all outcomes of a table
_LONGEST_NAME = 120
_LONGEST_MESSAGE = 160
_DIGITS = 6


class Outcome(NamedTuple):
    """One outcome, its share of all shots, and the shares of those before it."""

    bits: str
    share: float
    before: float


class Circuit(NamedTuple):
    """One row. `values` are those of the columns for parameters, then of those for observables.

    `more` outcomes are not among the `outcomes`, the most frequent of all.
    """

    circuit: int
    name: str
    source: str
    position: int
    job: int
    state: State
    message: str
    values: tuple[str, ...]
    outcomes: tuple[Outcome, ...]
    more: int
    arrays: str
    shots: int


class Table(NamedTuple):
    """The rows of a set, which may be read only once. `left` more of them are not there.

    There are columns for these `parameters` and `observables`, but not for `hidden` others.
    `several` are files with more than one circuit.
    """

    parameters: tuple[str, ...]
    observables: tuple[str, ...]
    rows: Iterator[Circuit]
    left: int
    hidden: int
    counts: bool
    several: frozenset[str]


def table(
    rows: Iterable[CircuitRow],
    circuits: int,
    *,
    parameters: Sequence[str] = (),
    labels: Sequence[str] = (),
    sources: Sequence[Source] = (),
) -> Table:
    """The table of `circuits` rows.

    `labels` name the observables.
    """
    names, shown = tuple(parameters[:_MOST_COLUMNS]), tuple(labels[:_MOST_COLUMNS])
    most = min(circuits, MOST_ROWS)
    room = _BYTES // max(1, most)
    return Table(
        names,
        shown,
        (_circuit(row, names, shown, room) for row in islice(rows, most)),
        circuits - most,
        len(parameters) + len(labels) - len(names) - len(shown),
        not labels,
        frozenset(
            source.path
            for source in sources
            if source.experiments_count > 1 or source.first is not None
        ),
    )


def _circuit(
    row: CircuitRow, parameters: Sequence[str], labels: Sequence[str], room: int
) -> Circuit:
    bound = row.parameters or {}
    known = [f"{bound[name]:.{_DIGITS}g}" if name in bound else "" for name in parameters]
    found = islice(expectations(row, labels), len(labels))
    measured = [with_error(value, std) for _, value, std in found]
    measured += [""] * (len(labels) - len(measured))
    outcomes, more = _outcomes(row.counts, room)
    return Circuit(
        row.index, _short(row.name, _LONGEST_NAME), row.source, row.position, row.job,
        # A circuit may give nothing though its job is done.
        State.ERROR if row.state is State.DONE and row.blank else row.state,
        _short(row.message, _LONGEST_MESSAGE) if row.blank else "",
        (*known, *measured), outcomes, more, ", ".join(row.arrays), row.shots,
    )  # fmt: skip


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _outcomes(counts: Mapping[str, int] | None, room: int) -> tuple[tuple[Outcome, ...], int]:
    """The most frequent outcomes, as many as there is room for, one at least; and how many more."""
    if not counts:
        return (), 0
    shots = sum(counts.values()) or 1
    shown: list[Outcome] = []
    before = 0.0
    for bits, number in most_frequent(counts.items())[:_MOST_OUTCOMES]:
        # With its markup, and its bar.
        room -= len(bits) + 90
        if shown and room < 0:
            break
        shown.append(Outcome(bits, number / shots, before))
        before += number / shots
    return tuple(shown), len(counts) - len(shown)
