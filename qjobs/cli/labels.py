"""The names and tags of sets, told as `rename` and `tag` do."""

from collections.abc import Sequence

import typer

from qjobs.engine.address import Target
from qjobs.render import house
from qjobs.render.data import DATA
from qjobs.render.output import Output
from qjobs.render.writing import show


def tell(targets: Sequence[Target], output: Output, *, asked: bool = False) -> None:
    """Write them; in a pipe only the ids, unless the labels were `asked` for."""
    plans = [target.folder.job_set for target in targets]
    if output.quiet or (output.ids_only and not asked):
        for plan in plans:
            typer.echo(plan.set_id, file=DATA.stream)
        return
    show(output, house.label_document(plans), house.label_rows(plans), most=None)
