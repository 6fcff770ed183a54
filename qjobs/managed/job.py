"""One managed job: a slice of circuits, on its way to the provider and back."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from qjobs import paths
from qjobs.engine.error import Origin, failures
from qjobs.engine.report import JobReport, SetReport, State
from qjobs.engine.set.parcel import circuit_slice
from qjobs.errors import InputError, JobRefused, QjobsError
from qjobs.managed.arguments import (
    check_submitters,
    check_text,
    checked_slice,
    checked_tags,
)
from qjobs.managed.at_exit import named_at_the_end
from qjobs.managed.errors import JobManagerInvalidStateError, JobManagerTimeoutError
from qjobs.managed.home import HELD, Surroundings
from qjobs.managed.making import begin, warn_of_share_level
from qjobs.managed.open_set import OpenSet
from qjobs.managed.payload import make_qobj
from qjobs.managed.planning import circuit_list
from qjobs.managed.report import qiskit_status
from qjobs.managed.submission import send
from qjobs.managed.vendor import AdoptedJob, vendor_job
from qjobs.managed.warning import warn

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

    from qiskit import QuantumCircuit
    from qiskit.providers import JobStatus
    from qiskit.result import Result

    from qjobs.managed.submit_queue import Lock


class ManagedJob:
    """The circuits `start_index` to `end_index` (inclusive), and the job that runs them.

    `future` is done when the job was submitted, or could not be; then `submit_error` says why
    not. A `job` of a vendor that is given is managed as it is.
    """

    def __init__(self, start_index: int, experiments_count: int, job: object | None = None) -> None:
        """Raises JobManagerInvalidStateError for what is no range of circuits."""
        part = checked_slice(start_index, experiments_count)
        self.start_index, self.end_index = part.start_index, part.end_index
        self.future: Future[None] | None = None
        self.submit_error: Exception | None = None
        self._job = job
        self._job_id = ""
        self._adopted = None if job is None else AdoptedJob(job, self._range)
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
            self._job = self._job_of(self._set)
        return self._job

    def _job_of(self, job_set: OpenSet) -> Any:
        if not self._job_id:
            self.learn(self._own(job_set.look([self.index], cached=True)))
        if self._job is not None or not self._job_id:
            return self._job
        # Not where the id is learnt, which may be a thread: there Qiskit must not be loaded.
        from qjobs.managed.provider_job import ProviderJob

        return ProviderJob(self, job_set, self._job_id)

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
        """Have the executor submit the circuits, as a job set of one job.

        Its circuits have the numbers `start_index` to `end_index` there, too. `qjobs list` shows
        all such sets of one program as one.

        Jobs that share a plain `submit_lock` go out in the order of these calls; a semaphore
        lets several through at a time. Raises JobManagerInvalidStateError.
        """
        if self._set is not None or self._job is not None:
            raise JobManagerInvalidStateError(f"the job for {self._range} was submitted before")
        warn_of_share_level(job_share_level)
        check_text("name of the job", job_name)
        check_submitters(submit_lock, executor)
        found = circuit_list(circuits)
        if len(found) != self.end_index - self.start_index + 1:
            raise JobManagerInvalidStateError(f"{len(found)} circuits were given for {self._range}")
        surroundings = Surroundings.of_program(paths.state_home())
        set_id = surroundings.workspace.new_id()
        with named_at_the_end(surroundings.workspace, set_id):
            job_set = begin(
                surroundings, found, backend, run_config,
                set_id=set_id, name=job_name,
                tags=checked_tags(job_tags), per_job=len(found), start_index=self.start_index,
            )  # fmt: skip
            if len(job_set.jobs) != 1:
                job_set.cancel(job_set.jobs)
                raise JobManagerInvalidStateError(
                    f"the backend takes the circuits of {self._range} in "
                    f"{len(job_set.jobs)} jobs only"
                )
            self._set = job_set
            send(job_set, [self], submit_lock, executor, split_off=None)

    def status(self) -> "JobStatus | None":
        """How the job is; None, with a warning, if that cannot be learnt, or if it was refused."""
        from qiskit.providers import JobStatus

        if self._adopted is not None:
            return self._adopted.status()
        if self._set is None:
            return JobStatus.INITIALIZING
        return self.status_in(self._own(self._set.look([self.index])))

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
        """Whether this or another process is submitting jobs of the set."""
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
            return self._adopted.result(timeout)
        if self._set is None:
            return None
        if refresh:
            self._set.kept.forget()
        report = self._wait(timeout)
        return self.result_in(report, self._own(report), partial=partial)

    def result_in(self, report: SetReport, job: JobReport, *, partial: bool) -> "Result | None":
        """The result of the job, if it is kept; if not, a warning says what a report knows."""
        if self._set is None:
            return None
        self.learn(job)
        result = self._set.kept.result(job, partial=partial)
        if result is None:
            why = str(self.submit_error or job.message or "; ".join(report.problems) or job.state)
            warn(f"there is no result of the job for {self._range}: {why}")
        return result

    def error_message(self) -> str | None:
        """Wait for the job, and say why it failed; None if it did not."""
        if self._adopted is not None:
            return self._adopted.error_message()
        if self._set is None:
            return None
        return self.error_in(self._wait(None))

    def error_in(self, report: SetReport) -> str | None:
        """Why the job failed, by a report of its set; None if it did not, or was cancelled."""
        if self._set is None:
            return None
        own = self._own(report)
        self.learn(own)
        if self.submit_error is not None:
            return str(self.submit_error)
        own_report = report._replace(jobs=(own,))
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
            return self._adopted.cancel()
        return self._set is not None and self._set.stop({self.index: self.future})

    def qobj(self) -> dict[str, Any] | None:
        """The submitted circuits as a Qobj; None if they are gone or have no form in Qobj."""
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
            self._job = vendor_job(self._set.provider, job.job_id) if held else None
        elif job.state is State.REFUSED and self.submit_error is None:
            self.submit_error = JobRefused(job.message)

    def settled(self, job: JobReport, error: QjobsError | None) -> None:
        """Take in how submitting the job has ended."""
        self.submit_error = error
        if error is not None:
            warn(f"the job for {self._range} could not be submitted: {error}")
        self.learn(job)

    def _own(self, report: SetReport) -> JobReport:
        """The entry for this job in a report."""
        return next(job for job in report.jobs if job.index == self.index)

    def _wait(self, timeout: float | None) -> SetReport:
        assert self._set is not None
        report, moving = self._set.wait([self.index], timeout)
        if moving:
            raise JobManagerTimeoutError(f"no result of {self._range} within {timeout} seconds")
        return report
