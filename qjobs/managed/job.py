"""One managed job: a slice of circuits, on its way to the provider and back."""

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from qjobs import paths
from qjobs.engine.circuits import circuit_slice
from qjobs.engine.error import Origin, failures
from qjobs.engine.report import JobReport, SetReport, State
from qjobs.errors import InputError, JobRefused, ProviderError, QjobsError
from qjobs.managed.beginning import begin
from qjobs.managed.errors import JobManagerInvalidStateError, JobManagerTimeoutError
from qjobs.managed.open_set import OpenSet, warn
from qjobs.managed.payload import make_qobj
from qjobs.managed.planning import checked_tags, circuit_list
from qjobs.managed.report import qiskit_status
from qjobs.managed.surroundings import HELD, Surroundings
from qjobs.managed.vendor import AdoptedJob, ProviderJob, vendor_job

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

    from qiskit import QuantumCircuit
    from qiskit.providers import JobStatus
    from qiskit.result import Result

    from qjobs.managed.gate import Lock

_LOG = logging.getLogger(__name__)


class ManagedJob:
    """The circuits `start_index` to `end_index` (inclusive), and the job that runs them.

    `future` is done when the job was handed over, or could not be; then `submit_error` says why
    not. A `job` of a vendor that is given is managed as it is.
    """

    def __init__(self, start_index: int, experiments_count: int, job: object | None = None) -> None:
        self.start_index = start_index
        self.end_index = start_index + experiments_count - 1
        self.future: Future[None] | None = None
        self.submit_error: Exception | None = None
        self._job = job
        self._job_id = ""
        self._adopted = None if job is None else AdoptedJob(job)
        self._set: OpenSet | None = None
        self.index = 0

    @classmethod
    def of(cls, job_set: OpenSet, index: int) -> "ManagedJob":
        """The job of that index of a set."""
        part = job_set.folder.slices[index]
        managed = cls(part.start_index, part.experiments_count)
        managed._set, managed.index = job_set, index
        return managed

    def __repr__(self) -> str:
        return f"<{type(self).__name__}({self._range}) {self._job_id or self.submit_error or ''}>"

    @property
    def _range(self) -> str:
        return f"experiments {self.start_index}-{self.end_index}"

    @property
    def job(self) -> Any:
        """The vendor's job object, or ours where there is none; None until it was accepted."""
        if self._job is None and self._set is not None:
            self.learn(self._set.look([self.index], cached=True).jobs[0])
        return self._job

    def submit(
        self,
        circuits: "QuantumCircuit | Sequence[QuantumCircuit]",
        job_name: str,
        backend: object,
        executor: "Executor",
        submit_lock: "Lock",
        job_share_level: str | None = None,
        job_tags: Sequence[str] | None = None,
        **run_config: Any,
    ) -> None:
        """Have the executor hand the circuits over, as a job set of one job.

        Jobs that share a plain `submit_lock` go out in the order of these calls; a semaphore
        lets several through at a time. Raises JobManagerInvalidStateError.
        """
        if self._set is not None or self._job is not None:
            raise JobManagerInvalidStateError(f"the job for {self._range} was submitted before")
        warn_of_share_level(job_share_level)
        found = circuit_list(circuits)
        if len(found) != self.end_index - self.start_index + 1:
            raise JobManagerInvalidStateError(f"{len(found)} circuits were given for {self._range}")
        surroundings = Surroundings.at(paths.state_home())
        job_set = begin(
            surroundings, found, backend, run_config,
            set_id=surroundings.workspace.new_id(), name=job_name,
            tags=checked_tags(job_tags), per_job=None,
        )  # fmt: skip
        if len(job_set.jobs) != 1:
            job_set.cancel(job_set.jobs)
            raise JobManagerInvalidStateError(
                f"the backend takes the circuits of {self._range} in {len(job_set.jobs)} jobs only"
            )
        self._set = job_set
        send(job_set, [self], submit_lock, executor, split_off=None)

    def status(self) -> "JobStatus | None":
        """How the job is; None, with a warning, if that cannot be learnt, or if it was refused."""
        from qiskit.providers import JobStatus

        if self._adopted is not None:
            try:
                return self._adopted.status()
            except Exception as error:  # noqa: BLE001 - a vendor's
                warn(f"the status of the job for {self._range} cannot be learnt: {error}")
                return None
        if self._set is None:
            return JobStatus.INITIALIZING
        job, *_ = self._set.look([self.index]).jobs
        return self.status_in(job)

    def status_in(self, job: JobReport) -> "JobStatus | None":
        """The status of the job as a report has it."""
        self.learn(job)
        if self.submit_error is not None:
            return None
        status = qiskit_status(job, sending=self.being_sent)
        if status is None:
            warn(f"the status of the job for {self._range} cannot be learnt: {job.message}")
        return status

    def being_sent(self) -> bool:
        """Whether this or another process is handing the jobs of the set over."""
        if self.future is not None and not self.future.done():
            return True
        return self._set is not None and self._set.folder.being_submitted()

    def result(
        self,
        timeout: float | None = None,
        partial: bool = False,  # noqa: FBT001, FBT002 - the predecessor's
        refresh: bool = False,  # noqa: FBT001, FBT002 - the predecessor's
    ) -> "Result | None":
        """Wait for the job and give its result; None, with a warning, if it gave none.

        With `partial`, a job that failed has placeholders in the place of its circuits.
        `refresh` asks again; what is kept on disk is never fetched twice. Raises
        JobManagerTimeoutError after `timeout` seconds.
        """
        if self._adopted is not None:
            return self._adopted_result(timeout)
        if self._set is None:
            return None
        if refresh:
            self._set.forget()
        report = self._wait(timeout)
        return self.result_in(report, report.jobs[0], partial=partial)

    def result_in(self, report: SetReport, job: JobReport, *, partial: bool) -> "Result | None":
        """The result of the job, if it is kept; if not, a warning says what a report knows."""
        if self._set is None:
            return None
        self.learn(job)
        result = self._set.result(job, partial=partial)
        if result is None:
            why = str(self.submit_error or job.message or "; ".join(report.problems) or job.state)
            warn(f"there is no result of the job for {self._range}: {why}")
        return result

    def error_message(self) -> str | None:
        """Wait for the job, and say why it failed; None if it did not."""
        if self._adopted is not None:
            return self._adopted.error_message() or None
        if self._set is None:
            return None
        return self.error_in(self._wait(None))

    def error_in(self, report: SetReport) -> str | None:
        """Why the job failed, by a report of its set; None if it did not, or was cancelled."""
        if self._set is None:
            return None
        own = [job for job in report.jobs if job.index == self.index]
        self.learn(own[0])
        if self.submit_error is not None:
            return str(self.submit_error)
        own_report = report._replace(jobs=tuple(own))
        lines = [
            f"experiment {failure.slice.start_index}: {failure.message}"
            if failure.origin is Origin.CIRCUIT
            else failure.message
            for failure in failures(self._set.target([self.index]), own_report)
            if failure.origin is not Origin.CANCEL
        ]
        return "\n".join(lines) or None

    def cancel(self) -> bool:
        """Ask for the job to be stopped, or never sent; whether it will not run on."""
        if self._adopted is not None:
            try:
                return self._adopted.cancel()
            except Exception as error:  # noqa: BLE001 - a vendor's
                _LOG.warning("the job for %s was not cancelled: %s", self._range, error)
                return False
        return self._set is not None and cancel(self._set, [self])

    def qobj(self) -> dict[str, Any] | None:
        """What was sent, as a Qobj; None if the circuits are gone or Qobj cannot say them."""
        if self._set is None:
            return None
        folder = self._set.folder
        job_set = folder.job_set
        try:
            circuits = circuit_slice(folder, folder.slices[self.index]).circuits()
        except InputError as error:
            warn(f"the circuits of {self._range} cannot be read: {error}")
            return None
        return make_qobj(
            circuits,
            qobj_id=f"{job_set.tag}-{self.index}",
            backend_name=job_set.backend,
            options=job_set.options,
        )

    def learn(self, job: JobReport) -> None:
        """Take in what is known of the job by now."""
        if self._set is None:
            return
        self.start_index, self.end_index = job.slice.start_index, job.slice.end_index
        if job.job_id == self._job_id != "":
            return
        if job.job_id:
            self._job_id, self.submit_error = job.job_id, None
            held = self._set.folder.job_set.provider == HELD
            own = vendor_job(self._set.provider, job.job_id) if held else None
            name = f"{self._set.name}_{self.index}_"
            self._job = own or ProviderJob(self, job.job_id, name, self._set.place)
        elif job.state is State.REFUSED and self.submit_error is None:
            self.submit_error = JobRefused(job.message)

    def settled(self, job: JobReport, error: QjobsError | None) -> None:
        """Take in how handing the job over has ended."""
        self.submit_error = error
        if error is not None:
            warn(f"the job for {self._range} could not be submitted: {error}")
        self.learn(job)

    def _wait(self, timeout: float | None) -> SetReport:
        assert self._set is not None
        report, moving = self._set.wait([self.index], timeout)
        if moving:
            raise JobManagerTimeoutError(f"no result of {self._range} within {timeout} seconds")
        return report

    def _adopted_result(self, timeout: float | None) -> "Result | None":
        assert self._adopted is not None
        try:
            return self._adopted.result(timeout)
        except TimeoutError as error:
            raise JobManagerTimeoutError(
                f"no result of {self._range} within {timeout} seconds"
            ) from error
        except Exception as error:  # noqa: BLE001 - a vendor's
            warn(f"there is no result of the job for {self._range}: {error}")
            return None


def send(
    job_set: OpenSet,
    jobs: Sequence[ManagedJob],
    lock: "Lock",
    executor: "Executor",
    *,
    split_off: Callable[[int], ManagedJob] | None,
    resend_unknown: bool = False,
) -> None:
    """Have the executor hand over those jobs of a set, in this order.

    What is too large for the backend is halved; `split_off` gives the managed jobs that this
    makes, by their indices. Where it is None, such a job is refused.
    """
    by_index = {job.index: job for job in jobs}
    for job in jobs:
        job.submit_error = None

    def settled(job: JobReport, error: QjobsError | None) -> None:
        managed = by_index.get(job.index) or (split_off and split_off(job.index))
        if managed:
            managed.settled(job, error)

    futures = job_set.send(
        list(by_index), lock, executor,
        settled=settled, resend_unknown=resend_unknown, halves=split_off is not None,
    )  # fmt: skip
    for job, future in zip(by_index.values(), futures, strict=True):
        job.future = future


def cancel(job_set: OpenSet, jobs: Sequence[ManagedJob]) -> bool:
    """Stop those jobs of a set; whether none will run on. What could not be is logged.

    A job that is being handed over at this moment is let through, and then stopped.
    """
    from concurrent.futures import wait

    indices = [job.index for job in jobs]
    try:
        reports = job_set.cancel(indices)
        if not all(report.stopped for report in reports):
            wait([job.future for job in jobs if job.future is not None])
            reports = job_set.cancel(indices)
    except ProviderError as error:
        _LOG.warning("jobs of the set %s: %s", job_set.folder.job_set.set_id, error)
        return False
    for report in reports:
        if not report.stopped:
            _LOG.warning(
                "the job %s for experiments %s was not cancelled: %s",
                report.job_id, report.slice, report.outcome,
            )  # fmt: skip
    return all(report.stopped for report in reports)


def warn_of_share_level(level: object) -> None:
    """Say that jobs cannot be shared any more, where somebody asks for it."""
    if level:
        warn("job_share_level is ignored: providers do not share jobs by levels any more")
