"""The verb status: how far the jobs of sets are."""

from typing import Annotated

import typer

from qjobs.cli import options
from qjobs.cli.addresses import find_targets
from qjobs.cli.exit_codes import (
    raise_for_credentials,
    raise_for_jobs,
    warn_of_jobs_out_of_reach,
)
from qjobs.cli.groups import OutputOptions
from qjobs.cli.reports import looked_into, summarize
from qjobs.cli.workspace import open_workspace
from qjobs.engine.report import FAILED, FINAL, State
from qjobs.engine.status import status as ask_status
from qjobs.errors import ExitCode
from qjobs.render import rows, shapes
from qjobs.render.data import DATA
from qjobs.render.output import Format
from qjobs.render.writing import show as show_data


def status(
    addresses: options.Addresses = None,
    *,
    cached: options.Cached = False,
    jobs: Annotated[bool, typer.Option("--jobs", help="Show a row for each job.")] = False,
    failed: Annotated[
        bool, typer.Option("--failed", help="Show jobs that failed, were refused or cancelled.")
    ] = False,
    pending: Annotated[bool, typer.Option("--pending", help="Show unfinished jobs.")] = False,
    done: Annotated[bool, typer.Option("--done", help="Show jobs that are done.")] = False,
    exit_status: options.ExitStatus = False,
    written: OutputOptions,
) -> ExitCode:
    output = written.output
    workspace = open_workspace(output)
    reports = []
    for target in find_targets(workspace, addresses, output.warn):
        report = ask_status(workspace, target, cached=cached)
        reports.append(
            looked_into(workspace, target, report) if exit_status and not cached else report
        )
    for problem in dict.fromkeys(problem for report in reports for problem in report.problems):
        output.warn(problem)
    wanted = _wanted(failed=failed, pending=pending, done=done)
    shown = [
        (
            report,
            [job for job in report.jobs if job.state in wanted or (failed and job.went_wrong)],
        )
        for report in reports
    ]
    if output.quiet:
        for report, chosen in shown:
            for job in chosen:
                typer.echo(f"{report.job_set.set_id}/{job.index}", file=DATA.stream)
    elif output.format is Format.TABLE and not jobs:
        summarize(shown)
    else:
        by_set = ((report.job_set, chosen) for report, chosen in shown)
        show_data(output, shapes.status_document(shown), rows.job_rows(by_set), most=None)
    raise_for_credentials(reports)
    for report in reports if not exit_status else ():
        warn_of_jobs_out_of_reach(report, output)
    if exit_status:
        raise_for_jobs(reports, recorded=cached)
    return ExitCode.OK


def _wanted(*, failed: bool, pending: bool, done: bool) -> frozenset[State]:
    """The states of the jobs to be shown; all where nothing was said."""
    if not (failed or pending or done):
        return frozenset(State)
    return frozenset(
        state
        for state in State
        if (failed and state in FAILED)
        or (done and state is State.DONE)
        or (pending and state not in FINAL)
    )
