"""The elements of an SVG, which is never put together as text: whatever is in it is escaped.

Colours are attributes, as on light ground; where a reader prefers a dark one, the style sheet
has the others. All classes begin with `q-`, so that pictures may stand in one page.
"""

import re
from collections.abc import Iterator
from textwrap import wrap
from typing import Any, Final
from unicodedata import east_asian_width
from xml.etree import ElementTree as ET

from qjobs.pictures.colours import SHADES

NAMESPACE: Final = "http://www.w3.org/2000/svg"
WIDTH: Final = 480
PAD: Final = 14
SANS: Final = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
MONO: Final = "ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace"
TITLE_PX: Final = 15
TEXT_PX: Final = 12
_SANS_EM, _BOLD_EM, _MONO_EM, _WIDE_EM = 0.56, 0.6, 0.605, 1.05

# XML 1.0 has no way to write any other character.
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_DARK = " ".join(
    f".q-f-{name} {{fill: {shade.dark}}} .q-s-{name} {{stroke: {shade.dark}}}"
    for name, shade in SHADES.items()
)
STYLE: Final = f"@media (prefers-color-scheme: dark) {{{_DARK}}}"


def legible(text: str) -> str:
    """The text as XML can have it."""
    return _ILLEGAL.sub("\ufffd", text)


def root(width: float, height: float, *, label: str, style: bool) -> ET.Element:
    """An SVG of that size, read out as `label`. Without `style` a page has to have STYLE once."""
    drawing = ET.Element(
        "svg",
        {
            "xmlns": NAMESPACE,
            "viewBox": f"0 0 {number(width)} {number(height)}",
            "width": number(width),
            "height": number(height),
            "role": "img",
            "aria-label": legible(label),
            "font-family": SANS,
            "font-size": str(TEXT_PX),
        },
    )
    if style:
        ET.SubElement(drawing, "style").text = STYLE
    return drawing


def written(drawing: ET.Element) -> str:
    """The SVG as text, without an XML declaration: it may stand in HTML as it is."""
    return ET.tostring(drawing, encoding="unicode", short_empty_elements=True)


def number(value: float) -> str:
    """A length or a place, to a hundredth of a pixel."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if value else "0"


def draw(
    parent: ET.Element,
    tag: str,
    *,
    fill: str = "",
    stroke: str = "",
    tip: str = "",
    text: str = "",
    **attributes: Any,
) -> ET.Element:
    """Add an element. `fill` and `stroke` are names of SHADES, or colours; `tip` is shown on it.

    The attributes are texts or numbers, their names with _ for -.
    """
    classes = []
    found: dict[str, str] = {}
    for name, mark, colour in (("fill", "f", fill), ("stroke", "s", stroke)):
        if colour in SHADES:
            classes.append(f"q-{mark}-{colour}")
            found[name] = SHADES[colour].light
        elif colour:
            found[name] = colour
    if classes:
        found["class"] = " ".join(classes)
    for name, value in attributes.items():
        found[name.replace("_", "-")] = legible(value) if isinstance(value, str) else number(value)
    element = ET.SubElement(parent, tag, found)
    if text:
        element.text = legible(text)
    if tip:
        ET.SubElement(element, "title").text = legible(tip)
    return element


def say(
    parent: ET.Element,
    x: float,
    y: float,
    text: str,
    *,
    fill: str = "ink",
    tip: str = "",
    **attributes: Any,
) -> ET.Element:
    """Text whose baseline is at y."""
    return draw(parent, "text", fill=fill, text=text, tip=tip, x=x, y=y, **attributes)


def text_width(
    text: str, size: float = TEXT_PX, *, mono: bool = False, bold: bool = False
) -> float:
    """About how wide a text is, in pixels: which font a reader has, nobody knows."""
    em = _MONO_EM if mono else _BOLD_EM if bold else _SANS_EM
    return size * sum(_WIDE_EM if east_asian_width(char) in "WF" else em for char in text)


def lines(text: str, characters: int, most: int) -> list[str]:
    """The text in lines of so many characters, `most` at the most: the last one may be cut."""
    found = wrap(text, max(characters, 4)) or [""]
    if len(found) > most:
        found = [*found[: most - 1], found[most - 1][: max(characters, 4) - 1] + "…"]
    return found


def outcome_lines(label: str, characters: int, most: int) -> list[str]:
    """A bit string in lines; of one that is too long, both ends."""
    if len(label) > characters * most:
        half = characters * most // 2 - 1
        label = f"{label[:half]}…{label[-half:]}"
    return [label[at : at + characters] for at in range(0, len(label), characters)] or [""]


def heading(parent: ET.Element, title: str, note: str, width: float) -> float:
    """The title and the note of a panel, and the place below them."""
    y = float(PAD)
    room = int((width - 2 * PAD) / (TITLE_PX * _BOLD_EM))
    for line in lines(title, room, 2) if title else []:
        y += TITLE_PX
        say(parent, PAD, y - 2, line, font_size=TITLE_PX, font_weight="600", tip=title)
        y += 4
    room = int((width - 2 * PAD) / (TEXT_PX * _SANS_EM))
    for line in lines(note, room, 3) if note else []:
        y += TEXT_PX
        say(parent, PAD, y, line, fill="muted")
        y += 5
    return y + 6


def places(widths: list[float], width: float) -> Iterator[tuple[int, float]]:
    """For things of these widths, one after the other, the row and the place in it of each."""
    row, x = 0, 0.0
    for one in widths:
        if x and x + one > width:
            row, x = row + 1, 0.0
        yield row, x
        x += one
