"""The verbs that look at sets: status, list, show, error, wait."""

from collections.abc import Sequence
from typing import Annotated

import typer

from qjobs.cli import options
from qjobs.cli.addresses import find_targets
from qjobs.cli.outcome import (
    JobsFailed,
    raise_for_credentials,
    raise_for_jobs,
    retry_command,
    warn_of_jobs_out_of_reach,
    warn_of_unknown,
)
from qjobs.cli.values import most_fails
from qjobs.cli.workspace import open_workspace
from qjobs.engine.address import Target, resolve
from qjobs.engine.report import FAILED, FINAL, JobReport, SetReport, State
from qjobs.engine.status import status as ask_status
from qjobs.engine.workspace import Workspace
from qjobs.errors import ExitCode
from qjobs.render import rows, shapes
from qjobs.render.data import DATA
from qjobs.render.output import Format, Output
from qjobs.render.summaries import observable_label
from qjobs.render.text import count
from qjobs.render.writing import show as show_data

ExitStatus = Annotated[
    bool, typer.Option("--exit-status", help="End with the exit code of the jobs' outcome.")
]
Cached = Annotated[bool, typer.Option("--cached", help="Ask no provider; show what is recorded.")]


def status(
    addresses: options.Addresses = None,
    *,
    cached: Cached = False,
    jobs: Annotated[bool, typer.Option("--jobs", help="Show a row for each job.")] = False,
    failed: Annotated[
        bool, typer.Option("--failed", help="Show jobs that failed, were refused or cancelled.")
    ] = False,
    pending: Annotated[bool, typer.Option("--pending", help="Show unfinished jobs.")] = False,
    done: Annotated[bool, typer.Option("--done", help="Show jobs that are done.")] = False,
    exit_status: ExitStatus = False,
    format_: options.FormatOption = None,
    header: options.Header = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> ExitCode:
    """Show how far the jobs are."""
    output = Output.chosen(format_, as_json=json, header=header, quiet=quiet)
    workspace = open_workspace()
    reports = []
    for target in find_targets(workspace, addresses, output.warn):
        report = ask_status(workspace, target, cached=cached)
        reports.append(
            _looked_into(workspace, target, report) if exit_status and not cached else report
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
    if quiet:
        for report, chosen in shown:
            for job in chosen:
                typer.echo(f"{report.job_set.set_id}/{job.index}", file=DATA.stream)
    elif output.format is Format.TABLE and not jobs:
        _summarize(shown)
    else:
        by_set = ((report.job_set, chosen) for report, chosen in shown)
        show_data(output, shapes.status_document(shown), rows.job_rows(by_set), most=None)
    raise_for_credentials(reports)
    for report in reports if not exit_status else ():
        warn_of_jobs_out_of_reach(report, output)
    if exit_status:
        raise_for_jobs(reports, recorded=cached)
    return ExitCode.OK


def _looked_into(workspace: Workspace, target: Target, report: SetReport) -> SetReport:
    """The report with the circuits that failed, for which results may have to be fetched."""
    from threading import Event

    from qjobs.engine.failed import look_into

    return look_into(workspace, target, report, stop=Event())


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


def _summarize(shown: Sequence[tuple[SetReport, Sequence[JobReport]]]) -> None:
    from qjobs.render.tables import print_summary

    for report, jobs in shown:
        print_summary(report, jobs)


def wait(
    addresses: options.Addresses = None,
    *,
    timeout: options.Timeout = None,
    poll: options.Poll = None,
    fail_fast: options.FailFast = False,
    max_fails: options.MaxFails = None,
    format_: options.FormatOption = None,
    header: options.Header = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> ExitCode:
    """Wait until jobs are finished; the exit code tells how."""
    from qjobs.cli.following import follow_to_end
    from qjobs.engine.wait import Limit

    output = Output.chosen(format_, as_json=json, header=header, quiet=quiet)
    workspace = open_workspace()
    targets = find_targets(workspace, addresses, output.warn)
    limit = Limit(timeout, poll, most_fails(fail_fast=fail_fast, max_fails=max_fails))
    followed = follow_to_end(workspace, targets, output, limit)
    shown = [(report, report.jobs) for report in followed.reports]
    if output.format is Format.TABLE:
        _summarize(shown)
    elif output.asked_for:
        by_set = ((report.job_set, jobs) for report, jobs in shown)
        show_data(output, shapes.status_document(shown), rows.job_rows(by_set))
    raise_for_jobs(followed.reports, timed_out=followed.timed_out)
    return ExitCode.OK


def list_(
    *,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, help="At most so many sets.")
    ] = 20,
    every: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    format_: options.FormatOption = None,
    header: options.Header = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> ExitCode:
    """List the job sets, the newest first."""
    from qjobs.engine.listing import list_sets

    output = Output.chosen(format_, as_json=json, header=header, quiet=quiet)
    reports = []
    for item in list_sets(open_workspace(), limit=None if every else limit):
        if isinstance(item, str):
            output.warn(item)
        else:
            reports.append(item)
    if quiet:
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


def show(
    address: options.OneAddress = "@last",
    *,
    cached: Cached = False,
    format_: options.FormatOption = None,
    header: options.Header = False,
    json: options.Json = False,
) -> ExitCode:
    """Show everything about one job set."""
    from qjobs.engine.details import details

    output = Output.chosen(format_, as_json=json, header=header)
    workspace = open_workspace()
    target = resolve(workspace.store, address, warn=output.warn)
    report = ask_status(workspace, target, cached=cached)
    for problem in report.problems:
        output.warn(problem)
    sources, skipped = target.folder.sources(), target.folder.skipped()
    observables = target.folder.observables()
    told = {} if cached else details(workspace, report.job_set, report.jobs)
    document = shapes.set_document(
        report, sources=sources, skipped=skipped, observables=observables, details=told
    )
    labels = [observable_label(observable) for observable in observables]
    left_out = skipped
    if output.format is Format.TABLE:  # where they have a table of their own
        left_out = skipped._replace(files=())
    properties = rows.detail_rows(report, sources, labels, skipped=left_out, details=told)
    show_data(output, document, properties)
    if output.format is Format.TABLE:
        jobs = rows.job_rows([(report.job_set, report.jobs)])
        show_data(output, document, jobs)
        if told:
            show_data(output, document, rows.time_rows(report.jobs, told))
        if skipped.files:
            show_data(output, document, rows.skipped_rows(skipped.files))
    raise_for_credentials([report])
    return ExitCode.OK


def error(
    addresses: options.Addresses = None,
    *,
    all_attempts: Annotated[
        bool, typer.Option("--all-attempts", help="Failures of earlier attempts too.")
    ] = False,
    cached: Cached = False,
    exit_status: ExitStatus = False,
    format_: options.FormatOption = None,
    header: options.Header = False,
    json: options.Json = False,
) -> ExitCode:
    """Show all that went wrong, with the reasons."""
    from threading import Event

    from qjobs.engine.error import Origin, failures
    from qjobs.engine.result import fetch

    output = Output.chosen(format_, as_json=json, header=header)
    workspace = open_workspace()
    found = []
    reports = []
    for target in find_targets(workspace, addresses, output.warn):
        report = ask_status(workspace, target, cached=cached)
        reports.append(report)
        if not (cached or report.denied):
            report = _looked_into(workspace, target, report)
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
