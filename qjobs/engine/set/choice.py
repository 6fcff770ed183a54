"""Choose a backend: the one that jobs wait for least."""

from collections.abc import Sequence

from qjobs.contract import BackendInfo
from qjobs.errors import UsageError


def least_busy(backends: Sequence[BackendInfo], provider: str, *, qubits: int = 1) -> BackendInfo:
    """The device with the fewest waiting jobs that takes some now and has enough qubits.

    The first of several; none that costs money unless its place was named. Raises UsageError if
    there is none, or nobody knows.
    """
    known = [info for info in backends if info.pending_jobs is not None]
    if not known:
        raise UsageError(
            f"{provider} does not say how busy its backends are",
            hint=f"qjobs backends -p {provider}",
        )
    fitting = [
        (info.pending_jobs, info)
        for info in known
        if info.operational and not info.billed and (info.qubits is None or info.qubits >= qubits)
    ]
    if not fitting:
        raise UsageError(
            f"no backend of {provider} takes circuits of {qubits} qubits now",
            hint=f"qjobs backends -p {provider}",
        )
    return min(fitting, key=lambda item: item[0] or 0)[1]
