"""The jobs behind managed ones that are objects of vendors."""

import logging
import time
from typing import TYPE_CHECKING, Any

from qjobs.managed.errors import JobManagerTimeoutError
from qjobs.managed.warning import warn

if TYPE_CHECKING:
    from qiskit.providers import JobStatus
    from qiskit.result import Result

_LOG = logging.getLogger(__name__)
_POLL_S = 0.1


class AdoptedJob:
    """A vendor's job that was made elsewhere, and is of no set. It answers as a managed job does.

    `what` it runs is for messages, such as "experiments 0-9".
    """

    def __init__(self, job: Any, what: str) -> None:
        self._job = job
        self._what = what

    def status(self) -> "JobStatus | None":
        """See `ManagedJob.status`."""
        try:
            return self._status()
        except Exception as error:  # noqa: BLE001 - a vendor's
            warn(f"the status of the job for {self._what} cannot be learnt: {error}")
            return None

    def result(self, timeout: float | None) -> "Result | None":
        """See `ManagedJob.result`."""
        try:
            return self._result(timeout)
        except TimeoutError as error:
            raise JobManagerTimeoutError(
                f"no result of {self._what} within {timeout} seconds"
            ) from error
        except Exception as error:  # noqa: BLE001 - a vendor's
            warn(f"there is no result of the job for {self._what}: {error}")
            return None

    def error_message(self) -> str | None:
        """Why it failed, as far as its object says."""
        ask = getattr(self._job, "error_message", None)
        return str(ask() or "") or None if callable(ask) else None

    def cancel(self) -> bool:
        """Ask for it to be stopped; vendors that do not answer are believed."""
        try:
            return self._job.cancel() is not False
        except Exception as error:  # noqa: BLE001 - a vendor's
            _LOG.warning("the job for %s was not cancelled: %s", self._what, error)
            return False

    def _status(self) -> "JobStatus":
        from qiskit.providers import JobStatus

        status = self._job.status()
        return status if isinstance(status, JobStatus) else JobStatus[str(status).upper()]

    def _result(self, timeout: float | None) -> "Result":
        deadline = None if timeout is None else time.monotonic() + timeout
        while deadline is not None and not _is_final(self._status()):
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise TimeoutError
            time.sleep(min(_POLL_S, left_s))
        found: Result = self._job.result()
        return found


def _is_final(status: "JobStatus | None") -> bool:
    return status is not None and status.name in ("DONE", "ERROR", "CANCELLED")
