"""Which picture results give, and that its numbers are theirs."""

import json
from dataclasses import replace
from math import cos, pi, sin, sqrt
from pathlib import Path

import pytest
from support.drawn import counted, swept

from qjobs.errors import InputError, UsageError
from qjobs.order import Order
from qjobs.pictures.picture import Curves, Estimate, HeatMap, Histogram
from qjobs.pictures.reference import Ideal, read_ideal
from qjobs.pictures.source import MOST_LINES, MOST_PANELS, Wish
from qjobs.pictures.sweeps import MOST_POINTS
from qjobs.pictures.whole import picture

THETAS = [{"theta": at * pi / 10} for at in range(11)]
GRID = [{"theta": float(a), "phi": float(b)} for a in range(4) for b in range(3)]


def test_circuits_have_a_histogram_each_and_the_title_says_whose_they_are() -> None:
    found = picture([counted([{"0": 3, "1": 1}, None])], Wish(order=Order.OUTCOME))

    first, second = found.panels
    assert isinstance(first, Histogram)
    assert isinstance(second, Histogram)
    assert found.title == "demo 0123456789ab · fake:"
    assert (first.title, first.note) == ("#0 c0", "4 shots")
    assert first.bars[0].shares == (Estimate(0.75, sqrt(0.75 * 0.25 / 4)),)
    assert (second.bars, second.note) == ((), "no result (done)")
    assert "√(p(1−p)/n)" in found.notes[0]  # noqa: RUF001


def test_a_picture_of_many_circuits_is_bounded_and_says_so() -> None:
    read = []
    source = counted([{"0": 1}] * 1000)

    def reading(circuits):
        read.extend(circuits)
        return source.read(circuits)

    found = picture([replace(source, read=reading)], Wish())

    assert len(found.panels) == len(read) == MOST_PANELS
    assert found.notes[1:] == (f"{1000 - MOST_PANELS} more circuits are not shown",)


def test_only_the_outcomes_that_are_wished_have_bars_and_shares_stay_shares_of_all() -> None:
    (panel,) = picture([counted([{"00": 1, "01": 2, "11": 1}])], Wish(y=("P(01)", "00"))).panels

    assert isinstance(panel, Histogram)
    assert [bar.label for bar in panel.bars] == ["01", "00", "1 more"]
    assert panel.bars[0].shares[0] is not None
    assert panel.bars[0].shares[0].value == 0.5


def test_a_sweep_of_counts_is_a_curve_of_each_frequent_outcome() -> None:
    def counts(row):
        ones = round(1000 * sin(row["theta"] / 2) ** 2)
        return {"0": 1000 - ones, "1": ones}

    (panel,) = picture([swept(THETAS, counts=counts)], Wish()).panels

    assert isinstance(panel, Curves)
    assert (panel.title, panel.x_label, panel.y_label) == ("r0", "theta", "share of the shots")
    assert [line.name for line in panel.lines] == ["P(0)", "P(1)"]
    for line, share in zip(panel.lines, (lambda t: cos(t / 2) ** 2, lambda t: sin(t / 2) ** 2),
                           strict=True):  # fmt: skip
        assert line.x == tuple(row["theta"] for row in THETAS)
        for x, one in zip(line.x, line.y, strict=True):
            assert one is not None
            assert one.error is not None
            assert one.value == pytest.approx(share(x), abs=5e-4)
            assert one.error == pytest.approx(sqrt(one.value * (1 - one.value) / 1000))


def test_a_sweep_of_observables_has_a_line_each_and_a_panel_a_circuit() -> None:
    source = swept(
        THETAS[::-1], evs=lambda row: [cos(row["theta"]), sin(row["theta"])],
        labels=["Z", "X"], records=2,
    )  # fmt: skip

    first, second = picture([source], Wish()).panels

    assert isinstance(first, Curves)
    assert (first.title, second.title) == ("r0", "r1")
    assert [line.name for line in first.lines] == ["Z", "X"]
    assert first.lines[0].x == tuple(sorted(row["theta"] for row in THETAS))
    assert first.lines[1].y[5] == Estimate(pytest.approx(1.0), 0.1)
    (only,) = picture([source], Wish(y=("X",))).panels[:1]
    assert isinstance(only, Curves)
    assert (only.y_label, [line.name for line in only.lines]) == ("X", ["X"])


def test_two_parameters_in_a_grid_are_a_heat_map_of_each_quantity() -> None:
    source = swept(GRID, evs=lambda row: [row["theta"] * 10 + row["phi"]], labels=["Z"])

    (panel,) = picture([source], Wish()).panels

    assert isinstance(panel, HeatMap)
    assert (panel.x_label, panel.y_label, panel.value_label) == ("theta", "phi", "Z")
    assert (panel.x, panel.y) == ((0, 1, 2, 3), (0, 1, 2))
    assert panel.values == tuple(tuple(10.0 * x + y for x in range(4)) for y in range(3))


def test_what_varies_is_told_from_the_circuit_with_most_rows() -> None:
    rows = [{"a": float(at), "b": float(at * at)} for at in range(400)]
    source = swept(rows, evs=lambda row: [row["a"]], labels=["Z"], records=2)
    some = (*range(4), *range(400, 800))  # of the first circuit only a few

    first, second = picture([replace(source, circuits=some)], Wish()).panels

    assert isinstance(first, Curves)
    assert isinstance(second, Curves)
    assert (first.x_label, len(first.lines[0].x), len(second.lines[0].x)) == ("row", 4, 400)


def test_over_one_of_two_parameters_there_is_a_line_for_each_value_of_the_other() -> None:
    source = swept(GRID, evs=lambda row: [row["theta"] * 10 + row["phi"]], labels=["Z"])

    (panel,) = picture([source], Wish(x=("theta",))).panels

    assert isinstance(panel, Curves)
    assert [line.name for line in panel.lines] == [f"Z, phi = {phi}" for phi in range(3)]
    assert [one.value for one in panel.lines[2].y if one] == [2, 12, 22, 32]


def test_of_too_many_lines_some_are_chosen_and_it_is_said() -> None:
    grid = [{"a": float(a), "b": float(b)} for a in range(3) for b in range(40)]
    source = swept(grid, evs=lambda row: [row["b"]], labels=["Z"])

    found = picture([source], Wish(x=("a",)))

    (panel,) = found.panels
    assert isinstance(panel, Curves)
    assert len(panel.lines) <= MOST_LINES
    assert panel.lines[-1].name != f"Z, b = {MOST_LINES - 1}"  # not merely the first ones
    assert f"of 40 values of b, {len(panel.lines)} are shown" in found.notes


def test_rows_that_are_no_grid_are_drawn_one_after_the_other() -> None:
    rows = [{"a": at * 0.5, "b": at * at * 1.0, "c": 1.0} for at in range(6)]
    source = swept(rows, evs=lambda row: [row["b"]], labels=["Z"])

    (panel,) = picture([source], Wish()).panels
    assert isinstance(panel, Curves)
    assert (panel.x_label, panel.lines[0].x) == ("row", (0, 1, 2, 3, 4, 5))
    # Over one of them there is one line all the same: the other goes along with it.
    (panel,) = picture([source], Wish(x=("b",))).panels
    assert isinstance(panel, Curves)
    assert (panel.x_label, len(panel.lines), panel.lines[0].x[-1]) == ("b", 1, 25)


def test_cells_with_several_rows_have_their_mean_and_it_is_said() -> None:
    rows = [{"a": a, "b": b, "c": c} for a in (0.0, 1.0) for b in (0.0, 1.0) for c in (0.0, 4.0)]
    source = swept(rows, evs=lambda row: [row["a"] + row["c"]], labels=["Z"])

    found = picture([source], Wish(x=("a", "b")))

    (panel,) = found.panels
    assert isinstance(panel, HeatMap)
    assert panel.values == ((2.0, 3.0), (2.0, 3.0))
    assert "a cell with several rows has their mean" in found.notes


def test_one_row_of_a_sweep_is_a_histogram_and_lost_values_leave_the_numbers_of_the_rows() -> None:
    source = swept(THETAS, counts=lambda row: {"0": 1})
    (panel,) = picture([replace(source, circuits=range(3, 4))], Wish()).panels
    assert isinstance(panel, Histogram)

    lost = swept(THETAS, counts=lambda row: {"0": 1}, lost=True)
    (panel,) = picture([lost], Wish()).panels
    assert isinstance(panel, Curves)
    assert (panel.x_label, panel.lines[0].x) == ("row", tuple(range(11)))


def test_a_sweep_of_very_many_rows_is_thinned_and_read_no_further() -> None:
    rows = [{"t": float(at)} for at in range(50_001)]
    read = 0
    source = swept(rows, counts=lambda row: {"0": 1})

    def reading(circuits):
        nonlocal read
        for row in source.read(circuits):
            read += 1
            yield row

    found = picture([replace(source, read=reading)], Wish())

    (panel,) = found.panels
    assert isinstance(panel, Curves)
    assert 1000 < len(panel.lines[0].x) <= MOST_POINTS
    assert read <= 2 * MOST_POINTS
    assert any("50,001 rows, evenly chosen" in note for note in found.notes)


def test_values_of_circuits_that_are_no_sweep_are_points() -> None:
    table = [{"x": 0.0}]
    source = swept(table, evs=lambda row: [0.5, -0.5], labels=["Z", "X"], records=3)

    (panel,) = picture([source], Wish()).panels

    assert isinstance(panel, Curves)
    assert not panel.joined
    assert panel.lines[0].x == (0, 1, 2)
    assert panel.lines[1].y == (Estimate(-0.5, 0.1),) * 3


def test_another_set_stands_beside_circuit_by_circuit() -> None:
    ours = counted([{"0": 3, "1": 1}, {"0": 1}], name="fez")
    theirs = counted([{"0": 1, "1": 1}, {"0": 4}], name="aer")

    first, second = picture([ours], Wish(), reference=theirs).panels

    assert isinstance(first, Histogram)
    assert isinstance(second, Histogram)
    assert first.series == ("fez", "aer")
    assert [bar.counts for bar in first.bars] == [(3, 1), (1, 1)]
    assert [bar.counts for bar in second.bars] == [(1, 4)]


def test_a_sweep_beside_another_has_its_lines_too() -> None:
    ours = swept(THETAS, evs=lambda row: [0.5], labels=["Z"], name="fez")
    theirs = swept(THETAS, evs=lambda row: [0.25], labels=["Z"], name="aer")

    (panel,) = picture([ours], Wish(), reference=theirs).panels

    assert isinstance(panel, Curves)
    assert [(line.name, line.y[0]) for line in panel.lines] == [
        ("Z · fez", Estimate(0.5, 0.1)), ("Z · aer", Estimate(0.25, 0.1)),
    ]  # fmt: skip


def test_a_distribution_from_a_file_stands_beside_by_name_or_for_all(tmp_path: Path) -> None:
    source = counted([{"00": 3, "11": 1}, {"00": 4}], names=["bell", "zero"])
    by_name = {"bell": {"00": 0.5, "11": 0.5}, "zero": {"00": 1}}
    (tmp_path / "named.json").write_text(json.dumps(by_name))
    (tmp_path / "one.json").write_text('{"00": 1, "11": 1}')

    first, second = picture(
        [source], Wish(), reference=read_ideal(str(tmp_path / "named.json"))
    ).panels
    assert isinstance(first, Histogram)
    assert isinstance(second, Histogram)
    assert first.series == ("demo", "named")
    assert [bar.shares[1] for bar in first.bars] == [Estimate(0.5), Estimate(0.5)]
    assert [bar.shares[1] for bar in second.bars] == [Estimate(1.0)]
    first, _ = picture([source], Wish(), reference=read_ideal(str(tmp_path / "one.json"))).panels
    assert isinstance(first, Histogram)
    assert [bar.shares[1] for bar in first.bars] == [Estimate(0.5), Estimate(0.5)]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[1]", "has no distribution"),
        ("{}", "has no distribution"),
        ('{"0": "x"}', "is no number"),
        ('{"0": true}', "is no number"),
        ('{"0": -1}', "has -1"),
        ('{"0": NaN}', "odd.json"),
        ('{"0": 0}', "nothing has a share"),
        ('{"a": {"0": 1}, "b": {}}', "nothing has a share"),
        ('{"a": {"0": 1}, "b": 1}', "is no number"),
        ("{", "odd.json"),
    ],
)
def test_what_is_no_distribution_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "odd.json").write_text(text)
    with pytest.raises(InputError, match=complaint) as caught:
        read_ideal(str(tmp_path / "odd.json"))
    assert "odd.json" in caught.value.message


BELL = counted([{"00": 1}], names=["bell"])
SWEEP = swept(THETAS, evs=lambda row: [0.5], labels=["ZZ"])
LARGE = swept([{"a": float(at), "b": float(-at)} for at in range(101)], counts=lambda _: {"0": 1})


@pytest.mark.parametrize(
    ("source", "wish", "reference", "complaint"),
    [
        (SWEEP, Wish(x=("thet",)), None, "no parameter 'thet'; near ones: theta"),
        (SWEEP, Wish(x=("b",)), None, "no parameter 'b': it has theta"),
        (BELL, Wish(x=("b",)), None, "no parameter 'b': it is no sweep"),
        (SWEEP, Wish(x=("theta",) * 3), None, "two axes"),
        (SWEEP, Wish(y=("Z",)), None, "no observable 'Z'; near ones: ZZ"),
        (BELL, Wish(y=("ZZ",)), None, "'ZZ' is no outcome"),
        (swept(THETAS, counts=lambda _: {"0": 1}), Wish(y=("P(2)",)), None, "'2' is no outcome"),
        (
            swept(THETAS, evs=lambda _: [1], labels=["Z"], lost=True),
            Wish(x=("theta",)),
            None,
            "lost",
        ),
        (LARGE, Wish(x=("a", "b")), None, "more than the 100 values"),
        (BELL, Wish(), counted([{"00": 1}] * 2), "1 circuits do not stand beside 2"),
        (BELL, Wish(), counted([{"0": 1}]), "not the same bits"),
        (BELL, Wish(), Ideal("i.json", {"": {"0": 1}}), "not the same bits"),
        (BELL, Wish(), Ideal("i.json", {"ghz": {"00": 1}}), "no distribution for 'bell'"),
        (SWEEP, Wish(), Ideal("i.json", {"": {"0": 1}}), "not beside a file"),
        (swept(GRID, counts=lambda _: {"0": 1}), Wish(), LARGE, "no room for another set"),
    ],
)
def test_what_cannot_be_drawn_is_said(source, wish, reference, complaint) -> None:
    with pytest.raises(UsageError, match=complaint):
        picture([source], wish, reference=reference)


def test_several_sets_are_one_picture_but_only_one_stands_beside_another() -> None:
    found = picture([BELL, SWEEP], Wish())
    assert [type(panel) for panel in found.panels] == [Histogram, Curves]
    assert len(found.notes) == 2
    with pytest.raises(UsageError, match="one set at a time"):
        picture([BELL, SWEEP], Wish(), reference=BELL)
