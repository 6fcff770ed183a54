"""Colours that people who see red and green as one can tell apart, on light and on dark ground."""

from collections.abc import Sequence
from itertools import pairwise
from types import MappingProxyType
from typing import NamedTuple


class Shade(NamedTuple):
    """A colour on light ground, and what stands for it on dark ground."""

    light: str
    dark: str


# Lines and bars: of Okabe and Ito's palette (https://jfly.uni-koeln.de/color), lighter on dark.
SERIES = (
    Shade("#0072b2", "#56b4e9"),
    Shade("#d55e00", "#f58b4c"),
    Shade("#009e73", "#3ccfa3"),
    Shade("#b8538f", "#e6a3cb"),
    Shade("#9a7500", "#f0e442"),
    Shade("#4d4d4d", "#c8c8c8"),
)

SHADES = MappingProxyType(
    {
        "ground": Shade("#ffffff", "#14171c"),
        "ink": Shade("#1f2328", "#e8ebee"),
        "muted": Shade("#59636e", "#9ea7b1"),
        "grid": Shade("#e3e7eb", "#2c323a"),
        "axis": Shade("#8c959f", "#6e7781"),
        "rest": Shade("#a3acb5", "#656e78"),
        **{f"series-{at}": shade for at, shade in enumerate(SERIES)},
    }
)

# Matplotlib's viridis: as bright as the value is high, for every eye and in print.
_RISING = (
    "#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30",
    "#fde725",
)  # fmt: skip
# ColorBrewer's RdBu: pale at zero, blue below it and red above.
_SIGNED = (
    "#2166ac", "#4393c3", "#92c5de", "#d1e5f0", "#f7f7f7", "#fddbc7", "#f4a582", "#d6604d",
    "#b2182b",
)  # fmt: skip


class Scale(NamedTuple):
    """Values from `low` to `high` as colours, which are `stops` at even distances."""

    low: float
    high: float
    stops: Sequence[str]

    @classmethod
    def of(cls, values: Sequence[float]) -> "Scale":
        """The scale of some values: with zero in the middle where they lie on both sides of it."""
        low, high = min(values, default=0.0), max(values, default=0.0)
        if low < 0 < high:
            most = max(-low, high)
            return cls(-most, most, _SIGNED)
        return cls(low, high, _RISING)

    def colour(self, value: float) -> str:
        """The colour of a value within the scale."""
        width = self.high - self.low
        place = (value - self.low) / width * (len(self.stops) - 1) if width else 0.0
        at = min(int(place), len(self.stops) - 2)
        (first, second) = list(pairwise(self.stops))[at]
        parts = (
            round(
                int(first[i : i + 2], 16) * (1 - place + at)
                + int(second[i : i + 2], 16) * (place - at)
            )
            for i in (1, 3, 5)
        )
        return "#" + "".join(f"{part:02x}" for part in parts)
