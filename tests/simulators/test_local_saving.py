"""What a circuit saves comes back, though QPY drops most of the instructions that do it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit.library import DiagonalGate, PermutationGate
from qiskit.quantum_info import (
    Clifford,
    DensityMatrix,
    Operator,
    Pauli,
    Statevector,
    SuperOp,
    partial_trace,
    random_unitary,
)
from qiskit_aer import AerSimulator
from qiskit_aer.library import SaveStatevector
from support.local_jobs import cut, run_here, write

from qjobs.circuits.outcomes import from_npy
from qjobs.model import RunOptions
from qjobs.results import CircuitResult

assert SaveStatevector  # Aer adds its methods to QuantumCircuit when it is imported


def bell() -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.t(1)
    return circuit


def run(tmp_path: Path, circuit: QuantumCircuit, backend: str = "") -> CircuitResult:
    path = write(tmp_path / "c.qpy", [circuit])
    (result,) = run_here(cut(path, 0, 1), backend=backend, options=RunOptions(seed=1))
    return result


STATE = Statevector(bell())


@pytest.mark.parametrize(
    ("save", "backend", "name", "expected"),
    [
        (QuantumCircuit.save_statevector, "", "statevector", STATE.data),
        (QuantumCircuit.save_state, "statevector", "statevector", STATE.data),
        (QuantumCircuit.save_statevector_dict, "", "statevector", STATE.data),
        (QuantumCircuit.save_density_matrix, "", "density_matrix", DensityMatrix(STATE).data),
        (QuantumCircuit.save_probabilities, "", "probabilities", STATE.probabilities()),
        (QuantumCircuit.save_probabilities_dict, "", "probabilities", STATE.probabilities()),
        (QuantumCircuit.save_unitary, "unitary", "unitary", Operator(bell()).data),
        (QuantumCircuit.save_superop, "superop", "superop", SuperOp(bell()).data),
    ],
)
def test_a_saved_state_is_an_array_of_the_result(
    tmp_path: Path,
    save: Callable[[QuantumCircuit], object],
    backend: str,
    name: str,
    expected: np.ndarray,
) -> None:
    circuit = bell()
    save(circuit)

    result = run(tmp_path, circuit, backend)

    assert result.message == ""
    assert not result.failed
    np.testing.assert_allclose(from_npy(result.arrays[name]), expected, atol=1e-12)


def test_a_label_of_ones_own_and_counts_stay(tmp_path: Path) -> None:
    circuit = bell()
    circuit.save_statevector(label="halfway")
    circuit.measure_all()
    counts = AerSimulator().run(circuit, seed_simulator=1).result().results[0].data.counts

    result = run(tmp_path, circuit)

    assert set(result.arrays) == {"halfway"}
    assert result.counts == counts


def test_amplitudes_and_values_are_saved_with_what_they_are_asked_for(tmp_path: Path) -> None:
    circuit = bell()
    circuit.save_amplitudes([0, 3])
    circuit.save_amplitudes_squared([3])
    circuit.save_expectation_value(DensityMatrix.from_label("11").to_operator(), [0, 1])

    arrays = {name: from_npy(data) for name, data in run(tmp_path, circuit).arrays.items()}

    np.testing.assert_allclose(arrays["amplitudes"], STATE.data[[0, 3]])
    np.testing.assert_allclose(arrays["amplitudes_squared"], [0.5])
    np.testing.assert_allclose(arrays["expectation_value"], 0.5)


def test_a_stabilizer_state_is_its_tableau_however_wide_it_is(tmp_path: Path) -> None:
    circuit = QuantumCircuit(40)
    circuit.h(range(40))
    circuit.cx(0, 39)
    expected = Clifford(circuit).tableau
    circuit.save_stabilizer()

    result = run(tmp_path, circuit, "stabilizer")

    assert (from_npy(result.arrays["stabilizer"]) == expected).all()


@pytest.mark.parametrize(("backend", "kind"), [("unitary", Operator), ("superop", SuperOp)])
def test_a_method_that_measures_nothing_gives_what_it_computes(
    tmp_path: Path, backend: str, kind: type[Operator | SuperOp]
) -> None:
    measured = bell()
    measured.measure_all()

    result = run(tmp_path, measured, backend)

    np.testing.assert_allclose(from_npy(result.arrays[backend]), kind(bell()).data, atol=1e-12)
    assert result.counts is None
    assert result.clbits == 2


@pytest.mark.parametrize("backend", ["statevector", "density_matrix", "matrix_product_state"])
@pytest.mark.parametrize(
    ("qubits", "letters"),
    [((1, 3), "XZ"), ((3, 1), "YX"), ((2, 1), "IZ"), ((3,), "Z"), ((4, 3), "ZI"), ((0,), "Z")],
)
def test_what_is_saved_of_some_qubits_is_right_wherever_others_are_idle(
    tmp_path: Path, backend: str, qubits: tuple[int, ...], letters: str
) -> None:
    """Aer drops idle qubits, and then reads the others in the wrong places."""
    circuit = QuantumCircuit(5)
    circuit.h(1)
    circuit.cx(1, 3)
    circuit.ry(0.4, 3)
    state = Statevector(circuit)
    pauli = Pauli(letters)
    mean = state.expectation_value(pauli, list(qubits)).real
    in_order = QuantumCircuit(5)
    in_order.append(PermutationGate([*qubits, *sorted({*range(5)} - {*qubits})]), range(5))
    reduced = partial_trace(state.evolve(in_order), range(len(qubits), 5)).data

    for save, expected in (
        (lambda c: c.save_expectation_value(pauli, qubits, label="it"), mean),
        (
            lambda c: c.save_expectation_value_variance(pauli, qubits, label="it"),
            (mean, 1 - mean**2),
        ),
        (lambda c: c.save_probabilities(qubits, label="it"), state.probabilities(qubits)),
        (lambda c: c.save_density_matrix(qubits, label="it"), reduced),
    ):
        saving = circuit.copy()
        save(saving)
        saved = from_npy(run(tmp_path, saving, backend).arrays["it"])
        np.testing.assert_allclose(saved, expected, atol=1e-7)


def test_a_swap_that_is_controlled_on_0_swaps_then(tmp_path: Path) -> None:
    circuit = QuantumCircuit(3)
    circuit.h(0)
    circuit.rx(0.4, 1)
    circuit.cswap(0, 1, 2, ctrl_state=0)
    expected = Statevector(circuit).data
    circuit.save_statevector()

    result = run(tmp_path, circuit)

    np.testing.assert_allclose(from_npy(result.arrays["statevector"]), expected, atol=1e-12)


def test_the_superoperator_of_a_diagonal_gate_is_right(tmp_path: Path) -> None:
    circuit = QuantumCircuit(2)
    circuit.h([0, 1])
    circuit.append(DiagonalGate([1, 1j, -1, 1]), [1, 0])

    result = run(tmp_path, circuit, "superop")

    np.testing.assert_allclose(
        from_npy(result.arrays["superop"]), SuperOp(circuit).data, atol=1e-12
    )


def test_amplitudes_that_a_matrix_product_state_gets_wrong_are_refused(tmp_path: Path) -> None:
    circuit = QuantumCircuit(3)
    circuit.h(0)
    circuit.cx(0, 2)
    circuit.save_amplitudes([0, 5])

    result = run(tmp_path, circuit, "matrix_product_state")

    assert result.failed
    assert "save_amplitudes: use another method" in result.message
    assert not run(tmp_path, circuit, "statevector").failed


def test_a_qubit_between_others_is_initialized_in_a_matrix_product_state_too(
    tmp_path: Path,
) -> None:
    start = QuantumCircuit(3)
    start.h(0)
    start.cx(0, 2)
    circuit = start.copy()
    circuit.initialize([0.6, 0.8], [1])
    expected = start.copy()
    expected.prepare_state([0.6, 0.8], [1])
    for made in (circuit, expected):
        made.unitary(random_unitary(4, seed=2), [2, 1])
        made.unitary(random_unitary(4, seed=3), [0, 1])
    circuit.save_probabilities()

    result = run(tmp_path, circuit, "matrix_product_state")

    np.testing.assert_allclose(
        from_npy(result.arrays["probabilities"]), Statevector(expected).probabilities(), atol=1e-7
    )
