"""The job sets there are, newest first, as last heard of them."""

from collections.abc import Iterator

from qjobs.engine.report import SetReport, report_jobs
from qjobs.engine.workspace import Workspace
from qjobs.errors import NotFound, StateError


def list_sets(workspace: Workspace, *, limit: int | None = None) -> Iterator[SetReport | str]:
    """The newest `limit` sets, or what is wrong with one that cannot be read. Asks nobody.

    One broken set never hides the others.
    """
    listing = workspace.store.listing()
    yield from listing.damaged
    for header in listing.headers[:limit]:
        try:
            folder = workspace.store.open(header.set_id)
            report = SetReport(folder.job_set, report_jobs(folder.jobs(), None), folder.warnings)
        except (StateError, NotFound) as error:
            yield error.message
            continue
        yield report
