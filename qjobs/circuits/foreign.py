"""The border to Qiskit's readers: whatever they raise becomes an InputError."""

from collections.abc import Iterator
from contextlib import contextmanager

from qjobs.errors import InputError

_OURS = (InputError, KeyboardInterrupt, SystemExit, GeneratorExit)
_MAX_MESSAGE_CHARACTERS = 500


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
    """The text of a foreign error in one line of bearable length."""
    text = getattr(error, "message", None)
    line = " ".join((text if isinstance(text, str) else str(error)).split())
    return line[:_MAX_MESSAGE_CHARACTERS] or type(error).__name__
