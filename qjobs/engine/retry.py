"""Open a further attempt at jobs that failed; `resume` then hands them over."""

from collections.abc import Sequence

from qjobs.engine.address import Target
from qjobs.engine.circuits import planned_slice
from qjobs.engine.reconcile import reconcile
from qjobs.engine.report import SetReport, State
from qjobs.engine.workspace import Workspace
from qjobs.facts import Fact, FactKind


def open_attempts(
    workspace: Workspace, target: Target, report: SetReport, states: Sequence[State]
) -> tuple[int, ...]:
    """Plan attempt n+1 of each job that is in one of `states`; return the jobs' indices.

    The earlier attempts and their ids stay in the state. A job that is not failed for good
    (by its facts, not only by the report) is left alone. Raises InputError if the set's circuits
    are not here, StateError, and ProviderError if it cannot be learnt what was sent.
    """
    target.folder.check_writable()
    chosen = [job for job in report.jobs if job.state in states]
    if not chosen:
        return ()
    planned_slice(target.folder, chosen[0].slice)  # nothing is opened that cannot be sent
    provider = workspace.provider_of(target.folder.job_set)
    with target.folder.claim_submission(), target.folder.journal() as journal:
        reconcile(target.folder, provider, journal, clock=workspace.clock)
        return tuple(
            job.index
            for job in chosen
            if journal.append(
                Fact(job.index, job.attempt + 1, workspace.clock(), FactKind.PLANNED, "retry")
            )
        )
