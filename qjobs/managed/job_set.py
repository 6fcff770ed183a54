"""All jobs of one run, together."""

import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from qjobs import paths
from qjobs.engine.filters import SetFilter
from qjobs.engine.finding import listed
from qjobs.engine.remove import remove
from qjobs.engine.report import JobReport
from qjobs.engine.sending.sessions import close_left
from qjobs.engine.submit import unsent_jobs
from qjobs.errors import NotFound
from qjobs.managed import waiting
from qjobs.managed.arguments import (
    changed_tags,
    check_submitters,
    check_text,
    checked_per_job,
    checked_tags,
)
from qjobs.managed.as_completed import Completed
from qjobs.managed.at_exit import named_at_the_end
from qjobs.managed.errors import JobManagerInvalidStateError, JobManagerUnknownJobSet
from qjobs.managed.home import Surroundings
from qjobs.managed.job import ManagedJob
from qjobs.managed.making import begin, check_keywords, reopen, warn_of_share_level
from qjobs.managed.members import Members
from qjobs.managed.notebook import report_html
from qjobs.managed.open_set import OpenSet
from qjobs.managed.planning import circuit_list
from qjobs.managed.report import detail_lines, summary_lines
from qjobs.managed.results import ManagedResults
from qjobs.managed.submission import submit

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from qiskit import QuantumCircuit
    from qiskit.providers import JobStatus

    from qjobs.managed.submit_queue import Lock


class ManagedJobSet:
    """The jobs of one run; what it is asked for, it does with all of them.

    It is one with the job set of the command line: each sees at once what the other does.
    """

    def __init__(
        self,
        name: str | None = None,
        short_id: str | None = None,
        *,
        surroundings: Surroundings | None = None,
        submit_lock: "Lock | None" = None,
    ) -> None:
        """A set without jobs: `run` makes some, `retrieve_jobs` finds those of `short_id`."""
        check_text("name of a job set", name)
        check_text("id of a job set", short_id)
        self._surroundings = surroundings or Surroundings.at(paths.state_home())
        self._name = name or ""
        self._id = short_id or self._surroundings.workspace.new_id()
        self._submit_lock = threading.Lock() if submit_lock is None else submit_lock
        self._members: Members | None = None
        self._results: ManagedResults | None = None
        self._retrieved = False
        self._provider: object | None = None

    def __repr__(self) -> str:
        jobs = len(self.managed_jobs())
        return f"<{type(self).__name__}({self._id!r}): {self.name()!r}, {jobs} jobs>"

    def _repr_html_(self) -> str | None:
        if self._members is None:
            return None
        job_set = self._members.job_set
        return report_html(job_set.last or job_set.look(cached=True), job_set.name)

    def run(
        self,
        experiment_list: "Sequence[Sequence[QuantumCircuit]]",
        backend: object,
        executor: "Executor",
        job_share_level: str | None = None,
        job_tags: Sequence[str] | None = None,
        **run_config: Any,
    ) -> None:
        """Have the executor submit the circuits of each list as one job.

        All lists but the last are of one length, as `JobManager.run` makes them. Raises
        JobManagerInvalidStateError, among others if the set has jobs.
        """
        lists = [circuit_list(circuits) for circuits in experiment_list]
        if len({len(circuits) for circuits in lists[:-1]}) > 1 or (
            len(lists) > 1 and len(lists[-1]) > len(lists[0])
        ):
            raise JobManagerInvalidStateError("all jobs but the last must have as many circuits")
        self.submit(
            [circuit for circuits in lists for circuit in circuits],
            backend,
            executor,
            per_job=len(lists[0]) if lists else None,
            job_share_level=job_share_level,
            job_tags=job_tags,
            run_config=run_config,
        )

    def submit(
        self,
        circuits: "QuantumCircuit | Sequence[QuantumCircuit]",
        backend: object,
        executor: "Executor",
        *,
        per_job: int | None = None,
        job_share_level: str | None = None,
        job_tags: Sequence[str] | None = None,
        run_config: Mapping[str, Any],
    ) -> None:
        """Have the executor submit the circuits, at most `per_job` a job.

        More than the backend takes in one job are lowered to that. Raises
        JobManagerInvalidStateError, among others if the set has jobs.
        """
        if self._members is not None:
            raise JobManagerInvalidStateError(f"the job set {self._id} was submitted before")
        warn_of_share_level(job_share_level)
        check_submitters(self._submit_lock, executor)
        with named_at_the_end(self._surroundings.workspace, self._id):
            job_set = begin(
                self._surroundings, circuit_list(circuits), backend, run_config,
                set_id=self._id, name=self._name, tags=checked_tags(job_tags),
                per_job=checked_per_job(per_job),
            )  # fmt: skip
            members = self._open(job_set)
            submit(job_set, members.jobs, self._submit_lock, executor, split_off=members.job)

    def retrieve_jobs(
        self,
        provider: object | None = None,
        refresh: bool = False,  # noqa: FBT001, FBT002 - the predecessor's
    ) -> None:
        """Find the jobs of the set in the state. See `JobManager.retrieve_job_set`."""
        if self._members is not None:
            if not refresh:
                return
            self._results = None
            self._members.job_set.kept.forget()
            if provider is None or self._members.being_sent():
                return
        try:
            folder = self._surroundings.workspace.store.open(self._id)
        except NotFound as error:
            headers = self._surroundings.workspace.store.listing().headers
            several = [header.set_id for header in headers if header.program == self._id]
            what = f"there is no job set {self._id!r}"
            if several:
                what = f"{self._id!r} means {len(several)} job sets of one program: "
                what += listed(several)
            raise JobManagerUnknownJobSet(
                what, hint="see JobManager.job_sets(earlier=True)"
            ) from error
        self._open(reopen(self._surroundings, folder, provider, {}))
        self._retrieved, self._provider = True, provider

    def resume(
        self,
        backend: object | None = None,
        *,
        executor: "Executor | None" = None,
        resend_unknown: bool = False,
        **run_config: Any,
    ) -> int:
        """Go on, in the background, with what was not sent; how many jobs that are.

        In another process, a set that was to run with an object needs it again, as `backend`,
        and the objects among its run options. What became of a job that was being sent when
        the process died is looked up; where that cannot be told, it is sent again only with
        `resend_unknown`. Sessions that the process left open are closed. Raises
        JobManagerInvalidStateError, ProviderError if one cannot be closed, and StateError, among
        others if the set is being submitted.
        """
        members = self._known()
        job_set = members.job_set
        if backend is not None or self._retrieved:
            options = job_set.folder.job_set.options
            check_keywords(options, run_config)
            provider = self._provider if backend is None else backend
            job_set = reopen(self._surroundings, job_set.folder, provider, run_config)
            if unsent_jobs(job_set.folder):
                job_set.check()
            members = self._open(job_set)
        chosen = [members.job(index) for index in unsent_jobs(job_set.folder)]
        if chosen:
            submit(
                job_set, chosen, self._submit_lock, executor or _new_executor(),
                split_off=members.job, resend_unknown=resend_unknown,
            )  # fmt: skip
        else:
            close_left(job_set.workspace, job_set.folder)
        return len(chosen)

    def statuses(self) -> "list[JobStatus | None]":
        """The status of each job, asked for in one call; None where it cannot be learnt."""
        if self._members is None:
            return []
        report = self._members.job_set.look()
        return [managed.status_in(job) for managed, job in self._members.pairs(report)]

    def report(self, detailed: bool = True) -> str:  # noqa: FBT001, FBT002 - the predecessor's
        """How the jobs are, in words for people."""
        reports = self.job_reports()
        lines = [
            f"Job set name: {self.name()}",
            f"          ID: {self.job_set_id()}",
            f"        tags: {self.tags()}",
            *summary_lines(reports),
        ]
        if detailed:
            lines += [
                "",
                "Detail report:",
                *detail_lines(reports, self.managed_jobs(), self.name()),
            ]
        return "\n".join(lines)

    def results(
        self,
        timeout: float | None = None,
        partial: bool = False,  # noqa: FBT001, FBT002 - the predecessor's
        refresh: bool = False,  # noqa: FBT001, FBT002 - the predecessor's
    ) -> ManagedResults:
        """Wait for the jobs, and give their results.

        What a job gave is on disk from then on, and never fetched twice; `refresh` asks for the
        rest again. Of a job that gave nothing a warning says why; with `partial`, that is taken
        as it is. Raises JobManagerTimeoutError if the jobs take longer than `timeout` seconds;
        they go on.
        """
        members = self._known()
        job_set = members.job_set
        if refresh:
            self._results = None
            job_set.kept.forget()
        if self._results is not None:
            return self._results
        report = waiting.wait(members, timeout)
        whole = waiting.take_results(members, report, partial=partial)
        success = all(job_set.kept.succeeded(job) for job in report.jobs)
        results = ManagedResults(job_set, report, success=success)
        if whole:  # else there may be more to have the next time
            self._results = results
        return results

    def as_completed(self, timeout: float | None = None) -> Completed:
        """The jobs, each as soon as it has come to its end, for `for` and for `async for`.

        Results are on disk by then. A job that nobody is sending never ends, and is not waited
        for. Raises JobManagerTimeoutError after `timeout` seconds.
        """
        stop = threading.Event()
        return Completed(waiting.as_they_end(self._known(), timeout, stop), stop)

    def error_messages(self) -> str | None:
        """Wait for the jobs, and say why those that failed did so; None if none has."""
        return waiting.error_messages(self._known())

    def cancel(self) -> None:
        """Drop the jobs that were not sent, and ask for the others to be stopped.

        What cannot be stopped is logged.
        """
        if self._members is not None:
            self._members.job_set.stop({job.index: job.future for job in self._members.jobs})

    def delete(self, *, force: bool = False) -> int:
        """Remove the set from this machine, its results included; the bytes that this freed.

        The jobs themselves stay at the vendor's. With `force` unfinished ones are cancelled first.
        Raises what keeps the set: Unfinished if jobs may run, or are still to be submitted;
        OnlyHere for results that can be had only once, without `force`; StateError, among others
        while it is being submitted; ProviderError.
        """
        job_set = self._known().job_set
        removal = remove(job_set.workspace, job_set.target(None), force=force)
        if removal.keeps is not None:
            raise removal.keeps
        self._members = self._results = None
        return removal.size_bytes

    def jobs(self) -> list[Any]:
        """The vendor's job objects, or ours where there are none; None for what was not accepted.

        Waits until all were submitted.
        """
        if self._members is None:
            return []
        self._members.wait_until_sent()
        return [managed.job for managed in self._members.jobs]

    def job(self, experiment: "str | QuantumCircuit | int") -> tuple[Any, int]:
        """The job of a circuit and the circuit's index there; the job is None if not accepted.

        A circuit is given by its index, by its name, or as it is, which means by its name.
        Raises JobManagerJobNotFound.
        """
        members = self._known()
        members.wait_until_sent()
        index, position = members.job_set.circuits.locate(experiment)
        return members.job(index).job, position

    def qobjs(self) -> list[dict[str, Any] | None]:
        """The submitted circuits, one Qobj a job. See `ManagedJob.qobj`."""
        return [managed.qobj() for managed in self.managed_jobs()]

    def name(self) -> str:
        """The name of the set; if it was given none, the time it was made, in UTC."""
        return self._name if self._members is None else self._members.job_set.name

    def update_name(self, name: str) -> None:
        """Give the set another name, here and for the command line."""
        check_text("name of a job set", name)
        self._known().job_set.label(name=name)

    def job_set_id(self) -> str:
        """The id of the set, the same for the command line."""
        return self._id

    def managed_jobs(self) -> list[ManagedJob]:
        """The managed jobs, in the order of their circuits; those that were split off come last."""
        return [] if self._members is None else self._members.jobs

    def is_like(self, sets: SetFilter) -> bool:
        """Whether the set is one of those that are meant; if not all are, it has been submitted."""
        if self._members is None:
            return not any(sets)
        folder = self._members.job_set.folder
        folder.refresh()
        return sets.takes_both(folder.job_set)

    def tags(self) -> list[str]:
        """The tags of the set."""
        if self._members is None:
            return []
        folder = self._members.job_set.folder
        folder.refresh()
        return list(folder.job_set.tags)

    def update_tags(
        self,
        replacement_tags: Sequence[str] | None = None,
        additional_tags: Sequence[str] | None = None,
        removal_tags: Sequence[str] | None = None,
    ) -> list[str]:
        """Replace the tags of the set, then add some, then remove some; the tags as they are then.

        Raises JobManagerInvalidStateError, among others if nothing of this is asked for.
        """
        if replacement_tags is None and additional_tags is None and removal_tags is None:
            raise JobManagerInvalidStateError("no tags were given: replace, add or remove some")
        tags = changed_tags(
            self.tags() if replacement_tags is None else replacement_tags,
            additional=additional_tags,
            removal=removal_tags,
        )
        self._known().job_set.label(tags=tags)
        return self.tags()

    def job_reports(self) -> tuple[JobReport, ...]:
        """How the jobs are, in one question to the provider; the managed jobs know it then."""
        if self._members is None:
            return ()
        report = self._members.job_set.look()
        for managed, job in self._members.pairs(report):
            managed.learn(job)
        return report.jobs

    def _known(self) -> Members:
        if self._members is None:
            raise JobManagerInvalidStateError(f"the job set {self._id} was not submitted yet")
        return self._members

    def _open(self, job_set: OpenSet) -> Members:
        self._members = Members(job_set)
        self._name = job_set.folder.job_set.name
        self._results = None
        return self._members


def _new_executor() -> "Executor":
    """One whose threads end when there is nothing left for them to do."""
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(thread_name_prefix="qjobs")
