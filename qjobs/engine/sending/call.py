"""The one call that submits some jobs: their intents are recorded before it, its answers after it.

A provider that takes several jobs in one call gives an answer for each. Whatever dies in between
leaves an `attempted` fact of each job without an answer.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import NamedTuple

from qjobs.circuits.foreign import describe
from qjobs.circuits.slices import CircuitSlice
from qjobs.contract import Limits, Prepares, Provider, Submission, SubmitsTogether
from qjobs.engine.sending.adopting import Adopter, Known
from qjobs.engine.sending.halving import can_be_halved, halve
from qjobs.engine.sending.sessions import Sessions
from qjobs.errors import (
    InputError,
    JobRefused,
    NoneAccepted,
    NotAccepted,
    NotNow,
    PendingLimit,
    ProviderError,
    QjobsError,
    StateError,
    UnreadableCircuit,
)
from qjobs.facts import Fact, FactKind, shortened
from qjobs.model import Attempted, Job, JobSet, Slice
from qjobs.store.journal import Journal


class Ready(NamedTuple):
    """A job that can be submitted: what it has, and the call for it alone."""

    job: Job
    submission: Submission
    submit: Callable[[], str]


class Outcome(NamedTuple):
    """What became of a call, beyond what is recorded.

    `lost` says for each job of unknown fate why it is. `put_off` is why jobs were not taken, if
    they or others can be later; `fewer`: they can be in a smaller call.
    """

    accepted: int = 0
    lost: tuple[tuple[int, str], ...] = ()
    put_off: QjobsError | None = None
    fewer: bool = False


def jobs_a_call(provider: Provider, limits: Limits) -> int:
    """How many jobs the provider takes in one call, as far as is known beforehand."""
    if not isinstance(provider, SubmitsTogether):
        return 1
    return max(1, min(limits.together, limits.pending_jobs or limits.together))


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Makes the calls that submit jobs of one set. Safe in many threads."""

    job_set: JobSet
    journal: Journal
    provider: Provider
    circuits: Callable[[Slice], CircuitSlice]
    clock: Callable[[], datetime]
    say: Callable[[str], None]
    sessions: Sessions
    halves: bool = True
    split_off: deque[int] = field(default_factory=deque)

    def make_ready(self, job: Job, *, alone: bool) -> Ready | None:
        """Make a planned job ready; None if it is refused without a call.

        A provider that `Prepares` is asked to for one that goes `alone`. Raises NotNow,
        NoneAccepted, InputError where no job would fare better, and StateError.
        """
        tag = self.tag(job)
        backend, options = self.job_set.backend, self.job_set.options
        try:
            circuits = replace(self.circuits(job.slice), session=self.sessions.join())
            if alone and isinstance(self.provider, Prepares):
                call = self.provider.prepare(circuits, backend=backend, options=options, tag=tag)
            else:
                submit = self.provider.submit
                call = partial(submit, circuits, backend=backend, options=options, tag=tag)
            return Ready(job, Submission(circuits, tag), call)
        except UnreadableCircuit as error:
            refusal: NotAccepted = error.refusal()
        except (NotNow, NoneAccepted, InputError, StateError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever a plug-in lets through, no call was made
            refusal = error if isinstance(error, NotAccepted) else JobRefused(describe(error))
        if self.journal.append(self.fact(job, FactKind.ATTEMPTED, tag)):
            self._refuse(job, refusal)
        return None

    def call(self, ready: Sequence[Ready]) -> Outcome:
        """Make the one call of some attempts. Raises InputError and StateError before it."""
        for one in ready:
            self.circuits(one.job.slice)  # which may have been changed while the job waited
        intents = [self.fact(job, FactKind.ATTEMPTED, wanted.tag) for job, wanted, _ in ready]
        if not self.journal.append(*intents):
            # Somebody dropped jobs in the meantime.
            known = (self.journal.job(one.job.index).state for one in ready)
            ready = [
                one for one, state in zip(ready, known, strict=True) if isinstance(state, Attempted)
            ]
        if not ready:
            return Outcome()
        try:
            answers: Sequence[object] = self._answers(ready)
            of_all = None
        except Exception as error:  # noqa: BLE001 - whatever a plug-in lets through, jobs may exist
            answers = [error] * len(ready)
            of_all = error if len(ready) > 1 else None
        return self._record(ready, answers, of_all)

    def _answers(self, ready: Sequence[Ready]) -> Sequence[object]:
        if len(ready) == 1:
            return [ready[0].submit()]
        assert isinstance(self.provider, SubmitsTogether)
        answers = self.provider.submit_together(
            [one.submission for one in ready],
            backend=self.job_set.backend,
            options=self.job_set.options,
        )
        if len(answers) != len(ready):
            name = self.job_set.provider
            raise ProviderError(f"{name} gave {len(answers)} answers for {len(ready)} jobs")
        return answers

    def _record(
        self, ready: Sequence[Ready], answers: Sequence[object], of_all: Exception | None
    ) -> Outcome:
        """Record the answers; those that are the only trace of a job first."""
        known: list[Known] = []
        refused: list[tuple[Job, NotAccepted]] = []
        lost: list[tuple[int, str]] = []
        put_off: list[QjobsError] = []
        # One of the jobs, or their number, may be why none was taken.
        fewer = isinstance(of_all, JobRefused | PendingLimit | UnreadableCircuit)
        facts = []
        for (job, _, _), answer in zip(ready, answers, strict=True):
            match answer:
                case str():
                    known.append(Known(job.index, job.attempt.number, [answer]))
                case QjobsError() if fewer and not isinstance(answer, NotNow):
                    known.append(Known(job.index, job.attempt.number, (), answer.message))
                case UnreadableCircuit():
                    refused.append((job, answer.refusal()))
                case NotNow() | NoneAccepted() | InputError():
                    known.append(Known(job.index, job.attempt.number, (), answer.message))
                    put_off.append(answer)
                case NotAccepted():
                    refused.append((job, answer))
                case _:
                    reason = (
                        answer.message if isinstance(answer, QjobsError) else _described(answer)
                    )
                    facts.append(self.fact(job, FactKind.LOST, shortened(reason)))
                    lost.append((job.index, f"job {job.index}: {reason}"))
        if known:
            self.adopter.record(*known)
        if facts:
            self.journal.append(*facts)
        for job, error in refused:
            self._refuse(job, error)
        accepted = sum(bool(one.job_ids) for one in known)
        # What stops all jobs comes before what some have to wait for.
        put_off.sort(key=lambda error: isinstance(error, NotNow))
        return Outcome(accepted, tuple(lost), put_off[0] if put_off else None, fewer)

    def _refuse(self, job: Job, error: NotAccepted) -> None:
        # With what helps, if that is known: whoever reads it later has no other place to look.
        why = f"{error.message}; {error.hint}" if error.hint else error.message
        refused = self.fact(job, FactKind.REFUSED, shortened(why))
        if not (self.halves and can_be_halved(job, error)):
            self.journal.append(refused)
            return
        rest = halve(self.journal, job, refused)
        if rest is not None:
            self.split_off.append(rest.index)
            self.say(f"{refused.value}: job {rest.index} takes circuits {rest.slice}")

    @property
    def adopter(self) -> Adopter:
        """Records what the provider has."""
        return Adopter(self.job_set, self.journal, self.provider, self.clock, self.say)

    def tag(self, job: Job) -> str:
        """The tag of a job's newest attempt."""
        return self.job_set.job_tag(job.index, job.attempt.number)

    def fact(self, job: Job, kind: FactKind, value: str) -> Fact:
        """A fact of a job's newest attempt, of now."""
        return Fact(job.index, job.attempt.number, self.clock(), kind, value)


def _described(answer: object) -> str:
    return describe(answer) if isinstance(answer, Exception) else f"{answer!r} is no answer"
