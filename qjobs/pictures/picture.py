"""What a picture shows, as frozen values. Colours and places are for those that draw it."""

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias


class Estimate(NamedTuple):
    """A number with its standard error, which is None where there is none to tell."""

    value: float
    error: float | None = None


@dataclass(frozen=True, slots=True)
class Bar:
    """An outcome: for each series of its histogram the share of the shots, from 0 to 1.

    `counts` are the numbers behind the shares. Where a series does not have the outcome at all,
    its share is None. `rest` says that the bar stands for all that have none of their own.
    """

    label: str
    shares: tuple[Estimate | None, ...]
    counts: tuple[float | None, ...]
    rest: bool = False

    def __post_init__(self) -> None:
        if len(self.shares) != len(self.counts):
            raise ValueError(f"{len(self.shares)} shares for {len(self.counts)} counts")


@dataclass(frozen=True, slots=True)
class Histogram:
    """How often each outcome was measured: one bar a series for each, from the top down.

    `note` stands beside the title, such as the number of shots.
    """

    title: str
    bars: tuple[Bar, ...]
    series: tuple[str, ...] = ("measured",)
    note: str = ""

    def __post_init__(self) -> None:
        for bar in self.bars:
            if len(bar.shares) != len(self.series):
                raise ValueError(f"{len(bar.shares)} shares of {bar.label!r}, not one a series")


@dataclass(frozen=True, slots=True)
class Line:
    """Values over x: None where there is none, which interrupts the line."""

    name: str
    x: tuple[float, ...]
    y: tuple[Estimate | None, ...]

    def __post_init__(self) -> None:
        if len(self.x) != len(self.y):
            raise ValueError(f"{len(self.x)} places for {len(self.y)} values of {self.name!r}")


@dataclass(frozen=True, slots=True)
class Curves:
    """Lines over the same axis, with their standard errors as a band.

    Where `joined` is false the points are apart: x numbers things without an order of their own.
    """

    title: str
    x_label: str
    y_label: str
    lines: tuple[Line, ...]
    note: str = ""
    joined: bool = True


@dataclass(frozen=True, slots=True)
class HeatMap:
    """Values over two axes: `values[j][i]` at `x[i]` and `y[j]`, None where there is none.

    Both axes ascend.
    """

    title: str
    x_label: str
    y_label: str
    value_label: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    values: tuple[tuple[float | None, ...], ...]
    note: str = ""

    def __post_init__(self) -> None:
        if [len(row) for row in self.values] != [len(self.x)] * len(self.y):
            raise ValueError(f"the values are not {len(self.y)} rows of {len(self.x)}")
        for axis in (self.x, self.y):
            if list(axis) != sorted(set(axis)):
                raise ValueError(f"the axis does not ascend: {axis}")


Panel: TypeAlias = Histogram | Curves | HeatMap


@dataclass(frozen=True, slots=True)
class Picture:
    """Panels under one title. `notes` say how to read them, and what was left out."""

    title: str
    panels: tuple[Panel, ...]
    notes: tuple[str, ...] = ()
