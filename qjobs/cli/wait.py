"""The verb wait: stay until jobs are finished."""

from qjobs.cli import options
from qjobs.cli.addresses import find_targets
from qjobs.cli.exit_codes import (
    raise_for_jobs,
)
from qjobs.cli.groups import OutputOptions, WaitOptions
from qjobs.cli.junit import check_junitxml, write_junitxml
from qjobs.cli.next_step import say_next
from qjobs.cli.reports import summarize
from qjobs.cli.step_summary import summarize_sets
from qjobs.cli.workspace import open_workspace
from qjobs.errors import ExitCode
from qjobs.render import rows, shapes
from qjobs.render.output import Format
from qjobs.render.writing import show as show_data


def wait(
    addresses: options.Addresses = None,
    *,
    waiting: WaitOptions,
    junitxml: options.JunitXml = None,
    written: OutputOptions,
) -> ExitCode:
    from qjobs.cli.following import follow_to_end

    output = written.output
    check_junitxml(junitxml)
    workspace = open_workspace(output)
    targets = find_targets(workspace, addresses, output.warn)
    limit, ending = waiting.limit, waiting.ending()
    followed = follow_to_end(workspace, targets, output, limit, ending=ending)
    summarize_sets(output, targets, followed.reports)
    write_junitxml(junitxml, targets, followed.reports)
    shown = [(report, report.jobs) for report in followed.reports]
    if output.format is Format.TABLE:
        summarize(shown, workspace.clock())
    elif output.asked_for:
        show_data(output, shapes.status_document(shown), rows.job_rows(shown))
    raise_for_jobs(followed.reports, timed_out=followed.timed_out)
    say_next(output, targets, followed.reports)
    return ExitCode.OK
