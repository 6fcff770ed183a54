"""Circuit files become a job set, planned and on disk; `resume` then hands its jobs over."""

import hashlib
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from qjobs.circuits.gather import Gathered
from qjobs.circuits.inputs import InputFile
from qjobs.engine.material import Material, collect
from qjobs.engine.plan import plan_slices
from qjobs.engine.workspace import Workspace
from qjobs.errors import UsageError
from qjobs.model import JobSet, RunOptions
from qjobs.providers.interface import Provider
from qjobs.store.folder import SetFolder
from qjobs.store.sets import Draft


@dataclass(frozen=True, slots=True)
class SubmitRequest:
    """What the user asked for. `per_job` None lets the backend choose.

    `parameters` is the file with a row of values for each run of every circuit, `observables`
    that of the observables whose expectation values are wanted; None where there is none.
    """

    inputs: Sequence[InputFile]
    provider: str
    backend: str
    options: RunOptions
    name: str = ""
    tags: tuple[str, ...] = ()
    per_job: int | None = None
    skip_invalid: bool = False
    strict: bool = False
    once: bool = False
    parameters: str | None = None
    observables: str | None = None


@dataclass(frozen=True, slots=True)
class Preparation:
    """A job set ready to be started. `existing` says that `once` found it from before."""

    folder: SetFolder
    gathered: Gathered
    existing: bool = False


def preview(
    workspace: Workspace,
    request: SubmitRequest,
    *,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> tuple[JobSet, Gathered]:
    """The set that `prepare` would make; nothing is written to the state, no job is sent."""
    provider = _checked_provider(workspace, request)
    with tempfile.TemporaryDirectory(prefix="qjobs-") as folder:
        material = collect(request, Draft(workspace.new_id(), Path(folder)), progress)
        return _plan(workspace, request, provider, material), material.gathered


def prepare(
    workspace: Workspace,
    request: SubmitRequest,
    *,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Preparation:
    """Write the set: its circuits first, then its plan. Nothing is sent yet.

    Raises UsageError, InputError, StateError, and leaves the state as it was.
    """
    provider = _checked_provider(workspace, request)
    workspace.store.check_writable()
    draft = workspace.store.draft(workspace.new_id())
    try:
        material = collect(request, draft, progress)
        gathered = material.gathered
        job_set = _plan(workspace, request, provider, material)
        if not request.once:
            return Preparation(draft.commit(job_set, gathered.sources), gathered)
        # Two pipelines that start at the same moment must not both find nothing.
        with workspace.store.exclusively():
            before = workspace.store.find_fingerprint(job_set.fingerprint)
            if before is None:
                return Preparation(draft.commit(job_set, gathered.sources), gathered)
        draft.abandon()
        return Preparation(before, gathered, existing=True)
    except BaseException:
        draft.abandon()
        raise


def _checked_provider(workspace: Workspace, request: SubmitRequest) -> Provider:
    """The provider, once it has agreed to the backend, the options and what is asked for."""
    provider = workspace.load_provider(request.provider)
    provider.check(request.backend, request.options)
    if request.observables is None and request.options.precision is not None:
        raise UsageError(
            "a precision is that of expectation values, and no observables are given",
            hint="add --observables FILE, or say how many --shots",
        )
    if request.observables is not None and not provider.capabilities(request.backend).estimates:
        raise UsageError(
            f"{request.provider}:{request.backend} gives counts, but no expectation values",
            hint="leave out --observables, or choose another backend",
        )
    return provider


def _plan(
    workspace: Workspace,
    request: SubmitRequest,
    provider: Provider,
    material: Material,
) -> JobSet:
    sweep = material.sweep
    slices = plan_slices(
        material.circuits,
        shots=request.options.shots,
        limits=provider.limits(request.backend),
        per_job=request.per_job,
        size_bytes=material.size_bytes,
        sweep=sweep is not None,
    )
    return JobSet(
        set_id=material.draft.set_id,
        name=request.name,
        created=workspace.clock(),
        provider=request.provider,
        backend=request.backend,
        circuits=material.circuits,
        slices=slices,
        options=request.options,
        tags=request.tags,
        fingerprint=_fingerprint(request, material),
        parameters=sweep.names if sweep else (),
        bindings=material.bindings,
        observables=material.observables,
    )


def _fingerprint(request: SubmitRequest, material: Material) -> str:
    """Equal for the same circuits, in the same order, run the same way on the same backend."""
    meaning = [
        *material.fingerprint(), request.provider, request.backend, asdict(request.options)
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(meaning, sort_keys=True).encode()).hexdigest()
