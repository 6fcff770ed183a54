"""The verb resume: submit what was not submitted yet."""

from typing import Annotated

import typer

from qjobs.cli import options
from qjobs.cli.addresses import find_targets, warn_of
from qjobs.cli.exit_codes import Interrupted, TooManyFailed
from qjobs.cli.groups import OutputOptions, WaitOptions
from qjobs.cli.reports import status_of
from qjobs.cli.submission import conclude, print_ids, submit_jobs
from qjobs.cli.workspace import open_workspace
from qjobs.engine.deadline import Deadline, within
from qjobs.errors import ExitCode, TimedOut


def resume(
    addresses: options.Addresses = None,
    *,
    resend_unknown: Annotated[
        bool,
        typer.Option(
            "--resend-unknown",
            help="Submit jobs of unknown fate again where the provider cannot tell; they may run "
            "twice.",
        ),
    ] = False,
    recalibrated: options.Recalibrated = False,
    whole_jobs: options.WholeJobs = False,
    max_workers: options.MaxWorkers = None,
    wait: options.Wait = False,
    waiting: WaitOptions,
    written: OutputOptions,
) -> ExitCode:
    from qjobs.engine.submit import unsent_jobs

    output = written.output
    deadline = Deadline(waiting.timeout)
    workspace = within(open_workspace(), deadline)
    targets = find_targets(workspace, addresses, output.warn)
    warn_of(targets, output.warn)
    if not whole_jobs:
        for target in targets:
            meant = {*target.jobs}
            target.refuse_parts("resume", (i for i in unsent_jobs(target.folder) if i in meant))
    if output.ids_only:
        print_ids(targets)
    limit = waiting.limit
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
        errors=errors, limit=limit if wait else None, document=status_of,
    )  # fmt: skip
    return ExitCode.OK
