from math import nan, sqrt

import pytest

from qjobs.order import Order
from qjobs.pictures.panels import MOST_BARS, curves, histogram, share
from qjobs.pictures.picture import Bar, Estimate, HeatMap, Histogram, Line

COUNTS = {"00": 10, "01": 40, "10": 20, "11": 30}


def labels(panel: Histogram) -> list[str]:
    return [bar.label for bar in panel.bars]


def test_bars_stand_by_falling_counts_or_by_outcome() -> None:
    assert labels(histogram(COUNTS)) == ["01", "11", "10", "00"]
    assert labels(histogram(COUNTS, order=Order.OUTCOME)) == ["00", "01", "10", "11"]


def test_the_rest_is_one_bar_and_nothing_is_lost() -> None:
    panel = histogram(COUNTS, top=2, order=Order.OUTCOME)

    assert labels(panel) == ["01", "11", "2 more"]
    rest = panel.bars[-1]
    assert rest.rest
    assert rest.counts == (30,)
    assert rest.shares == (Estimate(0.3, sqrt(0.3 * 0.7 / 100)),)


def test_there_are_never_more_bars_than_can_be_read() -> None:
    many = {f"{number:010b}": 1 for number in range(1000)}

    panel = histogram(many, top=500)

    assert len(panel.bars) == MOST_BARS + 1
    assert panel.bars[-1].label == "968 more"
    assert sum(bar.counts[0] or 0 for bar in panel.bars) == 1000


def test_an_ideal_distribution_stands_beside_without_an_error() -> None:
    panel = histogram({"0": 3, "1": 1}, against={"0": 0.5, "2": 0.5}, exact=True)

    assert panel.series == ("measured", "ideal")
    by_label = {bar.label: bar for bar in panel.bars}
    assert by_label["0"].shares == (Estimate(0.75, sqrt(0.75 * 0.25 / 4)), Estimate(0.5, None))
    assert by_label["2"].shares == (Estimate(0.0, 0.0), Estimate(0.5, None))
    assert by_label["2"].counts == (0, None)


def test_beside_others_the_bars_stand_by_their_own_counts() -> None:
    panel = histogram({"0": 5, "1": 3, "2": 2}, against={"1": 9, "3": 8}, top=3)
    assert labels(panel) == ["0", "1", "3", "1 more"]


def test_other_counts_stand_beside_with_the_error_of_their_own_shots() -> None:
    panel = histogram({"0": 4}, against={"0": 10, "1": 30}, names=("fez", "aer"))

    assert panel.series == ("fez", "aer")
    assert panel.bars[0].shares[1] == Estimate(0.25, sqrt(0.25 * 0.75 / 40))


def test_what_was_not_measured_at_all_is_an_empty_histogram() -> None:
    assert histogram({}).bars == ()
    assert share(0, 0) == Estimate(0.0, None)


def test_lines_go_from_left_to_right_and_leave_out_what_is_no_number() -> None:
    panel = curves([2, 0, 1], {"Z": [0.2, nan, 0.1]}, {"Z": [0.01, None, nan]})

    assert panel.lines == (Line("Z", (0, 1, 2), (None, Estimate(0.1, None), Estimate(0.2, 0.01))),)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Bar("0", (None,), (1, 2)),
        lambda: Histogram("", (Bar("0", (None,), (None,)),), ("a", "b")),
        lambda: Line("Z", (1.0,), ()),
        lambda: HeatMap("", "x", "y", "z", (1.0, 2.0), (1.0,), ((1.0,),)),
        lambda: HeatMap("", "x", "y", "z", (2.0, 1.0), (1.0,), ((1.0, 1.0),)),
    ],
)
def test_what_does_not_fit_together_cannot_be_made(wrong: object) -> None:
    with pytest.raises(ValueError, match=r"\d|ascend"):
        wrong()  # type: ignore[operator]
