"""The verbs that send what was not sent, or send again what failed: resume and retry."""

from collections.abc import Sequence
from typing import Annotated

import typer

from qjobs import spans
from qjobs.cli import options
from qjobs.cli.addresses import find_targets, warn_of
from qjobs.cli.exit_codes import Interrupted, TooManyFailed, retry_command, warn_of_unknown
from qjobs.cli.submission import conclude, print_ids, submit_jobs
from qjobs.cli.values import most_fails
from qjobs.cli.workspace import open_workspace
from qjobs.engine.address import Target
from qjobs.engine.deadline import Deadline, within
from qjobs.engine.report import FAILED, SetReport, State
from qjobs.engine.status import status
from qjobs.engine.wait import Limit
from qjobs.engine.workspace import Workspace
from qjobs.errors import ExitCode, TimedOut
from qjobs.render.output import Output
from qjobs.render.shapes import Document, status_document
from qjobs.render.text import count


def resume(
    addresses: options.Addresses = None,
    *,
    resend_unknown: Annotated[
        bool,
        typer.Option(
            "--resend-unknown",
            help="Send jobs of unknown fate again where the provider cannot tell; they may run "
            "twice.",
        ),
    ] = False,
    recalibrated: options.Recalibrated = False,
    whole_jobs: options.WholeJobs = False,
    max_workers: options.MaxWorkers = None,
    wait: options.Wait = False,
    timeout: options.Timeout = None,
    poll: options.Poll = None,
    fail_fast: options.FailFast = False,
    max_fails: options.MaxFails = None,
    format_: options.FormatOption = None,
    header: options.Header = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> ExitCode:
    """Submit the jobs that were not submitted yet, once each."""
    from qjobs.engine.submit import unsent_jobs

    output = Output.chosen(format_, as_json=json, header=header, quiet=quiet)
    deadline = Deadline(timeout)
    workspace = within(open_workspace(), deadline)
    targets = find_targets(workspace, addresses, output.warn)
    warn_of(targets, output.warn)
    if not whole_jobs:
        for target in targets:
            meant = {*target.jobs}
            target.refuse_parts("resume", (i for i in unsent_jobs(target.folder) if i in meant))
    if output.ids_only:
        print_ids(targets)
    limit = Limit(timeout, poll, most_fails(fail_fast=fail_fast, max_fails=max_fails))
    errors = []
    for target in targets:
        error = submit_jobs(
            workspace, target, output,
            jobs=target.jobs, max_workers=max_workers, resend_unknown=resend_unknown,
            recalibrated=recalibrated, limit=limit, deadline=deadline,
        )  # fmt: skip
        if error:
            errors.append(error)
        if isinstance(error, Interrupted | TooManyFailed | TimedOut):
            break
    limit = limit._replace(timeout_s=deadline.left_s())
    conclude(
        workspace, targets, output,
        errors=errors, limit=limit if wait else None, document=_document,
    )  # fmt: skip
    return ExitCode.OK


def retry(
    addresses: options.Addresses = None,
    *,
    failed: Annotated[
        bool,
        typer.Option(
            "--failed", help="Jobs that failed or were refused, circuits that failed; the default."
        ),
    ] = False,
    cancelled: Annotated[
        bool, typer.Option("--cancelled", help="Jobs that were cancelled.")
    ] = False,
    every: Annotated[bool, typer.Option("--all", help="Both.")] = False,
    per_job: Annotated[
        int | None,
        typer.Option(
            "--per-job",
            metavar="N",
            min=1,
            help="At most N circuits a job; by default as before, halved if that was too large.",
        ),
    ] = None,
    recalibrated: options.Recalibrated = False,
    whole_jobs: options.WholeJobs = False,
    max_workers: options.MaxWorkers = None,
    wait: options.Wait = False,
    timeout: options.Timeout = None,
    poll: options.Poll = None,
    fail_fast: options.FailFast = False,
    max_fails: options.MaxFails = None,
    format_: options.FormatOption = None,
    header: options.Header = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> ExitCode:
    """Submit failed jobs again; earlier attempts are kept."""
    from qjobs.engine.retry import open_attempts

    output = Output.chosen(format_, as_json=json, header=header, quiet=quiet)
    deadline = Deadline(timeout)
    workspace = within(open_workspace(), deadline)
    targets = find_targets(workspace, addresses, output.warn)
    states = _states(failed=failed or every or not cancelled, cancelled=cancelled or every)
    reports = [_looked_into(workspace, target, output) for target in targets]
    if not whole_jobs:
        for target, report in zip(targets, reports, strict=True):
            whole = (job.index for job in report.jobs if job.state in states)
            target.refuse_parts("retry", whole)
    if output.ids_only:
        print_ids(targets)
    limit = Limit(timeout, poll, most_fails(fail_fast=fail_fast, max_fails=max_fails))
    errors = []
    for target, report in zip(targets, reports, strict=True):
        warn_of_unknown(report, output)
        opened = open_attempts(workspace, target, report, states, per_job=per_job, say=output.warn)
        target.folder.refresh()
        circuits = spans.size(target.folder.slices[index] for index in opened)
        output.note(
            f"{target.folder.job_set.set_id}: {count(circuits, 'circuit')} in "
            f"{count(len(opened), 'job')} to send again{_left(target, report, opened)}"
        )
        error = submit_jobs(
            workspace, target, output,
            jobs=opened, max_workers=max_workers, recalibrated=recalibrated,
            limit=limit, deadline=deadline,
        )  # fmt: skip
        if error:
            errors.append(error)
        if isinstance(error, Interrupted | TooManyFailed | TimedOut):
            break
    limit = limit._replace(timeout_s=deadline.left_s())
    conclude(
        workspace, targets, output,
        errors=errors, limit=limit if wait else None, document=_document,
    )  # fmt: skip
    return ExitCode.OK


def _left(target: Target, report: SetReport, opened: Sequence[int]) -> str:
    """What is left alone although it gave nothing, if nothing was opened, and how to have it."""
    states = [job.state for job in report.jobs if job.state in FAILED]
    if opened or not states:
        return ""
    again = retry_command(
        target.folder.job_set.set_id,
        failed=any(state is not State.CANCELLED for state in states),
        cancelled=State.CANCELLED in states,
    )
    return f"; for the others: {again}"


def _states(*, failed: bool, cancelled: bool) -> tuple[State, ...]:
    return ((State.ERROR, State.REFUSED) if failed else ()) + (
        (State.CANCELLED,) if cancelled else ()
    )


def _looked_into(workspace: Workspace, target: Target, output: Output) -> SetReport:
    """How the target is, with the circuits that failed in jobs that are done."""
    from threading import Event

    from qjobs.engine.failed import look_into

    report = look_into(workspace, target, status(workspace, target), stop=Event())
    for problem in report.problems:
        output.warn(problem)
    return report


def _document(reports: Sequence[SetReport]) -> Document:
    return status_document((report, report.jobs) for report in reports)
