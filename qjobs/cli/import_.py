"""The verb import: the job sets of a file that `export` wrote."""

from pathlib import Path
from typing import Annotated

import typer

from qjobs.cli.groups import OutputOptions
from qjobs.cli.workspace import open_workspace
from qjobs.errors import ExitCode
from qjobs.render.text import count
from qjobs.render.writing import show


def import_(
    file: Annotated[str, typer.Argument(metavar="FILE", help="What qjobs export wrote.")],
    *,
    written: OutputOptions,
) -> ExitCode:
    from qjobs.cli.carried import document, note_missing, print_ids, rows
    from qjobs.engine.carry import bring_in

    output = written.output
    carried = bring_in(open_workspace(output), Path(file))
    if not print_ids(carried, output):
        show(output, document("import", carried, file=file), rows(carried), most=None)
    new = [one for one in carried if one.updated or not one.here]
    updated = sum(one.updated for one in carried)
    if updated:
        output.note(f"{count(updated, 'set')} brought up to date")
    if len(new) < len(carried):
        output.note(f"{count(len(carried) - len(new), 'set')} here already")
    note_missing(new, output)
    if new:
        output.hint_next(f"qjobs status {' '.join(one.job_set.set_id for one in new)}")
    return ExitCode.OK
