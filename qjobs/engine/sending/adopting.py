"""The one place where what a provider says of a call is recorded: it has jobs of it, or none.

Somebody may have cancelled the attempt while the call was in flight. Then whoever records that it
was accepted stops what it came to, and nothing of it is sent again.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from qjobs.circuits.foreign import describe
from qjobs.contract import CancelOutcome, Provider
from qjobs.errors import StateUnwritable
from qjobs.facts import Fact, FactKind, shortened
from qjobs.model import Accepted, JobSet
from qjobs.store.journal import Journal

STOPPED = (CancelOutcome.CANCELLED, CancelOutcome.REQUESTED, CancelOutcome.ALREADY_FINAL)
"""The outcomes after which a job does not run on."""


class Adopter(NamedTuple):
    """Records for one set what its provider has. Safe in many threads."""

    job_set: JobSet
    journal: Journal
    provider: Provider
    clock: Callable[[], datetime]
    say: Callable[[str], None] = lambda _: None

    def found(self, job: int, attempt: int, job_ids: Sequence[str]) -> None:
        """The provider has these jobs of a call, the oldest first; if none, it got no call."""
        if job_ids:
            self.accepted(job, attempt, job_ids)
        else:
            self.deferred(job, attempt, "no job carries the tag")

    def accepted(
        self, job: int, attempt: int, job_ids: Sequence[str], *, at: datetime | None = None
    ) -> None:
        """The first of the jobs is ours, further ones nobody has asked for. Raises StateError.

        Call `stop_withdrawn` once nothing more is to be recorded of it.
        """
        first, *others = job_ids
        at = at or self.clock()
        facts = [Fact(job, attempt, at, FactKind.ACCEPTED, first)]
        facts += (Fact(job, attempt, at, FactKind.DUPLICATE, job_id) for job_id in others)
        try:
            self.journal.append(*facts)
        except StateUnwritable as error:
            # The one place where an id could be lost: say it, so that the user has it.
            raise StateUnwritable(
                f"{error.message}\nthe provider has accepted job {job} as {', '.join(job_ids)}",
                hint=error.hint or f"make room, then run: qjobs resume {self.job_set.set_id}",
            ) from error
        for job_id in others:
            self.say(f"job {job}: the provider made a duplicate, {job_id}")

    def stop_withdrawn(self, index: int) -> str:
        """Stop what came of a call that was in flight when its job was cancelled.

        Returns why something of it may run on, if so.
        """
        live = [
            job_id
            for attempt in self.journal.job(index).attempts
            if attempt.withdrawn and isinstance(attempt.state, Accepted)
            for job_id in (attempt.state.job_id, *attempt.duplicates)
        ]
        if not live:
            return ""
        try:
            outcomes = self.provider.cancel(live, backend=self.job_set.backend)
            left = [job_id for job_id in live if outcomes.get(job_id) not in STOPPED]
            why = ", ".join(str(outcomes.get(job_id, "no answer")) for job_id in left)
        except Exception as error:  # noqa: BLE001 - whatever a plug-in lets through, it may run on
            left, why = live, describe(error)
        if left:
            return f"job {index}: cancelled meanwhile, but {', '.join(left)} may run on: {why}"
        self.say(f"job {index}: cancelled meanwhile, stopped {', '.join(live)}")
        return ""

    def deferred(self, job: int, attempt: int, reason: str) -> None:
        """The provider surely has no job of the call: it may be made again, unless withdrawn."""
        fact = Fact(job, attempt, self.clock(), FactKind.DEFERRED, shortened(reason))
        self.journal.append(fact)
        if self.journal.job(job).attempts[attempt - 1].withdrawn:
            # Said to those, too, who do not know of withdrawals.
            self.journal.append(fact._replace(kind=FactKind.DROPPED, value="cancelled"))
