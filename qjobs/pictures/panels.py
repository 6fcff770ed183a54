"""Panels from plain numbers: counts of one circuit, values over an axis."""

from collections.abc import Collection, Mapping, Sequence
from math import isfinite, sqrt

from qjobs.order import Order
from qjobs.pictures.picture import Bar, Curves, Estimate, Histogram, Line

MOST_BARS = 32


def histogram(
    counts: Mapping[str, float],
    *,
    title: str = "",
    note: str = "",
    top: int | None = None,
    order: Order = Order.COUNT,
    against: Mapping[str, float] | None = None,
    exact: bool = False,
    only: Collection[str] = (),
    names: tuple[str, str] = ("measured", "ideal"),
) -> Histogram:
    """A histogram of how often each outcome was measured.

    It has the `top` most frequent outcomes, MOST_BARS at the most, or `only` these, and one bar
    for the rest.
    `against` are other counts, or with `exact` probabilities without an error of sampling, for
    bars beside those; what they are called says `names`. The error of a share p of n shots is
    sqrt(p (1 - p) / n).
    """
    compared = [counts] if against is None else [counts, against]
    totals = [sum(one.values()) for one in compared]
    outcomes = set().union(*compared)
    height = {
        outcome: max(
            one.get(outcome, 0) / (total or 1) for one, total in zip(compared, totals, strict=True)
        )
        for outcome in outcomes
    }
    ranked = sorted(outcomes, key=lambda outcome: (-height[outcome], outcome))
    wanted = [outcome for outcome in ranked if not only or outcome in only]
    shown = wanted[: min(top or MOST_BARS, MOST_BARS)]
    left = [outcome for outcome in ranked if outcome not in set(shown)]
    if order is Order.OUTCOME:
        shown.sort()
    else:
        shown.sort(key=lambda outcome: -counts.get(outcome, 0))
    errors = [True, not exact]

    def bar(label: str, own: Sequence[str], *, rest: bool = False) -> Bar:
        found = [sum(one.get(outcome, 0) for outcome in own) for one in compared]
        shares = (
            share(number, total, sampled=sampled)
            for number, total, sampled in zip(found, totals, errors, strict=False)
        )
        kept = (number if sampled else None for number, sampled in zip(found, errors, strict=False))
        return Bar(label, tuple(shares), tuple(kept), rest=rest)

    bars = [bar(outcome, [outcome]) for outcome in shown]
    if left:
        bars.append(bar(f"{len(left):,} more", left, rest=True))
    return Histogram(title, tuple(bars), names[: len(compared)], note)


def share(number: float, total: float, *, sampled: bool = True) -> Estimate:
    """The share of a count in all shots, with its standard error if it was `sampled`.

    That is the binomial one, sqrt(p (1 - p) / n).
    """
    p = number / total if total else 0.0
    inside = min(max(p, 0.0), 1.0)  # what was mitigated may lie outside
    return Estimate(p, sqrt(inside * (1 - inside) / total) if sampled and total > 0 else None)


def curves(
    x: Sequence[float],
    values: Mapping[str, Sequence[float | None]],
    errors: Mapping[str, Sequence[float | None]] | None = None,
    *,
    title: str = "",
    x_label: str = "",
    y_label: str = "",
    note: str = "",
    joined: bool = True,
) -> Curves:
    """Lines over the same x, by their names, with standard errors where there are some.

    They are drawn from the lowest x to the highest. What is None or no finite number is left out.
    """
    order = sorted(range(len(x)), key=lambda at: x[at])
    lines = []
    for name, column in values.items():
        own = (errors or {}).get(name) or [None] * len(column)
        lines.append(
            Line(
                name,
                tuple(x[at] for at in order),
                tuple(_estimate(column[at], own[at]) for at in order),
            )
        )
    return Curves(title, x_label, y_label, tuple(lines), note, joined=joined)


def _estimate(value: float | None, error: float | None) -> Estimate | None:
    if value is None or not isfinite(value):
        return None
    return Estimate(value, error if error is not None and isfinite(error) else None)
