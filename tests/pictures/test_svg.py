"""SVG read back by an XML parser: lengths and places against the numbers, by formula."""

import re
from math import cos, sqrt
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qjobs.pictures.colours import SERIES, SHADES, Scale
from qjobs.pictures.panels import MOST_BARS, curves, histogram
from qjobs.pictures.picture import Curves, HeatMap, Picture
from qjobs.pictures.svg.drawing import picture_svg, svg
from qjobs.pictures.svg.paper import STYLE

SVG = "{http://www.w3.org/2000/svg}"


def elements(text: str, tag: str) -> list[ET.Element]:
    return list(ET.fromstring(text).iter(f"{SVG}{tag}"))


def tipped(text: str, tag: str) -> dict[str, ET.Element]:
    """The elements with a tip, by its first word."""
    found = {}
    for element in elements(text, tag):
        tip = element.find(f"{SVG}title")
        if tip is not None and tip.text:
            found[tip.text.partition(":")[0]] = element
    return found


def numbers(path: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?[\d.]+", path)]


def test_bars_are_as_long_as_the_counts_say_and_their_whiskers_as_the_sampling_error() -> None:
    counts = {"00": 503, "01": 21, "10": 77, "11": 423}
    shots = sum(counts.values())

    drawn = svg(histogram(counts))

    bars = tipped(drawn, "rect")
    assert set(bars) == set(counts)
    (left,) = {float(bar.attrib["x"]) for bar in bars.values()}
    scale = float(bars["00"].attrib["width"]) / (503 / shots)
    for outcome, bar in bars.items():
        assert float(bar.attrib["width"]) == pytest.approx(
            counts[outcome] / shots * scale, abs=0.02
        )
    whiskers = [path.attrib["d"] for path in elements(drawn, "path") if "H" in path.attrib["d"]]
    for (_, count), whisker in zip(
        sorted(counts.items(), key=lambda item: -item[1]), whiskers, strict=True
    ):
        p = count / shots
        error = sqrt(p * (1 - p) / shots)
        low, *_, high = re.findall(r"M([\d.]+)", whisker)
        assert float(low) == pytest.approx(left + (p - error) * scale, abs=0.02)
        assert float(high) == pytest.approx(left + (p + error) * scale, abs=0.02)
    # The marks of the scale stand where that share of the shots would end.
    marks = [text for text in elements(drawn, "text") if (text.text or "").endswith("%")]
    for mark in marks:
        if mark.attrib.get("text-anchor") == "middle":
            share = float((mark.text or "").rstrip("%")) / 100
            assert float(mark.attrib["x"]) == pytest.approx(left + share * scale, abs=0.02)


def test_a_rest_that_is_higher_than_all_bars_is_cut_off_and_told_in_full() -> None:
    drawn = svg(histogram({f"{number:08b}": 1 for number in range(200)}, top=4))

    rest = tipped(drawn, "rect")["196 more"]
    longest = max(float(bar.attrib["width"]) for bar in tipped(drawn, "rect").values())
    assert float(rest.attrib["width"]) == longest
    assert "98.0%" in drawn


def test_points_of_a_curve_and_its_band_are_where_the_numbers_are() -> None:
    x = [0.0, 0.5, 1.5, 4.0]
    values = [cos(place) for place in x]
    errors = [0.1, 0.05, 0.2, 0.0]

    drawn = svg(curves(x, {"Z": values}, {"Z": errors}, x_label="theta", y_label="Z"))

    (line,) = [p for p in elements(drawn, "path") if p.attrib.get("stroke-width") == "2"]
    flat = numbers(line.attrib["d"])
    points = list(zip(flat[::2], flat[1::2], strict=True))
    (band,) = elements(drawn, "polygon")
    corners = [tuple(map(float, pair.split(","))) for pair in band.attrib["points"].split()]

    def placed(value: float, values: list[float], places: list[float]) -> float:
        share = (value - values[0]) / (values[-1] - values[0])
        return places[0] + share * (places[-1] - places[0])

    for at, (left, top) in enumerate(points):
        assert left == pytest.approx(placed(x[at], x, [p[0] for p in points]), abs=0.02)
        assert top == pytest.approx(placed(values[at], values, [p[1] for p in points]), abs=0.02)
        upper, lower = corners[at], corners[len(corners) - 1 - at]
        unit = (points[-1][1] - points[0][1]) / (values[-1] - values[0])
        assert upper[1] == pytest.approx(top + errors[at] * unit, abs=0.02)
        assert lower[1] == pytest.approx(top - errors[at] * unit, abs=0.02)


def test_a_value_that_is_missing_interrupts_the_line() -> None:
    drawn = svg(curves(range(5), {"Z": [0.0, 0.1, None, 0.3, 0.4]}, y_label="Z"))

    lines = [p for p in elements(drawn, "path") if p.attrib.get("stroke-width") == "2"]
    assert [len(numbers(line.attrib["d"])) // 2 for line in lines] == [2, 2]


def test_cells_of_a_heat_map_lie_around_their_values_and_have_their_colours() -> None:
    x, y = (0.0, 1.0, 3.0), (0.0, 2.0)
    values = ((-1.0, 0.0, 0.5), (1.0, 0.25, None))

    drawn = svg(HeatMap("h", "theta", "phi", "ZZ", x, y, values))

    at = tipped(drawn, "rect")
    scale = Scale.of([value for row in values for value in row if value is not None])
    for j, row in enumerate(values):
        for i, value in enumerate(row):
            cell = at[f"theta = {x[i]:g}, phi = {y[j]:g}"]
            expected = "#e3e7eb" if value is None else scale.colour(value)
            assert cell.attrib["fill"] == expected
    first, second, third = (at[f"theta = {value:g}, phi = 0"] for value in x)
    unit = float(first.attrib["width"])
    assert float(second.attrib["width"]) == pytest.approx(unit * 1.5, abs=0.02)
    assert float(third.attrib["width"]) == pytest.approx(unit * 2, abs=0.02)
    above = float(at["theta = 0, phi = 2"].attrib["y"])
    assert above + float(first.attrib["height"]) == pytest.approx(
        float(first.attrib["y"]), abs=0.02
    )


def test_values_on_both_sides_of_zero_are_pale_at_zero() -> None:
    scale = Scale.of([-0.2, 0.8])
    assert (scale.low, scale.high) == (-0.8, 0.8)
    assert scale.colour(0) == "#f7f7f7"
    assert scale.colour(0.8) == "#b2182b"
    assert Scale.of([0.0, 1.0]).colour(0) == "#440154"
    assert Scale.of([]).colour(0) == Scale.of([3.0]).colour(3.0) == "#440154"


EVIL = '<script>alert("1")</script>&\'\x00\x1b[31m\u202e\ud800'


@pytest.mark.parametrize(
    "panel",
    [
        histogram({EVIL: 3, "0": 1}, title=EVIL, note=EVIL, names=(EVIL, EVIL), against={EVIL: 1}),
        curves([0, 1], {EVIL: [0, 1], "b": [1, 0]}, title=EVIL, x_label=EVIL, y_label=EVIL),
        HeatMap(EVIL, EVIL, EVIL, EVIL, (0.0, 1.0), (0.0,), ((0.0, 1.0),), EVIL),
    ],
)
def test_names_from_outside_are_text_and_no_more(panel: Curves) -> None:
    drawn = picture_svg(Picture(EVIL, (panel, panel), (EVIL,)))

    root = ET.fromstring(drawn)
    allowed = {"svg", "g", "rect", "path", "polygon", "text", "title", "style"}
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= allowed
    assert not [name for e in root.iter() for name in e.attrib if name.startswith("on")]
    assert '<script>alert("1")</script>' in "".join(root.itertext())


@given(
    st.dictionaries(
        st.text(max_size=300),
        st.floats(0, 1e300) | st.integers(0, 1 << 62),
        max_size=40,
    ),
    st.text(max_size=200),
)
def test_any_counts_are_drawn_as_xml(counts: dict[str, float], title: str) -> None:
    ET.fromstring(svg(histogram(counts, title=title)))


@given(
    st.lists(
        st.tuples(st.floats(), st.floats() | st.none(), st.floats(min_value=0) | st.none()),
        max_size=12,
    )
)
def test_any_values_are_drawn_without_a_number_that_is_none(
    points: list[tuple[float, float | None, float | None]],
) -> None:
    x, values, errors = ([point[at] for point in points] for at in range(3))

    drawn = svg(curves(x, {"a": values}, {"a": errors}))  # type: ignore[arg-type, dict-item]

    ET.fromstring(drawn)
    for element in ET.fromstring(drawn).iter():
        assert not re.search(r"\b(nan|inf)", " ".join(element.attrib.values()).lower())


def test_text_stays_text_and_the_same_picture_is_the_same_file() -> None:
    panel = histogram({"01": 1}, title="bell")

    assert "bell" in [text.text for text in elements(svg(panel), "text")]
    assert svg(panel) == svg(panel)


def test_dark_ground_has_colours_of_its_own_for_all_that_is_drawn() -> None:
    drawn = svg(histogram({"0": 1}, against={"0": 1}), ground=True)

    used = set(re.findall(r"q-([fs]-[\w-]+)", " ".join(
        element.attrib.get("class", "") for element in ET.fromstring(drawn).iter()
    )))  # fmt: skip
    assert {"f-ground", "f-ink", "f-series-0", "s-series-1"} <= used
    assert all(f".q-{name} " in STYLE for name in used)
    assert "<style>" not in svg(histogram({"0": 1}), style=False)


def _luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.1 defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("ground", ["light", "dark"])
def test_text_and_lines_stand_out_from_their_ground(ground: str) -> None:
    def contrast(colour: str) -> float:
        low, high = sorted((_luminance(colour), _luminance(getattr(SHADES["ground"], ground))))
        return (high + 0.05) / (low + 0.05)

    assert all(contrast(getattr(SHADES[name], ground)) >= 4.5 for name in ("ink", "muted"))
    assert all(contrast(getattr(shade, ground)) >= 3 for shade in SERIES)


def test_a_picture_of_the_most_bars_is_small() -> None:
    counts = {f"{number:0127b}": number + 1 for number in range(1000)}
    assert len(svg(histogram(counts), style=False)) < 50_000
    assert len(histogram(counts).bars) == MOST_BARS + 1
