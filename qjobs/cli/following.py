"""Following jobs on the command line: progress, warnings, Ctrl-C and the time limit."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, TypeAlias

from qjobs.cli.exit_codes import Interrupted
from qjobs.cli.signals import Interruption
from qjobs.engine.address import Target
from qjobs.engine.deadline import Deadline
from qjobs.engine.pace import Pace
from qjobs.engine.report import SetReport
from qjobs.engine.wait import Limit, follow, moves, unclear
from qjobs.engine.workspace import Workspace
from qjobs.render.output import Output
from qjobs.render.progress import Meter, Share, progress
from qjobs.render.summaries import place_in_line, summary

if TYPE_CHECKING:
    from qjobs.cli.ending import Ending

_STOPPING = "no longer waiting; the jobs go on"


@dataclass(frozen=True, slots=True)
class Followed:
    """The last look at each target, and whether the time ran out before they stood still.

    They are `left` where the user looks at them no longer.
    """

    reports: tuple[SetReport, ...]
    timed_out: bool
    left: bool = False


class View(Protocol):
    """Shows what is learnt of the targets, for as long as it is open."""

    def show(self, reports: Sequence[SetReport]) -> None:
        """Show how they are now."""

    def warn(self, problem: str) -> None:
        """Show what could not be learnt, once."""


Opening: TypeAlias = Callable[[Interruption], AbstractContextManager[View]]


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
    ending: "Ending | None" = None,
    opening: Opening | None = None,
) -> Followed:
    """Follow the targets until they stand still or the limit is reached; then comes the `ending`.

    What each look at them finds is given to `look`, and a bar shows how far they are, unless there
    is another view of them to open. Raises Interrupted on a signal: jobs are never cancelled by it.
    """
    if not targets:
        return Followed((), timed_out=False)
    deadline = Deadline(limit.timeout_s)
    reports: tuple[SetReport, ...] = ()
    said: set[str] = set()
    silent = opening is not None or output.notes_as_json
    with (
        Interruption("" if silent else _STOPPING) as interruption,
        opening(interruption) if opening else _bar(output, workspace.clock) as view,
    ):
        for reports in follow(workspace, targets, limit=limit, stop=interruption.stop):
            look(reports)
            view.show(reports)
            for problem in (problem for report in reports for problem in report.problems):
                if problem not in said:
                    said.add(problem)
                    view.warn(problem)
    if interruption.exit_code:
        sets = " ".join(target.folder.job_set.set_id for target in targets)
        raise Interrupted(
            "interrupted; the jobs go on",
            hint=f"qjobs wait {sets}",
            exit_code=interruption.exit_code,
        )
    if interruption.left:
        return Followed(reports, timed_out=False, left=True)
    still_moving = any(
        moves(report, target.folder.being_submitted())
        for report, target in zip(reports, targets, strict=True)
    )
    unread = deadline.over and any(map(unclear, reports))
    timed_out = (still_moving or unread) and not limit.reached(reports)
    if ending is not None:
        ending.come(reports, output)
    return Followed(reports, timed_out=timed_out)


@contextmanager
def _bar(output: Output, clock: Callable[[], datetime]) -> Iterator[View]:
    with progress(output, "running") as meter:
        yield _Bar(meter, output, clock)


class _Bar:
    def __init__(self, meter: Meter, output: Output, clock: Callable[[], datetime]) -> None:
        self._meter = meter
        self._clock = clock
        self._shows_place = output.shows_progress
        self._pace = Pace()
        self.warn = output.warn

    def show(self, reports: Sequence[SetReport]) -> None:
        reached = self._pace.look(reports)
        self._meter.show(
            reached.jobs_ended,
            reached.jobs,
            _note(reports, self._clock(), place=self._shows_place),
            circuits=Share(reached.circuits_ended, reached.circuits),
            left_s=reached.left_s,
        )
