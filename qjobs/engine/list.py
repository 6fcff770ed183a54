"""The job sets there are, newest first, as they are now."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from qjobs.engine.filters import ALL_JOBS, ALL_SETS, JobFilter, SetFilter
from qjobs.engine.report import SetReport, report_jobs
from qjobs.engine.workspace import Workspace
from qjobs.errors import NotFound, StateError
from qjobs.model import Slice
from qjobs.store.folder import SetFolder
from qjobs.store.state.document import SetHeader

if TYPE_CHECKING:
    from qjobs.engine.glance import Glance

_AT_A_TIME = 100
"""Groups of sets that are looked at together: their providers are asked once for all of them."""

_JOB_NAME = re.compile(r"(.+)_[0-9]+_")
"""As the job manager makes it: the name of the set, and the index of the job."""


def list_sets(
    workspace: Workspace,
    *,
    limit: int | None = None,
    cached: bool = True,
    sets: SetFilter = ALL_SETS,
    jobs: JobFilter = ALL_JOBS,
) -> Iterator[SetReport | str]:
    """The newest `limit` sets that are meant, or what is wrong with one that cannot be read.

    `cached` asks nobody. Otherwise the providers are asked for jobs that have not ended: each
    once, side by side, and for two seconds at most in all. Sets of those that do not answer are
    as they were last heard of, which their problems say. The sets of one program count as one.
    One broken set never hides the others.
    """
    listing = workspace.store.listing()
    yield from listing.damaged
    meant = (group for group in listing.groups() if any(map(sets.takes_header, group)))
    look = _Look(workspace, cached=cached)
    left = limit
    size = _AT_A_TIME if jobs.chooses or limit is None else min(limit, _AT_A_TIME)
    while left != 0 and (some := list(islice(meant, size))):
        groups: list[list[SetFolder]] = []
        for group in some:
            folders, problems = _opened(workspace, group)
            yield from problems
            folders = [folder for folder in folders if sets.takes_both(folder.job_set)]
            groups += [folders] if folders else []
        for report in look.at(groups):
            if left != 0 and jobs.takes_set(report):
                left = left and left - 1
                yield report


def _opened(workspace: Workspace, group: Sequence[SetHeader]) -> tuple[list[SetFolder], list[str]]:
    folders, problems = [], []
    for header in group:
        try:
            folders.append(workspace.store.open(header.set_id))
        except (StateError, NotFound) as error:
            problems.append(error.message)
    return folders, problems


class _Look:
    """A look at sets, piece by piece, for which providers have one deadline."""

    def __init__(self, workspace: Workspace, *, cached: bool) -> None:
        self._workspace = workspace
        self._cached = cached
        self._glance: Glance | None = None

    def at(self, groups: Sequence[Sequence[SetFolder]]) -> Iterator[SetReport]:
        """How sets are, those of each group as one."""
        folders = [folder for group in groups for folder in group]
        reports = {
            folder: SetReport(folder.job_set, report_jobs(folder.jobs(), None), folder.warnings)
            for folder in folders
        }
        open_ = [folder for folder in folders if any(job.pending for job in reports[folder].jobs)]
        if open_ and not self._cached:
            reports |= zip(open_, self._asked(open_), strict=True)
        return (_together([reports[folder] for folder in group]) for group in groups)

    def _asked(self, folders: Sequence[SetFolder]) -> list[SetReport]:
        # Imported here: whoever has no open sets needs none of it.
        from qjobs.engine.address import Target
        from qjobs.engine.glance import Glance

        self._glance = self._glance or Glance(self._workspace)
        return self._glance.at([Target(folder, folder.job_set.indices) for folder in folders])


def _together(reports: Sequence[SetReport]) -> SetReport:
    """The sets of one program as one, by the id of the program; one set as it is."""
    first, *others = reports
    if not others:
        return first
    plan = first.job_set
    names = {_stem(report.job_set.name) for report in reports}
    circuits = sum(report.job_set.circuits for report in reports)
    asked = [report.asked for report in reports if report.as_of]
    known = [moment for moment in asked if moment is not None]
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
        asked=min(known) if len(known) == len(asked) and known else None,
    )


def _stem(name: str) -> str:
    match = _JOB_NAME.fullmatch(name)
    return match[1] if match else name
