"""A job's circuits on the simulator that its backend's name stands for.

Loads Qiskit and Aer: for worker processes only.
"""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from qiskit.providers.basic_provider import BasicSimulator
from qiskit_aer import AerSimulator

from qjobs.circuits import codec
from qjobs.circuits.fitting import Judgement
from qjobs.errors import AuthError, InputError
from qjobs.model import RunOptions
from qjobs.results import CircuitResult
from qjobs.simulators import defined, devices, estimation, marks, objects
from qjobs.simulators import names as backends
from qjobs.simulators.defined import Definition
from qjobs.simulators.devices import Modules
from qjobs.simulators.estimation import Estimates, Observable
from qjobs.simulators.job import SimulatorJob
from qjobs.simulators.machines import DeviceMachine, Machine, Method
from qjobs.simulators.names import Kind
from qjobs.simulators.objects import Runner
from qjobs.simulators.simulation import Counts, Simulation


def run(job: SimulatorJob, *, threads: int) -> Iterator[CircuitResult]:
    """The results of a job's circuits, one after the other, each with up to `threads` threads.

    Raises QjobsError if its files are gone or changed, and whatever the module of a
    `package.module:callable` raises when it is imported.
    """
    if job.names_code:
        marks.check(job)
    circuits = job.circuits()
    options = job.run_options
    observables = None
    if circuits.observables is not None:
        observables = [*map(estimation.operator, circuits.read_observables())]
    if job.definition:
        made = _as_recorded(job)
    else:
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


def takes(backend: str, folders: Sequence[str]) -> list[str]:
    """Which of `seed` and `memory` an object takes. Raises whatever making it does.

    The packages of the code that it names are in these folders.
    """
    made = _made_by_name(backend, folders)
    return ["seed", "memory"] if isinstance(made, Machine) else objects.takes(made)


def judge(backend: str, folders: Sequence[str], circuits: bytes) -> list[Judgement]:
    """How a backend takes each circuit of a QPY file. Raises as `takes`."""
    made = _made_by_name(backend, folders)
    judge_one = made.judge if isinstance(made, Machine) else objects.judge(made)
    return [judge_one(circuit) for circuit in codec.decode(circuits)]


def _made_by_name(backend: str, folders: Sequence[str]) -> Any:
    versions = _versions(backends.callables(backend), folders)
    definition = backends.definition(backend)
    if definition is not None:
        return _made_as_defined(definition, versions)
    return _made(backend, "", dict(versions).get(backend, 0))


def _as_recorded(job: SimulatorJob) -> Any:
    path, digest, folders = json.loads(job.definition)
    definition = defined.find(job.backend, Path(path))
    if definition is None or definition.digest != digest:
        raise InputError(
            f"[backends.{job.backend}] of {path} is not what it was when the job was submitted"
        )
    return _made_as_defined(definition, _versions([*definition.callables()], folders))


def _versions(named: Sequence[str], folders: Sequence[str]) -> tuple[tuple[str, int], ...]:
    found = zip(named, folders, strict=True)
    return tuple((name, _modules().version(name, folder)) for name, folder in found)


@lru_cache(16)
def _made_as_defined(definition: Definition, versions: tuple[tuple[str, int], ...]) -> Any:
    """The object that the config file defines, made once for each version of its code."""
    try:
        definition.check_variables()
    except AuthError as error:
        raise InputError(
            f"{error.message} for the workers: they have the variables of the shell that started"
            " them. Once they have been idle, and left, retry the job"
        ) from error
    for named, version in versions:
        _modules().renew(named, version)
    return _as_machine(definition.make())


@lru_cache(16)
def _made(backend: str, method: str, version: int) -> Any:
    """A Machine, or an object that is not Aer's."""
    match backends.kind(backend):
        case Kind.METHOD:
            return Method(method or backends.method(backend))
        case Kind.DEVICE:
            return DeviceMachine(devices.device(backend))
        case Kind.OBJECT if backend == backends.BASIC:
            return BasicSimulator()
        case Kind.OBJECT if ":" in backend:
            return _as_machine(_modules().call(backend, version))
        case Kind.OBJECT:
            raise InputError(f"there is no backend local:{backend}")


def _as_machine(given: Any) -> Any:
    return Machine(given) if isinstance(given, AerSimulator) else given


@cache
def _modules() -> Modules:
    return Modules()
