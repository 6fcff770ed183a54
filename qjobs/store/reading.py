"""Reads a set's `state.toml`: the fast way if it is as we write it, else any way there is."""

from pathlib import Path
from typing import NamedTuple

from qjobs.errors import StateDamaged, StateError, StateTooNew
from qjobs.facts import Fact, Ledger
from qjobs.model import JobSet
from qjobs.store import document, exact, files, layout, tail
from qjobs.store.document import SetHeader, Wrong

_HEADER_BYTES = 1 << 16


class Contents(NamedTuple):
    """What the text of a state file says.

    `unknown` counts the facts of a kind that we do not know, `loose` those that are not
    compacted. `exact` says that all of the text is as we write it, so that compacting loses
    nothing; `newer`, that a later qjobs wrote it.
    """

    job_set: JobSet
    facts: list[Fact]
    unknown: int
    loose: int
    exact: bool
    newer: bool


class State(NamedTuple):
    """A state file. Of its bytes, `good` are whole facts and `header` come before the first."""

    contents: Contents
    warnings: tuple[str, ...]
    good_bytes: int
    header_bytes: int
    stamp: files.Stamp

    def ledger(self) -> Ledger:
        """The jobs as the facts have left them."""
        return Ledger(self.contents.job_set.slices, self.contents.facts)


def read_state(path: Path) -> State:
    """Read a whole state file. Raises NotFound, StateDamaged, StateTooNew, StateError."""
    state = _read(path)
    if state.good_bytes < state.stamp.size_bytes:
        # It may have been looked at while a writer was in the middle of a fact.
        state = _read(path)
    return state


def _read(path: Path) -> State:
    data, stamp = files.read(path)
    text = data.decode("utf-8", "surrogateescape")
    good = text[: tail.good_length(text)]
    torn_bytes = len(text[len(good) :].encode("utf-8", "surrogateescape"))
    try:
        contents = understand(good)
    except Wrong as wrong:
        raise _damaged(path, good, wrong) from wrong
    warnings = []
    if torn_bytes:
        warnings.append(f"{path}: left out {torn_bytes} bytes at the end, an unfinished fact")
    if contents.unknown:
        warnings.append(f"{path}: left out {contents.unknown} facts of kinds unknown to this qjobs")
    if contents.newer:
        warnings.append(f"{path}: written by a newer qjobs; it can be read, not changed")
    return State(
        contents=contents,
        warnings=tuple(warnings),
        good_bytes=len(data) - torn_bytes,
        header_bytes=len(good[: exact.body_start(good)].encode()),
        stamp=stamp,
    )


def read_header(path: Path) -> SetHeader:
    """Read what tells a set from others, at a cost that does not grow with its facts.

    Raises as `read_state` does.
    """
    text = files.read(path, at_most=_HEADER_BYTES)[0].decode("utf-8", "ignore")
    try:
        return document.header(exact.read_header(text[: exact.body_start(text)]))
    except exact.Foreign:  # or longer than that
        job_set = read_state(path).contents.job_set
        return SetHeader(
            job_set.set_id, job_set.name, job_set.created, job_set.fingerprint, job_set.program
        )
    except Wrong as wrong:
        raise _damaged(path, text, wrong) from wrong


def understand(text: str) -> Contents:
    """Read the text of a state file that holds whole facts. Raises Wrong."""
    try:
        toml, facts, loose = exact.read(text)
    except exact.Foreign:
        return _understand_foreign(text)
    newer = document.format_number(toml) > layout.FORMAT
    return Contents(document.job_set(toml), facts, 0, loose, exact=True, newer=newer)


def _understand_foreign(text: str) -> Contents:
    toml = document.parse(text)
    newer = document.format_number(toml) > layout.FORMAT
    try:
        facts, unknown = document.facts(toml)
        job_set = document.job_set(toml)
    except Wrong as wrong:
        wrong.newer = newer
        raise
    return Contents(job_set, facts, unknown, len(facts), exact=False, newer=newer)


def too_new(path: Path) -> StateTooNew:
    """The error for a file of a later layout than ours."""
    return StateTooNew(f"{path}: written by a newer qjobs", hint="update qiskit-qjobs")


def _damaged(path: Path, text: str, wrong: Wrong) -> StateError:
    if wrong.newer:
        return too_new(path)
    return StateDamaged(
        f"{path}:{wrong.line(text)}: {wrong.what}",
        hint="mend that line or put the file back from a backup; nothing was changed",
    )
