"""How results become a picture: the options of `--plot`, and what is drawn beside what."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from qjobs.cli import options
from qjobs.cli.addresses import find_targets
from qjobs.engine.address import Target
from qjobs.engine.report import SetReport
from qjobs.engine.workspace import Workspace
from qjobs.errors import UsageError
from qjobs.order import Order
from qjobs.pictures.kinds import check_kind
from qjobs.pictures.reference import Ideal, names_file, read_ideal
from qjobs.pictures.source import Wish, source_of
from qjobs.render.output import Output
from qjobs.render.pictures import save_picture
from qjobs.render.text import clean


class PlotOptions(NamedTuple):
    """What is drawn, and where."""

    plot: options.Plot = None
    against: options.Against = None
    sort: options.Sort = Order.COUNT
    x: options.OverX = None
    y: options.OnlyY = None

    def wish(self, top: int | None) -> Wish:
        """What of the results is to be seen."""
        return Wish(top, self.sort, tuple(self.x or ()), tuple(self.y or ()))

    def check(self) -> None:
        """Raise UsageError for what cannot be drawn, or if nothing is."""
        if self.plot is not None:
            check_kind(self.plot)
        elif self.against or self.x or self.y:
            raise UsageError(
                "--against, --x and --y say what is drawn, and nothing is",
                hint="add --plot FILE.svg",
            )


class Beside(NamedTuple):
    """What the results are held against: another set, or a distribution from a file."""

    target: Target | None = None
    ideal: Ideal | None = None


def beside(workspace: Workspace, against: str | None, warn: Callable[[str], None]) -> Beside:
    """Find what `--against` names. Raises InputError, NotFound, UsageError."""
    if against is None:
        return Beside()
    if names_file(against):
        return Beside(ideal=read_ideal(against))
    targets = find_targets(workspace, [against], warn)
    if len(targets) != 1:
        raise UsageError(f"--against {clean(against)} means {len(targets)} sets, not one")
    return Beside(target=targets[0])


def draw(
    output: Output,
    looked: Sequence[tuple[Target, SetReport]],
    other: tuple[Target, SetReport] | None,
    asked: PlotOptions,
    *,
    ideal: Ideal | None,
    top: int | None,
) -> None:
    """Draw results into the file that was asked for; those of `other`, or `ideal`, beside them."""
    # Imported here: few look at pictures.
    from qjobs.pictures.whole import picture

    assert asked.plot is not None
    sources = [source_of(target, report) for target, report in looked]
    reference = ideal if other is None else source_of(*other)
    save_picture(output, picture(sources, asked.wish(top), reference=reference), asked.plot)
