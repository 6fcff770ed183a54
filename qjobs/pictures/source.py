"""What pictures are made of: the results of a set, read as often as a picture needs them."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from qjobs.circuits.observables import observable_label
from qjobs.engine.address import Target
from qjobs.engine.report import SetReport
from qjobs.engine.result import CircuitRow, rows
from qjobs.engine.set.parcel import observables_of
from qjobs.engine.set.values import SweepValues
from qjobs.errors import UsageError
from qjobs.model import JobSet
from qjobs.near import near_ones
from qjobs.order import Order

_IN_BRACKETS = re.compile(r"^P\((.*)\)$")
_OUTCOME = re.compile(r"[01]+( [01]+)*")

MOST_PANELS = 24
"""A picture of more would be scrolled through, not looked at."""
MOST_LINES = 6
"""As many as can be told apart."""


@dataclass(frozen=True, slots=True)
class Source:
    """The results of some circuits of a set.

    `read` reads the rows of circuits, by ascending indices; `values` gives the values that one
    runs with. `labels` are short names of the observables. `name` is what the set is called.
    """

    job_set: JobSet
    circuits: Sequence[int]
    read: Callable[[Sequence[int]], Iterator[CircuitRow]]
    values: Callable[[int], Mapping[str, float] | None]
    labels: Sequence[str]
    name: str

    def observables(self, wish: "Wish") -> list[tuple[int, str]]:
        """The observables that are wanted, each with its place. Raises UsageError."""
        number = self.job_set.observables
        labels = [*self.labels, *(f"observable {at}" for at in range(len(self.labels), number))]
        for name in wish.y:
            if name not in labels:
                raise UsageError(f"there is no observable {name!r}{near_ones(name, labels)}")
        return [(at, label) for at, label in enumerate(labels) if not wish.y or label in wish.y]

    def outcomes(self, wish: "Wish") -> list[str]:
        """The outcomes that are wanted, named as `01` or `P(01)`. Raises UsageError."""
        found = [_IN_BRACKETS.sub(r"\1", name) for name in wish.y]
        for name in found:
            if not _OUTCOME.fullmatch(name):
                raise UsageError(f"{name!r} is no outcome of a measurement, such as 01 is")
        return found

    def record(self, circuit: int) -> int:
        """Which circuit of the files that is: in a sweep each of these runs with every row."""
        return (circuit - self.job_set.start_index) // self.job_set.bindings

    def row(self, circuit: int) -> int:
        """Which row of the values that circuit runs with."""
        return (circuit - self.job_set.start_index) % self.job_set.bindings


@dataclass(frozen=True, slots=True)
class Wish:
    """What of the results is to be seen: all that is left open is chosen by what there is.

    `top` outcomes, sorted by `order`; over one parameter `x`, or two; only the observables or
    outcomes `y`.
    """

    top: int | None = None
    order: Order = Order.COUNT
    x: tuple[str, ...] = ()
    y: tuple[str, ...] = ()


def source_of(target: Target, report: SetReport) -> Source:
    """The results of a target that are kept, called by the name of its set, or else its id."""
    folder = target.folder
    plan = folder.job_set
    return Source(
        plan,
        target.circuits,
        lambda circuits: rows(target._replace(circuits=tuple(circuits)), report),
        SweepValues(folder).of,
        [observable_label(observable) for observable in observables_of(folder)],
        plan.name or plan.set_id,
    )
