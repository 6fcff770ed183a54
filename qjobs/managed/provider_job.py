"""The jobs of providers that give no objects of their own, as `JobV1` of Qiskit.

Loads Qiskit: for whoever asks for such a job.
"""

import time
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from qiskit.providers import JobStatus, JobTimeoutError, JobV1
from qiskit.providers.jobstatus import JOB_FINAL_STATES

from qjobs.contract import JobDetails
from qjobs.managed.errors import JobManagerInvalidStateError

if TYPE_CHECKING:
    from qiskit.result import Result

    from qjobs.managed.open_set import OpenSet


class Managed(Protocol):
    """The managed job whose provider job this is."""

    index: int

    def status(self) -> JobStatus | None:
        """How the job is."""

    def result(
        self, timeout: float | None = None, *, partial: bool = False, refresh: bool = False
    ) -> "Result | None":
        """Wait for the result of the job."""

    def error_message(self) -> str | None:
        """Why the job failed."""

    def cancel(self) -> bool:
        """Ask for the job to be stopped."""


class ProviderJob(JobV1):  # type: ignore[misc]  # Qiskit has no types
    """A job of a set that runs at `provider:backend`, with what IBMQ's jobs had besides."""

    def __init__(self, managed: Managed, job_set: "OpenSet", job_id: str) -> None:
        super().__init__(None, job_id)
        self._managed = managed
        self._set = job_set

    def __repr__(self) -> str:
        return f"<{type(self).__name__}({self.job_id()!r}) on {self.backend()}>"

    def submit(self) -> None:
        """Raise JobManagerInvalidStateError: it was submitted."""
        raise JobManagerInvalidStateError(f"the job {self.job_id()} was submitted before")

    def name(self) -> str:
        """The name of the set and the index of the job."""
        return f"{self._set.name}_{self._managed.index}_"

    def backend(self) -> str:
        """The provider and the backend, as `provider:backend`."""
        job_set = self._set.folder.job_set
        return f"{job_set.provider}:{job_set.backend}"

    def tags(self) -> list[str]:
        """The tags of the set, as they are now."""
        self._set.folder.refresh()
        return list(self._set.folder.job_set.tags)

    def status(self) -> JobStatus | None:
        """See `ManagedJob.status`."""
        return self._managed.status()

    def wait_for_final_state(
        self,
        timeout: float | None = None,
        wait: float = 1.0,
        callback: Callable[[str, JobStatus | None, "ProviderJob"], Any] | None = None,
    ) -> None:
        """Ask for the status every `wait` seconds until it will not change any more.

        `callback` is given the id, the status and the job. Raises JobTimeoutError of Qiskit's
        after `timeout` seconds.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while (status := self.status()) not in JOB_FINAL_STATES:
            left_s = wait if deadline is None else deadline - time.monotonic()
            if left_s <= 0:
                raise JobTimeoutError(f"the job {self.job_id()} has not ended in {timeout} seconds")
            if callback is not None:
                callback(self.job_id(), status, self)
            time.sleep(min(wait, left_s))

    def result(
        self,
        timeout: float | None = None,
        partial: bool = False,  # noqa: FBT001, FBT002 - the predecessor's
        refresh: bool = False,  # noqa: FBT001, FBT002 - the predecessor's
    ) -> "Result | None":
        """See `ManagedJob.result`."""
        return self._managed.result(timeout=timeout, partial=partial, refresh=refresh)

    def error_message(self) -> str | None:
        """See `ManagedJob.error_message`."""
        return self._managed.error_message()

    def cancel(self) -> bool:
        """Ask for the job to be stopped; whether it will not run on."""
        return self._managed.cancel()

    def queue_position(
        self,
        refresh: bool = False,  # noqa: ARG002, FBT001, FBT002 - the predecessor's
    ) -> int | None:
        """The place in the queue; None if the provider does not tell, or it is in none."""
        return self._details().queue_position

    def creation_date(self) -> datetime | None:
        """When the provider made it; None if it does not tell."""
        created = self._details().created
        return None if created is None else datetime.fromisoformat(created)

    def _details(self) -> JobDetails:
        return self._set.details(self._managed.index)
