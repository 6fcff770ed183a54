"""Recovered sets as rows and as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from qjobs.render.rows import Rows
from qjobs.render.shapes import Document

if TYPE_CHECKING:
    from qjobs.engine.recover import Recovery


def recovered_rows(recoveries: Iterable[Recovery]) -> Rows:
    """A row a set."""
    return Rows(
        ("set", "backend", "circuits", "jobs", "found", "duplicates", "outcome"),
        (
            (
                recovery.set_id,
                recovery.backend,
                recovery.circuits,
                recovery.jobs,
                recovery.found,
                recovery.duplicates,
                recovery.outcome,
            )
            for recovery in recoveries
        ),
    )


def recovered_document(recoveries: Iterable[Recovery]) -> Document:
    """`qjobs.recover/1`: what was found of each set, and what became of it."""
    inner = (
        {
            "id": recovery.set_id,
            "backend": recovery.backend,
            "circuits": recovery.circuits,
            "jobs": recovery.jobs,
            "found": recovery.found,
            "duplicates": recovery.duplicates,
            "outcome": recovery.outcome.value,
            "problems": list(recovery.problems),
        }
        for recovery in recoveries
    )
    return Document({"schema": "qjobs.recover/1"}, "sets", inner)
