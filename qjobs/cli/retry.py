"""The verb retry: submit again what failed."""

from collections.abc import Iterator, Sequence
from typing import Annotated

from qjobs import spans
from qjobs.cli import options
from qjobs.cli.addresses import find_targets
from qjobs.cli.exit_codes import warn_of_unknown
from qjobs.cli.groups import OutputOptions, WaitOptions
from qjobs.cli.headings import Heading
from qjobs.cli.next_step import retry_command
from qjobs.cli.reports import looked_into
from qjobs.cli.submission import print_ids, submit_and_conclude, vouch_for_all
from qjobs.cli.values import run_options, whole_number
from qjobs.cli.workspace import open_workspace
from qjobs.engine.address import Target
from qjobs.engine.deadline import Deadline, within
from qjobs.engine.report import FAILED, SetReport, State
from qjobs.engine.status import status
from qjobs.engine.workspace import Workspace
from qjobs.errors import ExitCode
from qjobs.render.output import Output
from qjobs.render.text import count


def retry(
    addresses: options.Addresses = None,
    *,
    failed: Annotated[
        bool,
        Heading.WHICH.option(
            "--failed",
            help="Retry jobs that failed or were refused, and failed circuits; the default.",
        ),
    ] = False,
    cancelled: Annotated[
        bool, Heading.WHICH.option("--cancelled", help="Retry jobs that were cancelled.")
    ] = False,
    every: Annotated[bool, Heading.WHICH.option("--all", help="Retry both.")] = False,
    per_job: Annotated[
        int | None,
        Heading.CUTTING.option(
            "--per-job",
            metavar="N",
            parser=whole_number(1),
            help="Put at most N circuits into a job; by default as before, halved if too large.",
        ),
    ] = None,
    option: Annotated[
        list[str] | None,
        Heading.HOW.option(
            "--option",
            metavar="KEY=VALUE",
            help="Give an option that schedules jobs another value, as time of slurm; repeatable.",
        ),
    ] = None,
    recalibrated: options.Recalibrated = False,
    trust: options.Trust = False,
    whole_jobs: options.WholeJobs = False,
    max_workers: options.MaxWorkers = None,
    wait: options.Wait = False,
    waiting: WaitOptions,
    written: OutputOptions,
) -> ExitCode:
    from qjobs.engine.retry import open_attempts

    changes = run_options(option)
    output = written.output
    ending = waiting.ending(waits=wait)
    deadline = Deadline(waiting.timeout)
    workspace = within(open_workspace(output), deadline)
    targets = find_targets(workspace, addresses, output.warn)
    states = _states(failed=failed or every or not cancelled, cancelled=cancelled or every)
    reports = [_looked_into(workspace, target, output) for target in targets]
    if not whole_jobs:
        for target, report in zip(targets, reports, strict=True):
            whole = (job.index for job in report.jobs if job.state in states)
            target.refuse_parts("retry", whole)
    if trust:
        vouch_for_all(workspace, targets)
    if output.ids_only:
        print_ids(targets)

    def open_all() -> Iterator[Sequence[int]]:
        for target, report in zip(targets, reports, strict=True):
            warn_of_unknown(report, output)
            opened = open_attempts(
                workspace, target, report, states,
                per_job=per_job, changes=changes, say=output.warn,
            )  # fmt: skip
            target.folder.refresh()
            circuits = spans.size(target.folder.slices[index] for index in opened)
            output.note(
                f"{target.folder.job_set.set_id}: {count(circuits, 'circuit')} in "
                f"{count(len(opened), 'job')} to send again{_left(target, report, opened)}"
            )
            yield opened

    submit_and_conclude(
        workspace, targets, open_all(), output,
        max_workers=max_workers, recalibrated=recalibrated,
        wait=wait, limit=waiting.limit, ending=ending, deadline=deadline,
    )  # fmt: skip
    return ExitCode.OK


def _left(target: Target, report: SetReport, opened: Sequence[int]) -> str:
    """Name the command that retries what this one leaves alone, if this one retries nothing."""
    if opened or not any(job.state in FAILED for job in report.jobs):
        return ""
    return f"; for the others: {retry_command(target.folder.job_set.set_id, [report])}"


def _states(*, failed: bool, cancelled: bool) -> tuple[State, ...]:
    return ((State.ERROR, State.REFUSED) if failed else ()) + (
        (State.CANCELLED,) if cancelled else ()
    )


def _looked_into(workspace: Workspace, target: Target, output: Output) -> SetReport:
    """How the target is, with the circuits that failed in jobs that are done."""
    report = looked_into(workspace, target, status(workspace, target))
    for problem in report.problems:
        output.warn(problem)
    return report
