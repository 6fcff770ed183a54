"""The verb list: the job sets there are."""

from typing import Annotated

import typer

from qjobs.cli.groups import OutputOptions
from qjobs.cli.workspace import open_workspace
from qjobs.errors import ExitCode
from qjobs.render import rows, shapes
from qjobs.render.data import DATA
from qjobs.render.output import Format
from qjobs.render.writing import show as show_data


def list_(
    *,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, help="List at most N sets.")
    ] = 20,
    every: Annotated[bool, typer.Option("--all", help="List all sets.")] = False,
    written: OutputOptions,
) -> ExitCode:
    from qjobs.engine.list import list_sets

    output = written.output
    reports = []
    for item in list_sets(open_workspace(output), limit=None if every else limit):
        if isinstance(item, str):
            output.warn(item)
        else:
            reports.append(item)
    if output.quiet:
        for report in reports:
            typer.echo(report.job_set.set_id, file=DATA.stream)
        return ExitCode.OK
    if not reports:
        output.note("there are no job sets yet")
        if output.format is Format.TABLE:
            return ExitCode.OK
    table = rows.short_list_rows if output.format is Format.TABLE else rows.list_rows
    show_data(output, shapes.list_document(reports), table(reports), most=None)
    return ExitCode.OK
