"""Warnings for whoever runs the program."""

import warnings
from contextlib import suppress


def warn(message: str) -> None:
    """Warn whoever runs the program; where warnings are errors, not at the cost of a job."""
    with suppress(UserWarning):
        warnings.warn(message, UserWarning, stacklevel=2)
