"""The verb status: how far the jobs of sets are."""

from typing import TYPE_CHECKING, Annotated

import typer

from qjobs.cli import options
from qjobs.cli.addresses import find_targets
from qjobs.cli.exit_codes import (
    raise_for_credentials,
    raise_for_jobs,
    warn_of_jobs_out_of_reach,
)
from qjobs.cli.filters import FilterOptions
from qjobs.cli.groups import OutputOptions
from qjobs.cli.headings import Heading
from qjobs.cli.next_step import say_next
from qjobs.cli.reports import in_line, looked_into, note_ages, summarize
from qjobs.cli.values import whole_number
from qjobs.cli.workspace import open_workspace
from qjobs.engine.address import Target
from qjobs.engine.finding import ALL
from qjobs.engine.status import statuses
from qjobs.engine.workspace import Workspace
from qjobs.errors import ExitCode
from qjobs.render import rows, shapes
from qjobs.render.data import DATA
from qjobs.render.output import Format, Output
from qjobs.render.writing import show as show_data

if TYPE_CHECKING:
    from qjobs.engine.filters import SetFilter


def status(
    addresses: options.Addresses = None,
    *,
    cached: options.Cached = False,
    jobs: Annotated[bool, Heading.SHOWN.option("--jobs", help="Show a row for each job.")] = False,
    chosen: FilterOptions,
    limit: Annotated[
        int | None,
        Heading.SHOWN.option(
            "--limit", metavar="N", parser=whole_number(1), help="Show at most N sets."
        ),
    ] = None,
    exit_status: options.ExitStatus = False,
    written: OutputOptions,
) -> ExitCode:
    output = written.output
    workspace = open_workspace(output)
    now = workspace.clock()
    targets = _meant(workspace, addresses, chosen.sets(now), limit, output)
    reports = statuses(workspace, targets, cached=cached)
    if not cached:
        reports = [
            looked_into(workspace, target, report) if exit_status else in_line(workspace, report)
            for target, report in zip(targets, reports, strict=True)
        ]
    for problem in dict.fromkeys(problem for report in reports for problem in report.problems):
        output.warn(problem)
    shown = [(report, [*filter(chosen.jobs.takes, report.jobs)]) for report in reports]
    if output.quiet:
        for report, of_set in shown:
            for job in of_set:
                typer.echo(f"{report.job_set.set_id}/{job.index}", file=DATA.stream)
    elif output.format is Format.TABLE and not jobs:
        summarize(shown, now)
    else:
        note_ages(output, reports, now)
        table = rows.job_rows(shown, short=output.format is Format.TABLE)
        show_data(output, shapes.status_document(shown), table, most=None)
    raise_for_credentials(reports)
    for report in reports if not exit_status else ():
        warn_of_jobs_out_of_reach(report, output)
    if exit_status:
        raise_for_jobs(reports, recorded=cached)
    if not any(report.away for report in reports):  # of these was said who can do what
        say_next(output, targets, reports)
    return ExitCode.OK


def _meant(
    workspace: Workspace,
    addresses: list[str] | None,
    sets: "SetFilter",
    limit: int | None,
    output: Output,
) -> list[Target]:
    """The sets that are looked at. Whoever says what they are like does not mean the newest."""
    named = addresses or ([ALL] if any(sets) or limit else None)
    found = find_targets(workspace, named, output.warn)
    meant = [target for target in found if sets.takes_both(target.folder.job_set)]
    if found and not meant:
        output.note("no job set is like that")
    return meant[:limit]
