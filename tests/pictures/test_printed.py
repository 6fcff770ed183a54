"""The page and the printed pictures of the same description as the SVG."""

import io
import re
from html.parser import HTMLParser

import pytest

from qjobs.pictures.panels import curves, histogram
from qjobs.pictures.picture import HeatMap, Picture
from qjobs.pictures.svg.page import page

EVIL = "<script>alert(1)</script>&\"'\x00\x1b$\\frac{_"
PICTURE = Picture(
    EVIL,
    (
        histogram({"0": 3, "1": 1, EVIL: 1}, title=EVIL, note=EVIL, top=1),
        histogram({"0": 3, "1": 1}, against={"0": 1}, exact=True, names=("_a", EVIL)),
        histogram({}, title="nothing"),
        curves([0, 1, 2], {"_Z": [0.5, None, -0.5], EVIL: [1, 0, 0]}, {"_Z": [0.1, 0.1, 0]}),
        curves([0, 1], {"Z": [0.5, 0.1]}, {"Z": [0.1, 0.1]}, joined=False),
        HeatMap(EVIL, EVIL, "phi", EVIL, (0.0, 1.0), (0.0, 1.0), ((0.0, 1.0), (None, -1.0))),
    ),
    (EVIL,),
)


class Tags(HTMLParser):
    """The tags and the attributes of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_page_has_each_panel_and_loads_nothing() -> None:
    found = Tags(page(PICTURE))

    assert found.tags.count("svg") == len(PICTURE.panels)
    assert not {"script", "link", "img", "iframe", "object"} & set(found.tags)
    assert not [name for name, _ in found.attributes if name in {"src", "href"} or name[:2] == "on"]
    assert "<script>alert(1)</script>" in found.text
    assert "url(" not in page(PICTURE)
    assert "<script" not in page(PICTURE)


def test_a_page_has_one_style_for_all_and_one_for_dark_ground() -> None:
    text = page(PICTURE)
    assert text.count("<style>") == 1
    assert text.count("prefers-color-scheme: dark") == 2
    assert text.startswith("<!doctype html>")
    assert text == page(PICTURE)


@pytest.mark.parametrize(("format_", "magic"), [("png", b"\x89PNG"), ("pdf", b"%PDF")])
def test_the_same_picture_is_printed(format_: str, magic: bytes) -> None:
    pytest.importorskip("matplotlib", reason="the extra `plot` is not installed")
    from qjobs.pictures.printed import write_picture

    first, second = io.BytesIO(), io.BytesIO()
    for stream in (first, second):
        write_picture(PICTURE, stream, format_)
        write_picture(Picture("empty", ()), io.BytesIO(), format_)

    assert first.getvalue().startswith(magic)
    assert first.getvalue() == second.getvalue()


def test_printed_bars_are_as_long_as_the_counts_say() -> None:
    figures = pytest.importorskip("matplotlib.figure", reason="the extra `plot` is not installed")
    from qjobs.pictures.printed import draw

    axes = figures.Figure().add_subplot()
    panel = histogram({"00": 503, "11": 497, "01": 24})
    draw(axes, panel, [panel])

    assert [bar.get_width() for bar in axes.patches] == pytest.approx(
        [100 * count / 1024 for count in (503, 497, 24)]
    )
    assert [label.get_text() for label in axes.get_yticklabels()] == ["00", "11", "01"]


def test_a_pdf_has_its_text_as_text() -> None:
    matplotlib = pytest.importorskip("matplotlib", reason="the extra `plot` is not installed")
    from qjobs.pictures.printed import write_picture

    stream = io.BytesIO()
    with matplotlib.rc_context({"pdf.compression": 0}):
        write_picture(Picture("demo", (histogram({"0": 1}, title="bell"),)), stream, "pdf")

    assert b"/FontFile2" in stream.getvalue()  # TrueType, not outlines
    assert re.search(rb"\(bell\) ?Tj|\[.*\] ?TJ", stream.getvalue())
