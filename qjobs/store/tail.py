"""Tells a last fact that was never finished from damage.

A writer that is killed, or a disk that loses power, leaves a proper prefix of a fact, or bytes
of zero where the file had grown but its content was not written yet. Nobody was told that
such a fact is recorded. Anything else is for a person to look at.
"""

import re

from qjobs.facts import FactKind
from qjobs.store import exact

_MARKER = "\n[[fact]]\n"
_SHORTEST = 2  # one newline is no beginning of anything


def _beginnings(text: str) -> str:
    return "|".join(re.escape(text[:length]) for length in range(len(text) + 1))


def _line(key: str, begun: str, whole: str, then: str) -> str:
    """A pattern for `key`, a value and what follows, broken off anywhere before its end."""
    return rf"(?:{_beginnings(key)}|{key}{begun}|{key}{whole}(?:\n{then})?)"


_BEGUN_TEXT = r'"[^"\\\n]*(?:\\[^\n][^"\\\n]*)*\\?'
_KIND = rf"(?:{'|'.join(_beginnings(f'{kind} = ') for kind in FactKind)}|[a-z]+ = {_BEGUN_TEXT})"
_MESSAGE = _line("message = ", _BEGUN_TEXT, exact.STRING, _KIND)
_AT = _line("at = ", "[0-9TZ:.-]*", exact.TIME, rf"(?:{_MESSAGE}|{_KIND})")
_ATTEMPT = _line("attempt = ", "[0-9]*", exact.NATURAL, _AT)
_BEGUN = re.compile(re.escape(_MARKER) + _line("job = ", "[0-9]*", exact.NATURAL, _ATTEMPT))


def good_length(text: str) -> int:
    """How many characters of the text stand before a fact that was never finished."""
    written = text.rstrip("\0")
    last = written.rfind(_MARKER)
    if last >= 0 and _BEGUN.fullmatch(written, last):
        return last
    for length in range(len(_MARKER) - 1, _SHORTEST - 1, -1):
        if written.endswith(_MARKER[:length]):
            return len(written) - length
    return len(written)
