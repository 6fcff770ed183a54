"""Addresses: how the user names job sets, jobs and circuits.

    ADDRESS  := SET | SET ":" CIRCUITS | SET "/" JOBS
    SET      := "@last" | "@N" | "@all" | set id | name | unique prefix of an id
    CIRCUITS, JOBS := item ("," item)*      item := N | A-B | A- | -B | A-B:STEP

Numbers count from 0 and ranges are inclusive, as in `0-299`.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from qjobs import spans
from qjobs.engine.finding import EVERY, WORDS, find_sets, listed
from qjobs.errors import AmbiguousAddress, NotFound, StateError, UsageError
from qjobs.model import Job, Slice
from qjobs.selection import Selection, select, shown
from qjobs.store.folder import SetFolder
from qjobs.store.sets import Store

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Address(NamedTuple):
    """A parsed address, not yet looked up."""

    set_word: str
    circuits: Selection | None = None
    jobs: Selection | None = None


class Target(NamedTuple):
    """A job set that was found, with the circuits that are meant, ascending.

    The jobs that are meant are those that the circuits are in now. They are not kept: if one of
    them is split, the one that was split off is meant, too. But a job none of whose circuits are
    its own any more can only be meant by its index, in `named`, or with the whole set.
    """

    folder: SetFolder
    circuits: range | tuple[int, ...]
    named: frozenset[int] = frozenset()

    @property
    def jobs(self) -> tuple[int, ...]:
        """The jobs that are meant, ascending, as the folder was last read."""
        return tuple(
            index for index, parts in enumerate(self.folder.parts) if self._means(index, parts)
        )

    @property
    def whole(self) -> bool:
        """Whether all circuits of the set are meant."""
        return len(self.circuits) == self.folder.job_set.circuits

    def chosen(self, jobs: Sequence[Job]) -> list[Job]:
        """The jobs of the set that are meant."""
        return [job for job in jobs if self._means(job.index, spans.left(job.slice, job.retried))]

    def refuse_parts(self, verb: str, jobs: Iterable[int]) -> None:
        """Raise UsageError if only a part of the circuits of one of these jobs is meant.

        For what works on jobs only, and would do it to circuits that nobody has named.
        """
        parts = self.folder.parts
        cut = [job for job in jobs if not all(map(self._means_all, parts[job]))]
        if not cut:
            return
        set_id = self.folder.job_set.set_id
        address = f"{set_id}/{spans.written(spans.runs_of(cut))}"
        others = spans.without(
            (part for job in cut for part in parts[job]), spans.runs_of(self.circuits)
        )
        raise UsageError(
            f"{verb} works on whole jobs: {address} would take more circuits with it than are "
            f"named, {spans.size(others)} in all, the first of them {others[0].start_index}",
            hint=f"if that is right: qjobs {verb} {address}, or add --whole-jobs",
        )

    def _means_all(self, part: Slice) -> bool:
        last = bisect_left(self.circuits, part.end_index + 1)
        return last - bisect_left(self.circuits, part.start_index) == part.experiments_count

    def _means(self, index: int, parts: Sequence[Slice]) -> bool:
        if self.whole or index in self.named:
            return True
        for part in parts:
            at = bisect_left(self.circuits, part.start_index)
            if at < len(self.circuits) and self.circuits[at] <= part.end_index:
                return True
        return False


def parse(text: str) -> Address:
    """Read an address. Raises UsageError."""
    # The first of the two signs decides: a range of circuits may have a step after a colon.
    match = re.search(r"[:/]", text)
    if match is None:
        return Address(text)
    selection = select(text[match.end() :], text)
    if match.group() == ":":
        return Address(text[: match.start()], circuits=selection)
    return Address(text[: match.start()], jobs=selection)


def check_name(name: str) -> None:
    """Raise UsageError for a set name that could not be told from another kind of address."""
    if not _NAME.fullmatch(name) or name in (*WORDS, *EVERY):
        raise UsageError(
            f"{shown(name)} cannot be the name of a job set",
            hint="use up to 64 letters, digits, '.', '_' and '-', the first a letter or a digit; "
            f"not {', '.join(word for word in WORDS if word.isalpha())} or all",
        )


def resolve(store: Store, text: str, *, warn: Callable[[str], None] = lambda _: None) -> Target:
    """Find the one set that an address means. Raises as `resolve_all`."""
    first, *others = resolve_all(store, text, warn=warn)
    if others:
        kind = "" if text in EVERY else " of one program"
        ids = listed([target.folder.job_set.set_id for target in (first, *others)])
        raise AmbiguousAddress(
            f"{text!r} means {1 + len(others)} job sets{kind}: {ids}",
            hint="name one of them by its id",
        )
    return first


def resolve_all(
    store: Store, text: str, *, warn: Callable[[str], None] = lambda _: None
) -> list[Target]:
    """Find what an address means: a set, those of one program, the oldest first, or all.

    `warn` is told of sets that cannot be read where one of them might have been the newest.
    Raises UsageError, NotFound, AmbiguousAddress, StateError.
    """
    address = parse(text)
    if address.set_word in EVERY and (address.circuits or address.jobs):
        raise UsageError(
            f"{shown(text)} would mean circuits or jobs of all job sets",
            hint="name one of them: qjobs list",
        )
    set_ids = find_sets(store, address.set_word, warn)
    folders = _open(store, set_ids, warn if address.set_word in EVERY else None)
    if len(folders) > 1 and address.circuits:
        return _among(folders, address.circuits)
    if len(folders) > 1 and address.jobs:
        raise AmbiguousAddress(
            f"{address.set_word!r} means {len(set_ids)} job sets of one program: {listed(set_ids)}",
            hint=f"qjobs status {address.set_word} shows which one has what",
        )
    return [_target(folder, address) for folder in folders]


def _open(
    store: Store, set_ids: Sequence[str], warn: Callable[[str], None] | None
) -> list[SetFolder]:
    """Open sets; `warn`, if there is one, is told of those that cannot be read."""
    folders = []
    for set_id in set_ids:
        try:
            folders.append(store.open(set_id))
        except (StateError, NotFound) as error:
            if warn is None:
                raise
            warn(f"a job set cannot be read, and is left out: {error.message}")
    return folders


def _among(folders: Sequence[SetFolder], circuits: Selection) -> list[Target]:
    """The chosen circuits of several sets, which number them together."""
    every = spans.joined(
        Slice(folder.job_set.start_index, folder.job_set.circuits) for folder in folders
    )
    start, end = every[0].start_index, every[-1].end_index + 1
    chosen = circuits.within(end - start, "circuit", start_index=start)
    strange = spans.without(spans.runs_of(chosen), every)
    if strange:
        raise NotFound(
            f"there is no circuit {strange[0].start_index}: they are {spans.written(every)}"
        )
    targets = [
        Target(folder, tuple(index for index in chosen if index in folder.job_set.indices))
        for folder in folders
    ]
    return [target for target in targets if target.circuits]


def _target(folder: SetFolder, address: Address) -> Target:
    job_set = folder.job_set
    if address.jobs is not None:
        return of_jobs(folder, address.jobs.within(len(folder.slices), "job"))
    if address.circuits is not None:
        chosen = address.circuits.within(
            job_set.circuits, "circuit", start_index=job_set.start_index
        )
        return Target(folder, tuple(chosen))
    return Target(folder, job_set.indices)


def of_jobs(folder: SetFolder, jobs: Sequence[int]) -> Target:
    """Address these jobs of a set, with the circuits that each has now."""
    known = folder.parts
    parts = sorted((part for job in jobs for part in known[job]), key=lambda part: part.start_index)
    circuits: range | tuple[int, ...]
    if len(parts) == 1:  # which may have any number of circuits
        circuits = range(parts[0].start_index, parts[0].end_index + 1)
    else:
        circuits = tuple(
            index for part in parts for index in range(part.start_index, part.end_index + 1)
        )
    return Target(folder, circuits, frozenset(job for job in jobs if not known[job]))
