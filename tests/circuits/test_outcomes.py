"""What Qiskit's result objects say of each circuit, in our words."""

from types import SimpleNamespace

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Clbit, Parameter
from qiskit.primitives import StatevectorSampler
from qiskit_aer import AerSimulator

from qjobs.circuits import outcomes
from qjobs.circuits.layout import Layout
from qjobs.results import CircuitResult


def flipped(*clbits: int, of: QuantumCircuit) -> QuantumCircuit:
    """The circuit with these clbits set, which need not be in a register."""
    for clbit in clbits:
        of.x(clbit)
    of.measure(range(of.num_clbits), range(of.num_clbits))
    return of


def run(circuit: QuantumCircuit) -> CircuitResult:
    (result,) = AerSimulator().run(circuit, shots=8, memory=True).result().results
    return outcomes.from_result(Layout.of(circuit), 8, result)


def sample(circuit: QuantumCircuit) -> CircuitResult:
    ready = outcomes.all_in_registers(circuit)
    (pub,) = StatevectorSampler(seed=1).run([ready], shots=8).result()
    (result,) = outcomes.from_sampler(Layout.of(circuit), pub.data, memory=True)
    return result


def experiment(**data: object) -> SimpleNamespace:
    """An `ExperimentResult`, as far as it is looked at."""
    return SimpleNamespace(
        success=True, status="DONE", shots=10, data=SimpleNamespace(to_dict=lambda: data)
    )


@pytest.mark.parametrize("measured", [run, sample])
def test_simulator_and_sampler_give_the_same_outcomes(measured) -> None:
    registers = [QuantumRegister(11), ClassicalRegister(2, "a"), ClassicalRegister(9, "b")]

    result = measured(flipped(0, 3, of=QuantumCircuit(*registers)))

    assert result.readable_counts() == {"000000010 01": 8}
    assert result.readable_memory() == ["000000010 01"] * 8
    assert result.registers == (("a", 2), ("b", 9))


@pytest.mark.parametrize("measured", [run, sample])
def test_a_loose_bit_between_registers_shifts_nothing(measured) -> None:
    bits = [QuantumRegister(4), ClassicalRegister(1, "a"), [Clbit()], ClassicalRegister(2, "b")]

    result = measured(flipped(0, 2, of=QuantumCircuit(*bits)))

    assert result.readable_counts() == {"0 01 1": 8}


@pytest.mark.parametrize("measured", [run, sample])
@pytest.mark.parametrize(
    ("parts", "outcome"),
    [
        ([ClassicalRegister(1, "a"), [Clbit()], ClassicalRegister(1, "b"), [Clbit()]], "10 0 1"),
        ([[Clbit()], ClassicalRegister(3, "loose_bits")], "1 100"),
        ([[Clbit(), Clbit(), Clbit(), Clbit()]], "1001"),
    ],
)
def test_loose_bits_are_measured_and_stand_in_front(measured, parts, outcome) -> None:
    circuit = QuantumCircuit(QuantumRegister(4), *parts)

    result = measured(flipped(0, 3, of=circuit))

    assert result.readable_counts() == {outcome: 8}
    assert result.memory is not None
    assert {name for name, _ in result.registers} == {one.name for one in circuit.cregs}


def test_results_without_the_loose_bits_are_not_taken_for_zeros() -> None:
    circuit = flipped(1, of=QuantumCircuit(QuantumRegister(2), ClassicalRegister(1), [Clbit()]))
    (pub,) = StatevectorSampler().run([circuit], shots=8).result()

    with pytest.raises(ValueError, match="no data"):
        list(outcomes.from_sampler(Layout.of(circuit), pub.data, memory=False))


def test_a_bit_in_two_registers_is_shown_in_both() -> None:
    circuit = QuantumCircuit(2, 2)
    circuit.add_register(ClassicalRegister(name="again", bits=[circuit.clbits[1]]))

    assert run(flipped(1, of=circuit)).readable_counts() == {"1 10": 8}


def test_each_row_of_parameter_values_is_a_result_of_its_own() -> None:
    angle = Parameter("angle")
    circuit = QuantumCircuit(1, 1)
    circuit.rx(angle, 0)
    circuit.measure(0, 0)
    (pub,) = StatevectorSampler().run([(circuit, [[0], [np.pi]])], shots=8).result()

    found = outcomes.from_sampler(Layout.of(circuit), pub.data, memory=False)

    assert [(result.counts, result.memory) for result in found] == [
        ({"0x0": 8}, None),
        ({"0x1": 8}, None),
    ]


def test_more_bits_than_a_machine_word_are_kept() -> None:
    circuit = QuantumCircuit(70, 70)
    (pub,) = many_bits_sampler().run([flipped(0, 69, of=circuit)]).result()

    (result,) = outcomes.from_sampler(Layout.of(circuit), pub.data, memory=False)

    assert result.counts == {hex(2**69 + 1): 8}


def many_bits_sampler():
    from qiskit_aer.primitives import SamplerV2

    return SamplerV2(default_shots=8, options={"backend_options": {"method": "stabilizer"}})


@pytest.mark.parametrize(
    "counts", [{"0x3": 9, "0x0": 1}, {"1 1": 9, "00": 1}, {3: 9, 0: 1}, {np.int64(3): 9.0, 0: 1}]
)
def test_outcomes_are_understood_however_a_vendor_writes_them(counts) -> None:
    result = outcomes.from_result(Layout(2, (("c", 2),)), 10, experiment(counts=counts))

    assert result.counts == {"0x3": 9, "0x0": 1}


def test_what_a_simulator_saved_is_kept_as_arrays() -> None:
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.save_statevector()
    circuit.save_density_matrix()

    result = run(circuit)
    arrays = {name: outcomes.from_npy(data) for name, data in result.arrays.items()}

    assert result.counts is None
    assert not result.failed
    assert np.allclose(arrays["statevector"], [0.5**0.5, 0.5**0.5, 0, 0])
    assert arrays["density_matrix"].shape == (4, 4)


def test_what_is_no_number_is_left_out() -> None:
    given = experiment(counts={"0x0": 10}, words=["a"], objects=[object()], table={"a": 1})

    result = outcomes.from_result(Layout(1, ()), 10, given)

    assert result.arrays == {}


def test_a_circuit_that_measures_nothing_has_failed() -> None:
    result = run(QuantumCircuit(1))

    assert result.failed
    assert result.message == "the circuit measures nothing"
