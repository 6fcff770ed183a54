"""What became of the jobs of a set that is to be cancelled, as far as its state does not say."""

from contextlib import suppress

from qjobs.contract import Provider
from qjobs.engine.asking import away
from qjobs.engine.sending.adopting import Adopter
from qjobs.engine.sending.lookup import Found, NotYet, Unclear, look_up
from qjobs.engine.sending.reconcile import learn
from qjobs.engine.workspace import Workspace
from qjobs.errors import BeingSubmitted, ProviderError, StateDamaged, UsageError
from qjobs.facts import Fact, FactKind
from qjobs.model import Attempted, Job
from qjobs.store.folder import SetFolder
from qjobs.store.journal import Journal


def compare(workspace: Workspace, folder: SetFolder, journal: Journal) -> None:
    """What the state calls planned may run all the same, where it is an older copy.

    And a client that posts again may have made duplicates of what was accepted. Nothing is sent
    here: if that cannot be learnt, what is known is cancelled. Whoever is submitting the set knows
    it, and is not to send more of it meanwhile.
    """
    if folder.compared or folder.being_submitted():
        return
    with suppress(ProviderError, UsageError, StateDamaged, BeingSubmitted):
        provider = workspace.provider_at(folder.job_set.destination)
        with folder.claim_submission():
            learn(folder, provider, journal, clock=workspace.clock)


def settle(
    workspace: Workspace, folder: SetFolder, journal: Journal, provider: Provider, jobs: list[Job]
) -> bool:
    """Learn what became of jobs of unknown fate: adopt those that there are, drop the others.

    Those of which the provider cannot be sure yet stay as they are. False, and so do all, while
    another process is submitting the set: it has calls in flight, and records their ends itself.
    """
    adopter = Adopter(folder.job_set, journal, provider, workspace.clock)
    try:
        with folder.claim_submission():
            journal.catch_up()
            for job in (journal.job(job.index) for job in jobs):
                number = job.attempt.number
                if not isinstance(job.state, Attempted):
                    continue
                match look_up(provider, folder.job_set, job.state, workspace.clock()):
                    case Found(job_ids):
                        adopter.found(job.index, number, job_ids)
                    # Whoever has the object finds it there, and stops what was withdrawn.
                    case Unclear(for_good=True) if folder.job_set.instance and away(
                        provider, folder.job_set
                    ):
                        pass
                    case Unclear(reason, for_good=True):
                        at = workspace.clock()
                        journal.append(Fact(job.index, number, at, FactKind.ABANDONED, reason))
                    case NotYet() | Unclear():
                        pass
    except BeingSubmitted:
        return False
    return True
