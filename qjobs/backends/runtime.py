"""Objects of IBM's client, `qiskit_ibm_runtime`, which whoever has one has loaded; we never do."""

import copy
from collections.abc import Sequence
from typing import Any

_PACKAGE = "qiskit_ibm_runtime"
_MOST_TAGS = 8
_LONGEST_TAG = 86


def is_backend(target: Any) -> bool:
    """Whether it is a device at the service: its `run` only says that it is none any more."""
    return _is_a(target, "IBMBackend")


def tagged(target: Any, tags: Sequence[str]) -> Any:
    """A primitive that puts these tags on its jobs, behind its own; any other object as it is.

    Those that are too many or too long for the service, which would refuse the job, are left out.
    The one that was given stays as it was: the program may use it at the same time.
    """
    given: Any = getattr(getattr(target, "options", None), "environment", None)
    if not (_is_a(target) and hasattr(given, "job_tags")):
        return target
    options = copy.deepcopy(target.options)
    environment = options.environment
    own = list(environment.job_tags or ())
    fitting = [tag for tag in tags if tag not in own and len(tag) <= _LONGEST_TAG]
    environment.job_tags = own + list(dict.fromkeys(fitting))[: max(0, _MOST_TAGS - len(own))]
    # In a session or a batch if it is in one, else on its backend.
    return type(target)(mode=target.mode or target.backend(), options=options)


def _is_a(target: Any, name: str = "") -> bool:
    """Whether the class of an object, or one that it stands on, is the client's of that name."""
    return any(
        kind.__module__.partition(".")[0] == _PACKAGE and kind.__name__ == (name or kind.__name__)
        for kind in type(target).__mro__
    )
