"""Layouts of circuits as they are written down.

Equal ones that follow each other are written once: a sweep has a million of them.
"""

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from qjobs.circuits.layout import Layout


def packed(layouts: Iterable[Layout]) -> list[tuple[Any, ...]]:
    """Each layout once, its fields after how many circuits in a row have it."""
    return [(sum(1 for _ in same), *layout) for layout, same in groupby(layouts)]


def unpacked(rows: Iterable[Any]) -> list[Layout]:
    """The layout of each circuit, from JSON. Raises TypeError and ValueError."""
    return [
        layout
        for number, clbits, registers, bits in rows
        for layout in [Layout(clbits, tuple(map(tuple, registers)), tuple(bits))] * number
    ]
