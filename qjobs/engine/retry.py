"""Open a further attempt at what failed: at jobs, or at circuits of jobs that are done.

`resume` then hands it over. Failed circuits get jobs of their own, one for each run of them: the
results that their job gave stay, and nothing is paid for twice. A job that was too large when
it ran is cut: sent again as it was, it would fail again, and cost again.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from qjobs import spans
from qjobs.contract import Provider, Reschedules, TellsTooLarge
from qjobs.engine.address import Target
from qjobs.engine.report import JobReport, SetReport, State
from qjobs.engine.sending.reconcile import reconcile
from qjobs.engine.set.parcel import planned_slice
from qjobs.engine.submit import record_options
from qjobs.engine.trusting import check_trusted
from qjobs.engine.workspace import Workspace
from qjobs.errors import UsageError
from qjobs.facts import Fact, FactKind
from qjobs.model import Scalar, Slice
from qjobs.store.folder import SetFolder


def open_attempts(
    workspace: Workspace,
    target: Target,
    report: SetReport,
    states: Sequence[State],
    *,
    per_job: int | None = None,
    changes: Mapping[str, Scalar] = MappingProxyType({}),
    say: Callable[[str], None] = lambda _: None,
) -> tuple[int, ...]:
    """Plan attempt n+1 of each job that is in one of `states`; return what is to be sent now.

    If failures are, new jobs get the circuits that failed in jobs that are done, of those that
    are meant. No job that is sent has more circuits than `per_job`; without that, those that
    were too large when they ran are halved, and left alone if they have one circuit. `changes`
    are of run options, for a provider that `Reschedules`. The
    earlier attempts and their ids stay in the state. A job that is not failed for good (by its
    facts, not only by the report) is left alone. Raises InputError if the set's circuits
    are not here, UsageError, StateError, and ProviderError if it cannot be learnt what was sent.
    """
    target.folder.check_writable()
    chosen = [
        job for job in report.jobs if job.state in states or (job.failed and State.ERROR in states)
    ]
    if not chosen:
        return ()
    planned_slice(target.folder, chosen[0].slice)  # nothing is opened that cannot be sent
    provider = workspace.provider_at(target.folder.job_set.destination)
    check_trusted(provider, target.folder, verb="retry")
    if changes:
        _reschedule(target.folder, provider, changes)
    with target.folder.claim_submission(), target.folder.journal() as journal:
        reconcile(target.folder, provider, journal, clock=workspace.clock)
        before = {job.index: job.attempt.number for job in journal.jobs()}
        facts = []
        jobs = len(before)
        # Jobs that are opened whole come first: the others may turn out to be other processes'.
        for job in sorted(chosen, key=_keeps_something):
            most = per_job or _half(provider, job)
            if not most:
                say(f"job {job.index} has one circuit, and was too large: --per-job 1 sends it")
                continue
            if job.gone:
                gone = job.message.rstrip(".")
                say(f"job {job.index}: {gone}; its circuits run again, and cost again")
            opened = [*_facts(workspace, job, most, jobs)]
            jobs += sum(fact.kind is not FactKind.PLANNED for fact in opened)
            facts += opened
        journal.append(*facts)
        return tuple(
            job.index for job in journal.jobs() if before.get(job.index) != job.attempt.number
        )


def _reschedule(folder: SetFolder, provider: Provider, changes: Mapping[str, Scalar]) -> None:
    """Give run options of a set other values, those that have no say in what its circuits give."""
    job_set = folder.job_set
    if not isinstance(provider, Reschedules):
        raise UsageError(
            f"on {job_set.provider} all circuits of a set are run with the same options",
            hint="submit them anew with others: qjobs submit FILES --option KEY=VALUE",
        )
    recorded = provider.reschedule(job_set.options, changes)
    options = replace(job_set.options, extra={**job_set.options.extra, **recorded})
    provider.check(job_set.backend, options)
    record_options(folder, recorded)


def _half(provider: Provider, job: JobReport) -> int:
    """The most circuits that are sent at once of a job: 0 if it was too large with one."""
    circuits = job.slice.experiments_count
    ran = job.state in (State.ERROR, State.DONE)  # one that is refused is halved when it is sent
    if ran and isinstance(provider, TellsTooLarge) and provider.was_too_large(job.message):
        return (circuits + 1) // 2 if circuits > 1 else 0
    return circuits


def _keeps_something(job: JobReport) -> bool:
    """Whether circuits of a job stay with it that need not be sent again."""
    return bool(job.failed) and job.failed != (job.slice,)


def _facts(workspace: Workspace, job: JobReport, most: int, jobs: int) -> Iterator[Fact]:
    """The facts that open another attempt at a job, or at its failed circuits, `most` in each.

    There are so many jobs so far: a new one has the next index.
    """
    now = workspace.clock()
    if _keeps_something(job):
        for run in job.failed:
            for start in range(run.start_index, run.end_index + 1, most):
                part = Slice(start, min(most, run.end_index + 1 - start))
                value = spans.written([part])
                yield Fact(job.index, job.attempt, now, FactKind.RETRIED, value)
        return
    yield Fact(job.index, job.attempt + 1, now, FactKind.PLANNED, "retry")
    index, attempt = job.index, job.attempt + 1
    for _ in range(job.slice.experiments_count, most, -most):
        yield Fact(index, attempt, now, FactKind.SPLIT, str(most))
        index, attempt, jobs = jobs, 1, jobs + 1
