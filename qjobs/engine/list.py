"""The job sets there are, newest first, as last heard of them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from qjobs.engine.report import SetReport, report_jobs
from qjobs.engine.workspace import Workspace
from qjobs.errors import NotFound, StateError
from qjobs.model import Slice

_JOB_NAME = re.compile(r"(.+)_[0-9]+_")
"""As the job manager makes it: the name of the set, and the index of the job."""


def list_sets(workspace: Workspace, *, limit: int | None = None) -> Iterator[SetReport | str]:
    """The newest `limit` sets, or what is wrong with one that cannot be read. Asks nobody.

    The sets of one program count as one. One broken set never hides the others.
    """
    listing = workspace.store.listing()
    yield from listing.damaged
    for group in listing.groups()[:limit]:
        reports = []
        for header in group:
            try:
                folder = workspace.store.open(header.set_id)
                jobs = report_jobs(folder.jobs(), None)
            except (StateError, NotFound) as error:
                yield error.message
                continue
            reports.append(SetReport(folder.job_set, jobs, folder.warnings))
        if reports:
            yield _together(reports)


def _together(reports: Sequence[SetReport]) -> SetReport:
    """The sets of one program as one, by the id of the program; one set as it is."""
    first, *others = reports
    if not others:
        return first
    plan = first.job_set
    names = {_stem(report.job_set.name) for report in reports}
    circuits = sum(report.job_set.circuits for report in reports)
    return SetReport(
        replace(
            plan,
            set_id=plan.program,
            name=names.pop() if len(names) == 1 else "",
            created=reports[-1].job_set.created,
            circuits=circuits,
            start_index=0,
            slices=(Slice(0, circuits),),
            parameters=(),
            bindings=1,
        ),
        tuple(job for report in reports for job in report.jobs),
        tuple(problem for report in reports for problem in report.problems),
    )


def _stem(name: str) -> str:
    match = _JOB_NAME.fullmatch(name)
    return match[1] if match else name
