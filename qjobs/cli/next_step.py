"""The next sensible step: one rule from the states of jobs to the command that brings them on."""

from collections.abc import Iterable, Sequence

from qjobs import spans
from qjobs.engine.address import Target
from qjobs.engine.report import SetReport, State
from qjobs.model import JobSet
from qjobs.render import summaries
from qjobs.render.output import Output

_LOOK_FIRST = ("submit", "list")
"""After these one looks how the jobs are before one waits."""


def say_next(
    output: Output, targets: Iterable[Target], reports: Sequence[SetReport], *, after: str = ""
) -> None:
    """Name the next step to a person. `after` is the verb, where that makes a difference."""
    if output.talks_to_person:
        sending = any(target.folder.being_submitted() for target in targets)
        output.hint_next(next_step(reports, after=after, sending=sending))


def next_step(reports: Sequence[SetReport], *, after: str = "", sending: bool = False) -> str:
    """The command that brings the jobs on, perhaps with the one after it; empty if none does.

    `sending` says that a process is submitting what is not sent yet.
    """
    if not reports or any(report.denied for report in reports):
        return ""
    jobs = [job for report in reports for job in report.jobs]
    unsent = any(job.unsent for job in jobs) and not sending
    if any(job.went_wrong for job in jobs):
        return _to_mend(reports, after=after, unsent=unsent)
    sets = " ".join(map(address, reports))
    if unsent:
        return _to_send(reports, sets)
    if any(job.state is not State.DONE for job in jobs):
        away = next((report.away for report in reports if report.away), None)
        if away and not any(job.pending for job in jobs):  # whoever waits learns no more
            return away.hint
        return f"qjobs {'status' if after in _LOOK_FIRST else 'wait'} {sets}"
    verb = "result" if after != "result" else "show" if len(reports) == 1 else "status --jobs"
    return f"qjobs {verb} {sets}"


def _to_mend(reports: Sequence[SetReport], *, after: str, unsent: bool) -> str:
    sets = " ".join(map(address, reports))
    # The circuits of a recovered set are gone: nothing more of it can be sent.
    recovered = any(report.job_set.recovered for report in reports)
    again = "" if recovered else retry_command(sets, reports)
    if after == "error":
        return again
    if unsent and not recovered:
        return f"qjobs error {sets}; to submit the rest: qjobs resume {sets}"
    return f"qjobs error {sets}" + (f"; once mended: {again}" if again else "")


def _to_send(reports: Sequence[SetReport], sets: str) -> str:
    lost = next((report for report in reports if report.unknown and not report.finds), None)
    if lost:
        return ways_out_of(lost)
    recovered = any(report.job_set.recovered for report in reports)
    return f"qjobs {'result --partial' if recovered else 'resume'} {sets}"


def address(report: SetReport) -> str:
    """The set, or those of its jobs that were asked about."""
    plan = report.job_set
    if sum(spans.size(job.parts) for job in report.jobs) >= plan.circuits:
        return plan.set_id
    return f"{plan.set_id}/{summaries.spans(job.index for job in report.jobs)}"


def retry_command(sets: str, reports: Iterable[SetReport]) -> str:
    """The command that submits again what failed, what was cancelled, or both."""
    wrong = [job.state for report in reports for job in report.jobs if job.went_wrong]
    cancelled = State.CANCELLED in wrong
    failed = any(state is not State.CANCELLED for state in wrong)
    which = "--all " if failed and cancelled else "--cancelled " if cancelled else ""
    return f"qjobs retry {which}{sets}"


def ways_out_of(report: SetReport) -> str:
    """Say in one line how to settle the jobs of unknown fate of a set."""
    return report.away.hint if report.away else ways_out(report.job_set, report.unknown)


def ways_out(job_set: JobSet, unknown: Sequence[int]) -> str:
    """Say in one line how to settle jobs of unknown fate whose provider can never tell."""
    set_id = job_set.set_id
    jobs = f"{set_id}/{summaries.spans(unknown)}"
    return (
        f"if {job_set.provider} has it: qjobs adopt {set_id}/{unknown[0]} JOB_ID; to submit it "
        f"again, perhaps twice: qjobs resume --resend-unknown {jobs}; "
        f"to drop it: qjobs cancel {jobs}"
    )
