"""Tags, which tie provider jobs to sets: the one place where they are built and taken apart.

The tag of a set is `qj-SET_ID`, that of one attempt at one of its jobs `qj-SET_ID-JOB-ATTEMPT`.
"""

import re
from typing import NamedTuple

PREFIX = "qj-"
NOTE_PREFIX = "qj1."
"""With this begins a note, the label that says which circuits a job has."""

SET_ID = re.compile(r"[0-9a-f]{4,32}")
_SET = re.compile(rf"{PREFIX}({SET_ID.pattern})")
_JOB = re.compile(rf"({_SET.pattern})-(0|[1-9][0-9]{{0,6}})-([1-9][0-9]{{0,2}})")


class JobTag(NamedTuple):
    """The tag of one attempt (counted from 1) at one job (from 0) of a set."""

    set_tag: str
    job: int
    attempt: int

    def __str__(self) -> str:
        return f"{self.set_tag}-{self.job}-{self.attempt}"

    @classmethod
    def read(cls, label: str) -> "JobTag | None":
        """The tag that a label is; None if it is none."""
        found = _JOB.fullmatch(label)
        return cls(found[1], int(found[3]), int(found[4])) if found else None


def set_tag(set_id: str) -> str:
    """The tag that all provider jobs of a set share."""
    return f"{PREFIX}{set_id}"


def set_id(label: str) -> str:
    """The id of the set whose tag a label is; empty if it is none."""
    found = _SET.fullmatch(label)
    return found[1] if found else ""


def set_tag_of(tag: str) -> str:
    """The tag of the set that the tag of a job belongs to, whoever made it."""
    return tag.rsplit("-", 2)[0]
