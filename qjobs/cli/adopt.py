"""The verb that attaches a provider job, found by a person, to a job of unknown fate: adopt."""

from typing import Annotated

import typer

from qjobs.cli import options
from qjobs.cli.addresses import warn_of
from qjobs.cli.exit_codes import raise_for_credentials
from qjobs.cli.groups import OutputOptions
from qjobs.cli.next_step import say_next
from qjobs.cli.workspace import open_workspace
from qjobs.engine.address import resolve
from qjobs.engine.status import status
from qjobs.errors import ExitCode
from qjobs.render import rows, shapes
from qjobs.render.data import DATA
from qjobs.render.output import Format
from qjobs.render.writing import show


def adopt(
    address: options.OneJob,
    job_id: Annotated[
        str,
        typer.Argument(
            metavar="JOB_ID", help="The provider's name for the job, that of the newest attempt."
        ),
    ],
    *,
    written: OutputOptions,
) -> ExitCode:
    from qjobs.engine.adopt import adopt as adopt_job

    output = written.output
    workspace = open_workspace(output)
    target = resolve(workspace.store, address, warn=output.warn)
    warn_of([target], output.warn)
    problem = adopt_job(workspace, target, job_id)
    if problem:
        output.warn(problem)
    (index,) = target.jobs
    set_id = target.folder.job_set.set_id
    if output.ids_only:
        typer.echo(f"{set_id}/{index}", file=DATA.stream)
        return ExitCode.OK
    report = status(workspace, target)
    table = rows.job_rows([(report, report.jobs)], short=output.format is Format.TABLE)
    shown = shapes.status_document([(report, report.jobs)])
    show(output, shown, table)
    raise_for_credentials([report])
    say_next(output, [target], [report])
    return ExitCode.OK
