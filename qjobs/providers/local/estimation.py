"""Expectation values of a set's observables, in every circuit of it.

Loads Qiskit and Aer: for worker processes only. Measurements at the end of a circuit are
left out, so the same circuits serve for counts; those in the middle stay, and the values
are then means over `shots` runs, as they are where noise does not let Aer hold a density
matrix.
"""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
from qiskit import QuantumCircuit
from qiskit.quantum_info import PauliList, SparseObservable, SparsePauliOp
from qiskit.result.models import ExperimentResult

from qjobs.circuits import outcomes
from qjobs.circuits.outcomes import Layout
from qjobs.errors import InputError
from qjobs.model import RunOptions
from qjobs.providers.local.machines import Machine
from qjobs.results import CircuitResult

MOST_TERMS = 1 << 12
"""Of one observable as Pauli strings: each projector letter doubles them."""

Observable: TypeAlias = SparsePauliOp


def read_observables(path: Path) -> list[Observable]:
    """The observables of a file: a list of objects, each with coefficients by their labels.

    The letters of a label are those of Qiskit's `SparseObservable`, the highest qubit first.
    Raises InputError.
    """
    try:
        entries = json.loads(path.read_bytes())
        return [_observable(entry) for entry in entries]
    except OSError as error:
        raise InputError(f"cannot read the observables: {path}: {error.strerror}") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(f"{path} does not hold observables: {error}") from error


def precision(options: RunOptions) -> float:
    """The standard error that is asked for: if none is said, that of so many shots."""
    return 1 / math.sqrt(options.shots) if options.precision is None else options.precision


def unmeasured(circuit: QuantumCircuit) -> QuantumCircuit:
    """The circuit without the measurements at its end."""
    copy: QuantumCircuit = circuit.copy()
    copy.remove_final_measurements(inplace=True)
    return copy


def placed(observable: Observable, circuit: QuantumCircuit) -> Observable:
    """The observable on the qubits of a circuit.

    It is as wide as the circuit, or as the one that this was transpiled from. Raises
    InputError if it is neither.
    """
    if observable.num_qubits == circuit.num_qubits:
        return observable
    layout = circuit.layout
    if layout is not None:
        before = len(layout.initial_index_layout(filter_ancillas=True))
        if observable.num_qubits == before:
            return observable.apply_layout(layout)
    raise InputError(
        f"an observable of {observable.num_qubits} qubits does not fit a circuit of"
        f" {circuit.num_qubits}"
    )


class Estimates:
    """Expectation values as Qiskit's estimators for simulators give them.

    They are Aer's, with an error drawn from the normal distribution of that precision added:
    of precision 0 they are exact, where Aer's method is. The error of a circuit depends on the
    seed and on its index in the set alone.
    """

    def __init__(self, options: RunOptions, observables: Sequence[Observable]) -> None:
        self._options = options
        self._observables = observables
        self._precision = precision(options)

    def ready(self, circuit: QuantumCircuit, machine: Machine) -> QuantumCircuit:
        """The circuit as the machine takes it, with its expectation values saved at the end."""
        bare = unmeasured(circuit)
        wanted = [placed(observable, bare) for observable in self._observables]
        ready = machine.ready(bare, self._options)
        if ready is not bare and ready.layout is not None:
            wanted = [observable.apply_layout(ready.layout) for observable in wanted]
        saving: QuantumCircuit = ready.copy()
        for number, observable in enumerate(wanted):
            support = _support(observable)
            saving.save_expectation_value(_on(observable, support), support, label=_label(number))
        return saving

    def read(self, layout: Layout, index: int, result: ExperimentResult) -> CircuitResult:
        """The values that were saved, and their standard errors."""
        if not result.success:
            return outcomes.from_result(layout, self._options.shots, result)
        saved = result.data.to_dict()
        exact = [float(saved[_label(number)]) for number in range(len(self._observables))]
        return estimated(
            layout,
            self._options,
            self._generator(index).normal(exact, self._precision).tolist(),
            [self._precision] * len(exact),
        )

    def _generator(self, index: int) -> np.random.Generator:
        seed = self._options.seed
        return np.random.default_rng(None if seed is None else [seed % (1 << 64), index])


def estimated(
    layout: Layout, options: RunOptions, evs: Sequence[float], stds: Sequence[float]
) -> CircuitResult:
    """The result of a circuit whose expectation values were asked for."""
    return CircuitResult(
        shots=options.shots,
        counts=None,
        clbits=layout.clbits,
        registers=layout.registers,
        evs=tuple(evs),
        stds=tuple(stds),
    )


def _observable(entry: Mapping[str, float]) -> Observable:
    terms = [(str(label), float(coefficient)) for label, coefficient in entry.items()]
    projectors = [sum(letter in "01+-rl" for letter in label) for label, _ in terms]
    if sum(1 << count for count in projectors) > MOST_TERMS:
        raise ValueError(f"an observable is more than {MOST_TERMS} Pauli strings")
    observable = SparseObservable.from_list(terms)
    return SparsePauliOp.from_sparse_observable(observable.as_paulis()).simplify(atol=0)


def _support(observable: Observable) -> list[int]:
    """The qubits that it is about, at least one."""
    paulis = observable.paulis
    return np.flatnonzero((paulis.x | paulis.z).any(axis=0)).tolist() or [0]


def _on(observable: Observable, qubits: list[int]) -> Observable:
    """The observable on these of its qubits alone."""
    z, x = observable.paulis.z[:, qubits], observable.paulis.x[:, qubits]
    return SparsePauliOp(PauliList.from_symplectic(z, x), observable.coeffs)


def _label(number: int) -> str:
    return f"observable {number}"
