"""Piece job sets together from the labels of their jobs, where the state folder is lost."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from operator import attrgetter
from typing import NamedTuple, TypeVar

from qjobs import spans, tags
from qjobs.contract import Recovers, RemoteJob
from qjobs.engine.found_jobs import (
    PlacedSlice,
    Remains,
    Retried,
    place_jobs,
    sort_remains,
    split_retried,
)
from qjobs.engine.workspace import Workspace
from qjobs.errors import NotFound, UsageError
from qjobs.facts import Fact, FactKind, shortened
from qjobs.ledger import Ledger
from qjobs.model import Destination, JobSet, RunOptions, Slice

Moved = TypeVar("Moved", PlacedSlice, Retried)


class Outcome(StrEnum):
    """The outcome for one set that was found at a provider."""

    RECOVERED = "recovered"
    MISSING = "missing"  # from here, and nothing was to be written
    PRESENT = "present"  # here already, and left alone
    FOREIGN = "another's"  # of somebody else, and left alone
    UNREADABLE = "unreadable"  # its labels do not say enough


class Recovery(NamedTuple):
    """A set that was found. Of its `jobs` the provider has `found`, and `duplicates` besides.

    What is not known is 0. `problems` are for the user to read.
    """

    set_id: str
    backend: str
    outcome: Outcome
    circuits: int = 0
    jobs: int = 0
    found: int = 0
    duplicates: int = 0
    problems: tuple[str, ...] = ()


class RecoverRequest(NamedTuple):
    """The user's request. Without `set_ids` all sets are meant, without a backend those of any.

    Sets of which all jobs are of `others` are left alone unless they are meant, too.
    """

    destination: Destination
    set_ids: Sequence[str] = ()
    dry_run: bool = False
    others: bool = False


def recover(workspace: Workspace, request: RecoverRequest) -> Iterator[Recovery]:
    """Make those of the sets that are not here. Those that are, are left alone.

    With `dry_run` nothing is written. Raises UsageError if the provider keeps no labels,
    StateError, ProviderError and, after all others, NotFound for sets that it has no job of.
    """
    where = request.destination
    for set_id in request.set_ids:
        if not tags.SET_ID.fullmatch(set_id):
            raise UsageError(
                f"{set_id!r} is not the id of a job set",
                hint=f"qjobs recover -b {where.provider} --dry-run",
            )
    provider = _load(workspace, where)
    lost, foreign = [], []
    for set_id in dict.fromkeys(request.set_ids or _seen(provider, where.backend)):
        if workspace.store.has(set_id):
            yield Recovery(set_id, where.backend, Outcome.PRESENT)
            continue
        jobs = provider.labelled(backend=where.backend, set_tag=tags.set_tag(set_id))
        if jobs and not request.others and all(job.owner for job in jobs):
            foreign.append(set_id)
            yield Recovery(set_id, jobs[0].backend, Outcome.FOREIGN)
        elif jobs:
            remains = sort_remains(tags.set_tag(set_id), jobs)
            yield _recover(workspace, request, set_id, remains)
        else:
            lost.append(set_id)
    if lost:
        raise NotFound(
            f"{where} has no jobs of {' '.join(lost)}",
            hint=f"qjobs recover -b {where.provider} --dry-run",
        )
    if foreign and request.set_ids:
        raise NotFound(
            f"all jobs of {' '.join(foreign)} are of somebody else",
            hint=f"qjobs recover -b {where.provider} --others {' '.join(foreign)}",
        )


def _load(workspace: Workspace, where: Destination) -> Recovers:
    provider = workspace.provider_at(where)
    if isinstance(provider, Recovers):
        return provider
    raise UsageError(f"{where.provider} keeps no labels from which job sets could be recovered")


def _seen(provider: Recovers, backend: str) -> list[str]:
    """The ids of the sets that the newest jobs belong to, the oldest set first."""
    jobs: list[RemoteJob] = sorted(provider.labelled(backend=backend), key=attrgetter("created"))
    found = (tags.set_id(label) for job in jobs for label in job.labels)
    return [set_id for set_id in found if set_id]


def _recover(
    workspace: Workspace, request: RecoverRequest, set_id: str, remains: Remains
) -> Recovery:
    problems = [f"{set_id}: {problem}" for problem in remains.problems]
    if remains.outline is None:
        return Recovery(set_id, remains.backend, Outcome.UNREADABLE, problems=tuple(problems))
    planned, retried = split_retried(remains)
    first = remains.outline.start_index
    places = [_moved(place, first) for place in place_jobs(remains.outline, planned)]
    retried = [_moved(one, first) for one in retried]
    set_tag = tags.set_tag(set_id)
    found = [place.job for place in places if place.job is not None]
    numbers = {place.job: number for number, place in enumerate(places) if place.job is not None}
    facts = [fact for job in found for fact in _facts(set_tag, remains, job, numbers[job])]
    facts += _retried_facts(
        set_tag, remains, retried, numbers, Ledger([p.slice for p in places], facts)
    )
    if len(found) < len(places):
        problems.append(
            f"{set_id}: no job is found for {len(places) - len(found)} of {len(places)} slices: "
            "they are taken as not sent"
        )
    if remains.owner:
        problems.append(f"{set_id}: jobs are of {remains.owner}")
    if any(job != number for job, number in numbers.items()):
        problems.append(f"{set_id}: jobs are numbered anew: some were halved, or are gone")
    problems += [
        f"{set_id}: job {job.job_id} is left out: its circuits have no place in the set"
        for index in sorted(remains.attempts.keys() - numbers.keys())
        for jobs in remains.attempts[index].values()
        for job in jobs
    ]
    if not request.dry_run:
        draft = workspace.store.draft(set_id)
        try:
            draft.commit(_job_set(set_id, request, remains, places), facts=facts)
        except BaseException:
            draft.abandon()
            raise
    return Recovery(
        set_id,
        remains.backend,
        Outcome.MISSING if request.dry_run else Outcome.RECOVERED,
        circuits=remains.outline.circuits,
        jobs=len(places) + len(numbers) - len(found),
        found=len(numbers),
        duplicates=sum(fact.kind is FactKind.DUPLICATE for fact in facts),
        problems=tuple(problems),
    )


def _job_set(
    set_id: str, request: RecoverRequest, remains: Remains, places: Sequence[PlacedSlice]
) -> JobSet:
    """The set, as far as the notes say how it was planned. What had names has numbers."""
    outline = remains.outline
    assert outline is not None
    return JobSet(
        set_id=set_id,
        name="",
        created=_oldest(remains),
        provider=request.destination.provider,
        backend=remains.backend,
        circuits=outline.circuits,
        slices=tuple(place.slice for place in places),
        options=RunOptions(shots=outline.shots, memory=outline.memory),
        parameters=tuple(f"parameter-{number}" for number in range(outline.parameters)),
        account=request.destination.account,
        instance=request.destination.instance,
        bindings=outline.bindings,
        observables=outline.observables,
        owner=remains.owner,
        fingerprint=outline.fingerprint,
        recovered=True,
        start_index=outline.start_index,
    )


def _moved(one: Moved, first: int) -> Moved:
    """With circuits as the set numbers them; the notes have those on the disk."""
    part = one.slice
    return one._replace(slice=Slice(first + part.start_index, part.experiments_count))


def _oldest(remains: Remains) -> datetime:
    return min(
        job.created
        for attempts in remains.attempts.values()
        for jobs in attempts.values()
        for job in jobs
    )


def _facts(set_tag: str, remains: Remains, job: int, number: int) -> Iterator[Fact]:
    """Reconstruct the facts of a job. `status` will ask how the newest attempt is."""
    attempts = remains.attempts[job]
    last = max(attempts)
    at = attempts[min(attempts)][0].created
    for attempt in range(1, last + 1):
        jobs = attempts.get(attempt, ())
        at = jobs[0].created if jobs else at
        if attempt > 1:
            yield Fact(number, attempt, at, FactKind.PLANNED, "seen when recovered")
        yield Fact(number, attempt, at, FactKind.ATTEMPTED, str(tags.JobTag(set_tag, job, attempt)))
        if not jobs:
            yield Fact(number, attempt, at, FactKind.REFUSED, "no job carries the tag")
    # Only now: no attempt can follow one that has a job which is not known to have ended.
    for attempt, jobs in attempts.items():
        adopted, *others = jobs
        yield Fact(number, attempt, adopted.created, FactKind.ACCEPTED, adopted.job_id)
        for other in others:
            yield Fact(number, attempt, other.created, FactKind.DUPLICATE, other.job_id)
        if attempt < last and adopted.status.final:
            yield _ended(number, attempt, adopted)


def _retried_facts(
    set_tag: str,
    remains: Remains,
    retried: Sequence[Retried],
    numbers: dict[int, int],
    ledger: Ledger,
) -> Iterator[Fact]:
    """Reconstruct the facts that gave failed circuits jobs of their own, and those of the jobs.

    Gives them numbers, those that the ledger has of them.
    """
    for one in retried:
        if one.parent not in numbers:
            continue
        attempts = remains.attempts[one.parent]
        number, last = numbers[one.parent], max(attempts)
        adopted = attempts[last][0]
        ended = _ended(number, last, adopted)
        left = ended._replace(kind=FactKind.RETRIED, value=spans.written([one.slice]), message="")
        yield from filter(ledger.admit, [ended])  # once, of several that it leaves some to
        if not ledger.admit(left):
            continue
        yield left
        numbers[one.job] = len(ledger.slices) - 1
        yield from filter(ledger.admit, _facts(set_tag, remains, one.job, numbers[one.job]))


def _ended(number: int, attempt: int, job: RemoteJob) -> Fact:
    ended, message = job.status.value, shortened(job.message)
    return Fact(number, attempt, job.ended or job.created, FactKind.FINISHED, ended, message)
