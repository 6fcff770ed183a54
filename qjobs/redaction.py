"""Keeps secrets out of what a vendor's code says: in messages and in the log."""

import io
import re
from collections.abc import Iterable, Mapping
from typing import TextIO

SHORTEST = 8
"""Anything shorter hides nothing, and would be found in every other word."""

_SECRET_NAME = re.compile(
    "TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL|API_?KEY|ACCESS_?KEY", re.IGNORECASE
)


class Redaction:
    """Puts `***` in the place of secrets."""

    def __init__(self, secrets: Iterable[str]) -> None:
        # The longest first: one may begin with another.
        chosen = sorted({secret for secret in secrets if len(secret) >= SHORTEST}, key=len)
        self._pattern = re.compile("|".join(map(re.escape, reversed(chosen)))) if chosen else None

    def hide(self, text: str) -> str:
        """The text without the secrets."""
        return self._pattern.sub("***", text) if self._pattern else text


def named_secrets(values: Mapping[str, object]) -> list[str]:
    """Those of the values, at any depth, whose names say that they are secret."""
    found: list[str] = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            found += named_secrets(value)
        elif isinstance(value, str) and _SECRET_NAME.search(name):
            found.append(value)
    return found


class CleanStream(io.TextIOBase):
    """A text stream whose lines go on without the secrets."""

    def __init__(self, stream: TextIO, redaction: Redaction) -> None:
        self._stream = stream
        self._redaction = redaction
        self._line = ""

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, text: str) -> int:
        """Keep what is no whole line yet: a secret may be in two pieces."""
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            self._stream.write(self._redaction.hide(line) + "\n")
        return len(text)

    def flush(self) -> None:
        """Have whole lines be written."""
        self._stream.flush()
