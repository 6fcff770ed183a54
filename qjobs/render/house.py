"""Rows and JSON shapes of what is removed, relabelled or measured."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from qjobs.render.rows import Cell, Rows
from qjobs.render.shapes import Document
from qjobs.render.text import rfc3339, size

if TYPE_CHECKING:
    from pathlib import Path

    from qjobs.engine.du import Usage
    from qjobs.engine.remove import Removal
    from qjobs.model import JobSet
    from qjobs.store.leftovers import Leftover


def _outcome(removal: Removal, *, dry_run: bool) -> str:
    if removal.keeps is not None:
        return "kept"
    return "to be removed" if dry_run else "removed"


def _why(removal: Removal) -> str:
    return removal.problem if removal.keeps is None else removal.keeps.message


def freed_bytes(removals: Iterable[Removal]) -> int:
    """What those that are gone, or would be, took."""
    return sum(removal.size_bytes for removal in removals if removal.keeps is None)


def removal_rows(removals: Sequence[Removal], *, dry_run: bool, human: bool) -> Rows:
    """A row a set; sizes for a person, or in bytes."""
    return Rows(
        ("set", "name", "outcome", "size" if human else "bytes", "message"),
        (
            (
                removal.job_set.set_id,
                removal.job_set.name,
                _outcome(removal, dry_run=dry_run),
                _cell(removal.size_bytes, human=human),
                _why(removal),
            )
            for removal in removals
        ),
    )


def removal_document(removals: Sequence[Removal], *, dry_run: bool) -> Document:
    """`qjobs.removal/1`: what became of the wish to remove each set."""
    head = {
        "schema": "qjobs.removal/1", "dry_run": dry_run, "freed_bytes": freed_bytes(removals),
    }  # fmt: skip
    inner = (
        {
            "id": removal.job_set.set_id,
            "name": removal.job_set.name,
            "provider": removal.job_set.provider,
            "backend": removal.job_set.backend,
            "created": rfc3339(removal.job_set.created),
            "outcome": _outcome(removal, dry_run=dry_run),
            "bytes": removal.size_bytes,
            "code": None if removal.keeps is None else removal.keeps.code,
            "message": _why(removal),
        }
        for removal in removals
    )
    return Document(head, "sets", inner)


def leftover_rows(found: Iterable[Leftover], *, human: bool) -> Rows:
    """A row a thing that no set needs."""
    return Rows(
        ("kind", "name", "size" if human else "bytes"),
        ((one.kind.value, one.name, _cell(one.size_bytes, human=human)) for one in found),
    )


def leftover_document(found: Sequence[Leftover], *, dry_run: bool) -> Document:
    """`qjobs.gc/1`: what no set needs any more."""
    freed = sum(one.size_bytes for one in found)
    head = {"schema": "qjobs.gc/1", "dry_run": dry_run, "freed_bytes": freed}
    inner = ({"kind": one.kind.value, "name": one.name, "bytes": one.size_bytes} for one in found)
    return Document(head, "items", inner)


def usage_rows(found: Iterable[Usage], *, human: bool) -> Rows:
    """A row a set, with what it takes; empty where the provider cannot be asked."""
    return Rows(
        ("set", "name", "backend", "circuits", "results", "state", "provider", "total"),
        (
            (
                usage.set_id,
                usage.job_set.name if usage.job_set else "",
                f"{usage.job_set.provider}:{usage.job_set.backend}" if usage.job_set else "",
                _cell(usage.circuits_bytes, human=human),
                _cell(usage.results_bytes, human=human),
                _cell(usage.state_bytes, human=human),
                _cell(usage.provider_bytes, human=human),
                _cell(usage.total_bytes, human=human),
            )
            for usage in found
        ),
    )


def usage_document(found: Sequence[Usage], *, home: Path, home_bytes: int) -> Document:
    """`qjobs.du/1`: the room that sets take, in bytes; `home_bytes` is all of the state folder."""
    head = {
        "schema": "qjobs.du/1",
        "home": str(home),
        "home_bytes": home_bytes,
        "total_bytes": sum(usage.total_bytes for usage in found),
    }
    inner = (
        {
            "id": usage.set_id,
            "name": usage.job_set.name if usage.job_set else None,
            "provider": usage.job_set.provider if usage.job_set else None,
            "backend": usage.job_set.backend if usage.job_set else None,
            "circuits_bytes": usage.circuits_bytes,
            "results_bytes": usage.results_bytes,
            "state_bytes": usage.state_bytes,
            "provider_bytes": usage.provider_bytes,
            "total_bytes": usage.total_bytes,
        }
        for usage in found
    )
    return Document(head, "sets", inner)


def label_rows(plans: Iterable[JobSet]) -> Rows:
    """A row a set, with its name and its tags."""
    return Rows(
        ("set", "name", "tags"), ((plan.set_id, plan.name, " ".join(plan.tags)) for plan in plans)
    )


def label_document(plans: Iterable[JobSet]) -> Document:
    """`qjobs.labels/1`: the names and the tags of sets."""
    inner = ({"id": plan.set_id, "name": plan.name, "tags": list(plan.tags)} for plan in plans)
    return Document({"schema": "qjobs.labels/1"}, "sets", inner)


def _cell(size_bytes: int | None, *, human: bool) -> Cell:
    if size_bytes is None:
        return ""
    return size(size_bytes) if human else size_bytes
