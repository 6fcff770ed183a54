"""The words of a command line become job sets, each with the jobs and circuits that are meant."""

import sys
from collections.abc import Callable, Sequence

from qjobs.engine.address import Target, resolve_all
from qjobs.engine.finding import LAST
from qjobs.engine.workspace import Workspace
from qjobs.errors import UsageError

_MOST_WORDS = 100_000


def find_targets(
    workspace: Workspace, words: Sequence[str] | None, warn: Callable[[str], None]
) -> list[Target]:
    """The union of all addresses, a target a set, in the order in which they are first named.

    No word means the newest set; `-` stands for the addresses on standard input, and there may
    be none: then so are the targets.
    """
    targets: dict[str, Target] = {}
    for word in _spelled_out(words or [LAST], warn):
        for target in resolve_all(workspace.store, word, warn=warn):
            set_id = target.folder.job_set.set_id
            known = targets.get(set_id)
            targets[set_id] = target if known is None else _union(known, target)
    return list(targets.values())


def find_whole(
    workspace: Workspace, verb: str, words: Sequence[str], warn: Callable[[str], None]
) -> list[Target]:
    """The same for a verb that works on whole sets. Raises UsageError if a part of one is named."""
    targets = find_targets(workspace, words, warn)
    for target in targets:
        if not target.whole:
            set_id = target.folder.job_set.set_id
            raise UsageError(
                f"{verb} works on whole sets, not on some jobs or circuits of {set_id}",
                hint=f"if all of it is meant, name {set_id}",
            )
    return targets


def warn_of(targets: Sequence[Target], warn: Callable[[str], None]) -> None:
    """Say what the user should know of the state files, before they are written to."""
    for target in targets:
        for warning in target.folder.warnings:
            warn(warning)


def _spelled_out(words: Sequence[str], warn: Callable[[str], None]) -> list[str]:
    if "-" not in words:
        return list(words)
    lines = [line.strip() for _, line in zip(range(_MOST_WORDS), sys.stdin, strict=False)]
    read = [line for line in lines if line]
    found = [word for given in words for word in (read if given == "-" else [given])]
    if not found:
        warn("there is no address on standard input, and so nothing to do")
    return found


def _union(one: Target, other: Target) -> Target:
    circuits = tuple(sorted({*one.circuits, *other.circuits}))
    return Target(one.folder, circuits, one.named | other.named)
