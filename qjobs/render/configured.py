"""Rows and the JSON shape of settings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from qjobs.render.rows import Rows
from qjobs.render.shapes import Document


class Setting(NamedTuple):
    """A value that is in force. `origin` is default, environment, project or user.

    `place` is a variable, or a file with a line; None for a default of the program.
    """

    key: str
    value: Any
    origin: str
    place: str | None = None


def shown(value: Any) -> str:
    """A value as text: what is no text or number as JSON."""
    return value if isinstance(value, str) else json.dumps(value, default=str)


def setting_rows(found: Sequence[Setting], *, origin: bool) -> Rows:
    """A row a setting."""
    columns = ("key", "value", "origin", "place") if origin else ("key", "value")
    return Rows(
        columns,
        ((one.key, shown(one.value), one.origin, one.place or "")[: len(columns)] for one in found),
    )


def setting_document(found: Sequence[Setting]) -> Document:
    """`qjobs.config/1`: what is set, and where."""
    inner = (
        {
            "key": one.key,
            "value": json.loads(json.dumps(one.value, default=str)),
            "origin": one.origin,
            "place": one.place,
        }
        for one in found
    )
    return Document({"schema": "qjobs.config/1"}, "settings", inner)
