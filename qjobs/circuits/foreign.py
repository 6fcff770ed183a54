"""The border to foreign code: what it raises, in words; if Qiskit's readers do, as InputError."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from qjobs.errors import InputError

ENDS = (KeyboardInterrupt, SystemExit, GeneratorExit)
"""What is no error of foreign code. A panic in Qiskit's Rust code is a `PanicException`, which is
no `Exception`: who catches foreign errors catches `BaseException`, and lets these pass."""
_OURS = (InputError, *ENDS)
_MAX_MESSAGE_CHARACTERS = 300
# Names, for Qiskit is slow to import.
_FOR_USERS = frozenset({"QASM3ParsingError", "QiskitError", "QjobsError"})
# Colours and frames, with which Qiskit's Rust code adorns its errors for a terminal.
_DECORATION = re.compile(r"\x1b\[[0-9;]*m|[\u2500-\u257f]+( Backtrace [\u2500-\u257f]+)?")


@contextmanager
def qiskit_errors(what: str) -> Iterator[None]:
    """Turn anything raised inside into `InputError("{what}: {its text}")`."""
    try:
        yield
    except BaseException as error:
        if isinstance(error, _OURS):
            raise
        raise InputError(f"{what}: {describe(error)}") from error


def describe(error: BaseException) -> str:
    """What a foreign error says, in one line of bearable length, without decoration.

    Its class stands before it: "list index out of range" alone tells nobody anything. Qiskit's own
    errors, and ours, are written for users and need none.
    """
    text = getattr(error, "message", None)
    plain = _DECORATION.sub(" ", text if isinstance(text, str) else str(error))
    words = " ".join(plain.split())
    kind = type(error).__name__
    if words and not _FOR_USERS.intersection(base.__name__ for base in type(error).__mro__):
        words = f"{kind}: {words}"
    return words[:_MAX_MESSAGE_CHARACTERS] or kind
