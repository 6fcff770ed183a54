"""Addresses: how the user names job sets, jobs and circuits.

    ADDRESS  := SET | SET ":" CIRCUITS | SET "/" JOBS
    SET      := "@last" | "@N" | set id | unique prefix of one | name
    CIRCUITS, JOBS := item ("," item)*      item := N | A-B | A- | -B | A-B:STEP

Numbers count from 0 and ranges are inclusive, as in `0-299`.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from qjobs import spans
from qjobs.errors import AmbiguousAddress, NotFound, StateDamaged, UsageError
from qjobs.model import Job, Slice
from qjobs.store.document import SetHeader
from qjobs.store.folder import SetFolder
from qjobs.store.sets import Listing, Store

LAST = "@last"
_SHORTEST_PREFIX = 2
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SET_ID = re.compile(r"[0-9a-f]{4,32}")
_BACK = re.compile(r"@[1-9]\d{0,8}")
_ITEM = re.compile(r"(?P<first>\d+)?(?P<dash>-)?(?P<last>\d+)?(?::(?P<step>\d+))?")
# PowerShell takes `@last` for one of its own operators, so the bare words work too.
_WORDS = {"last": 1, "latest": 1, LAST: 1, "@latest": 1}


class Selection(NamedTuple):
    """Some of the numbers from 0: `items` are (first, last or None for open, step)."""

    text: str
    items: tuple[tuple[int, int | None, int], ...]

    def within(self, length: int, what: str) -> list[int]:
        """The chosen numbers below `length`, ascending. Raises NotFound if one is not there."""
        chosen: set[int] = set()
        for first, last, step in self.items:
            end = length - 1 if last is None else last
            if max(first, end) >= length:
                raise NotFound(
                    f"there is no {what} {max(first, end)}: they are numbered 0-{length - 1}"
                )
            chosen.update(range(first, end + 1, step))
        return sorted(chosen)


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
        """Those of the set's jobs that are meant."""
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
            f"{verb} works on whole jobs: {address} would take {spans.size(others)} more circuits "
            f"with it, such as {others[0].start_index}",
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
    selection = _selection(text[match.end() :], text)
    if match.group() == ":":
        return Address(text[: match.start()], circuits=selection)
    return Address(text[: match.start()], jobs=selection)


def _selection(text: str, address: str) -> Selection:
    items = []
    for item in text.split(","):
        match = _ITEM.fullmatch(item)
        if match is None or (match["first"] is None and match["last"] is None):
            raise UsageError(
                f"cannot read {item!r} in the address {address!r}",
                hint="write numbers and inclusive ranges, such as 3, 0-7, 8-, -3 or 0-9:2",
            )
        first = int(match["first"] or 0)
        last = first if match["dash"] is None else match["last"] and int(match["last"])
        step = int(match["step"] or 1)
        if (isinstance(last, int) and last < first) or step < 1:
            raise UsageError(f"the range {item!r} in the address {address!r} is empty")
        items.append((first, last if isinstance(last, int) else None, step))
    return Selection(text, tuple(items))


def check_name(name: str) -> None:
    """Raise UsageError for a set name that could not be told from another kind of address."""
    if not _NAME.fullmatch(name) or _SET_ID.fullmatch(name) or name in (*_WORDS, "all"):
        raise UsageError(
            f"{name!r} cannot be the name of a job set",
            hint="use up to 64 letters, digits, '.', '_' and '-' that do not read as a set id",
        )


def resolve(store: Store, text: str, *, warn: Callable[[str], None] = lambda _: None) -> Target:
    """Find what an address means. Raises UsageError, NotFound, AmbiguousAddress, StateError.

    `warn` is told of sets that cannot be read where one of them might have been the newest.
    """
    address = parse(text)
    folder = store.open(_find_set(store, address.set_word, warn))
    job_set = folder.job_set
    if address.jobs is not None:
        return of_jobs(folder, address.jobs.within(len(folder.slices), "job"))
    if address.circuits is not None:
        return Target(folder, tuple(address.circuits.within(job_set.circuits, "circuit")))
    return Target(folder, range(job_set.circuits))


def of_jobs(folder: SetFolder, jobs: Sequence[int]) -> Target:
    """What means these jobs, by the circuits that are their own now."""
    known = folder.parts
    parts = sorted((part for job in jobs for part in known[job]), key=lambda part: part.start_index)
    circuits = tuple(
        index for part in parts for index in range(part.start_index, part.end_index + 1)
    )
    return Target(folder, circuits, frozenset(job for job in jobs if not known[job]))


def _find_set(store: Store, word: str, warn: Callable[[str], None]) -> str:
    """The id of the set that a SET word means."""
    if _SET_ID.fullmatch(word) and store.has(word):
        return word
    listing = store.listing()
    back = _WORDS.get(word) or (int(word[1:]) if _BACK.fullmatch(word) else 0)
    if back:
        return _count_back(listing, back, warn)
    headers = listing.headers
    matches = [header for header in headers if word and header.name == word]
    if not matches and len(word) >= _SHORTEST_PREFIX:
        matches = [header for header in headers if header.set_id.startswith(word)]
    if len(matches) == 1:
        return matches[0].set_id
    if matches:
        raise AmbiguousAddress(
            f"{word!r} means {len(matches)} job sets: {_candidates(matches)}",
            hint="name one of them by its id",
        )
    raise NotFound(f"no job set answers to {word!r}{_near(word, headers)}", hint="qjobs list")


def _count_back(listing: Listing, back: int, warn: Callable[[str], None]) -> str:
    """The id of the newest set (1), the one before it (2), ..."""
    headers = listing.headers
    if not headers and listing.damaged:
        raise StateDamaged(listing.damaged[0], hint="no other job set is there")
    if not headers:
        raise NotFound("there are no job sets yet", hint="qjobs submit FILES...")
    if back > len(headers):
        raise NotFound(f"there are only {len(headers)} job sets", hint="qjobs list")
    for damaged in listing.damaged:
        warn(f"a job set cannot be read, and is not counted: {damaged}")
    return headers[back - 1].set_id


def _candidates(headers: Sequence[SetHeader]) -> str:
    shown = ", ".join(header.set_id for header in headers[:4])
    return shown if len(headers) <= 4 else f"{shown}, ..."


def _near(word: str, headers: Sequence[SetHeader]) -> str:
    import difflib

    names = {header.name for header in headers if header.name}
    close = difflib.get_close_matches(word, names, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
