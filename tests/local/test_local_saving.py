"""What a circuit saves comes back, though QPY drops most of the instructions that do it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from local_jobs import cut, run_here, write
from qiskit import QuantumCircuit
from qiskit.quantum_info import Clifford, DensityMatrix, Operator, Statevector, SuperOp
from qiskit_aer import AerSimulator
from qiskit_aer.library import SaveStatevector

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
