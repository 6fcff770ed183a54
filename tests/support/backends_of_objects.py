"""Backend objects that do as they are told, and circuits for them."""

import threading
from collections.abc import Callable
from concurrent.futures import wait
from itertools import count
from typing import Any

from qiskit import QuantumCircuit
from qiskit.providers import JobStatus
from qiskit.result import Result
from qiskit.result.models import ExperimentResult, ExperimentResultData

from qjobs import JobManager, ManagedJobSet


def numbered(circuits: int, *, name: str = "c") -> list[QuantumCircuit]:
    """Circuits that each measure their own index, in 8 bits."""
    made = []
    for index in range(circuits):
        circuit = QuantumCircuit(8, 8, name=f"{name}{index}")
        for bit in range(8):
            if index >> bit & 1:
                circuit.x(bit)
        circuit.measure(range(8), range(8))
        made.append(circuit)
    return made


def run_and_send(manager: JobManager, *arguments: Any, **options: Any) -> ManagedJobSet:
    """Run circuits, and wait until all jobs were handed over."""
    job_set = manager.run(*arguments, **options)
    sent(job_set)
    return job_set


def sent(job_set: ManagedJobSet) -> None:
    """Wait until all jobs were handed over."""
    wait([job.future for job in job_set.managed_jobs() if job.future], timeout=30)


def index_of(circuit: QuantumCircuit) -> int:
    return int(circuit.name.lstrip("abcdefghijklmnopqrstuvwxyz"))


class Refusal(Exception):
    """What a vendor says to a job that it does not like."""


class JobLimit(Exception):
    """What IBM said to one job too many."""

    def __init__(self) -> None:
        super().__init__("too many jobs are pending. Error code: 3458.")


class TooManyRequests(Exception):
    """What a web service says to somebody who shall come back later."""

    status_code = 429

    def __init__(self, retry_after_s: float) -> None:
        super().__init__("too many requests")
        self.headers = {"Retry-After": str(retry_after_s)}


class ScriptedJob:
    """A vendor's job; without a `hold` it is done at once."""

    def __init__(self, backend: "ScriptedBackend", job_id: str, circuits: Any, shots: int) -> None:
        self._backend = backend
        self._job_id = job_id
        self.circuits = circuits
        self.shots = shots
        self.end = threading.Event()
        self.ending = JobStatus.DONE
        self.failed: set[int] = set()  # circuits that fail, by their index in the job
        if not backend.holds:
            self.end.set()

    def job_id(self) -> str:
        return self._job_id

    def status(self) -> JobStatus:
        return self.ending if self.end.is_set() else JobStatus.RUNNING

    def result(self) -> Result:
        self.end.wait(60)
        if self.ending is not JobStatus.DONE:
            raise Refusal(f"the job has no result: {self.ending.name}")
        return Result(
            backend_name=self._backend.name,
            backend_version="1",
            job_id=self._job_id,
            success=not self.failed,
            results=[self._one(place, one) for place, one in enumerate(self.circuits)],
            status="COMPLETED",
        )

    def _one(self, place: int, circuit: QuantumCircuit) -> ExperimentResult:
        if place in self.failed:
            data, status = ExperimentResultData(), "ERROR: it is broken"
        else:
            data, status = ExperimentResultData(counts={hex(index_of(circuit)): self.shots}), "DONE"
        return ExperimentResult(
            shots=self.shots,
            success=place not in self.failed,
            data=data,
            status=status,
            header={"name": circuit.name, "memory_slots": 8, "creg_sizes": [["c", 8]]},
        )

    def error_message(self) -> str:
        return "the fridge is warm" if self.ending is JobStatus.ERROR else ""

    def cancel(self) -> bool:
        if self.end.is_set():
            return False
        self.ending = JobStatus.CANCELLED
        self.end.set()
        return True

    def finish(self, ending: JobStatus = JobStatus.DONE) -> None:
        self.ending = ending
        self.end.set()


class ScriptedBackend:
    """A backend object. `on_run` is called with the circuits before a job is made of them."""

    def __init__(
        self,
        *,
        name: str = "scripted",
        holds: bool = False,
        max_circuits: int | None = None,
        on_run: Callable[[list[QuantumCircuit]], Any] = lambda _: None,
    ) -> None:
        self.name = name
        self.holds = holds
        self.max_circuits = max_circuits
        self.on_run = on_run
        self.jobs: list[ScriptedJob] = []
        self.calls: list[list[int]] = []
        self.keywords: list[dict[str, Any]] = []
        self._ids = count()
        self._lock = threading.Lock()

    def run(self, circuits: Any, shots: int = 77, **keywords: Any) -> ScriptedJob:
        with self._lock:
            self.calls.append([index_of(circuit) for circuit in circuits])
            self.keywords.append(keywords)
        self.on_run(circuits)
        with self._lock:
            job = ScriptedJob(self, f"job-{next(self._ids)}", circuits, shots)
            self.jobs.append(job)
        return job

    def finish(self, ending: JobStatus = JobStatus.DONE) -> None:
        for job in self.jobs:
            if not job.end.is_set():
                job.finish(ending)


def refuse_circuit(*refused: int) -> Callable[[list[QuantumCircuit]], None]:
    """Refuse the jobs that have one of these circuits."""

    def refuse(circuits: list[QuantumCircuit]) -> None:
        for circuit in circuits:
            if index_of(circuit) in refused:
                raise Refusal(f"{circuit.name} is not to my taste")

    return refuse
