"""The results of a set: fetched once, kept, and given in the order of the circuits."""

import threading
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qjobs import pool, spans
from qjobs.circuits import qpy
from qjobs.engine.address import Target
from qjobs.engine.asking import connections
from qjobs.engine.deadline import to_the_end
from qjobs.engine.once import OnceKeeper
from qjobs.engine.report import JobReport, SetReport, State
from qjobs.engine.set.origins import Origins
from qjobs.engine.set.values import SweepValues
from qjobs.engine.workspace import Workspace
from qjobs.errors import AuthError, InputError, OutOfTime, ProviderError, ResultGone
from qjobs.facts import Fact, FactKind, shortened
from qjobs.model import GONE, Slice
from qjobs.results import CircuitResult, JobResult
from qjobs.store.folder import SetFolder
from qjobs.store.once import places

if TYPE_CHECKING:
    from qjobs.contract import Provider


@dataclass(frozen=True, slots=True)
class CircuitRow:
    """One circuit and what came of it; a placeholder keeps the place of one that gave nothing.

    `index` counts from 0 through the set, `position` through its source file. `binding` is
    the row of parameter values that it ran with, None where the set has no parameters, and
    `parameters` are these values by name, None also where they are lost. `counts` are keyed as
    Qiskit keys them, `memory` has one outcome a shot if it was asked for. `evs` are the
    expectation values of the set's observables, `stds` their standard errors; where there is a
    `precision`, that was asked for in the place of the shots. `arrays` is what a simulator
    saved, in NumPy's .npy format.
    """

    index: int
    name: str
    source: str
    position: int
    job: int
    job_id: str
    state: State
    shots: int
    counts: Mapping[str, int] | None
    memory: Sequence[str] | None = None
    message: str = ""
    metadata: Mapping[str, Any] | None = None
    binding: int | None = None
    parameters: Mapping[str, float] | None = None
    evs: Sequence[float] | None = None
    stds: Sequence[float] | None = None
    precision: float | None = None
    arrays: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def blank(self) -> bool:
        """Whether there is nothing to show for the circuit."""
        return self.counts is None and self.evs is None and not self.arrays


def fetch(
    workspace: Workspace,
    folder: SetFolder,
    jobs: Sequence[JobReport],
    *,
    stop: threading.Event,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
    elsewhere: Callable[[], Sequence[Path]] = places,
) -> tuple[str, ...]:
    """Get and keep the results of those jobs that are done and not kept yet.

    Each is stored before anything else is done with it. Those that can be read only once are
    asked for when there is room for them, and kept in one of the folders `elsewhere` if they
    cannot be written all the same. Raises AuthError, and StateUnwritable: NoRoom where they were
    left at the provider, and ResultsUnkept with all that there is of them. Returns what went
    wrong, a line a job; the other results are kept. That results are gone for good is recorded,
    as circuits that failed: `look_into` shows them.
    """
    missing = [
        job
        for job in jobs
        if job.state is State.DONE
        and not job.gone
        and not folder.results.has(job.index, job.attempt)
    ]
    if not missing:
        return ()
    provider = workspace.provider_at(folder.job_set.destination)
    keeper = _keeper(folder, provider, elsewhere)
    gone: list[Fact] = []

    def keep(job: JobReport) -> str:
        backend = folder.job_set.backend
        try:
            if keeper:
                return to_the_end(
                    provider, lambda patient: keeper.keep(job, partial(_ask, patient, backend))
                )
            result = _ask(provider, backend, job)
            folder.results.write(job.index, job.attempt, job_id=job.job_id, result=result)
        except AuthError:
            raise
        except ResultGone as error:
            gone.append(_gone(job, error, workspace.clock()))
        except ProviderError as error:
            more = "; what comes later is kept" if keeper and isinstance(error, OutOfTime) else ""
            return f"job {job.index} ({job.job_id}): {error.message}{more}"
        return ""

    problems = []
    width = min(connections(provider, folder.job_set.backend), len(missing))
    progress(0, len(missing))
    try:
        for done, problem in enumerate(pool.each(keep, missing, width=width, stop=stop), start=1):
            progress(done, len(missing))
            problems.append(problem)
        if gone:
            with folder.journal() as journal:
                journal.append(*gone)
    finally:
        if keeper:  # whatever else went wrong, nothing that was read is lost
            keeper.check()
    return tuple(filter(None, problems))


def _ask(provider: "Provider", backend: str, job: JobReport) -> JobResult:
    """Fetch the result of a job. Raises ProviderError, also if it has not all its circuits."""
    result = provider.result(job.job_id, backend=backend)
    if len(result) != job.slice.experiments_count:
        raise ProviderError(
            f"the provider gave {len(result)} results for {job.slice.experiments_count} circuits"
        )
    return result


def _keeper(
    folder: SetFolder, provider: "Provider", elsewhere: Callable[[], Sequence[Path]]
) -> OnceKeeper | None:
    """Who keeps the results of the set, if they can be read only once."""
    # Imported here, as the provider is by now.
    from qjobs.contract import GivesOnce

    job_set = folder.job_set
    if isinstance(provider, GivesOnce) and (
        job_set.recovered  # whose options nobody knows
        or provider.gives_once(backend=job_set.backend, options=job_set.options)
    ):
        return OnceKeeper.of(folder, elsewhere())
    return None


def _gone(job: JobReport, error: ResultGone, at: datetime) -> Fact:
    """The fact that the results of a job are gone, so that its circuits have to run again."""
    return Fact(
        job.index, job.attempt, at, FactKind.FAILED,
        spans.written([job.slice]), shortened(f"{GONE}: {error.message}"),
    )  # fmt: skip


def rows(
    target: Target,
    report: SetReport,
    *,
    results_of: Callable[[JobReport], bool] = lambda _job: True,
) -> Iterator[CircuitRow]:
    """One row a circuit of the target, in input order, from what is kept on disk.

    Reads one job's results at a time, `results_of` some jobs: of others a row says what was to
    run. Raises StateDamaged if a kept file is not what was written.
    """
    folder = target.folder
    circuits = _Circuits(folder)
    kept = _Kept(folder)
    values = SweepValues(folder)
    asked = folder.job_set.options.precision if folder.job_set.observables else None
    jobs = {job.index: job for job in report.jobs}
    finder = job_finder((job.index, part) for job in report.jobs for part in job.parts)
    for index, group in groupby(target.circuits, key=finder):
        job = jobs[index]
        indices = list(group)
        names = circuits.names(Slice(indices[0], indices[-1] - indices[0] + 1))
        for circuit in indices:
            result = kept.result(job, circuit) if results_of(job) else None
            source, position = circuits.origins.of(circuit)
            yield CircuitRow(
                index=circuit,
                name=names(circuit),
                source=source,
                position=position,
                job=job.index,
                job_id=job.job_id,
                state=job.state,
                shots=result.shots if result else folder.job_set.options.shots,
                counts=result.readable_counts() if result else None,
                memory=result.readable_memory() if result else None,
                message=(result.message if result else "") or job.message,
                metadata=result.metadata if result else None,
                binding=values.binding(circuit),
                parameters=values.of(circuit),
                evs=result.evs if result else None,
                stds=result.stds if result else None,
                precision=asked,
                arrays=result.arrays if result else {},
            )


class _Kept:
    """The results of jobs, a job's read once and circuit by circuit, in ascending order.

    The circuits of one job may stand between those of another: then both are open.
    """

    def __init__(self, folder: SetFolder) -> None:
        self._kept = folder.results
        self._open: dict[int, Iterator[bytes]] = {}
        self._decode: dict[int, Callable[[int, bytes], CircuitResult]] = {}
        self._next: dict[int, int] = {}
        self._last: dict[int, int] = {}

    def result(self, job: JobReport, circuit: int) -> CircuitResult | None:
        """The result of a circuit; None if its job's results are not kept."""
        if job.index not in self._open:
            if not self._kept.has(job.index, job.attempt):
                return None
            kept = self._kept.read(job.index, job.attempt)
            self._open[job.index], self._decode[job.index] = kept.lines(), kept.decode
            self._next[job.index] = job.slice.start_index
            self._last[job.index] = job.parts[-1].end_index
        ahead = circuit - self._next[job.index]
        line = next(islice(self._open[job.index], ahead, None), None)
        self._next[job.index] = circuit + 1
        if circuit == self._last[job.index]:
            self._open[job.index] = iter(())  # the memory of a large result
        if line is None:
            return None
        return self._decode[job.index](circuit - job.slice.start_index, line)


def job_finder(parts: Iterable[tuple[int, Slice]]) -> Callable[[int], int]:
    """A function from the index of a circuit to that of its job, of some and their circuits."""
    starts = sorted((part.start_index, job) for job, part in parts)
    return lambda circuit: starts[bisect_right(starts, circuit, key=itemgetter(0)) - 1][1]


class _Circuits:
    """Names and origins of a set's circuits, as far as the folder still has them.

    In a sweep a circuit of the container, a record, stands for one circuit of the set a row.
    """

    def __init__(self, folder: SetFolder) -> None:
        self._container = folder.circuits_path
        self._job_set = folder.job_set
        self._bindings = folder.job_set.bindings
        self.origins = Origins(folder.sources(), self._job_set)

    def names(self, part: Slice) -> Callable[[int], str]:
        """The names of circuits, by index; `circuit-<record>` if the container is gone."""
        stored = self._job_set.stored(part)
        first = stored.start_index // self._bindings
        last = stored.end_index // self._bindings
        try:
            with qpy.Container.open(self._container) as container:
                names = container.names(Slice(first, last - first + 1))
        except InputError:
            names = [f"circuit-{record}" for record in range(first, last + 1)]
        return lambda circuit: names[self._record(circuit) - first]

    def _record(self, circuit: int) -> int:
        """The place of a circuit of the set among those of the container."""
        return (circuit - self._job_set.start_index) // self._bindings
