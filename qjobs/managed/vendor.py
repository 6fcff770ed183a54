"""The jobs behind managed ones: objects of vendors, and ours where there is none."""

import inspect
import logging
import time
from typing import TYPE_CHECKING, Any

from qjobs.managed.errors import JobManagerTimeoutError
from qjobs.managed.warning import warn

if TYPE_CHECKING:
    from qiskit.providers import JobStatus
    from qiskit.result import Result

    from qjobs.managed.job import ManagedJob

_LOG = logging.getLogger(__name__)
_POLL_S = 0.1


class ProviderJob:
    """A job of which the provider gives no object, with the methods of Qiskit's `JobV1`."""

    def __init__(self, managed: "ManagedJob", job_id: str, name: str, backend: str) -> None:
        self._managed = managed
        self._job_id = job_id
        self._name = name
        self._backend = backend

    def __repr__(self) -> str:
        return f"<{type(self).__name__}({self._job_id!r}) on {self._backend}>"

    def job_id(self) -> str:
        """The provider's name for the job."""
        return self._job_id

    def name(self) -> str:
        """The name of the set and the index of the job."""
        return self._name

    def backend(self) -> str:
        """The provider and the backend, as `provider:backend`."""
        return self._backend

    def status(self) -> "JobStatus | None":
        """See `ManagedJob.status`."""
        return self._managed.status()

    def result(self, timeout: float | None = None) -> "Result | None":
        """See `ManagedJob.result`."""
        return self._managed.result(timeout=timeout)

    def error_message(self) -> str | None:
        """See `ManagedJob.error_message`."""
        return self._managed.error_message()

    def cancel(self) -> bool:
        """Ask for the job to be stopped; whether it will not run on."""
        return self._managed.cancel()

    def in_final_state(self) -> bool:
        """Whether the job will not change any more."""
        return _is_final(self.status())


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


def vendor_job(provider: object, job_id: str) -> object | None:
    """The vendor's own object of a job, from a provider that holds it."""
    held = getattr(provider, "job", None)
    if not inspect.ismethod(held):
        return None
    found: object | None = held(job_id)
    return found
