"""A picture as a page of HTML: one file, without a script, in as many columns as there is room."""

from typing import Final
from xml.etree import ElementTree as ET

from qjobs.pictures.colours import SHADES
from qjobs.pictures.picture import Picture
from qjobs.pictures.svg.drawing import element
from qjobs.pictures.svg.paper import SANS, STYLE, legible

_INK, _MUTED, _GROUND, _GRID = (SHADES[name] for name in ("ink", "muted", "ground", "grid"))
_WIDTH: Final = 420  # of which a phone shows nearly all pixels, and a screen some more
_PAGE: Final = f"""
:root {{ color-scheme: light dark; --ink: {_INK.light}; --muted: {_MUTED.light};
  --ground: {_GROUND.light}; --grid: {_GRID.light} }}
@media (prefers-color-scheme: dark) {{ :root {{ --ink: {_INK.dark}; --muted: {_MUTED.dark};
  --ground: {_GROUND.dark}; --grid: {_GRID.dark} }} }}
body {{ margin: 0 auto; padding: 1rem; max-width: 100rem; color: var(--ink);
  background: var(--ground); font: 1rem/1.4 {SANS} }}
h1 {{ font-size: 1.25rem; margin: .25rem 0 1rem; overflow-wrap: anywhere }}
main {{ display: grid; gap: 1rem; align-items: start;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 24rem), 1fr)) }}
main.alone {{ grid-template-columns: minmax(0, 38rem) }}
figure {{ margin: 0; border: 1px solid var(--grid); border-radius: .5rem; padding: .25rem }}
svg {{ display: block; width: 100%; height: auto }}
text {{ font-variant-numeric: tabular-nums }}
footer {{ color: var(--muted); font-size: .875rem; margin-top: 1rem }}
footer p {{ margin: .25rem 0 }}
{STYLE}
"""


def page(picture: Picture) -> str:
    """The page as text."""
    html = ET.Element("html", lang="en")
    head = ET.SubElement(html, "head")
    ET.SubElement(head, "meta", charset="utf-8")
    ET.SubElement(head, "meta", name="viewport", content="width=device-width, initial-scale=1")
    ET.SubElement(head, "title").text = legible(picture.title)
    ET.SubElement(head, "style").text = _PAGE
    body = ET.SubElement(html, "body")
    ET.SubElement(body, "h1").text = legible(picture.title)
    panels = ET.SubElement(body, "main", {"class": "alone"} if len(picture.panels) == 1 else {})
    for panel in picture.panels:
        ET.SubElement(panels, "figure").append(element(panel, width=_WIDTH, style=False))
    footer = ET.SubElement(body, "footer")
    for note in picture.notes:
        ET.SubElement(footer, "p").text = legible(note)
    # As XML, for that escapes in attributes too; but what is empty in HTML has no end.
    text = ET.tostring(html, encoding="unicode", short_empty_elements=False)
    return f"<!doctype html>\n{text.replace('></meta>', '>')}\n"
