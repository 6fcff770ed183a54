"""The verb list: the job sets there are."""

from typing import Annotated

import typer

from qjobs.cli.groups import OutputOptions
from qjobs.cli.headings import Heading
from qjobs.cli.next_step import next_step
from qjobs.cli.values import whole_number
from qjobs.cli.workspace import open_workspace
from qjobs.errors import ExitCode
from qjobs.render import rows, shapes
from qjobs.render.data import DATA
from qjobs.render.output import Format
from qjobs.render.writing import show as show_data


def list_(
    *,
    limit: Annotated[
        int,
        Heading.SHOWN.option(
            "--limit", metavar="N", parser=whole_number(1), help="List at most N sets."
        ),
    ] = 20,
    every: Annotated[bool, Heading.SHOWN.option("--all", help="List all sets.")] = False,
    written: OutputOptions,
) -> ExitCode:
    from qjobs.engine.list import list_sets

    output = written.output
    workspace = open_workspace()
    reports = []
    for item in list_sets(workspace, limit=None if every else limit):
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
    if output.format is Format.TABLE:
        table = rows.short_list_rows(reports, workspace.clock())
    else:
        table = rows.list_rows(reports)
    show_data(output, shapes.list_document(reports), table, most=None)
    # Of the newest; whether somebody is submitting it, `status` looks.
    output.hint_next(next_step(reports[:1], after="list", sending=True))
    return ExitCode.OK
