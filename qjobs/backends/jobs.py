"""Ask and steer a vendor's job object, whichever words the vendor has.

Loads Qiskit: for processes that have such an object.
"""

import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from qjobs.backends import reading, refusals, running, runtime
from qjobs.backends.statuses import status_named, status_of_tasks
from qjobs.circuits.foreign import describe
from qjobs.circuits.layout import Layout
from qjobs.contract import CancelOutcome
from qjobs.errors import AuthError, ProviderError
from qjobs.model import JobStatus, RunOptions
from qjobs.results import About, CircuitResult


class UnknownJob(ProviderError):
    """The vendor has no job of this id."""


class FailedJob(NamedTuple):
    """In the place of a job that the vendor does not hand out because it failed."""

    identity: str
    message: str

    def job_id(self) -> str:
        """The id that was asked for."""
        return self.identity

    def status(self) -> JobStatus:
        """ERROR."""
        return JobStatus.ERROR

    def error_message(self) -> str:
        """What the vendor raised."""
        return self.message

    def result(self) -> Any:
        """There is none."""
        raise ProviderError(self.message)

    def cancel(self) -> bool:
        """Too late."""
        return False


def job_id(job: Any) -> str:
    """The vendor's id of a job. Raises ProviderError if it has none."""
    for attribute in ("job_id", "id"):
        found = getattr(job, attribute, None)
        found = found() if callable(found) else found
        if found:
            return str(found)
    raise ProviderError("the backend gave a job without an id")


def status(job: Any) -> tuple[JobStatus, str]:
    """How a job is, in our words, and why if it says so. Raises ProviderError."""
    try:
        said = getattr(job, "status", None)
        found = status_named(said() if callable(said) else said)
        return status_of_tasks(job) if found is JobStatus.DONE else (found, "")
    except Exception as error:  # a vendor may raise anything
        if _tells_of_failure(error):
            return JobStatus.ERROR, describe(error)
        raise _trouble(error, "get the status of the job") from error


def error_message(job: Any) -> str:
    """Why a job failed; empty if it is silent.

    Some vendors say it only when the result is asked for, which is done if nothing else is said:
    only for a job that ended in ERROR.
    """
    found, reason = status(job)
    message = said_error(job) or reason
    if message or found is not JobStatus.ERROR:
        return message
    try:
        job.result()
    except Exception as error:  # noqa: BLE001 - this is what was asked for
        return describe(error)
    return ""


def said_error(job: Any) -> str:
    """What a job itself says of its error, without any more trouble; may be empty."""
    try:
        said = getattr(job, "error_message", None)
        said = said() if callable(said) else said
        if not said:  # Azure's
            details = getattr(getattr(job, "_azure_job", None), "details", None)
            said = getattr(details, "error_data", None)
            said = getattr(said, "message", said)
    except Exception as error:  # noqa: BLE001 - what cannot be asked has not been said
        return describe(error) if _tells_of_failure(error) else ""
    return str(said) if said else ""


def results(
    job: Any, layouts: Sequence[Layout] | None, *, options: RunOptions
) -> list[CircuitResult]:
    """The first of what `outcome` gives."""
    return outcome(job, layouts, options=options)[0]


def outcome(
    job: Any, layouts: Sequence[Layout] | None, *, options: RunOptions
) -> tuple[list[CircuitResult], About]:
    """What a job measured, one result a circuit, in order, and what is told of it as a whole.

    Asks for the result once.

    Waits for a job that is still running. `layouts` are those of the circuits; without them
    the result's own headers tell. Raises ProviderError, among others if there are not as many
    results as circuits.
    """
    try:
        result = job.result()
    except Exception as error:
        raise _trouble(error, "get the result of the job") from error
    return reading.from_result(result, layouts, options=options), reading.about(result)


def cancel(job: Any) -> CancelOutcome:
    """Ask for a job to be stopped. Raises ProviderError if the vendor cannot be reached."""
    if _now(job).final:
        return CancelOutcome.ALREADY_FINAL
    try:
        agreed = job.cancel()
    except (NotImplementedError, AttributeError):
        return CancelOutcome.NOT_SUPPORTED
    except Exception as error:
        if _now(job).final:
            return CancelOutcome.ALREADY_FINAL
        if refusals.may_have_arrived(error):
            raise _trouble(error, "cancel the job") from error
        return CancelOutcome.REFUSED
    now = _now(job)
    if now.final:
        cancelled = now is JobStatus.CANCELLED
        return CancelOutcome.CANCELLED if cancelled else CancelOutcome.ALREADY_FINAL
    return CancelOutcome.REFUSED if agreed is False else CancelOutcome.REQUESTED


def persist(job: Any) -> None:
    """Have it kept where its vendor looks for it by its id, if it is one that has to be: AQT's."""
    keep = getattr(job, "persist", None)
    if callable(keep):
        try:
            keep()
        except Exception:  # noqa: BLE001 - there is a job, whatever a vendor raises here
            traceback.print_exc()


def can_retrieve(backend: Any, provider: Any = None) -> bool:
    """Whether `retrieve` has somebody to ask."""
    return next(_retrievers(backend, provider), None) is not None


def retrieve(job_id: str, *, backend: Any, provider: Any = None) -> Any:
    """The job of an id, from whichever of backend and provider hands out jobs.

    Raises UnknownJob if the vendor has none of this id, and ProviderError. A job that is not
    handed out because it failed comes as one whose status is ERROR.
    """
    ask = next(_retrievers(backend, provider), None)
    if ask is None:
        raise ProviderError(f"{running.name(backend)} cannot give a job by its id")
    try:
        job = ask(job_id)
    except Exception as error:
        if _tells_of_failure(error):
            return FailedJob(job_id, describe(error))
        if refusals.status_code(error) == 404 or "NotFound" in type(error).__name__:
            raise UnknownJob(f"there is no job {job_id}: {describe(error)}") from error
        raise _trouble(error, f"get job {job_id}") from error
    if job is None:
        raise UnknownJob(f"there is no job {job_id}")
    return job


def tagged(tag: str, *, backend: Any, provider: Any = None) -> list[Any] | None:
    """The jobs that carry a tag at the service of IBM's client, the oldest first.

    None if neither backend nor provider has one. Raises ProviderError.
    """
    device = running.device(backend)
    service = runtime.service_of(device, provider)
    if service is None:
        return None
    try:
        return runtime.jobs_tagged(service, tag, device=device)
    except Exception as error:
        raise _trouble(error, f"look for jobs with the tag {tag}") from error


def _retrievers(backend: Any, provider: Any) -> Iterator[Callable[[str], Any]]:
    for owner, methods in (
        (backend, ("retrieve_job", "restore_job")),
        (provider, ("retrieve_job", "restore_job", "get_job", "job")),
        (getattr(running.device(backend), "service", None), ("job",)),
        (backend, ("job",)),
    ):
        for method in methods:
            found = getattr(owner, method, None)
            if callable(found):
                yield found


def _now(job: Any) -> JobStatus:
    try:
        return status(job)[0]
    except ProviderError:
        return JobStatus.UNKNOWN


def _tells_of_failure(error: Exception) -> bool:
    """Whether a vendor raised because the job itself failed, as IonQ does."""
    return any("JobFail" in kind.__name__ for kind in type(error).__mro__)


def _trouble(error: Exception, what: str) -> ProviderError:
    if isinstance(error, ProviderError):
        return error
    message = f"cannot {what}: {describe(error)}"
    if refusals.is_unauthorized(error):
        return AuthError(message, hint="check the credentials of the backend")
    return ProviderError(message)
