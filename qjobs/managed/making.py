"""From circuits and a backend to a job set on disk that is ready to be sent."""

import os
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from qjobs.contract import Charges
from qjobs.engine.adopt import adopt_found
from qjobs.engine.set.parcel import circuit_slice
from qjobs.errors import ProviderError, StateError, UsageError
from qjobs.managed.errors import JobManagerInvalidStateError
from qjobs.managed.home import HELD, Surroundings
from qjobs.managed.open_set import OpenSet
from qjobs.managed.planning import (
    RunPlan,
    destination_of,
    invalid,
    missing_keywords,
    write_set,
)
from qjobs.managed.warning import warn
from qjobs.model import JobSet, RunOptions

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

    from qjobs.circuits.slices import CircuitSlice
    from qjobs.contract import Provider
    from qjobs.store.folder import SetFolder


def begin(
    surroundings: Surroundings,
    circuits: "list[QuantumCircuit]",
    backend: object,
    run_config: Mapping[str, Any],
    *,
    set_id: str,
    name: str,
    tags: tuple[str, ...],
    per_job: int | None,
    start_index: int | None = None,
) -> OpenSet:
    """Write a new set of circuits that are to run on a backend; nothing is sent yet.

    With a `start_index`, which numbers its circuits, it is one of several of this program.
    """
    where = destination_of(backend)
    plan = RunPlan.of(run_config, backend)
    workspace = surroundings.workspace
    if where.provider == HELD and not isinstance(backend, str):
        held = surroundings.hold(backend, None)
        workspace = surroundings.holding(held)
        where = where._replace(backend=_name_of(held))
    try:
        provider = workspace.load_provider(where.provider)
    except UsageError as error:
        raise invalid(error) from error
    folder = write_set(
        workspace._replace(new_id=lambda: set_id),
        provider,
        circuits,
        where,
        options=plan.options,
        name=name,
        tags=tags,
        per_job=per_job,
        start_index=start_index or 0,
        program=""
        if start_index is None
        else _program(where.provider, where.backend, plan.options.shots),
    )
    _remember(provider, folder, circuits, plan.keywords)
    _recall(provider, folder)
    return OpenSet(workspace, folder)


def _program(*what: object) -> str:
    """The id that stands for what this process runs on one backend in one way."""
    ids, choosing = _programs()
    with choosing:
        return ids.setdefault((os.getpid(), *what), os.urandom(6).hex())


@cache
def _programs() -> tuple[dict[tuple[object, ...], str], threading.Lock]:
    """The ids that were chosen. A fork is another program, so its process is part of the key."""
    return {}, threading.Lock()


def reopen(
    surroundings: Surroundings,
    folder: "SetFolder",
    provider: object | None,
    keywords: Mapping[str, Any],
) -> OpenSet:
    """Open a set of an earlier process, or of the command line.

    `provider` may be the name of its provider, a vendor's provider that has the set's backend,
    or that backend itself, which then runs and retrieves its jobs. Raises
    JobManagerInvalidStateError if it is another one's.
    """
    job_set = folder.job_set
    if isinstance(provider, str):
        if provider.partition(":")[0] != job_set.provider:
            raise JobManagerInvalidStateError(
                f"the job set {job_set.set_id} was submitted to {job_set.provider}, not {provider}"
            )
    elif provider is not None and job_set.provider == HELD:
        backend = _backend(provider, job_set.backend)
        held = surroundings.hold(backend, None if backend is provider else provider)
        if _name_of(held) != job_set.backend:
            raise JobManagerInvalidStateError(
                f"the job set {job_set.set_id} was submitted to {job_set.backend}, "
                f"not {_name_of(held)}"
            )
        _check_instance(held, job_set)
        if keywords:
            _remember(held, folder, (), keywords)
        _recall(held, folder)
        workspace = surroundings.holding(held)
        try:
            for problem in adopt_found(workspace, folder):
                warn(problem)
        except (ProviderError, StateError) as error:
            warn(f"what became of jobs of unknown fate cannot be learnt: {error}")
        return OpenSet(workspace, folder)
    return OpenSet(surroundings.workspace, folder)


def check_keywords(options: RunOptions, keywords: Mapping[str, Any]) -> None:
    """Raise JobManagerInvalidStateError if a set is to run with objects that are not there."""
    missing = missing_keywords(options, keywords)
    if missing:
        raise JobManagerInvalidStateError(
            f"the job set was to run with objects that are not kept: {', '.join(missing)}",
            hint="give them again, as keyword arguments",
        )


def warn_of_share_level(level: object) -> None:
    """Say that jobs cannot be shared any more, where somebody asks for it."""
    if level:
        warn("job_share_level is ignored: providers do not share jobs by levels any more")


def _remember(
    provider: object,
    folder: "SetFolder",
    circuits: "Sequence[QuantumCircuit]",
    keywords: Mapping[str, Any],
) -> None:
    """Let a provider of objects have what QPY and TOML cannot carry."""
    remember = getattr(provider, "originals", None)
    if callable(remember):
        remember(folder.circuits_path, circuits, keywords)


def _recall(provider: object, folder: "SetFolder") -> None:
    """Let a provider of objects know what the jobs of a set were given."""
    recall = getattr(provider, "recall", None)
    if not callable(recall):
        return

    def circuits_of(job_id: str) -> "CircuitSlice | None":
        for job in folder.jobs():
            for attempt in job.attempts:
                if job_id in attempt.job_ids:
                    return circuit_slice(folder, job.slice_of(attempt))
        return None

    recall(circuits_of)


def _check_instance(held: "Provider", job_set: JobSet) -> None:
    """Raise JobManagerInvalidStateError if the jobs of a set went to another instance.

    There they are, and who looks for them here would send them again.
    """
    if not isinstance(held, Charges):
        return
    here = held.place(job_set.backend).instance
    if job_set.instance and here and here != job_set.instance:
        raise JobManagerInvalidStateError(
            f"the job set {job_set.set_id} was submitted to the instance {job_set.instance}, "
            f"not {here}",
            hint=f"give service.backend({job_set.backend!r}, instance={job_set.instance!r}), "
            "or a sampler on it",
        )


def _name_of(held: "Provider") -> str:
    """The name of the one backend that a provider of an object has."""
    (backend,) = held.backends()
    return backend.name


def _backend(provider: object, name: str) -> object:
    """The backend itself, or that of the name which a vendor's provider has."""
    if callable(getattr(provider, "run", None)):
        return provider
    for method in ("get_backend", "backend"):
        ask = getattr(provider, method, None)
        if callable(ask):
            found: object = ask(name)
            return found
    raise JobManagerInvalidStateError(
        f"a {type(provider).__name__} has no backends", hint="give the backend itself"
    )
