"""The border to Qiskit's readers: whatever they raise becomes an InputError."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from qjobs.errors import InputError

_OURS = (InputError, KeyboardInterrupt, SystemExit, GeneratorExit)
_MAX_MESSAGE_CHARACTERS = 300
# Colours and frames, with which Qiskit's Rust code adorns its errors for a terminal.
_DECORATION = re.compile(r"\x1b\[[0-9;]*m|[\u2500-\u257f]+( Backtrace [\u2500-\u257f]+)?")


@contextmanager
def qiskit_errors(what: str) -> Iterator[None]:
    """Turn anything raised inside into `InputError("{what}: {its text}")`.

    A panic in Qiskit's Rust code arrives as `PanicException`, which is no `Exception`.
    """
    try:
        yield
    except BaseException as error:
        if isinstance(error, _OURS):
            raise
        raise InputError(f"{what}: {describe(error)}") from error


def describe(error: BaseException) -> str:
    """The text of a foreign error in one line of bearable length, without decoration."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    text = getattr(error, "message", None)
    plain = _DECORATION.sub(" ", text if isinstance(text, str) else str(error))
    return " ".join(plain.split())[:_MAX_MESSAGE_CHARACTERS] or type(error).__name__
