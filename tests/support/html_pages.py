"""What stands in a page of HTML, by the standard library's parser."""

from html.parser import HTMLParser
from typing import NamedTuple

_VOID = ("meta", "link", "input", "br", "img")
_ENDS = {"td": ("td", "th"), "th": ("td", "th"), "tr": ("tr",)}


class Element(NamedTuple):
    """An element, by its name, its attributes, and the text that is in it."""

    name: str
    attributes: dict[str, str]
    text: list[str]

    @property
    def words(self) -> str:
        """All that is in it as text."""
        return "".join(self.text)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[Element] = []
        self._open: list[Element] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        # The ends of cells and rows may be left out.
        ends = _ENDS.get(tag, ())
        names = [element.name for element in self._open]
        if ends and "table" in names:
            inner = len(names) - names[::-1].index("table")
            last = next((at for at in range(inner, len(names)) if names[at] in ends), len(names))
            del self._open[last:]
            self.handle_data(" ")
        element = Element(tag, {name: value or "" for name, value in attrs}, [])
        self.found.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(Element(tag, {name: value or "" for name, value in attrs}, []))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop().name != tag:
            pass

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text.append(data)


def elements(page: str, name: str = "") -> list[Element]:
    """The elements of a page in order, or those of one name."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    return [element for element in reader.found if name in ("", element.name)]


def commands(page: str) -> list[str]:
    """The commands that a page shows, each as one would copy it."""
    return [
        element.words for element in elements(page, "pre") if element.words.startswith("qjobs ")
    ]
