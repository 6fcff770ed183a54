"""Open a further attempt at what failed: at jobs, or at circuits of jobs that are done.

`resume` then hands it over. Failed circuits get jobs of their own, one for each run of them: the
results that their job gave stay, and nothing is paid for twice.
"""

from collections.abc import Iterator, Sequence

from qjobs import spans
from qjobs.engine.address import Target
from qjobs.engine.circuits import planned_slice
from qjobs.engine.reconcile import reconcile
from qjobs.engine.report import JobReport, SetReport, State
from qjobs.engine.workspace import Workspace
from qjobs.facts import Fact, FactKind


def open_attempts(
    workspace: Workspace, target: Target, report: SetReport, states: Sequence[State]
) -> tuple[int, ...]:
    """Plan attempt n+1 of each job that is in one of `states`; return what is to be sent now.

    If failures are, new jobs get the circuits that failed in jobs that are done, of those that
    are meant. The earlier attempts and their ids stay in the state. A job that is not failed for
    good (by its facts, not only by the report) is left alone. Raises InputError if the
    set's circuits are not here, StateError, and ProviderError if it cannot be learnt what was sent.
    """
    target.folder.check_writable()
    chosen = [
        job for job in report.jobs if job.state in states or (job.failed and State.ERROR in states)
    ]
    if not chosen:
        return ()
    planned_slice(target.folder, chosen[0].slice)  # nothing is opened that cannot be sent
    provider = workspace.provider_of(target.folder.job_set)
    with target.folder.claim_submission(), target.folder.journal() as journal:
        reconcile(target.folder, provider, journal, clock=workspace.clock)
        before = {job.index: job.attempt.number for job in journal.jobs()}
        journal.append(*(fact for job in chosen for fact in _facts(workspace, job)))
        return tuple(
            job.index for job in journal.jobs() if before.get(job.index) != job.attempt.number
        )


def _facts(workspace: Workspace, job: JobReport) -> Iterator[Fact]:
    """What brings a job, or its failed circuits, to be sent again."""
    now = workspace.clock()
    if not job.failed or job.failed == (job.slice,):  # nothing of it is left that could stay
        yield Fact(job.index, job.attempt + 1, now, FactKind.PLANNED, "retry")
        return
    for run in job.failed:
        yield Fact(job.index, job.attempt, now, FactKind.RETRIED, spans.written([run]))
