"""The marks of an axis: round numbers, as few digits as tell them apart."""

from collections.abc import Sequence
from itertools import pairwise
from math import floor, isfinite, log10

_ROUND = (1, 2, 2.5, 5, 10)
_FINEST, _WIDEST = 1e-290, 1e290  # what a float can be divided and multiplied by within
_LARGEST = 1e289


def drawable(value: float) -> bool:
    """Whether a number has a place on an axis: it is finite, and not absurdly large."""
    return abs(value) <= _LARGEST


def ticks(low: float, high: float, *, most: int = 5) -> list[float]:
    """At most `most` round numbers from `low` to `high`, evenly spaced; two at least if they fit.

    Where the two are the same, or no numbers, that is the one mark.
    """
    if not (isfinite(low) and isfinite(high) and high > low):
        return [low] if isfinite(low) else [0.0]
    width = high - low
    if not _FINEST < width < _WIDEST:
        return [low, high]
    power = floor(log10(width / most))
    for step in (factor * 10.0**at for at in (power, power + 1) for factor in _ROUND):
        first, last = -floor(-low / step + 1e-9), floor(high / step + 1e-9)
        if last - first < most:
            return [number * step for number in range(first, last + 1)] or [low, high]
    return [low, high]


def widened(low: float, high: float) -> tuple[float, float]:
    """A range that has a width, and a little air around what it holds."""
    if not high > low:
        margin = abs(low) / 10 or 0.5
        return low - margin, high + margin
    margin = (high - low) / 25
    return low - margin, high + margin


def edges(values: Sequence[float]) -> list[float]:
    """The borders of cells around ascending values: half way between them, one more than values."""
    if len(values) < 2:
        low, high = widened(values[0], values[0]) if values else (0.0, 1.0)
        return [low, high]
    inner = [(low + high) / 2 for low, high in pairwise(values)]
    return [2 * values[0] - inner[0], *inner, 2 * values[-1] - inner[-1]]


def written(value: float, step: float = 0) -> str:
    """A mark in as many digits as tell it from its neighbours, `step` away."""
    if value == 0 or abs(value) < abs(step) / 1e6:
        return "0"
    if 1e-4 <= abs(value) < 1e6 and step and step >= 1e-6:
        digits = max(0, -floor(log10(step) + 1e-9))
        if abs(round(step, digits) - step) > step / 1e6:
            digits += 1
        text = f"{value:.{digits}f}"
    else:
        text = f"{value:.4g}"
    return text.replace("-", "\u2212")


def labels(marks: list[float]) -> list[str]:
    """The marks of an axis as text."""
    step = marks[1] - marks[0] if len(marks) > 1 else 0
    return [written(mark, step) for mark in marks]
