"""Choose the job sets that have had their day, by what is recorded."""

from datetime import timedelta
from typing import NamedTuple

from qjobs.engine.address import Target
from qjobs.engine.status import status
from qjobs.engine.workspace import Workspace
from qjobs.errors import NotFound, StateError


class Choice(NamedTuple):
    """Which sets are meant: those to which all of this applies.

    They were made more than `older_than_s` seconds ago, are none of the `keep` newest, and, if
    `failed`, something went wrong in them. The sets of one program count as one, the newest.
    """

    older_than_s: float | None = None
    keep: int = 0
    failed: bool = False


class Chosen(NamedTuple):
    """The sets that are meant, the oldest first, and what is wrong with those that stay unread."""

    targets: tuple[Target, ...]
    problems: tuple[str, ...]


def choose(workspace: Workspace, choice: Choice) -> Chosen:
    """Find the sets that a choice means. Asks nobody. Raises StateError."""
    listing = workspace.store.listing()
    problems = list(listing.damaged)
    targets = []
    latest = workspace.clock() - timedelta(seconds=choice.older_than_s or 0)
    for group in listing.groups()[choice.keep :]:
        if choice.older_than_s is not None and group[-1].created > latest:
            continue
        for header in reversed(group):
            try:
                folder = workspace.store.open(header.set_id)
                target = Target(folder, folder.job_set.indices)
                report = status(workspace, target, cached=True)
            except (StateError, NotFound) as error:
                problems.append(error.message)
                continue
            if not choice.failed or any(job.went_wrong for job in report.jobs):
                targets.append(target)
    return Chosen(tuple(reversed(targets)), tuple(problems))
