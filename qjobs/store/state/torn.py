"""Tells a last fact that was never finished from damage.

A writer that is killed, or a disk that loses power, leaves a proper prefix of a fact, or bytes
of zero where the file had grown but its content was not written yet. Nobody was told that
such a fact is recorded. Anything else is for a person to look at.
"""

import re
from functools import cache

from qjobs.facts import FactKind
from qjobs.store.state import checks, fast

_MARKER = "\n[[fact]]\n"
_SHORTEST = 2  # one newline is no beginning of anything
_KINDS = tuple(kind.value for kind in FactKind)
_CHECK = re.compile(checks.PATTERN)


def _beginnings(text: str) -> str:
    return "|".join(re.escape(text[:length]) for length in range(len(text) + 1))


def _line(key: str, begun: str, whole: str, then: str) -> str:
    """A pattern for `key`, a value and what follows, broken off anywhere before its end."""
    return rf"(?:{_beginnings(key)}|{key}{begun}|{key}{whole}(?:\n{then})?)"


_BEGUN_TEXT = r'"[^"\\\n]*(?:\\[^\n][^"\\\n]*)*\\?'


@cache  # for it takes longer to build than most commands have anything to do
def _begun() -> re.Pattern[str]:
    """A pattern for a fact, with its marker, that is broken off anywhere before its end."""
    kinds = "|".join(_beginnings(f"{kind} = ") for kind in FactKind)
    kind = rf"(?:{kinds}|[a-z]+ = {_BEGUN_TEXT})"
    message = _line("message = ", _BEGUN_TEXT, fast.STRING, kind)
    at = _line("at = ", "[0-9TZ:.-]*", fast.TIME, rf"(?:{message}|{kind})")
    attempt = _line("attempt = ", "[0-9]*", fast.NATURAL, at)
    job = _line("job = ", "[0-9]*", fast.NATURAL, attempt)
    return re.compile(re.escape(_MARKER) + job)


def good_length(text: str) -> int:
    """How many characters of the text stand before a fact that was never finished.

    A fact whose check line was never finished stays: it is whole.
    """
    written = text.rstrip("\0")
    last_line = written[written.rfind("\n") + 1 :]
    if last_line and checks.begun(last_line):
        written = written.removesuffix(last_line)
    if _ends_whole(written):
        return len(written)
    last = written.rfind(_MARKER)
    if last >= 0 and _begun().fullmatch(written, last):
        return last
    for length in range(len(_MARKER) - 1, _SHORTEST - 1, -1):
        if written.endswith(_MARKER[:length]):
            return len(written) - length
    return len(written)


def _ends_whole(text: str) -> bool:
    """Whether the last line is that of a kind, which comes last in a fact, or a check line.

    No text has a newline within it, so no part of a fact looks like that.
    """
    last_line = text[text.rfind("\n", 0, -1) + 1 :]
    if last_line.endswith('"\n'):
        return last_line.partition(" = ")[0] in _KINDS
    return _CHECK.fullmatch(last_line) is not None
