"""Circuits and run options as Python programs give them become a job set on disk."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qjobs.engine.workspace import Workspace
from qjobs.errors import UsageError
from qjobs.managed.arguments import is_unicode
from qjobs.managed.errors import JobManagerInvalidStateError
from qjobs.managed.warning import warn
from qjobs.model import Destination, JobSet, RunOptions, Scalar, Slice
from qjobs.providers.loading import OF_OBJECTS, parse_backend
from qjobs.store.folder import SetFolder

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

    from qjobs.contract import Provider

SOURCE = "python"
"""What stands for the name of a file where circuits come from a program."""


def destination_of(backend: object) -> Destination:
    """Where circuits run that are given `provider:backend`, or an object with `run`.

    The name of an object is not among it: its provider knows that.
    """
    if isinstance(backend, str):
        try:
            return Destination(*parse_backend(backend))
        except UsageError as error:
            raise invalid(error) from error
    if not callable(getattr(backend, "run", None)):
        raise JobManagerInvalidStateError(
            f"a {type(backend).__name__} cannot run circuits",
            hint="give a backend, a V2 sampler, or a text such as 'local:aer'",
        )
    return Destination(OF_OBJECTS)


def invalid(error: UsageError | ValueError) -> JobManagerInvalidStateError:
    """The error of the library's face for a wrong request."""
    return JobManagerInvalidStateError(str(error), hint=getattr(error, "hint", ""))


def circuit_list(experiments: object) -> "list[QuantumCircuit]":
    """The circuits: one, or a list of them. A circuit is one, not its instructions."""
    from qiskit import QuantumCircuit

    if isinstance(experiments, QuantumCircuit):
        return [experiments]
    if not isinstance(experiments, Iterable):
        raise JobManagerInvalidStateError(
            f"a circuit or a list of circuits is needed, not a {type(experiments).__name__}"
        )
    circuits = list(experiments)
    for index, circuit in enumerate(circuits):
        if not isinstance(circuit, QuantumCircuit):
            raise JobManagerInvalidStateError(
                f"experiment {index} is a {type(circuit).__name__}, not a QuantumCircuit"
            )
    return circuits


@dataclass(frozen=True, slots=True)
class RunPlan:
    """How to run: what is written to the state, and the keywords that are objects.

    Of these the state has a placeholder, so that nothing can be run without them by mistake.
    """

    options: RunOptions
    keywords: Mapping[str, Any]

    @classmethod
    def of(cls, run_config: Mapping[str, Any], backend: object) -> "RunPlan":
        """Sort the keyword arguments of a run. Raises JobManagerInvalidStateError."""
        held = None if isinstance(backend, str) else backend
        given = {
            name: _plain(value)
            for name, value in run_config.items()
            if value is not None or name not in _OWN
        }
        seeds = [given.pop(name) for name in ("seed_simulator", "seed") if name in given]
        precision = given.pop("precision") if isinstance(given.get("precision"), float) else None
        own = {name: given.pop(name) for name in _PLAIN_OWN if name in given}
        own.setdefault("shots", _usual_shots(held))
        keywords = {name: value for name, value in given.items() if not _is_plain(value)}
        if keywords and held is None:
            raise JobManagerInvalidStateError(
                f"{backend} takes plain values only: {', '.join(keywords)}",
                hint="give the backend as an object to have it take objects",
            )
        extra = {
            name: placeholder(value) if name in keywords else value for name, value in given.items()
        }
        try:
            seed = seeds[0] if seeds else None
            return cls(RunOptions(seed=seed, precision=precision, extra=extra, **own), keywords)
        except (ValueError, TypeError) as error:
            raise JobManagerInvalidStateError(f"a run option is wrong: {error}") from error


_PLAIN_OWN = ("shots", "memory", "optimization_level")
_OWN = (*_PLAIN_OWN, "seed", "seed_simulator", "precision")


def placeholder(value: object) -> str:
    """The text that stands in the state for an object."""
    return f"<{type(value).__name__}>"


def missing_keywords(options: RunOptions, keywords: Mapping[str, Any]) -> list[str]:
    """The run options of a set that were objects and are not among the keywords."""
    return [
        name
        for name, value in options.extra.items()
        if isinstance(value, str) and value[:1] + value[-1:] == "<>" and name not in keywords
    ]


def _plain(value: Any) -> Any:
    """A number of NumPy's as one of Python's."""
    return value.item() if hasattr(value, "item") and getattr(value, "shape", None) == () else value


def _is_plain(value: object) -> bool:
    """Whether TOML can hold it."""
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, Scalar) and not (isinstance(value, str) and not is_unicode(value))


def _usual_shots(held: object | None) -> int:
    """The shots of a run that does not say."""
    options = getattr(held, "options", None)
    for holder, name in (
        (options, "shots"),
        (options, "default_shots"),  # of IBM's primitives
        (held, "default_shots"),
    ):
        shots = getattr(holder, name, None)
        if isinstance(shots, int) and shots > 0:
            return shots
    return RunOptions().shots


def write_set(
    workspace: Workspace,
    provider: "Provider",
    circuits: "list[QuantumCircuit]",
    where: Destination,
    *,
    options: RunOptions,
    name: str,
    tags: tuple[str, ...],
    per_job: int | None,
    start_index: int = 0,
    program: str = "",
) -> SetFolder:
    """Plan the set and put it on the disk; nothing is sent yet.

    More circuits a job than the backend takes are lowered to what it takes. `start_index` and
    `program` are those of a `JobSet`.
    """
    if not circuits:
        return _write_empty_set(workspace, where, options=options, name=name, tags=tags)
    from qjobs.circuits import codec
    from qjobs.circuits.inputs import InputFile
    from qjobs.engine.set.making import plan_set, warnings
    from qjobs.engine.set.request import SubmitRequest

    try:
        limits = provider.limits(where.backend)
        if per_job is not None:
            if limits.circuits is not None:
                per_job = min(per_job, limits.circuits)
            if limits.executions is not None:
                per_job = min(per_job, max(1, limits.executions // options.shots))
        request = SubmitRequest(
            [InputFile(SOURCE, codec.encode(circuits))], where._replace(pace=options.pace), options,
            name=name, tags=tags, per_job=per_job, start_index=start_index, program=program,
        )  # fmt: skip
        folder = plan_set(workspace, request).folder
    except UsageError as error:
        raise invalid(error) from error
    for warning in warnings(workspace, folder.job_set):
        warn(warning)
    return folder


def _write_empty_set(
    workspace: Workspace,
    where: Destination,
    *,
    options: RunOptions,
    name: str,
    tags: tuple[str, ...],
) -> SetFolder:
    """A set without circuits has no jobs, and is done."""
    workspace.store.check_writable()
    draft = workspace.store.draft(workspace.new_id())
    try:
        draft.circuits_path.touch()
        slices: tuple[Slice, ...] = ()
        return draft.commit(
            JobSet(
                set_id=draft.set_id,
                name=name,
                created=workspace.clock(),
                provider=where.provider,
                backend=where.backend,
                circuits=0,
                slices=slices,
                options=options,
                tags=tags,
            )
        )
    except BaseException:
        draft.abandon()
        raise
