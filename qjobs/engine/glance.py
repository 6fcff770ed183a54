"""A look at sets that takes no longer than a person waits for a list."""

from collections.abc import Sequence
from contextlib import suppress

from qjobs.engine.address import Target
from qjobs.engine.deadline import Deadline, within
from qjobs.engine.report import SetReport
from qjobs.engine.status import statuses
from qjobs.engine.workspace import Workspace
from qjobs.errors import QjobsError

_ASKED_S = 0.8
"""So long providers are asked before it is taken for silence; a last answer has a second more."""


class Glance:
    """How sets are, by providers that are asked for two seconds at most, however many looks."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._deadline: Deadline | None = None

    def at(self, targets: Sequence[Target]) -> list[SetReport]:
        """How the targets' jobs are; those of a provider that is silent as they were last heard of.

        That it is, or what it has against whoever asks, is the last of the set's problems.
        """
        for target in targets:
            if any(job.job_ids for job in target.folder.jobs()):
                # Before the deadline begins: that takes its time, and nobody can give it up.
                with suppress(QjobsError):
                    self._workspace.provider_at(target.folder.job_set.destination)
        self._deadline = self._deadline or Deadline(_ASKED_S)
        return statuses(within(self._workspace, self._deadline), targets, or_as_recorded=True)
