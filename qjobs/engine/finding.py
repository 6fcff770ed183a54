"""Which job sets a word means: the newest, one by its id or name, those of a program."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import NoReturn

from qjobs.errors import AmbiguousAddress, NotFound
from qjobs.store.sets import Listing, Store
from qjobs.store.state.document import SetHeader
from qjobs.tags import SET_ID

LAST = "@last"
ALL = "@all"
# PowerShell takes `@last` for one of its own operators, so the bare words work too.
WORDS = {"last": 1, "latest": 1, LAST: 1, "@latest": 1}
EVERY = (ALL, "all")
_BACK = re.compile(r"@[1-9]\d{0,8}")
_SHORTEST_PREFIX = 2


def find_sets(store: Store, word: str, warn: Callable[[str], None]) -> list[str]:
    """The ids of the sets that a SET word means: one, those of a program, or all.

    Of several sets with one name the newest is meant, and `warn` is told of the others. A name
    goes before a prefix of an id, and an id before a name.
    """
    if SET_ID.fullmatch(word) and store.has(word):
        return [word]
    listing = store.listing()
    if word in EVERY:
        return _all(listing, warn)
    back = WORDS.get(word) or (int(word[1:]) if _BACK.fullmatch(word) else 0)
    if back:
        return _count_back(listing, back, warn)
    headers = listing.headers
    named = [header.set_id for header in headers if word and header.name == word]
    if len(named) > 1:
        others = listed(named[1:])
        warn(f"{len(named)} job sets are called {word!r}: {named[0]} is the newest; not {others}")
    matches = [named[:1]] if named else []
    if not matches and len(word) >= _SHORTEST_PREFIX:
        matches = [[header.set_id] for header in headers if header.set_id.startswith(word)]
        matches += [_ids(group) for group in listing.groups() if group[0].program.startswith(word)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        found = [set_id for ids in matches for set_id in ids]
        raise AmbiguousAddress(
            f"{word!r} means {len(found)} job sets: {listed(found)}",
            hint="name one of them by its id",
        )
    raise NotFound(f"no job set answers to {word!r}{_near(word, headers)}", hint="qjobs list")


def _all(listing: Listing, warn: Callable[[str], None]) -> list[str]:
    """The ids of all sets that can be read, the newest first."""
    if not listing.headers:
        _raise_for_none(listing)
    for damaged in listing.damaged:
        warn(f"a job set cannot be read, and is left out: {damaged}")
    return _ids(listing.headers)


def _raise_for_none(listing: Listing) -> NoReturn:
    if listing.damaged:
        raise listing.errors[0]
    raise NotFound("there are no job sets yet", hint="qjobs submit FILES...")


def _count_back(listing: Listing, back: int, warn: Callable[[str], None]) -> list[str]:
    """The ids of the newest set (1), the one before it (2), ...; as `list` counts them."""
    groups = listing.groups()
    if not groups:
        _raise_for_none(listing)
    if back > len(groups):
        raise NotFound(f"there are only {len(groups)} job sets", hint="qjobs list")
    for damaged in listing.damaged:
        warn(f"a job set cannot be read, and is not counted: {damaged}")
    return _ids(groups[back - 1])


def _ids(headers: Iterable[SetHeader]) -> list[str]:
    return [header.set_id for header in headers]


def listed(set_ids: Sequence[str]) -> str:
    """The first few ids."""
    shown = ", ".join(set_ids[:4])
    return shown if len(set_ids) <= 4 else f"{shown}, ..."


def _near(word: str, headers: Sequence[SetHeader]) -> str:
    import difflib

    names = {header.name for header in headers if header.name}
    close = difflib.get_close_matches(word, names, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
