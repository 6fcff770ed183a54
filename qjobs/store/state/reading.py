"""Reads a set's `state.toml`: the fast way if it is as we write it, else any way there is."""

import re
from pathlib import Path
from typing import NamedTuple

from qjobs import files
from qjobs.errors import StateDamaged, StateError, StateTooNew
from qjobs.facts import Fact, FactKind, Ledger
from qjobs.model import JobSet
from qjobs.store.state import any_toml as document
from qjobs.store.state import checks
from qjobs.store.state import fast as exact
from qjobs.store.state import format as layout
from qjobs.store.state import torn as tail
from qjobs.store.state.any_toml import SetHeader, Wrong

_HEADER_BYTES = 1 << 16
_MEND = "mend that line or put the file back from a backup; nothing was changed"


class Contents(NamedTuple):
    """What the text of a state file says.

    `unknown` counts the facts of a kind that we do not know, `loose` those that are not
    compacted. `exact` says that all of the text is as we write it, so that compacting loses
    nothing; `newer`, that a later qjobs wrote it. `stranger` tells of a table that no qjobs of
    this format writes; it may once have been a fact.
    """

    job_set: JobSet
    facts: list[Fact]
    unknown: int
    loose: int
    exact: bool
    newer: bool
    stranger: Wrong | None = None


class State(NamedTuple):
    """A state file. Of its bytes, `good` are whole facts and `header` come before the first.

    `total` is what the good ones add up to, for the next check line. `damage` is what keeps
    everybody from writing: the file can be read, but it is not what qjobs wrote.
    """

    contents: Contents
    warnings: tuple[str, ...]
    good_bytes: int
    header_bytes: int
    stamp: files.Stamp
    total: int
    damage: StateDamaged | None

    def ledger(self) -> Ledger:
        """The jobs as the facts have left them."""
        return Ledger(self.contents.job_set.slices, self.contents.facts)

    def check_writable(self, path: Path) -> None:
        """Raise StateTooNew or StateDamaged if nothing may be added to the file at `path`."""
        if self.contents.newer:
            raise too_new(path)
        if self.damage is not None:
            raise StateDamaged(self.damage.message, hint=self.damage.hint)


def read_state(path: Path) -> State:
    """Read a whole state file. Raises NotFound, StateDamaged, StateTooNew, StateError."""
    state = _read(path)
    if state.good_bytes < state.stamp.size_bytes:
        # It may have been looked at while a writer was in the middle of a fact.
        state = _read(path)
    return state


def _read(path: Path) -> State:
    data, stamp = files.read(path)
    good, good_bytes = _whole_facts(path, data)
    try:
        contents = understand(good)
    except Wrong as wrong:
        raise _damaged(path, good, wrong) from wrong
    examined = checks.examine(data if good_bytes == len(data) else data[:good_bytes])
    damage = None
    if not contents.newer:
        damage = _damage(path, good, contents, examined.changed)
    warnings = []
    torn_bytes = len(data) - good_bytes
    if torn_bytes:
        warnings.append(f"{path}: left out {torn_bytes} bytes at the end, an unfinished fact")
    if contents.unknown:
        warnings.append(f"{path}: left out {contents.unknown} facts of kinds unknown to this qjobs")
    if contents.newer:
        warnings.append(f"{path}: written by a newer qjobs; it can be read, not changed")
    if damage:
        warnings.append(damage.message)
    return State(
        contents=contents,
        warnings=tuple(warnings),
        good_bytes=good_bytes,
        header_bytes=len(good[: exact.body_start(good)].encode()),
        stamp=stamp,
        total=examined.total,
        damage=damage,
    )


def _whole_facts(path: Path, data: bytes) -> tuple[str, int]:
    """The text but for what was never finished, and how many bytes that is."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        # A fact that was never finished may end within a character.
        text = data.decode("utf-8", "surrogateescape")
        good = text[: tail.good_length(text)]
        encoded = good.encode("utf-8", "surrogateescape")
        _check_utf8(path, encoded)
        return good, len(encoded)
    length = tail.good_length(text)
    if length == len(text):
        return text, len(data)
    good = text[:length]
    return good, len(good.encode())


def _check_utf8(path: Path, data: bytes) -> None:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise StateDamaged(f"{path}:{line}: not UTF-8", hint=_MEND) from error


def _damage(
    path: Path, text: str, contents: Contents, changed: tuple[int, int] | None
) -> StateDamaged | None:
    if contents.stranger is not None:
        where = f"{path}:{contents.stranger.line(text)}"
        return StateDamaged(f"{where}: {contents.stranger.what}", hint=_MEND)
    if changed is None:
        return None
    first, last = changed
    return StateDamaged(
        f"{path}:{first}: something in lines {first}-{last} is not as qjobs wrote it",
        hint="put the file back from a backup, or, if you changed it knowingly, remove its lines "
        "that begin with `# crc32`",
    )


def read_header(path: Path) -> SetHeader:
    """Read what tells a set from others, at a cost that does not grow with its facts.

    Raises as `read_state` does.
    """
    data = files.read(path, at_most=_HEADER_BYTES)[0]
    text = data.decode("utf-8", "replace")
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
    return Contents(
        job_set, facts, unknown, len(facts),
        exact=False, newer=newer, stranger=document.stranger(toml),
    )  # fmt: skip


def line_of(path: Path, fact: Fact) -> int:
    """The line of a state file that has a fact, for a person to look at."""
    text = files.read(path)[0].decode("utf-8", "replace")
    columns = text.find("\n[facts]\n")
    at = text.find(layout.table(fact).decode().rstrip("\n"))
    if at < 0:
        at = columns if columns >= 0 else text.find(f"{fact.kind} = {layout.string(fact.value)}")
    return text.count("\n", 0, at + 1) + 1


def line_of_unknown(path: Path) -> int:
    """The line of the first fact of a kind that we do not know."""
    text = files.read(path)[0].decode("utf-8", "replace")
    kinds = "|".join(kind.value for kind in FactKind)
    fact = re.compile(rf"^\[\[fact\]\]\n(?!(?:[^\[\n].*\n)*(?:{kinds})[ \t]*=)", re.MULTILINE)
    at = fact.search(text) or re.search(r"^\[facts\]", text, re.MULTILINE)
    return text.count("\n", 0, at.start()) + 1 if at else 1


def too_new(path: Path) -> StateTooNew:
    """The error for a file of a later layout than ours."""
    return StateTooNew(f"{path}: written by a newer qjobs", hint="update qiskit-qjobs")


def _damaged(path: Path, text: str, wrong: Wrong) -> StateError:
    if wrong.newer:
        return too_new(path)
    return StateDamaged(
        f"{path}:{wrong.line(text)}: {wrong.what}",
        hint=_MEND,
    )
