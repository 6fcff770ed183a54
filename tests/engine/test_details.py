"""What a provider tells of jobs beyond their status."""

from qjobs.contract import JobDetails
from qjobs.engine.details import MOST_ASKED, details
from qjobs.engine.report import report_jobs
from qjobs.engine.sending.submission import submit_jobs
from qjobs.model import JobStatus


def test_jobs_that_go_on_are_asked_for_before_those_that_ended(workspace, new_set, provider, stop):
    jobs = MOST_ASKED + 5
    folder = new_set(jobs=jobs)
    submit_jobs(folder, provider, jobs=range(jobs), clock=workspace.clock, stop=stop)
    live = {f"remote-{index}": JobStatus.DONE for index in range(jobs)}
    live["remote-53"] = JobStatus.QUEUED
    reports = report_jobs(folder.jobs(), live)
    provider.details = lambda job_id, *, backend: JobDetails(usage_s=float(job_id[7:]))

    told = details(workspace, folder.job_set, reports)

    assert list(told) == [*range(MOST_ASKED - 1), 53]
    assert told[53].usage_s == 53
