"""Submitting jobs from the command line: progress, problems, Ctrl-C, and what is said then."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from qjobs.cli.exit_codes import (
    Interrupted,
    TooManyFailed,
    raise_for_jobs,
    raise_for_submission,
)
from qjobs.cli.following import follow_to_end
from qjobs.cli.next_step import say_next
from qjobs.cli.reports import status_of
from qjobs.cli.signals import Interruption
from qjobs.cli.step_summary import summarize_sets
from qjobs.engine.address import Target
from qjobs.engine.deadline import Deadline
from qjobs.engine.report import SetReport, report_jobs
from qjobs.engine.sending.submission import SubmitReport
from qjobs.engine.wait import NO_LIMIT, Limit, watch
from qjobs.engine.workspace import Workspace
from qjobs.errors import NoneAccepted, OutOfTime, QjobsError, TimedOut
from qjobs.model import JobSet
from qjobs.render.data import DATA
from qjobs.render.output import Format, Output
from qjobs.render.progress import Share, progress
from qjobs.render.rows import job_rows
from qjobs.render.shapes import Document
from qjobs.render.summaries import effort, set_title
from qjobs.render.text import count
from qjobs.render.writing import show

if TYPE_CHECKING:
    from qjobs.circuits.gather import Gathered
    from qjobs.cli.ending import Ending
    from qjobs.engine.set.request import SubmitRequest

_STOPPING = (
    "stopping: calls in flight are finished, the rest stays planned (Ctrl-C again to leave at once)"
)
_MOST_PROBLEMS = 5
_FINAL = (Interrupted, NoneAccepted, TimedOut)
"""After these the jobs are not followed."""


def submit_jobs(
    workspace: Workspace,
    target: Target,
    output: Output,
    *,
    jobs: Sequence[int] | None = None,
    max_workers: int | None = None,
    resend_unknown: bool = False,
    recalibrated: bool = False,
    limit: Limit = NO_LIMIT,
    deadline: Deadline,
) -> QjobsError | None:
    """Submit jobs; return what the command has to end with, if not all went well.

    The error is given, not raised: the id of the set must be written first. On a signal it is
    Interrupted, and TimedOut at the deadline, after which nothing more is sent. No more is sent
    either once as many jobs went wrong as the limit has it.
    """
    from qjobs.engine.set.making import warnings
    from qjobs.engine.submit import submit_unsent, unsent_jobs

    folder = target.folder
    set_id = folder.job_set.set_id
    if unsent_jobs(folder):
        for warning in warnings(workspace, folder.job_set):
            output.warn(warning)
    with (
        Interruption("" if output.notes_as_json else _STOPPING) as interruption,
        progress(output, "submitting") as meter,
        deadline.sets(interruption.stop),
    ):
        try:
            report = submit_unsent(
                workspace,
                folder,
                stop=interruption.stop,
                jobs=jobs,
                max_workers=max_workers,
                resend_unknown=resend_unknown,
                recalibrated=recalibrated,
                progress=lambda step: meter.show(
                    step.settled, step.jobs, step.waiting,
                    circuits=Share(step.circuits_settled, step.circuits),
                ),
                enough=watch(workspace, target, limit),
            )  # fmt: skip
        except OutOfTime as error:
            return TimedOut(error.message, hint=f"qjobs resume {set_id}")
    folder.refresh()
    _warn(output, report, set_id)
    if interruption.exit_code:
        return Interrupted(
            f"interrupted: {count(report.accepted, 'job')} accepted, {report.planned} not sent",
            hint=f"qjobs resume {set_id}",
            exit_code=interruption.exit_code,
        )
    if deadline.over and not report.gave_up and (left := report.planned + report.unknown):
        return TimedOut(
            f"the time is up: {report.accepted} accepted, {count(left, 'job')} not submitted",
            hint=f"qjobs resume {set_id}",
        )
    try:
        raise_for_submission(report, folder.job_set)
    except QjobsError as error:
        return error
    return None


def _warn(output: Output, report: SubmitReport, set_id: str) -> None:
    for problem in report.problems[:_MOST_PROBLEMS]:
        output.warn(problem)
    if len(report.problems) > _MOST_PROBLEMS:
        output.warn(f"... {len(report.problems) - _MOST_PROBLEMS} more: qjobs error {set_id}")


def submit_and_conclude(
    workspace: Workspace,
    targets: Sequence[Target],
    jobs: Iterable[Sequence[int]],
    output: Output,
    *,
    max_workers: int | None,
    resend_unknown: bool = False,
    recalibrated: bool,
    wait: bool,
    limit: Limit,
    ending: "Ending | None",
    deadline: Deadline,
) -> None:
    """Submit the jobs of each target, one target after another, and conclude.

    What remains is left alone after a signal, at the deadline, and once too many went wrong.
    """
    errors = []
    for target, chosen in zip(targets, jobs, strict=False):
        error = submit_jobs(
            workspace, target, output,
            jobs=chosen, max_workers=max_workers, resend_unknown=resend_unknown,
            recalibrated=recalibrated, limit=limit, deadline=deadline,
        )  # fmt: skip
        if error:
            errors.append(error)
        if isinstance(error, Interrupted | TooManyFailed | TimedOut):
            break
    left = limit._replace(timeout_s=deadline.left_s())
    conclude(
        workspace, targets, output,
        errors=errors, limit=left if wait else None, ending=ending, document=status_of, anew=True,
    )  # fmt: skip


def conclude(
    workspace: Workspace,
    targets: Sequence[Target],
    output: Output,
    *,
    errors: Sequence[QjobsError],
    limit: Limit | None,
    ending: "Ending | None",
    document: Callable[[Sequence[SetReport]], Document],
    anew: bool = False,
) -> None:
    """Wait within the limit, if there is one, write the sets, and raise what went wrong.

    Of sets that were there before, what is on record may be old: they are looked at `anew`.
    """
    reports = known_reports(targets)
    if anew and limit is None and not output.ids_only:
        from qjobs.engine.glance import Glance

        reports = tuple(Glance(workspace).at(targets))
    timed_out = False
    if limit is not None and not any(isinstance(e, _FINAL) for e in errors):
        followed = follow_to_end(workspace, targets, output, limit, ending=ending)
        reports, timed_out = followed.reports, followed.timed_out
    summarize_sets(output, targets, reports)
    if not output.ids_only:
        table = job_rows([(r, r.jobs) for r in reports], short=output.format is Format.TABLE)
        titles = {report.job_set.set_id: _title(report) for report in reports}
        show(output, document(reports), table._replace(titles=titles))
    if errors:
        # Where the jobs were followed, how they ended says more than how they were sent.
        if limit is not None and not any(isinstance(e, _FINAL) for e in errors):
            raise_for_jobs(reports, timed_out=timed_out)
        raise errors[0]
    if limit is not None:
        raise_for_jobs(reports, timed_out=timed_out)
    say_next(output, targets, reports, after="submit" if limit is None else "")


def _title(report: SetReport) -> str:
    plan = report.job_set
    return (
        f"{set_title(plan)}  {plan.provider}:{plan.backend}  "
        f"{count(plan.circuits, 'circuit')} in {count(len(report.jobs), 'job')}, "
        f"{effort(plan.options)} each"
    )


def known_reports(targets: Sequence[Target]) -> tuple[SetReport, ...]:
    """How the targets' jobs are by what is recorded; nobody is asked."""
    return tuple(
        SetReport(
            target.folder.job_set,
            report_jobs(target.chosen(target.folder.jobs()), None, circuits=target.circuits),
            target.folder.warnings,
            sessions=target.folder.sessions,
        )
        for target in targets
    )


def print_ids(targets: Sequence[Target]) -> None:
    """The ids of the sets, one a line, at once: whoever started us has them, come what may."""
    for target in targets:
        DATA.stream.write(f"{target.folder.job_set.set_id}\n")
    DATA.stream.flush()


def vouch_for_all(workspace: Workspace, targets: Sequence[Target]) -> None:
    """Keep that the user trusts these sets. Raises StateUnwritable."""
    from qjobs.engine.trusting import vouch_for

    for target in targets:
        vouch_for(workspace, target.folder)


def start_set(
    workspace: Workspace,
    request: "SubmitRequest",
    output: Output,
    max_workers: int | None,
    limit: Limit,
    *,
    print_id: bool,
    deadline: Deadline,
) -> tuple[Target, list[QjobsError]]:
    """Make the set and send it; the errors are what the command has to end with."""
    from qjobs.engine.set.making import estimates_remark, plan_set

    with progress(output, "reading", unit="files") as meter:
        preparation = plan_set(workspace, request, progress=meter.show)
    warn_of_files(output, preparation.gathered)
    folder = preparation.folder
    say_where(output, folder.job_set)
    if remark := estimates_remark(workspace, folder.job_set):
        output.note(f"expectation values {remark}")
    set_id = folder.job_set.set_id
    target = Target(folder, folder.job_set.indices)
    if print_id:
        print_ids([target])
    if preparation.existing:
        output.note(f"submitted before as {set_id}")
        if target.folder.being_submitted():
            return target, []
    error = submit_jobs(
        workspace, target, output, max_workers=max_workers, limit=limit, deadline=deadline
    )
    return target, [error] if error else []


def say_where(output: Output, plan: JobSet) -> None:
    """Say which instance the jobs go to, and who pays for it."""
    if plan.instance_name or plan.plan:
        paid = f", plan {plan.plan}" if plan.plan else ""
        output.note(f"{plan.provider}:{plan.backend} in the instance {plan.instance_name}{paid}")


def warn_of_files(output: Output, gathered: "Gathered") -> None:
    """Say which files and circuits will give nothing."""
    if gathered.skipped:
        output.list_unreadable(gathered.skipped)
        files = len(gathered.sources) + len(gathered.skipped)
        output.warn(f"left out {len(gathered.skipped)} of {count(files, 'file')}")
    for circuit in gathered.unreadable:
        output.warn(f"will fail: {circuit}")
    if gathered.unmeasured.count:
        circuits = gathered.unmeasured_circuits
        output.warn(f"without a measurement there are no counts: {circuits}")
