"""The verb resume: submit what was not submitted yet."""

from typing import Annotated

from qjobs.cli import options
from qjobs.cli.addresses import find_targets, warn_of
from qjobs.cli.groups import OutputOptions, WaitOptions
from qjobs.cli.headings import Heading
from qjobs.cli.submission import print_ids, submit_and_conclude, vouch_for_all
from qjobs.cli.workspace import open_workspace
from qjobs.engine.deadline import Deadline, within
from qjobs.errors import ExitCode


def resume(
    addresses: options.Addresses = None,
    *,
    resend_unknown: Annotated[
        bool,
        Heading.RISK.option(
            "--resend-unknown",
            help="Submit jobs of unknown fate again where the provider cannot tell; they may run "
            "twice.",
        ),
    ] = False,
    recalibrated: options.Recalibrated = False,
    trust: options.Trust = False,
    whole_jobs: options.WholeJobs = False,
    max_workers: options.MaxWorkers = None,
    wait: options.Wait = False,
    waiting: WaitOptions,
    written: OutputOptions,
) -> ExitCode:
    from qjobs.engine.submit import unsent_jobs

    output = written.output
    ending = waiting.ending(waits=wait)
    deadline = Deadline(waiting.timeout)
    workspace = within(open_workspace(output), deadline)
    targets = find_targets(workspace, addresses, output.warn)
    warn_of(targets, output.warn)
    if not whole_jobs:
        for target in targets:
            meant = {*target.jobs}
            target.refuse_parts("resume", (i for i in unsent_jobs(target.folder) if i in meant))
    if trust:
        vouch_for_all(workspace, targets)
    if output.ids_only:
        print_ids(targets)
    submit_and_conclude(
        workspace, targets, (target.jobs for target in targets), output,
        max_workers=max_workers, resend_unknown=resend_unknown, recalibrated=recalibrated,
        wait=wait, limit=waiting.limit, ending=ending, deadline=deadline,
    )  # fmt: skip
    return ExitCode.OK
