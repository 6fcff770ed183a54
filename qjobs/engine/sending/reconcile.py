"""Hold a set against what its provider has of it, before more of it is submitted.

A state file that was put back from a backup is as good as any other, but it is behind: what was
submitted since is *planned* in it. So the provider is asked for the jobs that carry the set's tag,
in one question, and what they tell is recorded as if it had been known all along.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import assert_never

from qjobs import pool
from qjobs.contract import UNDATED, Provider, Recovers, RemoteJob, Tallies
from qjobs.engine.found_jobs import Remains, sort_remains
from qjobs.engine.sending.adopting import Adopter, Known
from qjobs.errors import StateDamaged
from qjobs.facts import Fact, FactKind, shortened
from qjobs.model import (
    Accepted,
    Attempt,
    Attempted,
    Dropped,
    Finished,
    Job,
    JobSet,
    JobStatus,
    Planned,
    Refused,
    Slice,
)
from qjobs.store.folder import SetFolder
from qjobs.store.journal import Journal

_UNTOLD = JobStatus.UNKNOWN
_SEEN = "seen at the provider"


def reconcile(
    folder: SetFolder,
    provider: Provider,
    journal: Journal,
    *,
    clock: Callable[[], datetime],
    say: Callable[[str], None] = lambda _: None,
) -> None:
    """Make sure that nothing of a set is submitted twice, whoever began it. See `learn`.

    Raises StateDamaged besides if the file tells of jobs that nobody knows.
    """
    learn(folder, provider, journal, clock=clock, say=say)
    folder.check_sendable()


def learn(
    folder: SetFolder,
    provider: Provider,
    journal: Journal,
    *,
    clock: Callable[[], datetime],
    say: Callable[[str], None] = lambda _: None,
) -> None:
    """Record what the provider has of a set that another process began; once in this one.

    Jobs of attempts that are planned here are adopted. The set must be claimed. Raises
    ProviderError if the provider cannot be asked, and StateDamaged if there are jobs that have no
    place here: then nothing of the set may be submitted.
    """
    if folder.compared or folder.job_set.recovered:
        return
    found = _ask(provider, folder.job_set, journal.jobs())
    if found:
        _take_in(folder, provider, journal, found, clock, say)
    _check_not_alive(folder, journal.jobs())
    folder.compared = True


def _ask(provider: Provider, job_set: JobSet, jobs: Sequence[Job]) -> Sequence[RemoteJob]:
    """The provider's jobs of the set, in one question if it has an answer to that."""
    if isinstance(provider, Tallies):
        return provider.jobs_of(job_set.tag, backend=job_set.backend)
    if not provider.capabilities(job_set.backend).finds:
        return ()

    def find(tag: str) -> list[RemoteJob]:
        ids = provider.find(tag, backend=job_set.backend)
        return [RemoteJob(i, job_set.backend, job_set.created, _UNTOLD, (tag,)) for i in ids]

    unsent = [
        job_set.job_tag(job.index, job.attempt.number)
        for job in jobs
        if isinstance(job.state, Planned)
    ]
    width = provider.limits(job_set.backend).connections
    answers = pool.each(find, unsent, width=min(width, len(unsent))) if unsent else ()
    return [job for found in answers for job in found]


def _take_in(
    folder: SetFolder,
    provider: Provider,
    journal: Journal,
    found: Sequence[RemoteJob],
    clock: Callable[[], datetime],
    say: Callable[[str], None],
) -> None:
    job_set = folder.job_set
    remains = sort_remains(job_set.tag, found)
    _check_tags(folder, found, remains, journal.jobs())
    for index, tries in sorted(remains.attempts.items()):
        if not _has_place(job_set, journal, index, max(tries), remains.slices.get(index)):
            raise _behind(folder, provider, index, tries[max(tries)][0])
        record = _Record(Adopter(job_set, journal, provider, clock, say), index)
        for number in range(1, max(tries) + 1):
            record.attempt(number, tries.get(number, ()), last=number == max(tries))
        if record.adopted:
            say(f"job {index}: adopted {', '.join(record.adopted)}, which was there already")
            if problem := record.adopter.stop_withdrawn(index):
                say(problem)


def _check_tags(
    folder: SetFolder, found: Sequence[RemoteJob], remains: Remains, jobs: Sequence[Job]
) -> None:
    """Raise StateDamaged for a job that has lost the tag which says of what attempt it is."""
    known = {job_id for job in jobs for job_id in job.job_ids}
    for tries in remains.attempts.values():
        known.update(remote.job_id for remotes in tries.values() for remote in remotes)
    for remote in found:
        if remote.job_id not in known:
            raise StateDamaged(
                f"{folder.state_path}: {folder.job_set.provider} has {remote.job_id} of this set, "
                "whose tags do not say of which job: nothing is sent",
                hint=f"give it its tag back, {folder.job_set.tag}-JOB-ATTEMPT, or delete it there",
            )


def _has_place(
    job_set: JobSet, journal: Journal, index: int, attempt: int, part: Slice | None
) -> bool:
    """Whether there is a job of that index, with the circuits that the provider's has."""
    jobs = len(job_set.slices)
    if index >= jobs:
        jobs = len(journal.jobs())  # some were split off
    if index >= jobs or part is None:
        return index < jobs
    return part == job_set.stored(journal.job(index).slice_of(Attempt(attempt)))


class _Record:
    """Records what must have happened to one job, and is not known here."""

    def __init__(self, adopter: Adopter, index: int) -> None:
        self.adopter = adopter
        self.adopted: list[str] = []
        self._journal = adopter.journal
        self._index = index

    def attempt(self, number: int, found: Sequence[RemoteJob], *, last: bool) -> None:
        """One attempt, of which the provider has the jobs that were `found`; from the first on.

        What became of the `last` call is left to be looked up if its answer is not known.
        """
        dated = found and found[0].created != UNDATED
        at = found[0].created if dated else self.adopter.clock()
        known = self._job.job_ids
        ids = [remote.job_id for remote in found if remote.job_id not in known]
        last = last and number >= len(self._job.attempts)
        if number > len(self._job.attempts) and not self._add(number, FactKind.PLANNED, _SEEN, at):
            # None can follow one that has not ended: what there is besides, nobody asked for.
            for job_id in filter(None, ids):
                self._add(number - 1, FactKind.DUPLICATE, job_id, at)
            return
        state = self._job.attempts[number - 1].state
        if isinstance(state, Dropped) and ids and not state.tag:
            # Submitted, and then cancelled in an older copy of the file: it has another number.
            number += 1
            self._add(number, FactKind.PLANNED, _SEEN, at)
        if state in (Planned(), Dropped()) and (ids or not last):
            tag = self.adopter.job_set.job_tag(self._index, number)
            self._add(number, FactKind.ATTEMPTED, tag, at)
        if last and (isinstance(state, Attempted) or "" in ids):
            return
        if ids:
            self.adopter.record(Known(self._index, number, ids), at=at)
            self.adopted += ids
        if not last:
            self._end(number, found, at)

    def _end(self, number: int, found: Sequence[RemoteJob], at: datetime) -> None:
        """An attempt that another one has followed."""
        match self._job.attempts[number - 1].state:
            case Accepted(job_id):
                for remote in found:
                    if remote.job_id == job_id and remote.status.final:
                        ended, message = remote.status.value, shortened(remote.message)
                        self._add(number, FactKind.FINISHED, ended, remote.ended or at, message)
            case Attempted() if number == len(self._job.attempts):
                self._add(number, FactKind.REFUSED, "no job carries the tag", at)
            case Attempted() | Planned() | Dropped() | Refused() | Finished():
                pass
            case unexpected:
                assert_never(unexpected)

    @property
    def _job(self) -> Job:
        return self._journal.job(self._index)

    def _add(
        self, number: int, kind: FactKind, value: str, at: datetime, message: str = ""
    ) -> bool:
        return self._journal.append(Fact(self._index, number, at, kind, value, message))


def _check_not_alive(folder: SetFolder, jobs: Sequence[Job]) -> None:
    """Raise StateDamaged if an attempt before the one to be submitted has a job that may run."""
    for job in jobs:
        for attempt in job.attempts[:-1] if isinstance(job.state, Planned) else ():
            if isinstance(attempt.state, Accepted):
                raise StateDamaged(
                    f"{folder.state_path}: job {job.index} is to be sent again, but "
                    f"{attempt.state.job_id} of attempt {attempt.number} may run: nothing is sent",
                    hint=f"qjobs cancel {folder.job_set.set_id}/{job.index}; then: "
                    f"qjobs retry --cancelled {folder.job_set.set_id}/{job.index}",
                )


def _behind(folder: SetFolder, provider: Provider, index: int, remote: RemoteJob) -> StateDamaged:
    job_set = folder.job_set
    recover = (
        f"; or move the folder away and run: qjobs recover -b {job_set.provider} {job_set.set_id}"
        if isinstance(provider, Recovers)
        else ""
    )
    return StateDamaged(
        f"{folder.state_path} is an older copy: {job_set.provider} has {remote.job_id or 'a call'} "
        f"for job {index}, which has no place in it; nothing is sent",
        hint=f"put the newest copy back{recover}",
    )
