"""Hand circuits to a Qiskit backend or V2 sampler, and say what its refusal means.

Loads Qiskit: for processes that have a backend object.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from qiskit import QuantumCircuit
from qiskit.primitives import BaseEstimatorV2
from qiskit.transpiler import Target, generate_preset_pass_manager

from qjobs.backends import refusals, runtime, wire
from qjobs.backends.posts import WATCH, PostedAgain, RunCall
from qjobs.circuits import own_gates
from qjobs.circuits.fitting import Fitting, is_primitive, run_parameters
from qjobs.circuits.foreign import ENDS, describe
from qjobs.circuits.layout import Layout
from qjobs.circuits.measured import only_measured
from qjobs.circuits.outcomes import all_in_registers
from qjobs.circuits.seeds import seed_of
from qjobs.circuits.sweep import Pub
from qjobs.contract import TRANSPILE, Limits
from qjobs.errors import JobRefused, NoneAccepted, ProviderError, QjobsError
from qjobs.model import RunOptions


def run(
    target: Any,
    circuits: Sequence[QuantumCircuit],
    *,
    options: RunOptions,
    keywords: Mapping[str, Any],
    start_index: int = 0,
    alone: bool = False,
) -> Any:
    """Start one job with all circuits and return the vendor's own job object.

    `target` is a backend with `run`, or a V2 sampler. Circuits that its Target cannot take as
    they are get transpiled, unless the options have it otherwise; all others go as they are.
    Shots, memory and seed are passed where the target knows them, `keywords` always; these win.
    `start_index` is that of the first circuit in its set: each slice gets a seed of its own. With
    `alone`, a single circuit is passed as it is and not in a list: some backends that take one a
    job take no list.

    Nothing is posted twice, whatever the vendor's client does; see `posts`. Raises a NotAccepted if
    there is surely no job, ProviderError if there may be one.
    """
    complaint = objection(target)
    if complaint:
        raise JobRefused(complaint)
    ready: Any = _fitted(target, circuits, options)
    if is_primitive(target):
        ready = [all_in_registers(circuit) for circuit in ready]
    if alone and len(ready) == 1:
        (ready,) = ready
    wire.watch()
    with WATCH.call() as call:
        try:
            known = _known(target, _run_options(options, start_index))
            return target.run(ready, **{**known, **keywords})
        except Exception as error:  # a vendor may raise anything
            raise _failure(error, call) from error


def _failure(error: Exception, call: RunCall) -> QjobsError:
    """Translate an error; what was posted says more about the job than the client's words."""
    failure = error if isinstance(error, QjobsError) else refusals.refusal(error)
    if call.doubt and not isinstance(failure, PostedAgain):
        return ProviderError(f"{call.doubt}: {describe(error)}")
    if call.idle and refusals.never_connected(error):
        return NoneAccepted(
            f"the service cannot be reached: {describe(error)}",
            hint="nothing was sent; wait until it is there",
        )
    return failure


def bound(target: Any, pubs: Sequence[Pub], *, options: RunOptions) -> list[QuantumCircuit]:
    """The circuits of pubs with their values in place, in order: what `run` takes.

    Each is transpiled once, where it has to be, and not once for each row of its values, if it
    can be while its parameters are free. Raises JobRefused if it cannot be transpiled at all.
    """
    return [circuit for pub in pubs for circuit in _bound(target, pub, options)]


def _bound(target: Any, pub: Pub, options: RunOptions) -> list[QuantumCircuit]:
    try:
        (fitted,) = _fitted(target, [pub.circuit], options)
    except JobRefused:
        if pub.values is None:
            raise
        return pub.bound()  # for `run` to transpile
    # A parameter that turned out to have no effect is gone by now.
    same = set(fitted.parameters) == set(pub.circuit.parameters)
    return Pub(fitted if same else pub.circuit, pub.values).bound()


def measuring(
    circuits: Sequence[QuantumCircuit],
) -> tuple[list[QuantumCircuit], list[Layout]]:
    """The circuits to run instead, and how to read their outcomes. See `only_measured`.

    Raises JobRefused if that cannot be made.
    """
    ready = []
    for circuit in circuits:
        try:
            ready.append(only_measured(circuit))
        except Exception as error:
            raise JobRefused(f"cannot take {circuit.name!r} apart: {describe(error)}") from error
    return [circuit for circuit, _ in ready], [layout for _, layout in ready]


def name(target: Any) -> str:
    """The name of a backend or sampler: its own, its backend's, or that of its class."""
    own = _attribute(target, "name") or _attribute(device(target), "name")
    return own if isinstance(own, str) and own else type(target).__name__


def order(target: Any, circuits: Sequence[QuantumCircuit]) -> list[int]:
    """The order in which a job is to have the circuits, by their places.

    With the noise of a device, Aer 0.18.2 gives wrong counts of circuits without control flow in a
    run whose first circuit has some: there these come last.
    """
    places = list(range(len(circuits)))
    if not type(device(target)).__module__.startswith("qiskit_aer."):
        return places
    return sorted(places, key=lambda place: circuits[place].has_control_flow_op())


def device(target: Any) -> Any:
    """The backend of a sampler; what has none is one."""
    return _attribute(target, "backend") or target


def objection(target: Any) -> str:
    """Why an object cannot run circuits for their counts; empty if it can."""
    if isinstance(target, BaseEstimatorV2) or not callable(getattr(target, "run", None)):
        return f"{name(target)} is neither a backend with `run` nor a V2 sampler"
    if runtime.is_backend(target):
        return f"{name(target)} runs circuits for primitives only: IBM's client has no `run` for it"
    return ""


def instead(target: Any) -> str:
    """The advice for an object that there is an objection to."""
    if runtime.is_backend(target):
        return f"give 'ibm:{name(target)}', or SamplerV2(mode=backend) of qiskit_ibm_runtime"
    if runtime.crowded(target):
        return "leave some out of options.environment.job_tags"
    return "pass a backend, or wrap it in BackendSamplerV2"


def limits(target: Any) -> Limits:
    """How many circuits a job may have, as the backend says; nothing else is known."""
    most = _attribute(target, "max_circuits")
    if most is None:
        most = getattr(_attribute(target, "configuration"), "max_experiments", None)
    try:
        circuits = int(most) if most is not None else 0
    except (TypeError, ValueError):
        circuits = 0
    return Limits(circuits=circuits if circuits > 0 else None, connections=1, jobs_wanted=1)


# Options


def labels(target: Any, name: str, tags: Sequence[str]) -> dict[str, Any]:
    """The name and the tags of a job as keywords of `run`, if it takes `job_name`, `job_tags`."""
    wanted = {"job_name": name, "job_tags": list(tags)}
    return _known(target, {key: value for key, value in wanted.items() if value})


def takes(target: Any) -> list[str]:
    """Which of `seed` and `memory` the target takes: samplers give all outcomes unasked."""
    known = _known(target, _run_options(RunOptions(seed=0, memory=True), 0)).keys()
    seed = ["seed"] if known & {"seed", "seed_simulator"} else []
    return seed + (["memory"] if "memory" in known or is_primitive(target) else [])


def _run_options(options: RunOptions, start_index: int) -> dict[str, Any]:
    wanted: dict[str, Any] = {"shots": options.shots}
    if options.memory:
        wanted["memory"] = True
    seed = seed_of(start_index, options)
    if seed is not None:
        wanted |= {"seed_simulator": seed, "seed": seed}
    return wanted


def _known(target: Any, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The options that the target knows: `run` names them, or its default options hold them.

    Shots are also passed to a `run` that takes any keyword.
    """
    parameters = run_parameters(target)
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    defaults = getattr(target, "options", None)
    return {
        option: value
        for option, value in wanted.items()
        if option in parameters
        or (
            takes_any and (option == "shots" or getattr(defaults, option, _MISSING) is not _MISSING)
        )
    }


_MISSING = object()


def _attribute(target: Any, attribute: str) -> Any:
    """An attribute, which older and home-made backends have as a method; None without it."""
    try:
        value = getattr(target, attribute, None)
        return value() if callable(value) else value
    except Exception:  # noqa: BLE001 - vendors compute these, and some raise what they like
        return None


# Transpiling


def _described(target: Any) -> Target | None:
    """The target of a backend, or of a sampler's backend. Aer takes 4 ms to make it."""
    for owner in (target, _attribute(target, "backend")):
        described = _attribute(owner, "target")
        if isinstance(described, Target):
            return described
    return None


def _fitted(
    target: Any, circuits: Sequence[QuantumCircuit], options: RunOptions
) -> list[QuantumCircuit]:
    """Each circuit itself if the target takes all that is in it, else one that does the same."""
    described = _described(target)
    # One at a time: for a list Qiskit would fork, and a fork of a process with threads may hang.
    return [_fit(circuit, described, options) for circuit in circuits]


def _fit(circuit: QuantumCircuit, target: Target | None, options: RunOptions) -> QuantumCircuit:
    try:
        if target is None or options.extra.get(TRANSPILE) is False:
            return own_gates.unrolled(circuit)
        circuit = own_gates.set_apart(circuit, kept=own_gates.natives(target))
        if not Fitting(target).misfit(circuit):
            return circuit
        # Made anew for each: it is cheap, and not safe in several threads.
        manager = generate_preset_pass_manager(
            options.optimization_level, target=target, seed_transpiler=options.seed
        )
        return manager.run(circuit)
    except BaseException as error:  # a panic in Qiskit's Rust code is no Exception
        if isinstance(error, ENDS):
            raise
        raise JobRefused(f"cannot transpile circuit {circuit.name!r}: {describe(error)}") from error
