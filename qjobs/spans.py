"""Runs of circuits, as addresses have them: `3-4,9`."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from qjobs.model import Slice

_NUMBER = r"(?:0|[1-9][0-9]{0,17})"
_RUN = rf"{_NUMBER}(?:-{_NUMBER})?"
_RUNS = re.compile(rf"{_RUN}(?:,{_RUN})*")


def runs_of(numbers: Iterable[int]) -> tuple[Slice, ...]:
    """The runs that numbers make, ascending."""
    return joined(Slice(number, 1) for number in numbers)


def joined(parts: Iterable[Slice]) -> tuple[Slice, ...]:
    """The circuits of all parts, as few ascending runs as can be."""
    runs: list[tuple[int, int]] = []
    for part in sorted(parts, key=lambda part: part.start_index):
        start, end = part.start_index, part.end_index
        if runs and start <= runs[-1][1] + 1:
            runs[-1] = runs[-1][0], max(end, runs[-1][1])
        else:
            runs.append((start, end))
    return tuple(Slice(start, end - start + 1) for start, end in runs)


def without(parts: Iterable[Slice], others: Iterable[Slice]) -> tuple[Slice, ...]:
    """The circuits of `parts` that are in none of `others`, as ascending runs."""
    # Where a circuit enters or leaves one of the two, what is kept may change.
    changes: list[tuple[int, int, int]] = []
    for run in joined(parts):
        changes += [(run.start_index, 1, 0), (run.end_index + 1, -1, 0)]
    for run in joined(others):
        changes += [(run.start_index, 0, 1), (run.end_index + 1, 0, -1)]
    changes.sort()
    kept = []
    wanted = taken = 0
    for (start, wants, takes), (end, _, _) in pairwise(changes):
        wanted, taken = wanted + wants, taken + takes
        if wanted and not taken and end > start:
            kept.append(Slice(start, end - start))
    return joined(kept)


def within(parts: Sequence[Slice], others: Iterable[Slice]) -> tuple[Slice, ...]:
    """The circuits of `parts` that are in one of `others` too, as ascending runs."""
    return without(parts, without(parts, others))


def left(part: Slice, retried: Sequence[Slice]) -> tuple[Slice, ...]:
    """The circuits that are a job's own: its slice, but for those that newer jobs have."""
    return without([part], retried) if retried else (part,)


def size(parts: Iterable[Slice]) -> int:
    """How many circuits there are in parts that have none in common."""
    return sum(part.experiments_count for part in parts)


def written(runs: Iterable[Slice]) -> str:
    """The runs in words: `3-4,9`."""
    return ",".join(
        str(run.start_index) if run.experiments_count == 1 else str(run) for run in runs
    )


def in_pieces(runs: Sequence[Slice], most: int) -> Iterator[str]:
    """Write runs in pieces of at most `most`; a comma at the end says that more follow."""
    pieces = [written(runs[at : at + most]) for at in range(0, max(1, len(runs)), most)]
    yield from (f"{piece}," for piece in pieces[:-1])
    yield pieces[-1]


def read(text: str) -> tuple[Slice, ...]:
    """The runs of `written`; empty text has none. Raises ValueError."""
    if not text:
        return ()
    if not _RUNS.fullmatch(text):
        raise ValueError(f"not runs of circuits: {text[:40]!r}")
    runs = []
    for word in text.split(","):
        first, _, last = word.partition("-")
        start, end = int(first), int(last or first)
        runs.append(Slice(start, end - start + 1))
    return joined(runs)
