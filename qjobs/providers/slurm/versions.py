"""The versions of what a task's results depend on."""

from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

PACKAGES = ("qiskit-qjobs", "qiskit", "qiskit-aer")


def versions() -> dict[str, str]:
    """The versions that this Python has, by package."""
    found = {}
    for package in PACKAGES:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found
