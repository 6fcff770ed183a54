"""Objects of IBM's client, `qiskit_ibm_runtime`, which whoever has one has loaded; we never do."""

import copy
from collections.abc import Sequence
from typing import Any

_PACKAGE = "qiskit_ibm_runtime"
_MOST_TAGS = 8
_LONGEST_TAG = 86
_OURS = 2  # that of the attempt, and that of its set
_PAGE = 200

SETTLE_S = 30.0
"""How far the lists of jobs at the service may lag behind."""


def is_backend(target: Any) -> bool:
    """Whether it is a device at the service: its `run` only says that it is none any more."""
    return _is_a(target, "IBMBackend")


def crowded(target: Any) -> str:
    """Why a primitive could not label its jobs, so that nobody would find them; empty if it can."""
    own = getattr(_environment(target), "job_tags", None) or ()
    if len(own) <= _MOST_TAGS - _OURS:
        return ""
    return (
        f"the options of the primitive have {len(own)} job_tags of {_MOST_TAGS} that the service "
        f"takes, and {_OURS} are needed to find the job again"
    )


def tagged(target: Any, tags: Sequence[str]) -> Any:
    """A primitive that puts these tags on its jobs, behind its own; any other object as it is.

    Those that are too many or too long for the service, which would refuse the job, are left out.
    The one that was given stays as it was: the program may use it at the same time.
    """
    if _environment(target) is None:
        return target
    options = copy.deepcopy(target.options)
    environment = options.environment
    own = list(environment.job_tags or ())
    fitting = [tag for tag in tags if tag not in own and len(tag) <= _LONGEST_TAG]
    environment.job_tags = own + list(dict.fromkeys(fitting))[: max(0, _MOST_TAGS - len(own))]
    # In a session or a batch if it is in one, else on its backend.
    return type(target)(mode=target.mode or target.backend(), options=options)


def service_of(device: Any, vendor: Any) -> Any | None:
    """The service that has the jobs of a device; None if it is not one of IBM's, or not known.

    It may be the `vendor` itself.
    """
    if is_backend(device):
        return device.service
    return vendor if _is_a(vendor, "QiskitRuntimeService") else None


def instance_of(device: Any) -> str:
    """The CRN of the instance that the jobs of a device go to; empty if it is not one of IBM's."""
    if not is_backend(device):
        return ""
    # That of its service is the one that was used last, of whatever device.
    found = getattr(device, "_instance", None) or device.service.active_instance()
    return found if isinstance(found, str) else ""


def jobs_tagged(service: Any, tag: str, *, device: Any) -> list[Any]:
    """All jobs that carry a tag, the oldest first. Raises what the client does."""
    found: list[Any] = []
    while True:
        page = service.jobs(
            limit=_PAGE, skip=len(found), job_tags=[tag], descending=False,
            instance=instance_of(device) or None,
        )  # fmt: skip
        found += page
        if len(page) < _PAGE:
            return found


def _environment(target: Any) -> Any | None:
    """Where a primitive has the tags of its jobs; None for any other object."""
    given = getattr(getattr(target, "options", None), "environment", None)
    return given if _is_a(target) and hasattr(given, "job_tags") else None


def _is_a(target: Any, name: str = "") -> bool:
    """Whether the class of an object, or one that it stands on, is the client's of that name."""
    return any(
        kind.__module__.partition(".")[0] == _PACKAGE and kind.__name__ == (name or kind.__name__)
        for kind in type(target).__mro__
    )
