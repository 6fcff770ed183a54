"""How a command ends: what became of the jobs, as an error with its exit code and a next step."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qjobs import spans
from qjobs.engine.report import FAILED, SetReport, State
from qjobs.errors import ExitCode, ProviderError, QjobsError, Recalibrated, TimedOut
from qjobs.render.text import count

if TYPE_CHECKING:
    from qjobs.engine.start import StartReport


class JobsFailed(QjobsError):
    """Some jobs failed, were refused or cancelled."""

    code = "jobs_failed"
    exit_code = ExitCode.FAILED


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
    # The circuits of a recovered set are gone: nothing more of it can be sent.
    recovered = any(report.job_set.recovered for report in reports)
    open_jobs = unsent + pending
    more = f"; {count(open_jobs, 'job')} not finished" if open_jobs else ""
    if failed:
        also = f", and {count(circuits, 'circuit')} of others failed" if circuits else ""
        raise JobsFailed(
            f"{failed} {of_all} failed or were cancelled{also}{more}", hint=f"qjobs error {sets}"
        )
    if circuits:
        asked = sum(spans.size(job.parts) for job in jobs)
        raise CircuitsFailed(
            f"{circuits} of {count(asked, 'circuit')} failed, and gave no result{more}",
            hint=f"qjobs error {sets}"
            + ("" if recovered else f"; once mended: qjobs retry {sets}"),
        )
    if timed_out:
        raise TimedOut(
            f"the time is up: {unsent + pending} {of_all} not finished; they go on"
            if unsent + pending
            else f"the time is up, and results {of_all} could not be fetched",
            hint=f"qjobs wait {sets}",
        )
    if unsent:
        verb = "result --partial" if recovered else "resume"
        raise PartlySubmitted(f"{unsent} {of_all} not submitted", hint=f"qjobs {verb} {sets}")
    if pending:
        raise StillPending(f"{pending} {of_all} not finished", hint=f"qjobs wait {sets}")
    unclear = sum(not job.looked_into for job in jobs)
    if unclear and not recorded:
        raise ProviderError(
            f"the results of {unclear} {of_all} could not be fetched, and some circuits "
            "may have failed",
            hint=f"qjobs result {sets}",
        )


def raise_for_submission(report: "StartReport", set_id: str) -> None:
    """Raise what kept jobs from being accepted, if anything did."""
    if report.stopped_by is not None:
        error = report.stopped_by
        mend = error.hint or "see what the provider says"
        error.hint = f"{mend}; then: qjobs resume {set_id}"
        if isinstance(error, Recalibrated):
            error.hint = f"qjobs resume --recalibrated {set_id}"
        raise error
    left = report.unknown + report.planned
    jobs = count(report.accepted + report.refused + left, "job")
    if report.refused and not report.accepted and not left:
        raise JobsFailed(f"all of {jobs} were refused", hint=f"qjobs error {set_id}")
    if left:
        unknown = f", {report.unknown} of unknown fate" if report.unknown else ""
        refused = f"; {report.refused} refused: qjobs error {set_id}" if report.refused else ""
        raise PartlySubmitted(
            f"{left} of {jobs} not submitted{unknown}{refused}", hint=f"qjobs resume {set_id}"
        )
    if report.refused:
        raise PartlySubmitted(
            f"{report.refused} of {jobs} refused",
            hint=f"qjobs error {set_id}; once mended: qjobs retry {set_id}",
        )
