"""Results as a picture: a notebook shows it, and it can be written into a file."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from qjobs import files
from qjobs.engine.report import SetReport
from qjobs.errors import UsageError
from qjobs.managed.open_set import OpenSet
from qjobs.order import Order
from qjobs.pictures.kinds import check_kind, drawn
from qjobs.pictures.picture import Picture
from qjobs.pictures.reference import Ideal, ideal
from qjobs.pictures.source import Source, Wish, source_of


class ResultPicture:
    """A picture of results. A notebook shows it where it is the last value of a cell."""

    def __init__(self, picture: Picture) -> None:
        self.picture = picture

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.picture.title}, {len(self.picture.panels)} panels>"

    def _repr_svg_(self) -> str:
        return drawn(self.picture, "shown.svg").decode()

    def save(self, file: str | Path) -> None:
        """Write it as `.svg`, `.html`, `.png` or `.pdf`; a file that is there is replaced.

        Raises UsageError if it cannot be written or drawn there: the last two need matplotlib.
        """
        path = Path(file)
        check_kind(str(path))
        contents = drawn(self.picture, str(path))
        try:
            files.replace(path, contents)
        except OSError as error:
            raise UsageError(f"cannot write {path}: {error.strerror or error}") from error


def draw(
    job_set: OpenSet,
    report: SetReport,
    wish: Wish,
    against: "tuple[OpenSet, SetReport] | Mapping[str, object] | None",
) -> ResultPicture:
    """Draw the results of a set, beside another one or beside a distribution. Raises UsageError."""
    # Imported here: few look at pictures.
    from qjobs.pictures.whole import picture

    reference: Source | Ideal | None = None
    if isinstance(against, tuple):
        reference = _source(*against)
    elif against is not None:
        reference = ideal(against, "ideal")
    return ResultPicture(picture([_source(job_set, report)], wish, reference=reference))


def wish_of(top: int | None, order: str, x: str | Sequence[str], y: str | Sequence[str]) -> Wish:
    """What is to be seen, from the arguments of a method. Raises UsageError."""
    if order not in tuple(Order):
        raise UsageError(f"outcomes are in the order of {' or '.join(Order)}, not of {order!r}")
    names = [(one,) if isinstance(one, str) else tuple(one) for one in (x, y)]
    return Wish(top, Order(order), *names)


def _source(job_set: OpenSet, report: SetReport) -> Source:
    return source_of(job_set.target(None), report)
