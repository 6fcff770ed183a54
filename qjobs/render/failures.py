"""Failures that say the same, but for numbers, are one group, however they are shown."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from qjobs.engine.error import Failure, Origin
from qjobs.model import JobSet
from qjobs.render.summaries import spans

_WENT_WRONG = {
    Origin.SUBMIT: "refused",
    Origin.LOST: "unknown",
    Origin.RUN: "failed",
    Origin.CIRCUIT: "without a result",
    Origin.CANCEL: "cancelled",
}


# Names and numbers of circuits, ids of jobs.
_NUMBERS = re.compile(r"\b[0-9a-f]{8,}\b|\d+")


class FailureGroup(NamedTuple):
    """Failures of one set, of one origin, whose messages differ in numbers at the most."""

    plan: JobSet
    origin: Origin
    failures: tuple[Failure, ...]

    @property
    def messages(self) -> tuple[str, ...]:
        """What they say, each message once, in the order of the failures."""
        return tuple(dict.fromkeys(failure.message for failure in self.failures))

    @property
    def different_jobs(self) -> int:
        """How many jobs are concerned."""
        return len({failure.job for failure in self.failures})

    @property
    def jobs(self) -> str:
        """The jobs concerned: `job 3`, `jobs 3-5,9`."""
        noun = "job" if self.different_jobs == 1 else "jobs"
        return f"{noun} {spans(failure.job for failure in self.failures)}"

    @property
    def circuits(self) -> str:
        """The circuits without a result in jobs that are done; empty where a job failed as one."""
        if self.origin is not Origin.CIRCUIT:
            return ""
        return spans(failure.slice.start_index for failure in self.failures)

    @property
    def files(self) -> tuple[str, ...]:
        """The files that these circuits are from, once each."""
        if self.origin is not Origin.CIRCUIT:
            return ()
        return tuple(dict.fromkeys(file for failure in self.failures for file in failure.files))

    @property
    def went_wrong(self) -> str:
        """What became of them, in a word or two."""
        return _WENT_WRONG[self.origin]

    @property
    def times(self) -> int:
        """How many failures these are, where that is more than there are jobs; else 0."""
        more = self.origin is not Origin.CIRCUIT and len(self.failures) > self.different_jobs
        return len(self.failures) if more else 0


def alike(message: str) -> str:
    """What a message has in common with others that say the same of other jobs or circuits."""
    return _NUMBERS.sub("0", message)


def grouped(failures: Iterable[tuple[JobSet, Failure]]) -> list[FailureGroup]:
    """The groups, in the order of their first failures."""
    groups: dict[tuple[str, Origin, str], list[Failure]] = {}
    plans: dict[str, JobSet] = {}
    for plan, failure in failures:
        plans[plan.set_id] = plan
        kind = alike(failure.message)
        groups.setdefault((plan.set_id, failure.origin, kind), []).append(failure)
    return [
        FailureGroup(plans[set_id], origin, tuple(same))
        for (set_id, origin, _), same in groups.items()
    ]
