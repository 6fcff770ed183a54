"""Following jobs on the command line: progress, warnings, Ctrl-C and the time limit."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from qjobs.cli.exit_codes import Interrupted
from qjobs.cli.signals import Interruption
from qjobs.engine.address import Target
from qjobs.engine.deadline import Deadline
from qjobs.engine.report import SetReport
from qjobs.engine.wait import Limit, follow, moves, unclear
from qjobs.engine.workspace import Workspace
from qjobs.render.output import Output
from qjobs.render.progress import progress
from qjobs.render.summaries import finished_jobs, place_in_line, summary

_STOPPING = "no longer waiting; the jobs go on"


@dataclass(frozen=True, slots=True)
class Followed:
    """The last look at each target, and whether the time ran out before they stood still."""

    reports: tuple[SetReport, ...]
    timed_out: bool


def _note(reports: Sequence[SetReport], now: datetime, *, place: bool) -> str:
    """How many jobs are in each state and, if wanted, when the turn of the first of them comes."""
    jobs = tuple(job for report in reports for job in report.jobs)
    turn = place_in_line(jobs, now) if place else ""
    return "; ".join(filter(None, [summary(reports[0]._replace(jobs=jobs)), turn]))


def follow_to_end(
    workspace: Workspace,
    targets: Sequence[Target],
    output: Output,
    limit: Limit,
    *,
    look: Callable[[Sequence[SetReport]], None] = lambda _: None,
) -> Followed:
    """Follow the targets until they stand still or the limit is reached.

    What each look at them finds is given to `look`.
    Raises Interrupted on a signal: jobs are never cancelled by it.
    """
    if not targets:
        return Followed((), timed_out=False)
    deadline = Deadline(limit.timeout_s)
    reports: tuple[SetReport, ...] = ()
    said: set[str] = set()
    with (
        Interruption("" if output.notes_as_json else _STOPPING) as interruption,
        progress(output, "running") as meter,
    ):
        for reports in follow(workspace, targets, limit=limit, stop=interruption.stop):
            look(reports)
            meter.show(
                sum(map(finished_jobs, reports)),
                sum(len(report.jobs) for report in reports),
                _note(reports, workspace.clock(), place=output.shows_progress),
            )
            for problem in (problem for report in reports for problem in report.problems):
                if problem not in said:
                    said.add(problem)
                    output.warn(problem)
    if interruption.exit_code:
        sets = " ".join(target.folder.job_set.set_id for target in targets)
        raise Interrupted(
            "interrupted; the jobs go on",
            hint=f"qjobs wait {sets}",
            exit_code=interruption.exit_code,
        )
    still_moving = any(
        moves(report, target.folder.being_submitted())
        for report, target in zip(reports, targets, strict=True)
    )
    unread = deadline.over and any(map(unclear, reports))
    timed_out = (still_moving or unread) and not limit.reached(reports)
    return Followed(reports, timed_out=timed_out)
