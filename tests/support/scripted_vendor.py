"""Backends and jobs as vendors make them: whatever shape, whatever mood."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

from qiskit import QuantumCircuit
from qiskit.providers import BackendV2, JobStatus, Options
from qiskit.result import Result
from qiskit.result.models import ExperimentResult, ExperimentResultData
from qiskit.transpiler import CouplingMap, Target


def measured(*bits: int) -> QuantumCircuit:
    """A circuit whose every shot gives these bits, bit 0 first."""
    circuit = QuantumCircuit(len(bits), len(bits))
    for qubit, bit in enumerate(bits):
        if bit:
            circuit.x(qubit)
    circuit.measure(range(len(bits)), range(len(bits)))
    return circuit


def experiment(**data: Any) -> ExperimentResult:
    return ExperimentResult(shots=4, success=True, data=ExperimentResultData(**data))


def result(*experiments: Any) -> Result:
    return Result(
        backend_name="scripted",
        backend_version="1",
        job_id="1",
        success=True,
        results=list(experiments),
    )


class ScriptedJob:
    """A job that ends when its test says so. `reads` counts the calls of `result`.

    Each of the `failures` is what one of these calls raises, before there is an outcome.
    """

    def __init__(self, job_id: str, circuits: int, *, cancels: bool = True) -> None:
        self.identity = job_id
        self.said: Any = JobStatus.RUNNING
        self.outcome: Any = result(*[experiment(counts={"0x1": 4})] * circuits)
        self.reads = 0
        self.failures: list[Exception] = []
        self.cancels = cancels
        self._ended = threading.Event()

    def end(self, said: Any = JobStatus.DONE, outcome: Any = None) -> None:
        self.outcome = self.outcome if outcome is None else outcome
        self.said = said
        self._ended.set()

    def job_id(self) -> str:
        return self.identity

    def status(self) -> Any:
        if isinstance(self.said, Exception):
            raise self.said
        return self.said

    def result(self) -> Any:
        self._ended.wait()
        self.reads += 1
        if self.failures:
            raise self.failures.pop(0)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    def cancel(self) -> bool:
        if self.cancels and self.said == JobStatus.RUNNING:
            self.end(JobStatus.CANCELLED, RuntimeError("cancelled"))
            return True
        return False


class ScriptedBackend:
    """Starts jobs that wait for `end`. The next `errors` are raised in their place."""

    name = "scripted"
    cancels = True

    def __init__(self, *errors: Exception, job_ids: Callable[[int], str] = "job-{}".format) -> None:
        self.errors = list(errors)
        self.jobs: list[ScriptedJob] = []
        self.calls: list[tuple[Sequence[QuantumCircuit], dict[str, Any]]] = []
        self._job_ids = job_ids

    def run(self, circuits: Sequence[QuantumCircuit], **options: Any) -> ScriptedJob:
        self.calls.append((circuits, options))
        if self.errors:
            raise self.errors.pop(0)
        job = ScriptedJob(self._job_ids(len(self.jobs)), len(circuits), cancels=self.cancels)
        self.jobs.append(job)
        return job


class Service(ScriptedBackend):
    """A backend of a far away service, whose jobs can be had by their ids."""

    def retrieve_job(self, job_id: str) -> ScriptedJob:
        for job in self.jobs:
            if job.identity == job_id:
                return job
        raise type("JobNotFoundError", (Exception,), {})(f"no job {job_id}")


class Line(BackendV2):  # type: ignore[misc]  # Qiskit has no types
    """Qubits in a line, simulated; it remembers what it ran."""

    def __init__(self, qubits: int = 5, *, circuits: Any = None) -> None:
        super().__init__(name="line")
        self._qubits = qubits
        self._circuits = circuits
        self.ran: list[tuple[list[QuantumCircuit], dict[str, Any]]] = []

    @property
    def target(self) -> Target:
        return Target.from_configuration(
            ["rz", "sx", "x", "cz", "measure"],
            num_qubits=self._qubits,
            coupling_map=CouplingMap.from_line(self._qubits),
        )

    @property
    def max_circuits(self) -> Any:
        return self._circuits

    @classmethod
    def _default_options(cls) -> Options:
        return Options(shots=1024, memory=False)

    def run(self, run_input: list[QuantumCircuit], **options: Any) -> Any:
        from qiskit_aer import AerSimulator

        self.ran.append((run_input, options))
        return AerSimulator().run(run_input, shots=options["shots"])
