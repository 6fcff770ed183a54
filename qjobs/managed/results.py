"""The results of a job set as one, with the methods of Qiskit's `Result`."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from qjobs.engine.report import JobReport, SetReport
from qjobs.engine.result import job_finder
from qjobs.engine.set.values import SweepValues
from qjobs.managed.circuit_names import named
from qjobs.managed.errors import ManagedResultDataNotAvailable
from qjobs.managed.open_set import OpenSet
from qjobs.model import Slice

if TYPE_CHECKING:
    from qiskit import QuantumCircuit
    from qiskit.result import Counts, Result
    from qiskit.result.models import ExperimentResult

    from qjobs.managed.drawing import ResultPicture


class ManagedResults:
    """The results of the circuits of a set, by their index, their name, or the circuit itself.

    `success` says whether each circuit gave a result. An index counts through the set; a
    circuit is found by its name. All methods raise JobManagerJobNotFound for a circuit that is
    not in the set, and ManagedResultDataNotAvailable where it gave no such data.
    """

    def __init__(self, job_set: OpenSet, report: SetReport, *, success: bool) -> None:
        self.backend_name = job_set.backend_name
        self.success = success
        self._set = job_set
        self._report = report
        self._jobs = report.jobs
        self._job_of = job_finder((job.index, part) for job in report.jobs for part in job.parts)
        self._values = SweepValues(job_set.folder)
        self._combined: Result | None = None

    def data(self, experiment: "str | QuantumCircuit | int | None" = None) -> dict[str, Any]:
        """The raw data of a circuit: `counts` with hexadecimal keys, and what else it gave.

        See `qiskit.result.Result.data`. Expectation values are `evs`, their errors `stds`.
        """
        found: dict[str, Any] = self._ask("data", experiment)
        return found

    def get_memory(self, experiment: "str | QuantumCircuit | int | None" = None) -> list[str]:
        """The outcome of each shot. See `qiskit.result.Result.get_memory`."""
        found: list[str] = self._ask("get_memory", experiment)
        return found

    def get_counts(
        self, experiment: "str | QuantumCircuit | int | None" = None
    ) -> "Counts | list[Counts]":
        """How often each outcome was measured; without a circuit, a list for all of several.

        See `qiskit.result.Result.get_counts`.
        """
        circuits = self._set.folder.job_set.indices
        if experiment is None and len(circuits) != 1:
            return [self._ask("get_counts", index) for index in circuits]
        found: Counts = self._ask("get_counts", experiment)
        return found

    def parameters(
        self, experiment: "str | QuantumCircuit | int | None" = None
    ) -> dict[str, float]:
        """The values that a circuit of a sweep ran with, by the names of the parameters.

        They are those of its row: of all parameters of the set. Empty where there are none, or
        where they are lost. Raises StateDamaged if they are not those that were submitted.
        """
        return dict(self._values.of(self._index(experiment)) or {})

    def picture(
        self,
        *,
        top: int | None = None,
        order: str = "count",
        x: str | Sequence[str] = (),
        y: str | Sequence[str] = (),
        against: "ManagedResults | Mapping[str, object] | None" = None,
    ) -> "ResultPicture":
        """A picture of the results, as `qjobs result --plot` draws it: histograms, or curves.

        It shows the `top` most frequent outcomes, by `order` "count" or "outcome"; a sweep over
        one parameter `x`, or two; and only the observables or outcomes `y`. `against` are the
        results of another set, or an ideal distribution, `{"00": 0.5, "11": 0.5}`, to stand
        beside. Raises UsageError for what cannot be drawn.
        """
        from qjobs.managed.drawing import draw, wish_of

        wish = wish_of(top, order, x, y)
        if isinstance(against, ManagedResults):
            theirs = against._set, against._report  # noqa: SLF001 - of the same class
            return draw(self._set, self._report, wish, theirs)
        return draw(self._set, self._report, wish, against)

    def get_statevector(
        self,
        experiment: "str | QuantumCircuit | int | None" = None,
        decimals: int | None = None,
    ) -> Any:
        """The final state vector of a circuit that saved it.

        See `qiskit.result.Result.get_statevector`.
        """
        return self._ask("get_statevector", experiment, decimals=decimals)

    def get_unitary(
        self,
        experiment: "str | QuantumCircuit | int | None" = None,
        decimals: int | None = None,
    ) -> Any:
        """The final unitary of a circuit that saved it. See `qiskit.result.Result.get_unitary`."""
        return self._ask("get_unitary", experiment, decimals=decimals)

    def combine_results(self) -> "Result":
        """The results of all circuits as one `Result`, if each gave one.

        It has the id of the set, the header, the date and the time taken of the job with the
        first circuit, where these are known, else the time of now; `job_ids` are those of its
        jobs. Raises ManagedResultDataNotAvailable.
        """
        from qiskit.result import Result

        if not self.success:
            raise ManagedResultDataNotAvailable(
                "the results cannot be combined: some circuits gave none",
                hint="see ManagedJobSet.error_messages()",
            )
        if self._combined is None:
            parts = [self._part(job, own) for job, own in self._in_order()]
            first = parts[0][0] if parts else None
            self._combined = Result(
                backend_name=self.backend_name,
                backend_version="",
                job_id=self._set.folder.job_set.set_id,
                success=True,
                results=[experiment for _, experiments in parts for experiment in experiments],
                date=getattr(first, "date", None) or self._set.workspace.clock().isoformat(),
                header=getattr(first, "header", None),
                time_taken=getattr(first, "time_taken", None),
                status="COMPLETED",
                job_ids=list(dict.fromkeys(result.job_id for result, _ in parts)),
            )
        return self._combined

    def _in_order(self) -> list[tuple[JobReport, Slice]]:
        """The jobs with the circuits that are their own, by these."""
        parts = [(job, part) for job in self._jobs for part in job.parts]
        return sorted(parts, key=lambda item: item[1].start_index)

    def _part(self, job: JobReport, own: Slice) -> "tuple[Result, list[ExperimentResult]]":
        """The result of a job, and what some of its circuits gave."""
        result = self._set.kept.result(job)
        assert result is not None  # each circuit gave something
        first = own.start_index - job.slice.start_index
        return result, result.results[first : first + own.experiments_count]

    def _ask(
        self, method: str, experiment: "str | QuantumCircuit | int | None", **arguments: Any
    ) -> Any:
        """Call a method of the `Result` that has the circuit."""
        from qiskit.exceptions import QiskitError

        index = self._index(experiment)
        job = self._jobs[self._job_of(index)]
        position = index - job.slice.start_index
        result = self._set.kept.result(job)
        what = f"circuit {index if experiment is None else named(experiment)}"
        if result is None:
            raise ManagedResultDataNotAvailable(
                f"{what}: {job.message or f'its job is {job.state}'}"
            )
        found = result.results[position]
        if not found.success:
            raise ManagedResultDataNotAvailable(f"{what}: {found.status}")
        try:
            return getattr(result, method)(position, **arguments)
        except QiskitError as error:
            raise ManagedResultDataNotAvailable(f"{what}: {error.message}") from error

    def _index(self, experiment: "str | QuantumCircuit | int | None") -> int:
        """The index of a circuit, which need not be named if it is the only one."""
        job_set = self._set.folder.job_set
        if experiment is not None:
            return self._set.circuits.index(experiment)
        if job_set.circuits != 1:
            raise ManagedResultDataNotAvailable("of several circuits, one has to be named")
        return job_set.start_index
