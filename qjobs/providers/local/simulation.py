"""Circuits through Aer, with the results that one run of all circuits of the set would give.

Loads Qiskit and Aer: for worker processes only.
"""

from collections.abc import Callable
from functools import cache, partial

from qiskit import QuantumCircuit
from qiskit.circuit.controlflow import CONTROL_FLOW_OP_NAMES
from qiskit.exceptions import QiskitError
from qiskit.transpiler import PassManager, generate_preset_pass_manager
from qiskit_aer import AerSimulator

from qjobs.circuits import outcomes
from qjobs.circuits.outcomes import Layout
from qjobs.model import RunOptions
from qjobs.providers.local import backends
from qjobs.results import CircuitResult

# Aer seeds circuit i of a run with the run's seed + 2113 i (`src/framework/circuit.hpp`), so
# a slice of a run starts with the seed that its first circuit would have there.
SEED_STRIDE = 2113

_ALWAYS_TAKEN = frozenset({"measure", "barrier", "delay"})
"""What every method takes, whether its target says so or not."""


def run(
    circuits: list[QuantumCircuit],
    options: RunOptions,
    *,
    backend: str,
    start_index: int,
    threads: int,
) -> list[CircuitResult]:
    """Run circuits that are a slice of a set. Where one fails, its result says why."""
    method = str(options.extra.get("method", backends.method(backend)))
    run_options: dict[str, object] = {
        "max_parallel_threads": threads,
        "max_parallel_experiments": threads,
        **{name: backends.RUN_OPTIONS[name](value) for name, value in options.extra.items()},
        "shots": options.shots,
        "memory": options.memory,
    }

    def attempt(some: list[QuantumCircuit], first: int) -> list[CircuitResult]:
        if options.seed is not None:
            run_options["seed_simulator"] = _signed(options.seed + SEED_STRIDE * first)
        ready = [_runnable(circuit, method, options) for circuit in some]
        results = _simulator(method).run(ready, **run_options).result().results
        return [
            outcomes.from_result(Layout.of(circuit), options.shots, result)
            for circuit, result in zip(some, results, strict=True)
        ]

    try:
        return attempt(circuits, start_index)
    except Exception:  # noqa: BLE001 - Qiskit, Aer and pybind11 have no class in common
        # A circuit that Aer does not take spoils the run for all: find out which.
        return [
            _alone(partial(attempt, [circuit], index), circuit, options.shots)
            for index, circuit in enumerate(circuits, start=start_index)
        ]


def _alone(
    attempt: Callable[[], list[CircuitResult]], circuit: QuantumCircuit, shots: int
) -> CircuitResult:
    try:
        return attempt()[0]
    except Exception as error:  # noqa: BLE001 - as above
        return outcomes.failed(Layout.of(circuit), shots, describe(error))


def describe(error: Exception) -> str:
    """What a foreign error says; never empty."""
    # str() of a Qiskit error is its message in quotes.
    said = error.message if isinstance(error, QiskitError) else str(error)
    return str(said) or type(error).__name__


def _runnable(circuit: QuantumCircuit, method: str, options: RunOptions) -> QuantumCircuit:
    """The circuit itself if Aer takes all that is in it: so it runs as Aer alone would run it."""
    known = _known(method)
    if all(name in known for name in _operations(circuit)):
        return circuit
    # The seed of the first circuit for all: how they are cut into jobs changes nothing.
    return _pass_manager(method, options.optimization_level, options.seed).run(circuit)


def _operations(circuit: QuantumCircuit) -> set[str]:
    """The names of all operations, as Aer knows them."""
    # Aer itself takes care of controls on 0, which Qiskit names with a suffix: `cx_o0`.
    names = {name.partition("_o")[0] for name in circuit.count_ops()}
    if not names.isdisjoint(CONTROL_FLOW_OP_NAMES):
        for instruction in circuit.data:
            for block in getattr(instruction.operation, "blocks", ()):
                names |= _operations(block)
    return names


def _signed(seed: int) -> int:
    """The seed as Aer takes it: 64 bits, of which its sum with others keeps the lower ones."""
    return (seed + (1 << 63)) % (1 << 64) - (1 << 63)


@cache
def _simulator(method: str) -> AerSimulator:
    return AerSimulator(method=method)


@cache
def _known(method: str) -> frozenset[str]:
    return _ALWAYS_TAKEN | frozenset(_simulator(method).target.operation_names)


@cache
def _pass_manager(method: str, optimization_level: int, seed: int | None) -> PassManager:
    return generate_preset_pass_manager(
        optimization_level, target=_simulator(method).target, seed_transpiler=seed
    )
