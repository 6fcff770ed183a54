"""Managed jobs of one set, stopped."""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from qjobs.errors import ProviderError
from qjobs.managed.open_set import OpenSet

if TYPE_CHECKING:
    from qjobs.managed.job import ManagedJob

_LOG = logging.getLogger(__name__)


def stop_jobs(job_set: OpenSet, jobs: "Sequence[ManagedJob]") -> bool:
    """Stop those jobs of a set; whether none will run on. What could not be is logged.

    A job that is being handed over at this moment is let through, and then stopped.
    """
    from concurrent.futures import wait

    indices = [job.index for job in jobs]
    try:
        reports = job_set.cancel(indices)
        if not all(report.stopped and not report.in_flight for report in reports):
            wait([job.future for job in jobs if job.future is not None])
            reports = job_set.cancel(indices)
    except ProviderError as error:
        _LOG.warning("jobs of the set %s: %s", job_set.folder.job_set.set_id, error)
        return False
    for report in reports:
        if not report.stopped:
            _LOG.warning(
                "the job %s for experiments %s was not cancelled: %s",
                report.job_id, report.slice, report.outcome,
            )  # fmt: skip
    return all(report.stopped for report in reports)
