"""Numbers that the user chooses, such as those of circuits: `3`, `0-7`, `8-`, `-3`, `0-9:2`.

They count from 0, and ranges are inclusive. Several are joined by commas.
"""

import re
from typing import NamedTuple

from qjobs.errors import NotFound, UsageError

_NUMBER = "[0-9]{1,18}"
_ITEM = re.compile(
    rf"(?P<first>{_NUMBER})?(?P<dash>-)?(?P<last>{_NUMBER})?(?::(?P<step>{_NUMBER}))?"
)
_LONGEST_SHOWN = 60


class Selection(NamedTuple):
    """Some numbers: `items` are (first, last, step), where None is open."""

    text: str
    items: tuple[tuple[int | None, int | None, int], ...]

    def within(self, length: int, what: str, *, start_index: int = 0) -> list[int]:
        """Select from `length` numbers, in ascending order. Raises NotFound if one is not there.

        They begin with `start_index`, and so does a range without a first number.
        """
        there = range(start_index, start_index + length)
        chosen: set[int] = set()
        for first, last, step in self.items:
            start = there.start if first is None else first
            end = there.stop - 1 if last is None else last
            for number in (start, end):
                if number not in there:
                    raise NotFound(
                        f"there is no {what} {number}: "
                        f"they are numbered {there.start}-{there.stop - 1}"
                    )
            chosen.update(range(start, end + 1, step))
        return sorted(chosen)


def looks_so(text: str) -> bool:
    """Whether a word is of numbers, and no name."""
    return all(map(_item, text.split(",")))


def select(text: str, address: str) -> Selection:
    """Read the numbers in an address. Raises UsageError."""
    items = []
    for item in text.split(","):
        match = _item(item)
        if match is None:
            raise UsageError(
                f"cannot read {shown(item)} in the address {shown(address)}",
                hint="write numbers and inclusive ranges, such as 3, 0-7, 8-, -3 or 0-9:2",
            )
        first = int(match["first"]) if match["first"] else None
        last = int(match["last"]) if match["last"] else None
        if match["dash"] is None:
            last = first
        step = int(match["step"] or 1)
        if (first is not None and last is not None and last < first) or step < 1:
            raise UsageError(f"the range {item!r} in the address {shown(address)} is empty")
        items.append((first, last, step))
    return Selection(text, tuple(items))


def _item(text: str) -> re.Match[str] | None:
    match = _ITEM.fullmatch(text)
    return match if match and (match["first"] or match["last"]) else None


def shown(text: str) -> str:
    """A word of the user's, as much of it as tells which it is."""
    return repr(text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}...")
