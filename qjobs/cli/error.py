"""The verb error: what went wrong, and why."""

from typing import Annotated

import typer

from qjobs.cli import options
from qjobs.cli.addresses import find_targets
from qjobs.cli.exit_codes import (
    JobsFailed,
    raise_for_credentials,
    retry_command,
    warn_of_unknown,
)
from qjobs.cli.groups import ShowOptions
from qjobs.cli.reports import looked_into
from qjobs.cli.workspace import open_workspace
from qjobs.engine.status import status as ask_status
from qjobs.errors import ExitCode
from qjobs.render import rows, shapes
from qjobs.render.output import Format
from qjobs.render.text import count
from qjobs.render.writing import show as show_data


def error(
    addresses: options.Addresses = None,
    *,
    all_attempts: Annotated[
        bool, typer.Option("--all-attempts", help="Show failures of earlier attempts, too.")
    ] = False,
    cached: options.Cached = False,
    exit_status: options.ExitStatus = False,
    written: ShowOptions,
) -> ExitCode:
    from threading import Event

    from qjobs.engine.error import Origin, failures
    from qjobs.engine.result import fetch

    output = written.output
    workspace = open_workspace(output)
    found = []
    reports = []
    for target in find_targets(workspace, addresses, output.warn):
        report = ask_status(workspace, target, cached=cached)
        reports.append(report)
        if not (cached or report.denied):
            report = looked_into(workspace, target, report)
            # Each circuit's reason is with the results of its job.
            incomplete = [job for job in report.jobs if job.failed]
            problems = fetch(workspace, target.folder, incomplete, stop=Event())
            report = report._replace(problems=(*report.problems, *problems))
        for problem in report.problems:
            output.warn(problem)
        warn_of_unknown(report, output)
        plan = target.folder.job_set
        found += [(plan, f) for f in failures(target, report, all_attempts=all_attempts)]
    if output.format is Format.TABLE:
        from qjobs.render.tables import print_failures

        print_failures(found)
        if not found:
            output.note("no failures")
    else:
        show_data(output, shapes.failures_document(found), rows.failure_rows(found))
    raise_for_credentials(reports)
    found = [(plan, failure) for plan, failure in found if failure.origin is not Origin.LOST]
    if found:
        again = ""
        if not any(plan.recovered for plan, _ in found):
            again = retry_command(
                " ".join(dict.fromkeys(plan.set_id for plan, _ in found)),
                failed=any(failure.origin is not Origin.CANCEL for _, failure in found),
                cancelled=any(failure.origin is Origin.CANCEL for _, failure in found),
            )
        if exit_status:
            raise JobsFailed(count(len(found), "failure"), hint=again)
        if again:
            output.hint_next(again)
    return ExitCode.OK
