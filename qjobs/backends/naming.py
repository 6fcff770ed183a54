"""What a backend object is called by those who make it. Loads no Qiskit."""

from contextlib import suppress
from functools import cache
from importlib.metadata import packages_distributions, version
from typing import Any

from qjobs.contract import Names


def names(target: Any, *, device: str, backend: str) -> Names:
    """The package that an object's class comes from, with its version, as `Names`.

    `device` is what the object calls itself: it counts if the address `backend` does not say so.
    """
    package, found = _package_of(type(target).__module__.partition(".")[0])
    return Names(
        provider=package,
        backend=device if device != backend else "",
        versions={package: found} if package else {},
    )


@cache
def _package_of(module: str) -> tuple[str, str]:
    """The distribution of a top-level module and its version; empty for the user's own code."""
    # Several may share a name: which one it is, nobody knows. No metadata are worth a failure.
    with suppress(Exception):
        (package,) = set(packages_distributions()[module])
        return package, version(package)
    return "", ""
