"""Reads a set's `state.toml`: the fast way if it is as we write it, else any way there is."""

import re
from pathlib import Path
from typing import NamedTuple

from qjobs import files
from qjobs.errors import StateDamaged, StateError, StateTooNew
from qjobs.facts import Fact, FactKind
from qjobs.ledger import Ledger, Recorded
from qjobs.model import JobSet
from qjobs.store.state import any_toml, checks, document, fast, format1, torn
from qjobs.store.state import format as layout
from qjobs.store.state.any_toml import Wrong
from qjobs.store.state.document import SetHeader

_HEADER_BYTES = 1 << 16
_MEND = "mend that line or put the file back from a backup; nothing was changed"


class Contents(NamedTuple):
    """What the text of a state file says: what its tables have on record, and facts behind them.

    `format` is that of its layout. `unknown` counts the facts of a kind that we do not know,
    `unknown_key` tells of the first key of a job that we do not know. `exact` says that all of
    the text is as we write it, so that folding the facts into the tables loses nothing.
    `stranger` tells of a table that no qjobs of this format writes; it may once have been a fact.
    """

    job_set: JobSet
    recorded: Recorded
    facts: list[Fact]
    format: int
    exact: bool = True
    unknown: int = 0
    unknown_key: Wrong | None = None
    stranger: Wrong | None = None

    @property
    def newer(self) -> bool:
        """Whether a later qjobs wrote it."""
        return self.format > layout.FORMAT


class State(NamedTuple):
    """A state file. Its `header` ends where the first table begins; `good` bytes are whole facts.

    `total` is what the good ones add up to, for the next check line. `damage` is what keeps
    everybody from writing: the file can be read, but it is not what qjobs wrote.
    """

    contents: Contents
    warnings: tuple[str, ...]
    good_bytes: int
    header: str
    stamp: files.Stamp
    total: int
    damage: StateDamaged | None

    def ledger(self) -> tuple[Ledger, list[Fact]]:
        """The jobs as the facts have left them, and the facts that could not follow."""
        ledger = Ledger.of(self.contents.recorded)
        return ledger, [fact for fact in self.contents.facts if not ledger.admit(fact)]

    def check_writable(self, path: Path) -> None:
        """Raise StateTooNew or StateDamaged if nothing may be added to the file at `path`."""
        if self.contents.newer:
            raise too_new(path)
        if self.damage is not None:
            raise StateDamaged(self.damage.message, hint=self.damage.hint)


def written(job_set: JobSet, recorded: Recorded, data: bytes, stamp: files.Stamp) -> State:
    """The state of a file without facts whose `data` we have just written ourselves."""
    text = data.decode()
    return State(
        contents=Contents(job_set, recorded, [], layout.FORMAT),
        warnings=(),
        good_bytes=len(data),
        header=text[: fast.body_start(text)],
        stamp=stamp,
        total=checks.add(data),
        damage=None,
    )


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
        damage = _damage(path, good, contents, examined)
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
        header=good[: fast.body_start(good)],
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
        good = text[: torn.good_length(text)]
        encoded = good.encode("utf-8", "surrogateescape")
        _check_utf8(path, encoded)
        return good, len(encoded)
    length = torn.good_length(text)
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
    path: Path, text: str, contents: Contents, examined: checks.Examined
) -> StateDamaged | None:
    if contents.stranger is not None:
        where = f"{path}:{contents.stranger.line(text)}"
        return StateDamaged(f"{where}: {contents.stranger.what}", hint=_MEND)
    if examined.changed is not None:
        first, last = examined.changed
        what = f"{first}: something in lines {first}-{last} is not as qjobs wrote it"
    elif text.count("\n[[", examined.guarded) > text.count("\n[[fact]]", examined.guarded):
        # Unlike facts, tables are written together with the check line behind them.
        what = f"{text.count(chr(10)) + 1}: the file was cut off here, or put together by hand"
    else:
        return None
    return StateDamaged(
        f"{path}:{what}",
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
        return document.header(fast.read_header(text[: fast.body_start(text)]))
    except fast.Foreign:  # or longer than that
        job_set = read_state(path).contents.job_set
        return SetHeader(
            job_set.set_id, job_set.name, job_set.created, job_set.fingerprint, job_set.program
        )
    except Wrong as wrong:
        raise _damaged(path, text, wrong) from wrong


def understand(text: str) -> Contents:
    """Read the text of a state file that holds whole facts. Raises Wrong."""
    try:
        toml, recorded, facts = (format1 if text.startswith("format = 1\n") else fast).read(text)
    except fast.Foreign:
        return _understand_foreign(text)
    number = document.format_number(toml)
    return Contents(_job_set(toml, number, recorded), recorded, facts, number)


def _understand_foreign(text: str) -> Contents:
    toml = any_toml.parse(text)
    number = document.format_number(toml)
    unknown_key = None
    try:
        facts, unknown = document.facts(toml)
        if number == format1.FORMAT:
            recorded = format1.recorded(toml)
        else:
            recorded, unknown_key = document.recorded(toml)
        job_set = _job_set(toml, number, recorded)
    except Wrong as wrong:
        wrong.newer = number > layout.FORMAT
        raise
    return Contents(
        job_set, recorded, facts, number, exact=False, unknown=unknown, unknown_key=unknown_key,
        stranger=document.stranger(toml),
    )  # fmt: skip


def _job_set(toml: any_toml.Document, number: int, recorded: Recorded) -> JobSet:
    if number == format1.FORMAT:
        return document.job_set(toml, tuple(job.slice for job in recorded.jobs))
    return document.job_set(toml, document.planned(recorded))


def line_of(path: Path, fact: Fact) -> int:
    """The line of a state file that has a fact, for a person to look at."""
    text = files.read(path)[0].decode("utf-8", "replace")
    at = text.find(layout.table(fact).decode().rstrip("\n")) + 1
    if not at:  # it stands in columns, in a table of a job, or somebody has reshaped it
        at = max(text.find(layout.string(fact.value)), text.find(fact.value), 0)
    return text.count("\n", 0, at) + 1


def line_of_wrong(path: Path, wrong: Wrong) -> int:
    """The line of a state file where something is wrong."""
    return wrong.line(files.read(path)[0].decode("utf-8", "replace"))


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
