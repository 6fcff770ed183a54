"""Which parameters of a sweep become the axes of its picture."""

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple, TypeVar

from qjobs.errors import UsageError
from qjobs.near import near_ones
from qjobs.pictures import axis
from qjobs.pictures.source import Source, Wish

_Thing = TypeVar("_Thing")

MOST_CELLS = 100
"""As many values of a parameter have a cell each on an axis of a heat map."""


class Axes(NamedTuple):
    """What a sweep is drawn over: no parameter is the number of the row, two are a heat map.

    `others` are the parameters that vary besides.
    """

    names: tuple[str, ...]
    others: tuple[str, ...] = ()


def choose(source: Source, wish: Wish) -> Axes | None:
    """The axes of a sweep; None if nothing varies in it. Raises UsageError."""
    known = source.job_set.parameters
    for name in wish.x:
        if name not in known:
            of_set = f"the set {source.job_set.set_id} has no parameter {name!r}"
            raise UsageError(f"{of_set}{near_ones(name, known) or _some(known)}")
    if len(wish.x) > 2:
        raise UsageError(f"a picture has two axes at the most, not {len(wish.x)}")
    circuits = _of_one_record(source)
    if not known or len(circuits) < 2:
        return None
    varying = _varying(source, circuits)
    if wish.x and source.values(circuits[0]) is None:
        raise UsageError(f"the values of {wish.x[0]} are lost: {source.name} has its rows alone")
    if wish.x:
        if len(wish.x) == 2:
            _check_size(source, circuits, wish.x)
        return Axes(wish.x, tuple(name for name in varying if name not in wish.x))
    if len(varying) == 1:
        return Axes((varying[0],))
    if len(varying) == 2 and _is_grid(source, circuits, varying):
        return Axes((varying[0], varying[1]))
    return Axes((), tuple(varying))


def _some(known: Sequence[str]) -> str:
    more = ", ..." if len(known) > 5 else ""
    return f": it has {', '.join(known[:5])}{more}" if known else ": it is no sweep"


def _of_one_record(source: Source) -> Sequence[int]:
    """The circuits that stand for one circuit of the files: the one that runs with most rows."""
    records = (list(same) for _, same in groupby(source.circuits, key=source.record))
    return max(records, key=len, default=())


def _varying(source: Source, circuits: Sequence[int]) -> list[str]:
    """The parameters that have more than one value, in their order."""
    first = source.values(circuits[0])
    if first is None:  # lost
        return []
    left = dict(first)
    found = set()
    for circuit in circuits:
        values = source.values(circuit) or {}
        for name in [name for name, value in left.items() if values.get(name) != value]:
            found.add(name)
            del left[name]
        if not left:
            break
    return [name for name in source.job_set.parameters if name in found]


def _is_grid(source: Source, circuits: Sequence[int], names: Sequence[str]) -> bool:
    """Whether each value of the one goes with each of the other, once, and can have a cell."""
    if not 4 <= len(circuits) <= MOST_CELLS**2:
        return False
    pairs = [
        tuple(values[name] for name in names) for values in map(source.values, circuits) if values
    ]
    wide, high = ({pair[at] for pair in pairs} for at in (0, 1))
    return (
        len(set(pairs)) == len(pairs) == len(circuits) == len(wide) * len(high)
        and max(len(wide), len(high)) <= MOST_CELLS
        and all(map(axis.drawable, wide | high))
    )


def _check_size(source: Source, circuits: Sequence[int], names: Sequence[str]) -> None:
    for name in names:
        found: set[float] = set()
        values = (row[name] for row in map(source.values, circuits) if row)
        for value in values:
            found.add(value)
            if len(found) > MOST_CELLS:
                raise UsageError(
                    f"{name} has more than the {MOST_CELLS} values that fit into a heat map",
                    hint=f"name fewer circuits, or draw curves over it: --x {name}",
                )


def thinned(things: Sequence[_Thing], most: int) -> Sequence[_Thing]:
    """At most so many of some things, evenly spaced, the first among them."""
    step = -(-len(things) // most)
    return things[::step] if step > 1 else things
