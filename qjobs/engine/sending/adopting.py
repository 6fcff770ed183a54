"""The one place where what a provider says of a call is recorded: it has jobs of it, or none.

Somebody may have cancelled the attempt while the call was in flight. Then whoever records that it
was accepted stops what it came to, and nothing of it is submitted again.
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


class Known(NamedTuple):
    """The provider has these jobs of an attempt, the oldest first; or none, and the `reason`."""

    job: int
    attempt: int
    job_ids: Sequence[str] = ()
    reason: str = "no job carries the tag"


class Adopter(NamedTuple):
    """Records for one set what its provider has. Safe in many threads."""

    job_set: JobSet
    journal: Journal
    provider: Provider
    clock: Callable[[], datetime]
    say: Callable[[str], None] = lambda _: None

    def record(self, *known: Known, at: datetime | None = None) -> None:
        """Record what became of attempts, with one sync for all. Raises StateError.

        The first job of an attempt is ours, further ones nobody has asked for. Where there is
        none, it may be submitted again, unless it was withdrawn. Call `stop_withdrawn` once
        nothing more is to be recorded of a job.
        """
        at = at or self.clock()
        try:
            self.journal.append(*(fact for one in known for fact in _facts(one, at)))
        except StateUnwritable as error:
            accepted = [
                f"job {one.job} as {', '.join(one.job_ids)}" for one in known if one.job_ids
            ]
            if not accepted:
                raise
            # The one place where an id could be lost: say it, so that the user has it.
            raise StateUnwritable(
                f"{error.message}\nthe provider has accepted {', '.join(accepted)}",
                hint=error.hint or f"make room, then run: qjobs resume {self.job_set.set_id}",
            ) from error
        for one in known:
            for job_id in one.job_ids[1:]:
                self.say(f"job {one.job}: the provider made a duplicate, {job_id}")
            attempts = () if one.job_ids else self.journal.job(one.job).attempts
            if attempts and attempts[one.attempt - 1].withdrawn:
                # Said to those, too, who do not know of withdrawals.
                fact = Fact(one.job, one.attempt, at, FactKind.DROPPED, "cancelled")
                self.journal.append(fact)

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


def _facts(known: Known, at: datetime) -> list[Fact]:
    job, attempt, job_ids, reason = known
    if not job_ids:
        return [Fact(job, attempt, at, FactKind.DEFERRED, shortened(reason))]
    kinds = [FactKind.ACCEPTED] + [FactKind.DUPLICATE] * (len(job_ids) - 1)
    return [Fact(job, attempt, at, *fact) for fact in zip(kinds, job_ids, strict=True)]
