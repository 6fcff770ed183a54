"""A job's circuits on the simulator that its backend's name stands for.

Loads Qiskit and Aer: for worker processes only.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import cache, lru_cache
from typing import Any

from qiskit.providers.basic_provider import BasicSimulator
from qiskit_aer import AerSimulator

from qjobs.model import RunOptions
from qjobs.providers.local import marks
from qjobs.providers.local.queued import QueuedJob
from qjobs.results import CircuitResult
from qjobs.simulators import devices, estimation
from qjobs.simulators import names as backends
from qjobs.simulators.devices import Modules
from qjobs.simulators.estimation import Estimates, Observable
from qjobs.simulators.machines import Device, Machine, Method
from qjobs.simulators.names import Kind
from qjobs.simulators.objects import Runner
from qjobs.simulators.simulation import Counts, Simulation


def run(job: QueuedJob, *, threads: int) -> Iterator[CircuitResult]:
    """The results of a job's circuits, one after the other.

    Raises QjobsError if its files are gone or changed, and whatever the module of a
    `package.module:callable` raises when it is imported.
    """
    if ":" in job.backend:
        marks.check(job)
    circuits = job.circuits()
    options = job.run_options
    observables = None
    if circuits.observables is not None:
        observables = estimation.read_observables(circuits.observables)
    version = _modules().version(job.backend, job.folder) if ":" in job.backend else 0
    made = _made(job.backend, str(options.extra.get("method", "")), version)
    if isinstance(made, Machine):
        simulation = _simulation(made, options, observables, threads=threads)
        return simulation.run(circuits.pubs_or_reasons(), start_index=job.start_index)
    runner = Runner(made, options, observables)
    return runner.run(circuits.pubs_or_reasons(), start_index=job.start_index)


def _simulation(
    machine: Machine, options: RunOptions, observables: list[Observable] | None, *, threads: int
) -> Simulation:
    if observables is None:
        return Simulation(machine, Counts(options), options, threads=threads)
    reading = Estimates(options, observables)
    # So many that means over shots, where there are any, are as precise as is asked for.
    precision = estimation.precision(options)
    enough = math.ceil(precision**-2) if precision else 0
    more = replace(options, shots=max(options.shots, enough))
    return Simulation(machine, reading, more, threads=threads)


@lru_cache(16)
def _made(backend: str, method: str, version: int) -> Any:
    """A Machine, or an object that is not Aer's."""
    match backends.kind(backend):
        case Kind.METHOD:
            return Method(method or backends.method(backend))
        case Kind.DEVICE:
            return Device(devices.device(backend))
        case Kind.OBJECT if backend == backends.BASIC:
            return BasicSimulator()
        case Kind.OBJECT:
            given = _modules().call(backend, version)
            return Machine(given) if isinstance(given, AerSimulator) else given


@cache
def _modules() -> Modules:
    return Modules()
