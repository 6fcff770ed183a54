"""Circuit files become a job set, planned and on disk; `submit_unsent` then submits its jobs."""

import hashlib
import json
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from qjobs import __version__
from qjobs.circuits.checking import checked
from qjobs.circuits.gather import Gathered
from qjobs.contract import (
    DEFINITION,
    Charges,
    Drops,
    Instance,
    Labels,
    Named,
    Names,
    Plan,
    Plans,
    Provider,
    Warns,
)
from qjobs.engine.set.choice import least_busy
from qjobs.engine.set.material import Material, collect
from qjobs.engine.set.plan import plan_slices
from qjobs.engine.set.request import SubmitRequest
from qjobs.engine.trusting import vouch_for_new
from qjobs.engine.workspace import Workspace
from qjobs.errors import ProviderError, UsageError
from qjobs.model import PACE, JobSet, Slice
from qjobs.store.folder import SetFolder
from qjobs.store.sets import Draft

_USUAL = Instance("")
_MEANS = {
    "seed": "its counts may be others each time",
    "memory": "the outcomes shot by shot may be missing",
}


@dataclass(frozen=True, slots=True)
class PlannedSet:
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
    """The set that `plan_set` would make; nothing is written to the state, no job is sent.

    Circuits of QPY files are decoded, which `plan_set` leaves to the jobs. Raises InputError if
    Qiskit cannot read some, unless invalid ones are to be skipped.
    """
    provider, place = _provider(workspace, request)
    with tempfile.TemporaryDirectory(prefix="qjobs-") as folder:
        draft = Draft(workspace.new_id(), Path(folder))
        look = partial(checked, draft.circuits_path, refuse=not request.skip_invalid)
        material = collect(request, draft, progress, look=look)
        request, provider, place = _with_backend(workspace, request, provider, place, material)
        return _plan(workspace, request, provider, place, material), material.gathered


def plan_set(
    workspace: Workspace,
    request: SubmitRequest,
    *,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> PlannedSet:
    """Write the set: its circuits first, then its plan. Nothing is sent yet.

    Raises UsageError, InputError, StateError, and leaves the state as it was.
    """
    provider, place = _provider(workspace, request)
    workspace.store.check_writable()
    draft = workspace.store.draft(workspace.new_id())
    try:
        material = collect(request, draft, progress)
        gathered = material.gathered
        request, provider, place = _with_backend(workspace, request, provider, place, material)
        job_set = material.with_sums(_plan(workspace, request, provider, place, material))
        if not request.once:
            return PlannedSet(_commit(draft, job_set, gathered, provider), gathered)
        # Two pipelines that start at the same moment must not both find nothing.
        with workspace.store.exclusively():
            before = workspace.store.find_fingerprint(job_set.fingerprint)
            if before is None:
                return PlannedSet(_commit(draft, job_set, gathered, provider), gathered)
        draft.abandon()
        return PlannedSet(before, gathered, existing=True)
    except BaseException:
        draft.abandon()
        raise


def estimates_remark(workspace: Workspace, job_set: JobSet) -> str:
    """A remark on how the backend estimates expectation values, as a clause; or empty."""
    if not job_set.observables:
        return ""
    return workspace.provider_at(job_set.destination).capabilities(job_set.backend).estimates_remark


def _commit(draft: Draft, job_set: JobSet, gathered: Gathered, provider: Provider) -> SetFolder:
    vouch_for_new(provider, draft.folder, job_set)
    return draft.commit(job_set, gathered.sources, skipped=gathered.skipped)


def warnings(workspace: Workspace, job_set: JobSet) -> Sequence[str]:
    """Warnings to give before jobs of a set are submitted, such as that the device is offline."""
    with suppress(ProviderError):  # whatever is wrong, sending will say it
        provider = workspace.provider_at(job_set.destination)
        left_out = provider.labels_left_out(job_set.labels) if isinstance(provider, Labels) else ()
        found = [
            f"only recorded here, for {job_set.provider} has no room for it: {label!r}"
            for label in left_out
        ]
        if isinstance(provider, Drops):
            dropped = provider.dropped(backend=job_set.backend, options=job_set.options)
            found += [
                f"{job_set.provider}:{job_set.backend} takes no {word}: {_MEANS[word]}"
                for word in dropped
            ]
        return [
            *found,
            *(provider.warnings(job_set.backend) if isinstance(provider, Warns) else ()),
        ]
    return ()


def _provider(workspace: Workspace, request: SubmitRequest) -> tuple[Provider, Instance]:
    """The provider, once it has agreed to what is asked for, if the backend is known."""
    if not request.least_busy:
        return _agreed(workspace, request)
    where = request.destination
    if where.backend:
        raise UsageError(
            f"the least busy backend, or {where}, but not both",
            hint=f"use -b {where.provider} --least-busy",
        )
    return workspace.provider_at(request.destination), _USUAL


def _with_backend(
    workspace: Workspace,
    request: SubmitRequest,
    provider: Provider,
    place: Instance,
    material: Material,
) -> tuple[SubmitRequest, Provider, Instance]:
    """The request with a backend for these circuits, if it has none."""
    if not request.least_busy:
        return request, provider, place
    where = request.destination
    backend = least_busy(provider.backends(), where.provider, qubits=material.qubits())
    request = replace(request, destination=where._replace(backend=backend.name))
    return request, *_agreed(workspace, request)


def _agreed(workspace: Workspace, request: SubmitRequest) -> tuple[Provider, Instance]:
    """The provider as every later command will have it, and where the jobs will go."""
    provider, place = workspace.provider_at(request.destination), _USUAL
    where = request.destination
    if isinstance(provider, Charges):
        place = provider.place(where.backend)
        where = where._replace(instance=where.instance or place.instance)
        provider = workspace.provider_at(where)
    _check(provider, request)
    return provider, place


def _check(provider: Provider, request: SubmitRequest) -> None:
    where = request.destination
    capabilities = provider.capabilities(where.backend)
    strange = [name for name in request.named_options if name not in capabilities.named_options]
    if strange:
        raise UsageError(
            f"{where.provider} has no {' and no '.join(strange)} to choose",
            hint=f"leave out {' and '.join(f'--{name}' for name in strange)}; "
            "options of the backend itself are given by --option",
        )
    provider.check(where.backend, request.options)
    if request.observables is None and request.options.precision is not None:
        raise UsageError(
            "a precision is that of expectation values, and no observables are given",
            hint="add --observables FILE, or say how many --shots",
        )
    if (where.account or where.instance) and not capabilities.accounts:
        raise UsageError(
            f"{where.provider} knows no accounts and no instances",
            hint="leave out --account and --instance",
        )
    if request.observables is not None and not capabilities.estimates:
        raise UsageError(
            f"{where} gives counts, but no expectation values",
            hint="leave out --observables, or choose another backend",
        )


def _plan(
    workspace: Workspace,
    request: SubmitRequest,
    provider: Provider,
    place: Instance,
    material: Material,
) -> JobSet:
    where, sweep = request.destination, material.sweep
    plan = Plan(request.options, excess=lambda _: "")
    if isinstance(provider, Plans):
        circuits = material.slice(Slice(0, material.circuits))
        plan = provider.plan(
            replace(circuits, first=request.start_index),
            backend=where.backend,
            options=request.options,
        )
    slices = plan_slices(
        material.circuits,
        shots=request.options.shots,
        limits=provider.limits(where.backend),
        per_job=request.per_job,
        size_bytes=material.size_bytes,
        excess=plan.excess,
        sweep=sweep is not None,
        start_index=request.start_index,
    )
    names = provider.names(where.backend) if isinstance(provider, Named) else Names()
    return JobSet(
        set_id=material.draft.set_id,
        name=request.name,
        created=workspace.clock(),
        provider=where.provider,
        backend=where.backend,
        circuits=material.circuits,
        slices=slices,
        options=plan.options,
        account=where.account,
        instance=where.instance or place.instance,
        instance_name=place.name,
        plan=place.plan,
        tags=request.tags,
        fingerprint=_fingerprint(request, material, plan),
        parameters=sweep.names if sweep else (),
        bindings=material.bindings,
        observables=material.observables,
        start_index=request.start_index,
        program=request.program,
        provider_name=names.provider,
        backend_name=names.backend,
        versions=_versions(names),
    )


def _versions(names: Names) -> dict[str, str]:
    """The versions of qjobs, of Qiskit and of the provider's packages, as far as they have some."""
    # Imported here: it takes 10 ms, and most commands make no set.
    from importlib.metadata import PackageNotFoundError, version

    versions = {"qiskit-qjobs": __version__}
    for package in ("qiskit", *names.packages):
        with suppress(PackageNotFoundError):
            versions[package] = version(package)
    return {**names.versions, **versions}


def _fingerprint(request: SubmitRequest, material: Material, plan: Plan) -> str:
    """Equal for the same circuits, in the same order, run the same way on the same backend."""
    options = asdict(request.options)
    options["extra"].pop(PACE, None)
    where = request.destination
    meaning = [*material.fingerprint(), where.provider, where.backend, options]
    if where.account or where.instance:
        meaning += [where.account, where.instance]
    if DEFINITION in plan.options.extra:
        meaning.append(plan.options.extra[DEFINITION])
    return hashlib.sha256(json.dumps(meaning, sort_keys=True).encode()).hexdigest()
