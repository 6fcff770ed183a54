"""Circuit files become a job set, planned and on disk; `resume` then hands its jobs over."""

import hashlib
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from qjobs.circuits import qpy
from qjobs.circuits.gather import Gathered, gather
from qjobs.circuits.inputs import InputFile
from qjobs.engine.plan import plan_slices
from qjobs.engine.workspace import Workspace
from qjobs.errors import InputError
from qjobs.model import JobSet, RunOptions
from qjobs.providers.interface import Provider
from qjobs.store.folder import SetFolder


@dataclass(frozen=True, slots=True)
class SubmitRequest:
    """What the user asked for. `per_job` None lets the backend choose."""

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
        container = Path(folder, "circuits.qpy")
        gathered = _gather(request, container, progress)
        return _plan(
            workspace, request, provider, workspace.new_id(), container, gathered
        ), gathered


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
        gathered = _gather(request, draft.circuits_path, progress)
        job_set = _plan(workspace, request, provider, draft.set_id, draft.circuits_path, gathered)
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
    """The provider, once it has agreed to the backend and the options."""
    provider = workspace.load_provider(request.provider)
    provider.check(request.backend, request.options)
    return provider


def _gather(
    request: SubmitRequest, container: Path, progress: Callable[[int, int], None]
) -> Gathered:
    gathered = gather(
        request.inputs, container, skip_invalid=request.skip_invalid, progress=progress
    )
    if request.strict and gathered.unmeasured.count:
        raise InputError(
            f"without a measurement there are no counts: {gathered.unmeasured}",
            hint="add measurements, or leave out --strict",
        )
    return gathered


def _plan(
    workspace: Workspace,
    request: SubmitRequest,
    provider: Provider,
    set_id: str,
    container: Path,
    gathered: Gathered,
) -> JobSet:
    with qpy.Container.open(container) as circuits:
        slices = plan_slices(
            gathered.circuits,
            shots=request.options.shots,
            limits=provider.limits(request.backend),
            per_job=request.per_job,
            size_bytes=circuits.size_bytes,
        )
    return JobSet(
        set_id=set_id,
        name=request.name,
        created=workspace.clock(),
        provider=request.provider,
        backend=request.backend,
        circuits=gathered.circuits,
        slices=slices,
        options=request.options,
        tags=request.tags,
        fingerprint=_fingerprint(request, gathered),
    )


def _fingerprint(request: SubmitRequest, gathered: Gathered) -> str:
    """Equal for the same circuits, in the same order, run the same way on the same backend."""
    meaning = [gathered.fingerprint, request.provider, request.backend, asdict(request.options)]
    return hashlib.sha256(json.dumps(meaning, sort_keys=True).encode()).hexdigest()
