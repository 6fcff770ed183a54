"""qjobs: split large batches of quantum circuits into jobs, run them, and lose none."""

TYPE_CHECKING = False  # type checkers take it for true, and `typing` need not be loaded
if TYPE_CHECKING:
    from qjobs.managed.errors import (
        JobManagerError,
        JobManagerInvalidStateError,
        JobManagerJobNotFound,
        JobManagerTimeoutError,
        JobManagerUnknownJobSet,
        ManagedResultDataNotAvailable,
    )
    from qjobs.managed.job import ManagedJob
    from qjobs.managed.job_set import ManagedJobSet
    from qjobs.managed.manager import JobManager
    from qjobs.managed.results import ManagedResults

__version__ = "0.1.0"

__all__ = [
    "JobManager",
    "JobManagerError",
    "JobManagerInvalidStateError",
    "JobManagerJobNotFound",
    "JobManagerTimeoutError",
    "JobManagerUnknownJobSet",
    "ManagedJob",
    "ManagedJobSet",
    "ManagedResultDataNotAvailable",
    "ManagedResults",
    "__version__",
]

# The command line imports this package too, and must not wait for the library's face.
_MODULES = {
    "JobManager": "manager",
    "ManagedJob": "job",
    "ManagedJobSet": "job_set",
    "ManagedResults": "results",
}


def __getattr__(name: str) -> object:
    """Import a name of the library's face when it is first asked for (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.managed.{_MODULES.get(name, 'errors')}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
