"""Sets that are carried elsewhere, told as `export` and `import` do."""

from collections.abc import Sequence

import typer

from qjobs.engine.carry import Carried
from qjobs.providers.loading import ON_ONE_MACHINE
from qjobs.render.data import DATA
from qjobs.render.output import Output
from qjobs.render.rows import Rows
from qjobs.render.shapes import Document
from qjobs.render.summaries import spans
from qjobs.render.text import count, rfc3339


def print_ids(carried: Sequence[Carried], output: Output) -> bool:
    """Print the ids of the sets, if that is all that is wanted."""
    if output.ids_only:
        for one in carried:
            typer.echo(one.job_set.set_id, file=DATA.stream)
    return output.ids_only


def rows(carried: Sequence[Carried]) -> Rows:
    """A row a set."""
    return Rows(
        ("set", "name", "backend", "circuits", "jobs", "results"),
        (
            (
                one.job_set.set_id, one.job_set.name,
                f"{one.job_set.provider}:{one.job_set.backend}",
                one.job_set.circuits, len(one.jobs), one.results,
            )
            for one in carried
        ),
    )  # fmt: skip


def document(verb: str, carried: Sequence[Carried], **head: object) -> Document:
    """`qjobs.export/1` or `qjobs.import/1`: the sets of a file."""
    inner = (
        {
            "id": one.job_set.set_id,
            "name": one.job_set.name,
            "provider": one.job_set.provider,
            "backend": one.job_set.backend,
            "created": rfc3339(one.job_set.created),
            "circuits": one.job_set.circuits,
            "jobs": len(one.jobs),
            "results": one.results,
            "missing": [*one.missing],
            "under_way": [*one.under_way],
            "follows": one.job_set.provider not in ON_ONE_MACHINE,
            "here": one.here,
            "updated": one.updated,
        }
        for one in carried
    )
    return Document({"schema": f"qjobs.{verb}/1", **head}, "sets", inner)


def note_missing(carried: Sequence[Carried], output: Output) -> None:
    """Say what cannot be had where the sets are carried to."""
    for one in carried:
        lost = sorted({*one.under_way, *one.missing})
        if lost and one.job_set.provider in ON_ONE_MACHINE:
            set_id = one.job_set.set_id
            output.warn(
                f"{set_id}/{spans(lost)}: {count(len(lost), 'job')} of {one.job_set.provider} "
                "can be followed only where they were submitted; export the set there again once "
                "they have ended"
            )
