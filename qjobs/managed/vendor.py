"""The jobs behind managed ones: objects of vendors, and ours where there is none."""

import inspect
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qiskit.providers import JobStatus
    from qiskit.result import Result

    from qjobs.managed.job import ManagedJob

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
    """A vendor's job that was made elsewhere, and is of no set."""

    def __init__(self, job: Any) -> None:
        self._job = job

    def status(self) -> "JobStatus":
        """Its status. Raises what the vendor does, and KeyError for a word we do not know."""
        from qiskit.providers import JobStatus

        status = self._job.status()
        return status if isinstance(status, JobStatus) else JobStatus[str(status).upper()]

    def result(self, timeout: float | None) -> "Result":
        """Its result. Raises TimeoutError after `timeout` seconds, and what the vendor does."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while deadline is not None and not _is_final(self.status()):
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise TimeoutError
            time.sleep(min(_POLL_S, left_s))
        found: Result = self._job.result()
        return found

    def error_message(self) -> str:
        """Why it failed, as far as its object says."""
        ask = getattr(self._job, "error_message", None)
        return str(ask() or "") if callable(ask) else ""

    def cancel(self) -> bool:
        """Ask for it to be stopped; vendors that do not answer are believed."""
        return self._job.cancel() is not False


def _is_final(status: "JobStatus | None") -> bool:
    return status is not None and status.name in ("DONE", "ERROR", "CANCELLED")


def vendor_job(provider: object, job_id: str) -> object | None:
    """The vendor's own object of a job, from a provider that holds it."""
    held = getattr(provider, "job", None)
    if not inspect.ismethod(held):
        return None
    found: object | None = held(job_id)
    return found
