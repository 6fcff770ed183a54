"""Expectation values of a set's observables, in every circuit of it.

Loads Qiskit and Aer: for worker processes only. Measurements at the end of a circuit are
left out, so the same circuits serve for counts; those in the middle stay, and the values
are then means over `shots` runs, as they are where noise does not let Aer hold a density
matrix.
"""

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from qiskit import QuantumCircuit
from qiskit.quantum_info import PauliList, SparseObservable, SparsePauliOp
from qiskit.result.models import ExperimentResult

from qjobs.circuits import observables, outcomes
from qjobs.circuits.layout import Layout
from qjobs.circuits.placing import bare, places
from qjobs.errors import InputError
from qjobs.model import RunOptions
from qjobs.results import CircuitResult
from qjobs.simulators.machines import Machine, used_qubits

MOST_TERMS = 1 << 12
"""Of one observable as Pauli strings: each projector letter doubles them."""

Observable: TypeAlias = SparsePauliOp


def operator(observable: observables.Observable) -> Observable:
    """An observable as one of Qiskit's. Raises InputError if that would be too large."""
    terms = [*observable.items()]
    projectors = [sum(letter in "01+-rl" for letter in label) for label, _ in terms]
    if sum(1 << count for count in projectors) > MOST_TERMS:
        raise InputError(f"an observable is more than {MOST_TERMS} Pauli strings")
    sparse = SparseObservable.from_list(terms)
    return SparsePauliOp.from_sparse_observable(sparse.as_paulis()).simplify(atol=0)


def precision(options: RunOptions) -> float:
    """The standard error that is asked for: if none is said, that of so many shots."""
    return 1 / math.sqrt(options.shots) if options.precision is None else options.precision


def placed(
    observable: Observable, circuit: QuantumCircuit, transpiled: QuantumCircuit
) -> Observable:
    """An observable of a circuit, on the qubits of what became of its `bare` form.

    Raises InputError if it is not as wide as the circuit, nor as what that was transpiled from.
    """
    ends = places(observable.num_qubits, circuit, transpiled)
    return observable.apply_layout(ends, transpiled.num_qubits)


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
        ready = machine.ready(bare(circuit), self._options)
        wanted = [placed(observable, circuit, ready) for observable in self._observables]
        saving: QuantumCircuit = ready.copy()
        idle = sorted({*range(saving.num_qubits)} - used_qubits(saving))
        for number, observable in enumerate(wanted):
            # Of all qubits: of some of them Aer gets it wrong where idle ones lie between.
            saving.save_expectation_value(
                _without(idle, observable), saving.qubits, label=_label(number)
            )
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


def _without(idle: list[int], observable: Observable) -> Observable:
    """The observable with I on these qubits, and the same value while they are all in |0>.

    For what is not I, Aer would make room in its state.
    """
    paulis = observable.paulis
    x, z = paulis.x.copy(), paulis.z.copy()
    coefficients = np.where(x[:, idle].any(axis=1), 0, observable.coeffs)
    x[:, idle] = z[:, idle] = False
    return SparsePauliOp(PauliList.from_symplectic(z, x), coefficients)


def _label(number: int) -> str:
    return f"observable {number}"
