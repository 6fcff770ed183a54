"""The verb cancel."""

import sys
from collections.abc import Sequence
from functools import partial
from typing import Annotated

import typer

from qjobs.cli import options
from qjobs.cli.addresses import find_targets, warn_of
from qjobs.cli.exit_codes import NotStopped
from qjobs.cli.groups import OutputOptions
from qjobs.cli.headings import Heading
from qjobs.cli.workspace import open_workspace
from qjobs.engine.address import Target
from qjobs.engine.asking import away
from qjobs.engine.cancel import (
    CancelReport,
    NotAsked,
    cancel_duplicates,
    check_own,
    stoppable,
)
from qjobs.engine.cancel import cancel as cancel_jobs
from qjobs.engine.glance import Glance
from qjobs.engine.workspace import Workspace
from qjobs.errors import ExitCode
from qjobs.model import JobSet
from qjobs.render import rows, shapes
from qjobs.render.output import Output, is_terminal
from qjobs.render.summaries import set_title
from qjobs.render.text import count
from qjobs.render.writing import show


def cancel(
    addresses: options.Addresses = None,
    *,
    duplicates: Annotated[
        bool,
        Heading.WHICH.option(
            "--duplicates",
            help="Cancel only duplicates: further jobs that a provider made of one call.",
        ),
    ] = False,
    others: Annotated[
        bool, Heading.RISK.option("--others", help="Cancel jobs of other users, too.")
    ] = False,
    whole_jobs: options.WholeJobs = False,
    yes: Annotated[bool, Heading.RISK.option("--yes", "-y", help="Cancel without asking.")] = False,
    written: OutputOptions,
) -> ExitCode:
    output = written.output
    workspace = open_workspace(output)
    targets = find_targets(workspace, addresses, output.warn)
    warn_of(targets, output.warn)
    if not (whole_jobs or duplicates):
        for target in targets:
            target.refuse_parts("cancel", stoppable(target))
    if not addresses and not yes and is_terminal(sys.stdin) and is_terminal(sys.stderr):
        _ask(workspace, targets, duplicates=duplicates)
    if not others:
        for target in targets:
            check_own(target)
    stop = partial(cancel_duplicates if duplicates else cancel_jobs, others=others)
    outcomes = [
        (target.folder.job_set, report) for target in targets for report in stop(workspace, target)
    ]
    if not output.quiet:
        show(output, shapes.cancel_document(outcomes), rows.cancel_rows(outcomes))
    _say(outcomes, output)
    running = [(plan, report) for plan, report in outcomes if not report.stopped]
    if running:
        plan, first = running[0]
        sets = " ".join(dict.fromkeys(plan.set_id for plan, _ in running))
        unknown = any(report.outcome is NotAsked.UNKNOWN for _, report in running)
        again = f"once the provider can tell what became of it: qjobs cancel {sets}"
        if gone := away(workspace.provider_at(plan.destination), plan):
            raise NotStopped(
                f"{count(len(running), 'job')} could not be stopped; {gone.who} can", hint=gone.hint
            )
        raise NotStopped(
            f"{count(len(running), 'job')} could not be stopped; "
            f"{plan.set_id}/{first.index}: {first.outcome.value}",
            hint=again if unknown else f"qjobs status {sets}",
        )
    output.hint_next(f"qjobs status {' '.join(t.folder.job_set.set_id for t in targets)}")
    return ExitCode.OK


def _say(outcomes: Sequence[tuple[JobSet, CancelReport]], output: Output) -> None:
    """Say what is not to be seen from the outcomes alone."""
    in_flight = sum(report.in_flight for _, report in outcomes)
    if in_flight:
        output.note(f"{count(in_flight, 'job')} being submitted: stopped as soon as accepted")
    further = sum(report.duplicate for _, report in outcomes)
    if further:
        output.note(f"{count(further, 'duplicate')} among them")
    for plan, report in outcomes:
        if report.outcome is NotAsked.DROPPED:
            address = f"{plan.set_id}/{report.index}"
            output.warn(
                f"{address} may run: whether {plan.provider} accepted it cannot be learnt from "
                f"here; look there for the tag {report.tag}; if it has a job of it: "
                f"qjobs adopt {address} JOB_ID, then qjobs cancel {address}"
            )


def _ask(workspace: Workspace, targets: Sequence[Target], *, duplicates: bool) -> None:
    """Have the user confirm that the newest set is meant, if any of it can still be stopped.

    Raises typer.Abort if it is not.
    """
    Glance(workspace).at(targets)  # what has ended since is on record then
    number = sum(len(_live(target, duplicates=duplicates)) for target in targets)
    if not number:
        return
    titles = [set_title(target.folder.job_set) for target in targets]
    what = "the duplicates of " if duplicates else ""
    jobs = count(number, "job")
    of = titles[0] if len(titles) == 1 else f"{len(titles)} sets, {titles[0]} to {titles[-1]}"
    typer.confirm(f"cancel {what}{jobs} of {of}?", abort=True, err=True)


def _live(target: Target, *, duplicates: bool) -> set[int]:
    """The jobs of a target of which something may run, or be sent, as far as is on record."""
    unwanted = {job.index for job in target.chosen(target.folder.jobs()) if job.unwanted}
    return unwanted if duplicates else unwanted.union(stoppable(target))
