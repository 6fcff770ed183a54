"""The results of a set's jobs that are on the disk, in Qiskit's shape."""

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from qjobs import spans
from qjobs.engine.report import JobReport, State
from qjobs.managed.circuit_names import CircuitNames
from qjobs.managed.qiskit_result import make_result
from qjobs.results import About, CircuitResult
from qjobs.store.folder import SetFolder

if TYPE_CHECKING:
    from qiskit.result import Result

_MOST_RESULTS = 32
"""Of the results of jobs, so many are kept in memory in Qiskit's shape."""


class KeptResults:
    """The results of the jobs of one set. Its methods may be called from any thread."""

    def __init__(self, folder: SetFolder, names: CircuitNames, *, backend_name: str) -> None:
        self._folder = folder
        self._names = names
        self._backend_name = backend_name
        self._results: OrderedDict[tuple[int, int], Result] = OrderedDict()
        self._lock = threading.Lock()

    def forget(self) -> None:
        """Read results anew from the disk when they are asked for again."""
        with self._lock:
            self._results.clear()

    def result(self, job: JobReport, *, partial: bool = False) -> "Result | None":
        """The result of a job in Qiskit's shape, if it is kept here.

        With `partial` a job that gave nothing has placeholders in the place of its circuits.
        Raises StateDamaged.
        """
        with self._lock:
            key = (job.index, job.attempt)
            found = self._results.pop(key, None)
            if found is None:
                about: About = {}
                if self.has(job):
                    kept = self._folder.results.read(*key)
                    circuits, about = list(kept.circuits()), kept.about
                elif partial:
                    shots = self._folder.job_set.options.shots
                    gap = CircuitResult(shots, None, 0, message=job.message or str(job.state))
                    circuits = [gap] * job.slice.experiments_count
                else:
                    return None
                found = make_result(
                    circuits,
                    self._names.of(job.slice),
                    backend_name=self._backend_name,
                    job_id=job.job_id,
                    about=about,
                )
                if not self.has(job):
                    return found
            self._results[key] = found
            if len(self._results) > _MOST_RESULTS:
                self._results.popitem(last=False)
            return found

    def has(self, job: JobReport) -> bool:
        """Whether what a job measured is kept here."""
        return job.state is State.DONE and self._folder.results.has(job.index, job.attempt)

    def succeeded(self, job: JobReport) -> bool:
        """Whether every circuit that is a job's own gave something that is kept here."""
        if not self.has(job):
            return False
        positions, _ = self._folder.results.read(job.index, job.attempt).failed()
        start = job.slice.start_index
        failed = spans.runs_of(start + position for position in positions)
        return not spans.without(failed, job.retried)
