"""The verb error: what went wrong, and why."""

from typing import Annotated

from qjobs.cli import options
from qjobs.cli.addresses import find_targets
from qjobs.cli.exit_codes import (
    JobsFailed,
    raise_for_credentials,
    warn_of_unknown,
)
from qjobs.cli.groups import ShowOptions
from qjobs.cli.headings import Heading
from qjobs.cli.junit import check_junitxml, write_junitxml
from qjobs.cli.next_step import next_step, say_next
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
        bool, Heading.SHOWN.option("--all-attempts", help="Show failures of earlier attempts, too.")
    ] = False,
    cached: options.Cached = False,
    exit_status: options.ExitStatus = False,
    junitxml: options.JunitXml = None,
    written: ShowOptions,
) -> ExitCode:
    from threading import Event

    from qjobs.engine.error import Origin, failures
    from qjobs.engine.result import fetch

    output = written.output
    check_junitxml(junitxml)
    workspace = open_workspace(output)
    found = []
    reports = []
    looked = []
    targets = find_targets(workspace, addresses, output.warn)
    for target in targets:
        report = ask_status(workspace, target, cached=cached)
        reports.append(report)
        if not (cached or report.denied):
            report = looked_into(workspace, target, report)
            # Each circuit's reason is with the results of its job.
            incomplete = [job for job in report.jobs if job.failed]
            problems = fetch(workspace, target.folder, incomplete, stop=Event())
            report = report._replace(problems=(*report.problems, *problems))
        looked.append(report)
        for problem in report.problems:
            output.warn(problem)
        warn_of_unknown(report, output)
        plan = target.folder.job_set
        found += [(plan, f) for f in failures(target, report, all_attempts=all_attempts)]
    write_junitxml(junitxml, targets, looked)
    if output.format is Format.TABLE:
        from qjobs.render.tables import print_failures

        print_failures(found)
        if not found:
            output.note("no failures")
    else:
        show_data(output, shapes.failures_document(found), rows.failure_rows(found))
    raise_for_credentials(reports)
    found = [(plan, failure) for plan, failure in found if failure.origin is not Origin.LOST]
    if found and exit_status:
        again = next_step(reports, after="error")
        raise JobsFailed(count(len(found), "failure"), hint=again)
    if found or not any(report.unknown for report in reports):  # of these was said what to do
        say_next(output, targets, reports, after="error")
    return ExitCode.OK
