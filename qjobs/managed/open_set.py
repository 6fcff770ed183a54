"""One job set on disk as the library's face uses it: sent, looked at, waited for, read."""

import threading
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from datetime import UTC
from operator import index as index_
from typing import TYPE_CHECKING, SupportsIndex

from qjobs.circuits import qpy
from qjobs.engine import cancel as cancelling
from qjobs.engine.address import Target, of_jobs
from qjobs.engine.report import PENDING, UNSENT, JobReport, SetReport, State, report_jobs
from qjobs.engine.result import job_finder
from qjobs.engine.start import Starter, Steps, open_resends, submission
from qjobs.engine.status import status
from qjobs.engine.wait import Limit, follow
from qjobs.engine.workspace import Workspace
from qjobs.errors import InputError, JobRefused, ProviderError, QjobsError, UsageError
from qjobs.managed.errors import JobManagerInvalidStateError, JobManagerJobNotFound
from qjobs.managed.gate import Lock, Way, gate_of
from qjobs.managed.outcome import make_result
from qjobs.model import Attempted, Planned, Refused, Slice
from qjobs.results import CircuitResult
from qjobs.store.folder import SetFolder

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

    from qiskit import QuantumCircuit
    from qiskit.result import Result

    from qjobs.providers.interface import Provider

_MOST_RESULTS = 32
"""Of the results of jobs, so many are kept in memory in Qiskit's shape."""


class OpenSet:
    """A job set and what is needed to work on it. Its methods may be called from any thread."""

    def __init__(self, workspace: Workspace, folder: SetFolder) -> None:
        self.workspace = workspace
        self.folder = folder
        self.last: SetReport | None = None
        self._handing: _Handing | None = None
        self._results: OrderedDict[tuple[int, int], Result] = OrderedDict()
        self._lock = threading.Lock()
        self._names: Mapping[str, tuple[int, bool]] | None = None

    @property
    def provider(self) -> "Provider":
        """The provider of the set. Raises ProviderError."""
        return self.workspace.provider_of(self.folder.job_set)

    @property
    def name(self) -> str:
        """The set's name; the time it was made, in UTC, if it was given none."""
        job_set = self.folder.job_set
        return job_set.name or job_set.created.astimezone(UTC).replace(tzinfo=None).isoformat()

    @property
    def place(self) -> str:
        """Where it runs, as `provider:backend`."""
        return f"{self.folder.job_set.provider}:{self.folder.job_set.backend}"

    @property
    def backend_name(self) -> str:
        """The name of the backend; of the provider, if that chooses it."""
        return self.folder.job_set.backend or self.folder.job_set.provider

    @property
    def jobs(self) -> range:
        """The indices of the jobs."""
        return range(len(self.folder.slices))

    def send(
        self,
        jobs: Sequence[int],
        lock: Lock,
        executor: "Executor",
        *,
        settled: Callable[[JobReport, QjobsError | None], None],
        resend_unknown: bool = False,
        halves: bool = True,
    ) -> "list[Future[None]]":
        """Hand jobs over in this order, when the lock and the executor have time for it.

        `settled` is told of each job how that went, in the thread that did it, and of those that
        were split off where it `halves` what is too large. Raises StateError, among others if
        another process is at it.
        """
        gate = gate_of(lock)
        stack = ExitStack()
        try:
            starter = stack.enter_context(
                submission(
                    self.folder, self.provider,
                    clock=self.workspace.clock, stop=gate.stop, halves=halves,
                )
            )  # fmt: skip
            if resend_unknown:
                open_resends(starter, jobs)
            handing = _Handing(starter, stack, len(jobs), settled, gate.wake)
            futures = [gate.put(handing.way(index), lock, executor) for index in jobs]
        except BaseException:
            stack.close()
            raise
        self._handing = handing
        for future in futures:
            future.add_done_callback(handing.one_done)
        return futures

    def check(self) -> None:
        """Raise JobManagerInvalidStateError if no job of the set could run, as things are."""
        job_set = self.folder.job_set
        try:
            self.provider.check(job_set.backend, job_set.options)
        except UsageError as error:
            raise JobManagerInvalidStateError(error.message, hint=error.hint) from error

    def label(self, *, name: str | None = None, tags: Sequence[str] | None = None) -> None:
        """Give the set another name, other tags, or both. Raises StateError."""
        with self.folder.journal() as journal:
            journal.label(name=name, tags=tags)
        self.folder.refresh()

    def look(self, jobs: Sequence[int] | None = None, *, cached: bool = False) -> SetReport:
        """How jobs are, in one question to the provider; `cached` asks nobody."""
        report = status(self.workspace, self.target(jobs), cached=cached)
        if jobs is None:
            self.last = report
        return report

    def follow(
        self, jobs: Sequence[int] | None, timeout_s: float | None, stop: threading.Event
    ) -> Iterator[SetReport]:
        """How jobs are, again and again until they stand still or the time is up.

        The results of what is done are on the disk before a report says so.
        """
        limit = Limit(timeout_s=timeout_s)
        for (report,) in follow(self.workspace, [self.target(jobs)], limit=limit, stop=stop):
            if jobs is None:
                self.last = report
            yield report

    def wait(
        self, jobs: Sequence[int] | None, timeout_s: float | None
    ) -> tuple[SetReport, list[JobReport]]:
        """How jobs are when they stand still or the time is up; see `rest`."""
        *_, report = self.follow(jobs, timeout_s, threading.Event())
        return self.rest(report)

    def rest(self, report: SetReport) -> tuple[SetReport, list[JobReport]]:
        """A report, and those of its jobs that may still come to an end by themselves.

        The report is made anew if some jobs had not been sent: they may have been since.
        """
        submitting = self.folder.being_submitted()
        if any(job.state in UNSENT for job in report.jobs):
            report = self.look([job.index for job in report.jobs])
        states = PENDING + UNSENT if submitting else PENDING
        return report, [
            job
            for job in report.jobs
            if job.state in states or (job.state is State.UNKNOWN and job.job_id)
        ]

    def cancel(self, jobs: Sequence[int]) -> tuple[cancelling.CancelReport, ...]:
        """Drop what was not sent and ask for the rest to be stopped. Raises ProviderError."""
        try:
            return cancelling.cancel(self.workspace, self.target(jobs))
        finally:
            if self._handing is not None:
                self._handing.wake()

    def forget(self) -> None:
        """Read results anew from the disk when they are asked for again."""
        with self._lock:
            self._results.clear()

    def result(self, job: JobReport, *, partial: bool = False) -> "Result | None":
        """What a job measured, in Qiskit's shape, if that is kept here.

        With `partial` a job that gave nothing has placeholders in the place of its circuits.
        Raises StateDamaged.
        """
        with self._lock:
            key = (job.index, job.attempt)
            found = self._results.pop(key, None)
            if found is None:
                if self.has_result(job):
                    kept = self.folder.results.read(*key)
                    circuits = list(kept.circuits())
                elif partial:
                    shots = self.folder.job_set.options.shots
                    gap = CircuitResult(shots, None, 0, message=job.message or str(job.state))
                    circuits = [gap] * job.slice.experiments_count
                else:
                    return None
                found = make_result(
                    circuits, self.names(job), backend_name=self.backend_name, job_id=job.job_id
                )
                if not self.has_result(job):
                    return found
            self._results[key] = found
            if len(self._results) > _MOST_RESULTS:
                self._results.popitem(last=False)
            return found

    def has_result(self, job: JobReport) -> bool:
        """Whether what a job measured is kept here."""
        return job.state is State.DONE and self.folder.results.has(job.index, job.attempt)

    def succeeded(self, job: JobReport) -> bool:
        """Whether every circuit of a job gave something that is kept here."""
        if not self.has_result(job):
            return False
        kept = self.folder.results.read(job.index, job.attempt)
        # To take all results apart is slow, and nearly always needless.
        return b'"counts":null' not in kept.body.replace(b'"counts": null', b'"counts":null') or (
            not any(circuit.failed for circuit in kept.circuits())
        )

    def names(self, job: JobReport) -> list[str]:
        """The names of a job's circuits; `circuit-<index>` where these are gone."""
        part, bindings = job.slice, self.folder.job_set.bindings
        first, last = part.start_index // bindings, part.end_index // bindings
        try:
            with qpy.Container.open(self.folder.circuits_path) as container:
                found = container.names(Slice(first, last - first + 1))
        except InputError:
            found = [f"circuit-{record}" for record in range(first, last + 1)]
        return [
            found[index // bindings - first]
            for index in range(part.start_index, part.end_index + 1)
        ]

    def locate(self, circuit: "int | str | QuantumCircuit") -> tuple[int, int]:
        """The job of a circuit, and the circuit's position there.

        A circuit is given by its index, by its name, or as it is, which means by its name; the
        first of several is taken, with a warning. Raises JobManagerJobNotFound.
        """
        job_set = self.folder.job_set
        name = named(circuit)
        if isinstance(name, str):
            record, several = self._all_names().get(name, (-1, False))
            index = record * job_set.bindings
            if record >= 0 and (several or job_set.bindings > 1):
                warn(f"several circuits are named {name!r}: the first is taken, circuit {index}")
        else:
            index = name
        if not 0 <= index < job_set.circuits:
            raise JobManagerJobNotFound(
                f"there is no circuit {name!r} in the job set {job_set.set_id}",
                hint=f"they are numbered from 0 to {job_set.circuits - 1}",
            )
        job = job_finder(enumerate(self.folder.slices))(index)
        return job, index - self.folder.slices[job].start_index

    def _all_names(self) -> Mapping[str, tuple[int, bool]]:
        """Of each name, the first circuit in the container, and whether there is another."""
        if self._names is None:
            found: dict[str, tuple[int, bool]] = {}
            records = 0
            with (
                suppress(InputError),
                qpy.Container.open(self.folder.circuits_path) as container,
            ):
                records = len(container)
                whole = Slice(0, records)
                for record, name in enumerate(container.names(whole)):
                    found[name] = (found[name][0], True) if name in found else (record, False)
            self._names = found
        return self._names

    def target(self, jobs: Sequence[int] | None) -> Target:
        """Those jobs of the set, or all."""
        if jobs is None:
            return Target(self.folder, range(self.folder.job_set.circuits))
        return of_jobs(self.folder, jobs)


class _Handing:
    """Jobs of one set on their way to the provider."""

    def __init__(
        self,
        starter: Starter,
        stack: ExitStack,
        jobs: int,
        settled: Callable[[JobReport, QjobsError | None], None],
        wake: Callable[[], None],
    ) -> None:
        self.wake = wake
        self._starter = starter
        self._stack = stack
        self._left = jobs
        self._settled = settled
        self._lock = threading.Lock()
        self._warned = False
        self._hopeless: QjobsError | None = None
        if not jobs:
            stack.close()

    def way(self, index: int) -> Way:
        """The way of one job, and of those that were split off by then."""
        yield from self._way(index)
        while self._starter.split_off:
            with suppress(IndexError):  # where another thread was faster
                yield from self._way(self._starter.split_off.popleft())

    def _way(self, index: int) -> Way:
        """One job's way. What no other job would survive is tried with none of them."""
        problem = ""
        if self._hopeless is None:
            try:
                problem = yield from self._with_warning(self._starter.steps(index))
            except QjobsError as error:
                self._hopeless = error
        try:
            job = self._starter.journal.job(index)
        except QjobsError as error:
            # Nothing is known of any job by now; what was said before may hold a job's id.
            warn(str(self._hopeless or error))
            raise self._hopeless or error from error
        (report,) = report_jobs([job], None)
        match job.state:
            case Refused(message):
                self._settled(report, JobRefused(message))
            case Attempted():
                self._settled(report, self._hopeless or ProviderError(problem or report.message))
            case Planned():
                self._settled(report, self._hopeless)
            case _:
                self._settled(report, None)

    def one_done(self, _future: object) -> None:
        """Let go of the set after the last job."""
        with self._lock:
            self._left -= 1
            if self._left:
                return
        self._stack.close()

    def _with_warning(self, steps: Steps) -> Steps:
        """The same steps; that they have to wait is said once a set."""
        while True:
            try:
                wait = next(steps)
            except StopIteration as end:
                return str(end.value)
            if not self._warned:
                self._warned = True
                warn(wait.reason)
            yield wait


def named(circuit: "SupportsIndex | str | QuantumCircuit") -> int | str:
    """The index or the name that a circuit is looked up by."""
    if isinstance(circuit, str):
        return circuit
    name = getattr(circuit, "name", None)
    return name if isinstance(name, str) else index_(circuit)


def warn(message: str) -> None:
    """Warn whoever runs the program; where warnings are errors, not at the cost of a job."""
    with suppress(UserWarning):
        warnings.warn(message, UserWarning, stacklevel=2)
