"""One instance of the service, through the client's REST adapters."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

from qjobs.circuits.foreign import describe
from qjobs.contract import JobDetails
from qjobs.errors import ProviderError
from qjobs.model import JobStatus
from qjobs.providers.ibm.errors import HttpError, not_accepted

Value = TypeVar("Value")

PAGE = 200
"""The most jobs that the service lists in one answer."""

_WORDS = {
    "INITIALIZING": JobStatus.INITIALIZING,
    "QUEUED": JobStatus.QUEUED,
    "RUNNING": JobStatus.RUNNING,
    "COMPLETED": JobStatus.DONE,
    "FAILED": JobStatus.ERROR,
    "CANCELLED": JobStatus.CANCELLED,
    "CANCELLED - RAN TOO LONG": JobStatus.ERROR,
}
_RAN_TOO_LONG = 1305
_SMALLER = "with fewer circuits a job it takes less time: qjobs retry --per-job N"
_JOB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


class JobInfo(NamedTuple):
    """The service's description of one job. `created` and `ended` are times in ISO 8601, UTC."""

    job_id: str
    status: JobStatus
    reason: str
    tags: tuple[str, ...]
    created: str
    program: str
    private: bool
    backend: str = ""
    user: str = ""
    ended: str = ""


class JobsPage(NamedTuple):
    """Some of the jobs of a list that has `total` in all."""

    jobs: Sequence[JobInfo]
    total: int


class Service:
    """One instance, by its CRN. Safe in many threads.

    Every method raises AuthError, and ProviderError if there is no answer or it makes no sense.
    """

    def __init__(self, runtime: Any, instance: str) -> None:
        self._runtime = runtime
        self.instance = instance

    @property
    def ahead_s(self) -> float | None:
        """How far the clock of the service is ahead of ours, to a second; None if it never said."""
        ahead_s: float | None = self._runtime.session.ahead_s
        return ahead_s

    def owner(self, job: JobInfo) -> str:
        """Whose a job is, if it is surely not that of whoever asks; empty otherwise."""
        user: str = self._runtime.session.user
        return job.user if user and job.user != user else ""

    def submit(self, body: str) -> str:
        """Post a job, once, and return its id.

        Raises a NotAccepted where the service surely has no job of it; after any other
        ProviderError it may have one.
        """
        sent = body.encode()
        try:
            with _sense():
                answer = self._runtime.session.post(
                    self._runtime.get_url("jobs"),
                    data=sent,
                    headers={"Content-Type": "application/json"},
                ).json()
                job_id = answer["id"]
                if not is_job_id(job_id):
                    raise ValueError("no job id")
                return str(job_id)
        except HttpError as error:
            raise (not_accepted(error, sent_bytes=len(sent)) or error) from error

    def jobs(self, *, tag: str = "", offset: int = 0, newest_first: bool = False) -> JobsPage:
        """One page of the list of jobs, of those that carry a tag if one is given."""
        with _sense():
            answer = self._runtime.jobs_get(
                limit=PAGE,
                skip=offset,
                job_tags=[tag] if tag else None,
                descending=newest_first,
            )
            return JobsPage([_info(job) for job in answer["jobs"]], int(answer["count"]))

    def job(self, job_id: str) -> JobInfo | None:
        """One job; None if the instance does not have it."""
        if not is_job_id(job_id):
            return None
        with _sense():
            try:
                return _info(self._runtime.program_job(job_id).get(exclude_params=True))
            except HttpError as error:
                if error.status == 404:
                    return None
                raise

    def params(self, job_id: str) -> object:
        """The parameters of a job, as they were sent; None where they are private."""
        with _sense():
            url = f"{self._runtime.get_url('jobs')}/{job_id}"
            return self._runtime.session.get(url).json().get("params")

    def results(self, job_id: str) -> str:
        """The results of a finished job as the client decodes them; of a failed one, why."""
        return str(self._runtime.program_job(job_id).results())

    def details(self, job_id: str) -> JobDetails:
        """Times, usage and, while it waits, the place in the queue."""
        with _sense():
            metrics = dict(self._runtime.program_job(job_id).metadata())
            times, usage = metrics.get("timestamps") or {}, metrics.get("usage") or {}
            charged = usage.get("qpu_charge_time_seconds", usage.get("quantum_seconds"))
            return JobDetails(
                created=_either(str, times.get("created")),
                started=_either(str, times.get("running")),
                ended=_either(str, times.get("finished")),
                usage_s=None if charged is None else float(charged),
                queue_position=_either(int, metrics.get("position_in_queue")),
                estimated_start=_either(str, metrics.get("estimated_start_time")),
            )

    def cancel(self, job_id: str) -> None:
        """Raises HttpError: 404 if there is no such job, 409 if it has ended."""
        self._runtime.program_job(job_id).cancel()

    def open_session(self, backend: str, *, mode: str, longest_s: int | None) -> str:
        """Open a session (`dedicated`) or a `batch`; its id."""
        with _sense():
            return str(
                self._runtime.runtime_session().create(
                    backend=backend, instance=self.instance, max_time=longest_s, mode=mode
                )["id"]
            )

    def close_session(self, session_id: str) -> None:
        """Let a session take no more jobs; those that it has are run. Closing twice is no error."""
        if not is_job_id(session_id):
            return
        session = self._runtime.runtime_session(session_id)
        try:
            session.close()
        except HttpError as error:
            if error.status == 404:
                return
            with _sense():
                if session.details()["accepting_jobs"]:
                    raise

    def devices(self) -> Sequence[Mapping[str, Any]]:
        """The backends, each with at least a `name`."""
        with _sense():
            devices = self._runtime.backends()["devices"]
            return [device for device in devices if isinstance(device["name"], str)]

    def trouble(self, backend: str) -> str:
        """The reason why a backend runs no jobs now; empty if it does."""
        with _sense():
            status = self._runtime.backend(backend).status()
            if status["status_msg"] == "maintenance":
                return "in maintenance"
            return "" if status["operational"] else "offline"

    def configuration(self, backend: str) -> dict[str, Any]:
        """The configuration of a backend, raw."""
        with _sense():
            return dict(self._runtime.backend(backend).configuration())

    def properties(self, backend: str) -> dict[str, Any]:
        """The newest calibration of a backend, raw; empty if it has none."""
        with _sense():
            return dict(self._runtime.backend(backend).properties() or {})


def is_job_id(text: object) -> bool:
    """Whether this can be the id of a job: it is about to be a part of an address."""
    return isinstance(text, str) and _JOB_ID.fullmatch(text) is not None


@contextmanager
def _sense() -> Iterator[None]:
    """Around the reading of an answer."""
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ProviderError(
            f"IBM Quantum gave an answer that makes no sense: {describe(error)}"
        ) from error


def _either(kind: type[Value], value: object) -> Value | None:
    """A value of an answer, if it is of a kind."""
    return value if isinstance(value, kind) else None


def _info(job: Mapping[str, Any]) -> JobInfo:
    state = job.get("state") or {}
    code = state.get("reason_code") or state.get("reasonCode") or 0
    reason = str(state.get("reason") or "")
    status = _WORDS.get(str(state.get("status") or job.get("status")).upper(), JobStatus.UNKNOWN)
    if status is JobStatus.CANCELLED and code == _RAN_TOO_LONG:
        status = JobStatus.ERROR
    reason = f"{reason} (code {code})" if code else reason
    return JobInfo(
        job_id=str(job["id"]),
        status=status,
        reason=f"{reason}; {_SMALLER}" if code == _RAN_TOO_LONG else reason,
        tags=tuple(map(str, job.get("tags") or ())),
        created=str(job.get("created") or ""),
        program=str((job.get("program") or {}).get("id") or ""),
        private=bool(job.get("private")),
        backend=str(job.get("backend") or ""),
        user=str(job.get("user_id") or ""),
        ended=str(job.get("ended") or ""),
    )
