"""Reports of job sets, as several verbs look at them and show them."""

from collections.abc import Sequence
from datetime import datetime

from qjobs.engine.address import Target
from qjobs.engine.report import WAITING, JobReport, SetReport
from qjobs.engine.workspace import Workspace
from qjobs.render.output import Format, Output
from qjobs.render.shapes import Document, status_document
from qjobs.render.summaries import age


def looked_into(workspace: Workspace, target: Target, report: SetReport) -> SetReport:
    """The report with the circuits that failed, for which results may have to be fetched."""
    from threading import Event

    from qjobs.engine.failed import look_into

    return look_into(workspace, target, report, stop=Event())


def in_line(workspace: Workspace, report: SetReport) -> SetReport:
    """The report with the place in the queue of the first job that waits, if there is one."""
    if not any(job.state in WAITING for job in report.jobs):
        return report
    # Imported here: it needs the contract, which a provider has loaded by now.
    from qjobs.engine.details import first_in_line

    return first_in_line(workspace, report)


def note_ages(output: Output, reports: Sequence[SetReport], now: datetime) -> None:
    """Say to a person how old it is what a table of jobs shows of those that go on."""
    for report in reports if output.format is Format.TABLE else ():
        if old := age(report, now):
            output.note(f"{report.job_set.set_id}: what is not finished is{old.lstrip(',')}")


def summarize(shown: Sequence[tuple[SetReport, Sequence[JobReport]]], now: datetime) -> None:
    """Print a line and a bar for each set."""
    from qjobs.render.tables import print_summary

    for report, jobs in shown:
        print_summary(report, jobs, now)


def status_of(reports: Sequence[SetReport]) -> Document:
    """The document that says how the jobs of sets are."""
    return status_document((report, report.jobs) for report in reports)
