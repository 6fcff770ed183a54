"""How a command ends: what became of the jobs, as an error with its exit code and a next step."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qjobs import spans
from qjobs.cli.next_step import next_step, ways_out, ways_out_of
from qjobs.engine.report import FAILED, SetReport, State
from qjobs.errors import ExitCode, ProviderError, QjobsError, Recalibrated, TimedOut
from qjobs.model import JobSet
from qjobs.render.output import Output
from qjobs.render.text import count

if TYPE_CHECKING:
    from qjobs.engine.sending.submission import SubmitReport


class JobsFailed(QjobsError):
    """Some jobs failed, were refused or cancelled."""

    code = "jobs_failed"
    exit_code = ExitCode.FAILED


class TooManyFailed(JobsFailed):
    """So many jobs failed that no more are submitted."""

    code = "too_many_failed"


class CircuitsFailed(JobsFailed):
    """Jobs are done, but some of their circuits gave nothing."""

    code = "circuits_failed"


class PartlySubmitted(QjobsError):
    """Some jobs were not accepted by the provider."""

    code = "partly_submitted"
    exit_code = ExitCode.PARTLY_SUBMITTED


class StillPending(QjobsError):
    """Some jobs are not finished."""

    code = "pending"
    exit_code = ExitCode.PENDING


class NotStopped(QjobsError):
    """Some jobs could not be cancelled."""

    code = "not_stopped"


class Interrupted(QjobsError):
    """A signal ended the command early."""

    code = "interrupted"

    def __init__(self, message: str, *, hint: str, exit_code: ExitCode) -> None:
        super().__init__(message, hint=hint)
        self.exit_code = exit_code


def raise_for_credentials(reports: Sequence[SetReport]) -> None:
    """Raise AuthError if a provider does not answer whoever asks: nothing is known of its jobs."""
    for report in reports:
        if report.denied:
            raise report.denied


def raise_for_jobs(
    reports: Sequence[SetReport], *, timed_out: bool = False, recorded: bool = False
) -> None:
    """Raise what there is to say of the jobs, if they are not all done with all circuits.

    Failed beats pending. Which circuits failed must have been looked into by now, unless what is
    `recorded` is all that is wanted.
    """
    jobs = [job for report in reports for job in report.jobs]
    sets = " ".join(report.job_set.set_id for report in reports)
    failed = sum(job.state in FAILED for job in jobs)
    circuits = sum(report.failed_circuits for report in reports)
    unsent = sum(job.unsent for job in jobs)
    pending = sum(job.state is not State.DONE for job in jobs) - failed - unsent
    of_all = f"of {count(len(jobs), 'job')}"
    open_jobs = unsent + pending
    more = f"; {count(open_jobs, 'job')} not finished" if open_jobs else ""
    if failed:
        also = f", and {count(circuits, 'circuit')} of others failed" if circuits else ""
        raise JobsFailed(
            f"{failed} {of_all} failed or were cancelled{also}{more}", hint=next_step(reports)
        )
    if circuits:
        asked = sum(spans.size(job.parts) for job in jobs)
        raise CircuitsFailed(
            f"{circuits} of {count(asked, 'circuit')} failed, and gave no result{more}",
            hint=next_step(reports),
        )
    if timed_out:
        raise TimedOut(
            f"the time is up: {unsent + pending} {of_all} not finished; they go on"
            if unsent + pending
            else f"the time is up, and results {of_all} could not be fetched",
            hint=f"qjobs wait {sets}",
        )
    if unsent:
        raise PartlySubmitted(f"{unsent} {of_all} not submitted", hint=next_step(reports))
    if pending:
        what = f"{pending} {of_all} not finished"
        away = next((report.away for report in reports if report.away), None)
        if away and not any(job.pending for job in jobs):
            what += f", as far as is known: {away.who} can ask"
        raise StillPending(what, hint=next_step(reports))
    unclear = sum(not job.looked_into for job in jobs)
    if unclear and not recorded:
        raise ProviderError(
            f"the results of {unclear} {of_all} could not be fetched, and some circuits "
            "may have failed",
            hint=f"qjobs result {sets}",
        )


def warn_of_unknown(report: SetReport, output: Output) -> None:
    """Say of jobs of unknown fate that a verb leaves them alone, and what brings them on."""
    if not report.unknown:
        return
    set_id = report.job_set.set_id
    way = f"qjobs resume {set_id}" if report.finds else ways_out_of(report)
    output.warn(f"{set_id}: {count(len(report.unknown), 'job')} of unknown fate; {way}")


def warn_of_jobs_out_of_reach(report: SetReport, output: Output) -> None:
    """Say who can ask for the jobs of which nobody here knows how they are."""
    out_of_reach = sum(job.out_of_reach for job in report.jobs)
    if out_of_reach and report.away:
        output.warn(
            f"{report.job_set.set_id}: {report.away.who} can ask for "
            f"{count(out_of_reach, 'job')}; {report.away.hint}"
        )


def raise_for_submission(report: "SubmitReport", job_set: JobSet) -> None:
    """Raise what kept jobs from being accepted, if anything did."""
    set_id = job_set.set_id
    if report.stopped_by is not None:
        error = report.stopped_by
        mend = error.hint or "see what the provider says"
        error.hint = f"{mend}; then: qjobs resume {set_id}"
        if isinstance(error, Recalibrated):
            error.hint = f"qjobs resume --recalibrated {set_id}"
        raise error
    left = report.unknown + report.planned
    if report.gave_up and left:
        raise TooManyFailed(
            f"too many jobs failed: submitting was stopped, {count(left, 'job')} not submitted",
            hint=f"qjobs error {set_id}; to submit the rest: qjobs resume {set_id}",
        )
    jobs = count(report.accepted + report.refused + report.cancelled + left, "job")
    if report.cancelled:
        more = f"; {left} not submitted: qjobs resume {set_id}" if left else ""
        raise JobsFailed(
            f"{report.cancelled} of {jobs} were cancelled while they were submitted{more}",
            hint=f"qjobs status {set_id}; to have them after all: qjobs retry --cancelled {set_id}",
        )
    if report.refused and not report.accepted and not left:
        raise JobsFailed(f"all of {jobs} were refused", hint=f"qjobs error {set_id}")
    if left:
        unknown = f", {report.unknown} of unknown fate" if report.unknown else ""
        refused = f"; {report.refused} refused: qjobs error {set_id}" if report.refused else ""
        lost = report.untold
        hint = ways_out(job_set, lost) if lost else f"qjobs resume {set_id}"
        raise PartlySubmitted(f"{left} of {jobs} not submitted{unknown}{refused}", hint=hint)
    if report.refused:
        raise PartlySubmitted(
            f"{report.refused} of {jobs} refused",
            hint=f"qjobs error {set_id}; once mended: qjobs retry {set_id}",
        )
