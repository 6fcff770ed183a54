"""Content becomes HTML, in which nothing from outside is markup. The one importer of jinja2."""

import hashlib
from base64 import b64encode
from collections.abc import Iterable
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from qjobs.pictures.svg.paper import STYLE
from qjobs.render.page.content import Page
from qjobs.render.page.timeline import KIND_OF
from qjobs.render.text import clean, count, rfc3339

_ROWS_AT_FIRST = 50
_NUMBERS = 24
_MESSAGES = 20
_FILES = 200
"""Files that are named of one set."""


def render(page: Page) -> str:
    """The page as one document: its styles, its script and its pictures are in it.

    Its policy lets run, and load, nothing but these.
    """
    environment = Environment(
        loader=PackageLoader("qjobs.render.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_visible,
    )
    environment.filters |= {
        "percent": percent, "share": share, "rfc3339": rfc3339,
        "listed": listed, "block": block, "drawing": drawing,
    }  # fmt: skip
    environment.globals |= {
        "count": count,
        "kind_of": KIND_OF,
        "most_files": _FILES,
        "most_messages": _MESSAGES,
    }
    style = environment.get_template("page.css").render() + STYLE
    script = environment.get_template("page.js").render()
    return environment.get_template("page.html").render(
        page=page,
        style=Markup(style),  # noqa: S704 - our own
        script=Markup(script),  # noqa: S704 - our own
        policy=_policy([style], [script]),
        rows_at_first=_ROWS_AT_FIRST,
    )


def _policy(styles: Iterable[str], scripts: Iterable[str]) -> str:
    """The Content-Security-Policy (https://www.w3.org/TR/CSP3) that allows these, and no more."""
    return "; ".join(
        (
            "default-src 'none'",
            f"style-src {' '.join(map(_digest, styles))}",
            f"script-src {' '.join(map(_digest, scripts))}",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _digest(text: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _visible(value: object) -> Any:
    """Text with its control characters shown, and in characters that UTF-8 has."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return clean(value).encode(errors="backslashreplace").decode()


def percent(part: float) -> str:
    """A share as a length in SVG."""
    return f"{100 * part:.5g}%"


def drawing(svg: str) -> Markup:
    """An SVG, in whose texts nothing is escaped but what would be markup."""
    return Markup(clean(svg))  # noqa: S704 - of an XML library


def listed(numbers: str) -> str:
    """Numbers with room between them, and only the first of very many."""
    *first, last = numbers.split(",")
    if len(first) > _NUMBERS:
        return f"{', '.join(first[:_NUMBERS])}, …, {last}"
    return ", ".join((*first, last))


def block(text: str) -> Markup:
    """Several lines, as they stand."""
    return Markup("\n").join(map(_visible, text.splitlines()))


def share(part: float) -> str:
    """A share in words."""
    return f"{part:.1%}"
