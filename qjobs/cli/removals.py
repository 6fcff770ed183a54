"""What became of the wish to remove sets, told as `rm` and `prune` do."""

from collections.abc import Sequence

import typer

from qjobs.engine.remove import Removal
from qjobs.render import house
from qjobs.render.data import DATA
from qjobs.render.output import Format, Output
from qjobs.render.summaries import spans
from qjobs.render.text import count, size
from qjobs.render.writing import show


def tell(removals: Sequence[Removal], output: Output, *, dry_run: bool = False) -> None:
    """Write the outcomes to stdout, or the ids of the sets that are gone; the rest to stderr."""
    gone = [removal for removal in removals if removal.keeps is None]
    if output.ids_only:
        for removal in gone:
            typer.echo(removal.job_set.set_id, file=DATA.stream)
    elif removals or output.format is not Format.TABLE:
        human = output.format is Format.TABLE
        table = house.removal_rows(removals, dry_run=dry_run, human=human)
        show(output, house.removal_document(removals, dry_run=dry_run), table, most=None)
    for removal in gone:
        if removal.lost:
            output.warn(
                f"results that could be had only once are gone: "
                f"{removal.job_set.set_id}/{spans(removal.lost)}"
            )
        if removal.problem:
            output.warn(
                f"{removal.job_set.set_id} is removed, but not all of it: {removal.problem}; "
                "once that is mended: qjobs gc"
            )
    said = "would be freed" if dry_run else "freed"
    stay = f"; {len(removals) - len(gone)} stay" if len(gone) < len(removals) else ""
    if gone or dry_run or not removals:
        output.note(f"{count(len(gone), 'set')}, {size(house.freed_bytes(removals))} {said}{stay}")
