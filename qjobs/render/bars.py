"""Histograms for a terminal: bars of blocks, under a scale."""

from collections.abc import Iterator, Mapping
from math import ceil, floor, log10
from typing import TYPE_CHECKING

from qjobs.order import Order
from qjobs.render.folding import INDENT, chunks
from qjobs.render.summaries import ranked
from qjobs.render.text import clean, count

if TYPE_CHECKING:
    from rich.text import Text

_BLOCKS = " ▏▎▍▌▋▊▉█"
_LEAST_BAR = 8
_MOST_BAR = 100
_MOST_STEPS = 5
_PLACES_A_STEP = 8  # room for a number such as 0.05%


def histogram(
    counts: Mapping[str, int], top: int, width: int, *, order: Order = Order.COUNT
) -> Iterator["Text"]:
    """The `top` most frequent outcomes with bars that use the width there is, under their scale."""
    from rich.text import Text

    shown = ranked(counts, top, order)
    highest = max([1, *(number for _, number in shown)])
    measured = max(sum(counts.values()), 1)
    digits = len(str(highest))
    label = max(len(clean(outcome)) for outcome, _ in shown)
    numbers = digits + len("  100.0%  ")
    # Outcomes that leave no room for bars have lines of their own.
    apart = len("  ") + label + len("  ") + numbers + _LEAST_BAR > width
    before = INDENT if apart else len("  ") + label + len("  ")
    places = min(max(width - before - numbers, 1), _MOST_BAR)
    step, steps = scale_steps(highest / measured, places)
    yield Text(" " * (before + numbers) + scale(step, steps, places), "dim")
    for outcome, number in shown:
        line = Text(f"  {clean(outcome):<{label}}  ")
        if apart:
            yield from (Text(f"  {part}") for part in chunks(clean(outcome), width - 2))
            line = Text(" " * INDENT)
        line.append(f"{number:>{digits}}  {number / measured:6.1%}  ")
        line.append(bar(number / measured / (step * steps), places), "cyan")
        yield line
    if len(counts) > top:
        yield Text(f"  ... {count(len(counts) - top, 'more outcome')}", "dim")


def bar(share: float, places: int) -> str:
    """A bar of eighth blocks for a share from 0 to 1 of so many places; never empty but for 0."""
    eighths = max(round(share * places * 8), 1 if share > 0 else 0)
    full, rest = divmod(eighths, 8)
    return "█" * full + _BLOCKS[rest].strip()


def scale_steps(highest: float, places: int) -> tuple[float, int]:
    """The step of a scale from 0 that a share has room on, 1, 2 or 5 times a power of ten.

    And how many there are.
    """
    most = max(1, min(_MOST_STEPS, places // _PLACES_A_STEP))
    power = 10.0 ** floor(log10(highest / most))
    step = next(n * power for n in (1, 2, 5, 10) if _number(highest, n * power) <= most)
    return step, _number(highest, step)


def _number(highest: float, step: float) -> int:
    return max(1, ceil(highest / step - 1e-9))


def scale(step: float, steps: int, places: int) -> str:
    """The numbers of a scale in per cent, each where a bar of that share ends."""
    line = "0%"
    for at in range(1, steps + 1):
        line += f"{100 * at * step:g}%".rjust(round(places * at / steps) - len(line))
    return line
