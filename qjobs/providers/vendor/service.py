"""What a vendor's process does on request: the methods of the service, see `serving`.

Loads Qiskit.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from qjobs.backends.posts import WATCH
from qjobs.children.frames import Frame
from qjobs.circuits import codec
from qjobs.circuits.foreign import describe
from qjobs.circuits.slices import CircuitSlice
from qjobs.circuits.sweep import Pub, Sweep
from qjobs.errors import InputError, JobRefused, NotAccepted, ProviderError, UnreadableCircuit
from qjobs.model import JobStatus, RunOptions, Slice
from qjobs.providers.vendor.known_jobs import KnownJobs, SentCircuits
from qjobs.results import JobResult

Reply: TypeAlias = tuple[Any, bytes]


@dataclass(frozen=True, slots=True)
class ReceivedSlice(CircuitSlice):
    """A slice whose QPY came with the request."""

    data: bytes = b""

    def qpy(self) -> bytes:
        """What came."""
        return self.data


class Requests:
    """The methods, each with its request and giving a value and bytes. Any thread may call."""

    def __init__(self, opening: Mapping[str, Any]) -> None:
        self._known_jobs = KnownJobs(Path(opening["folder"]))
        if not opening["factory"]:
            return  # it is there to recode
        # Imported here, on the main thread: in a thread that ends, Qiskit takes the process along.
        from qjobs.providers.vendor.vendor import Vendor

        self._vendor = Vendor(opening["name"], opening["factory"], opening["arguments"])

    def backends(self, request: Frame) -> Reply:
        """The backends that the vendor lists: fields of `BackendInfo` each."""
        return [list(info) for info in self._vendor.backends()], b""

    def describe(self, request: Frame) -> Reply:
        """What is to be known of a backend before anything is sent to it."""
        from qjobs.backends import running

        backend = request.fields["backend"]
        target = self._vendor.target(backend)
        return {
            "objection": running.objection(target),
            "circuits": running.limits(target).circuits,
            "fetches": self._vendor.fetches(backend),
            "simulates": self._vendor.simulates(backend),
            "local": self._vendor.local_address(backend),
            "takes": running.takes(target),
        }, b""

    def names(self, request: Frame) -> Reply:
        """What a backend and its package are called: the fields of `Names`."""
        from qjobs.backends import naming, running

        backend = request.fields["backend"]
        target = self._vendor.target(backend)
        found = naming.names(target, device=running.name(target), backend=backend)
        return found._asdict(), b""

    def submit(self, request: Frame) -> Reply:
        """Make a job of circuits; the same tag gives the same job."""
        from qjobs.backends import jobs, running

        fields = request.fields
        options = RunOptions(**fields["options"])
        with self._known_jobs.call(fields["tag"]) as call, WATCH.call():
            if call.known:
                return call.known, b""
            try:
                target = self._vendor.target(fields["backend"])
                bound = running.bound(target, _pubs(request), options=options)
                circuits, layouts = running.measuring(bound)
                job = running.run(
                    target,
                    circuits,
                    options=options,
                    keywords={**running.labels(target, *fields["labels"]), **fields["keywords"]},
                    start_index=fields["slice"][0],
                    alone=fields["alone"],
                )
            except NotAccepted:
                call.refused()
                raise
            job_id = jobs.job_id(job)
            call.accepted(job_id, SentCircuits(layouts, options))
            jobs.persist(job)
        self._vendor.remember(job_id, job)
        return job_id, b""

    def status(self, request: Frame) -> Reply:
        """The status of a job; UNKNOWN if the vendor has none of this id."""
        from qjobs.backends import jobs

        try:
            return self._status(request, self._job(request)), b""
        except jobs.UnknownJob:
            return JobStatus.UNKNOWN, b""

    def result(self, request: Frame) -> Reply:
        """The results of a job, kept from the first time on.

        Some vendors draw new ones each time, or give them only once.
        """
        from qjobs.backends import jobs

        job_id = request.fields["job_id"]
        kept = self._known_jobs.result(job_id)
        if kept is not None:
            return None, kept
        job = self._job(request)
        status = self._status(request, job)
        if status is not JobStatus.DONE:
            raise ProviderError(f"job {job_id} is {status}: it has no results")
        reading = self._known_jobs.reading(job_id) or SentCircuits((), RunOptions())
        results, about = jobs.outcome(job, reading.layouts or None, options=reading.options)
        body = JobResult.of(results, about).body
        with suppress(ProviderError):  # whoever asked keeps it, too, where there may be room
            body = self._known_jobs.keep_result(job_id, body)
        return None, body

    def error_message(self, request: Frame) -> Reply:
        """Why a job failed."""
        from qjobs.backends import jobs

        if self._status(request, self._job(request)) is JobStatus.DONE:
            return "", b""
        return jobs.error_message(self._job(request)), b""

    def cancel(self, request: Frame) -> Reply:
        """What became of one request to cancel."""
        from qjobs.backends import jobs
        from qjobs.contract import CancelOutcome

        try:
            return jobs.cancel(self._job(request)), b""
        except jobs.UnknownJob:
            return CancelOutcome.REFUSED, b""

    def recode(self, request: Frame) -> Reply:
        """Circuits as QPY of an older version."""
        import io

        from qiskit import qpy as writer

        buffer = io.BytesIO()
        try:
            circuits = codec.decode(request.body, start_index=request.fields["start_index"])
            writer.dump(circuits, buffer, version=request.fields["version"])
        except UnreadableCircuit as error:
            raise error.refusal() from error
        except Exception as error:  # whatever an older version has no way to say
            raise JobRefused(
                f"the circuits cannot be written for the provider's older Qiskit: {describe(error)}"
            ) from error
        return None, buffer.getvalue()

    def _status(self, request: Frame, job: Any) -> JobStatus:
        """The status of a job; what it says of its failure, it may say only once."""
        from qjobs.backends import jobs

        status, reason = jobs.status(job)
        if status is JobStatus.ERROR and reason:
            job_id = request.fields["job_id"]
            self._vendor.remember(job_id, jobs.FailedJob(job_id, reason))
        return status

    def _job(self, request: Frame) -> Any:
        return self._vendor.job(request.fields["job_id"], request.fields["backend"])


METHODS: Mapping[str, Callable[[Requests, Frame], Reply]] = {
    method.__name__: method
    for method in (
        Requests.backends, Requests.describe, Requests.names, Requests.submit, Requests.status,
        Requests.result, Requests.error_message, Requests.cancel, Requests.recode,
    )
}  # fmt: skip


def _pubs(request: Frame) -> list[Pub]:
    fields = request.fields
    sweep = None
    if fields["sweep"]:
        path, names, rows = fields["sweep"]
        sweep = Sweep(Path(path), tuple(names), rows)
    part = Slice(*fields["slice"])
    try:
        return [*ReceivedSlice(Path("circuits.qpy"), part, sweep, data=request.body).pubs()]
    except UnreadableCircuit as error:
        raise error.refusal() from error
    except InputError as error:
        raise JobRefused(error.message, hint=error.hint) from error
