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
_FOR_USERS = frozenset({"QiskitError", "QjobsError"})  # names, for Qiskit is slow to import
_PACKAGES_FOR_USERS = frozenset({"openqasm3", "qiskit_qasm3_import", "qjobs"})
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
    """The message of a foreign error, in one line of bearable length, without decoration.

    Its class stands before it: "list index out of range" alone tells nobody anything. Qiskit's own
    errors, those of its readers, and ours are written for users and need none.
    """
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    text = getattr(error, "message", None)
    plain = _DECORATION.sub(" ", text if isinstance(text, str) else str(error))
    words = " ".join(plain.split())
    kind = type(error)
    for_users = kind.__module__.partition(".")[0] in _PACKAGES_FOR_USERS or (
        _FOR_USERS.intersection(base.__name__ for base in kind.__mro__)
    )
    if words and not for_users:
        words = f"{kind.__name__}: {words}"
    return words[:_MAX_MESSAGE_CHARACTERS] or kind.__name__
