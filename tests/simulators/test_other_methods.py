"""Of a circuit that does not fit into memory it is said, truly, which other methods take it."""

import math

import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Gate
from qiskit.circuit.library import get_standard_gate_name_mapping

from qjobs.circuits.sweep import Pub
from qjobs.model import RunOptions
from qjobs.results import CircuitResult
from qjobs.simulators.machines import Method
from qjobs.simulators.simulation import Counts, Simulation


def simulate(
    circuits: list[QuantumCircuit], options: RunOptions, *, method: str
) -> list[CircuitResult]:
    simulation = Simulation(Method(method), Counts(options), options, threads=1)
    return list(simulation.run([Pub(circuit, None) for circuit in circuits], start_index=0))


def methods_named(message: str) -> list[str]:
    """The methods that a circuit which does not fit into memory is said to run with."""
    _, _, named = message.partition("; other backends take it: ")
    return [word.split()[0] for word in named.split(", ")] if named else []


def too_wide(*gates: str) -> QuantumCircuit:
    """A circuit for 50 qubits that flips 0 and 49, after some gates that leave qubit 0 in |0>."""
    circuit = QuantumCircuit(50, 50)
    for gate in gates:
        getattr(circuit, gate)(0)
    circuit.x(0)
    circuit.cx(0, 49)
    circuit.measure(range(50), range(50))
    return circuit


@pytest.mark.parametrize(
    ("circuit", "method", "named"),
    [
        (too_wide("s"), "statevector", ["stabilizer", "matrix_product_state"]),
        (too_wide("t"), "statevector", ["matrix_product_state"]),
        (too_wide("t"), "automatic", ["matrix_product_state"]),
        (too_wide("s"), "density_matrix", ["stabilizer", "matrix_product_state"]),
    ],
)
def test_a_circuit_that_does_not_fit_into_memory_runs_with_the_methods_that_are_named(
    circuit: QuantumCircuit, method: str, named: list[str]
) -> None:
    (refused,) = simulate([circuit], RunOptions(seed=1), method=method)
    assert refused.counts is None
    assert methods_named(refused.message) == named
    for other in named:
        (result,) = simulate([circuit], RunOptions(seed=1, shots=7), method=other)
        assert result.counts == {hex(1 | 1 << 49): 7}
    if "stabilizer" not in named:
        (result,) = simulate([circuit], RunOptions(seed=1), method="stabilizer")
        assert result.counts is None


def test_a_density_matrix_that_does_not_fit_may_be_a_state_vector_that_does() -> None:
    circuit = QuantumCircuit(20, 20)
    circuit.h(range(20))
    circuit.t(0)
    circuit.h(range(20))
    circuit.measure(range(1, 20), range(1, 20))
    (refused,) = simulate([circuit], RunOptions(seed=1), method="density_matrix")
    assert methods_named(refused.message) == ["statevector", "matrix_product_state"]
    (result,) = simulate([circuit], RunOptions(seed=1, shots=7), method="statevector")
    assert result.counts == {"0x0": 7}


def test_of_every_gate_a_method_that_is_named_takes_it() -> None:
    options = RunOptions(seed=1, shots=5)
    named = set()
    for gate in get_standard_gate_name_mapping().values():
        if not isinstance(gate, Gate):
            continue
        circuit = QuantumCircuit(50, 50)
        free = [0.3] * len(gate.params)
        circuit.append(type(gate)(*free), range(gate.num_qubits))
        circuit.measure(range(50), range(50))
        (refused,) = simulate([circuit], options, method="statevector")
        for method in methods_named(refused.message):
            named.add((gate.name, method))
            (result,) = simulate([circuit], options, method=method)
            assert result.counts is not None, (gate.name, method, result.message)
    assert len(named) > 20


@pytest.mark.parametrize("quarters", range(-5, 9))
def test_a_turn_by_quarters_is_one_that_stabilizers_take(quarters: int) -> None:
    circuit = too_wide()
    circuit.rz(quarters * math.pi / 2, 0)
    with circuit.if_test((0, 1)):
        circuit.rz(0.3 if quarters == 8 else math.pi, 0)
    circuit.measure(0, 0)
    (refused,) = simulate([circuit], RunOptions(seed=1), method="statevector")
    named = methods_named(refused.message)
    assert ("stabilizer" in named) == (quarters != 8)
    for method in named:
        (result,) = simulate([circuit], RunOptions(seed=1, shots=7), method=method)
        assert result.counts == {hex(1 | 1 << 49): 7}


@pytest.mark.parametrize("method", ["unitary", "superop"])
def test_for_what_is_no_counting_no_other_method_is_named(method: str) -> None:
    circuit = QuantumCircuit(30)
    circuit.h(0)
    (refused,) = simulate([circuit], RunOptions(seed=1), method=method)
    assert "Insufficient memory" in refused.message
    assert methods_named(refused.message) == []
