"""A slice gives what its circuits would give in one run of Aer over the whole set."""

from collections.abc import Callable

import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Clbit
from qiskit.circuit.library import QFTGate
from qiskit_aer import AerSimulator
from support.local_jobs import endless, rotations

from qjobs.circuits.sweep import Pub
from qjobs.model import RunOptions
from qjobs.results import CircuitResult
from qjobs.simulators.machines import Machine, Method
from qjobs.simulators.simulation import Counts, Simulation


def simulate(
    circuits: list[QuantumCircuit],
    options: RunOptions,
    *,
    method: str = "automatic",
    start_index: int = 0,
    threads: int = 1,
) -> list[CircuitResult]:
    machine = Method(str(options.extra.get("method", method)))
    simulation = Simulation(machine, Counts(options), options, threads=threads)
    pubs = [Pub(circuit, None) for circuit in circuits]
    return list(simulation.run(pubs, start_index=start_index))


def measured_in_the_middle(circuits: int) -> list[QuantumCircuit]:
    made = []
    for index in range(circuits):
        circuit = QuantumCircuit(3, 4)
        circuit.ry(0.4 + index, 0)
        circuit.measure(0, 0)
        with circuit.if_test((0, 1)):
            circuit.x(1)
        circuit.h(0)
        circuit.cx(0, 2, ctrl_state=0)
        circuit.measure([0, 1, 2], [1, 2, 3])
        made.append(circuit)
    return made


def wide(circuits: int) -> list[QuantumCircuit]:
    return rotations(circuits, qubits=15)


def test_what_has_run_is_known_before_all_has() -> None:
    options = RunOptions(shots=10)
    simulation = Simulation(Method("automatic"), Counts(options), options, threads=1)
    first, *others = rotations(3)

    results = simulation.run([Pub(c, None) for c in (first, endless(), *others)], start_index=0)

    assert sum(next(results).readable_counts().values()) == 10


@pytest.mark.parametrize("make", [rotations, measured_in_the_middle, wide])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("seed", [0, 1234, -7, 2**63 - 1])
def test_seeded_counts_are_those_of_one_run_however_the_set_is_cut(
    make: Callable[[int], list[QuantumCircuit]], threads: int, seed: int
) -> None:
    circuits = make(7)
    run = AerSimulator().run(circuits, seed_simulator=seed, shots=300, memory=True).result()

    cut = []
    for start, end in ((0, 1), (1, 4), (4, 7)):
        cut += simulate(
            circuits[start:end],
            RunOptions(shots=300, seed=seed, memory=True),
            start_index=start,
            threads=threads,
        )

    assert [result.counts for result in cut] == [result.data.counts for result in run.results]
    assert [result.readable_counts() for result in cut] == run.get_counts()
    assert [result.readable_memory() for result in cut] == [
        run.get_memory(index) for index in range(7)
    ]


SEEDED = RunOptions(seed=3)


def run_alone(
    *circuits: QuantumCircuit, options: RunOptions = SEEDED, method: str = "automatic"
) -> list[CircuitResult]:
    return simulate(list(circuits), options, method=method)


def test_a_circuit_that_aer_does_not_know_is_translated_and_its_neighbours_are_not() -> None:
    (plain,) = rotations(1)
    fourier = QuantumCircuit(3, 3)
    fourier.append(QFTGate(3), range(3))
    fourier.append(QFTGate(3).inverse(), range(3))
    fourier.measure(range(3), range(3))
    hidden = QuantumCircuit(3, 3)
    hidden.h(0)
    hidden.measure(0, 0)
    with hidden.if_test((0, 1)):
        hidden.append(QFTGate(3), range(3))
    alone = AerSimulator().run(plain, seed_simulator=3).result().results[0].data.counts

    results = run_alone(plain, fourier, hidden)

    assert results[0].counts == alone
    assert results[1].counts == {"0x0": 1024}
    assert results[2].counts


def test_a_circuit_that_fails_has_a_message_and_its_neighbours_have_counts() -> None:
    good = rotations(3)
    opaque = QuantumCircuit(1, 1)
    with opaque.box():
        opaque.h(0)
    opaque.measure(0, 0)
    unmeasured = QuantumCircuit(2, 1)
    unmeasured.h(0)
    huge = QuantumCircuit(60, 60)
    for qubit in range(60):
        huge.t(qubit)
        huge.rx(0.1, qubit)
        huge.cx(qubit, (qubit + 7) % 60)
    huge.measure(range(60), range(60))
    reference = AerSimulator().run(good, seed_simulator=3).result()

    results = run_alone(good[0], opaque, unmeasured, huge)
    assert [result.counts is None for result in results] == [False, True, True, True]
    assert results[0].counts == reference.results[0].data.counts
    assert "box" in results[1].message
    assert results[2].message == "the circuit measures nothing"
    assert "memory" in results[3].message

    # What failed in the run of all has not moved the seeds of those behind it.
    assert run_alone(opaque, unmeasured, good[2])[2].counts == reference.results[2].data.counts


def test_loose_bits_and_several_registers_keep_their_places() -> None:
    first, second = ClassicalRegister(2, "first"), ClassicalRegister(1, "second")
    circuit = QuantumCircuit(QuantumRegister(4), first, second, [Clbit()])
    circuit.x([0, 3])
    circuit.measure(range(4), range(4))

    (result,) = run_alone(circuit)

    assert result.clbits == 4
    assert result.registers == (("first", 2), ("second", 1))
    assert result.readable_counts() == {"1 0 01": 1024}


def test_run_options_reach_aer() -> None:
    options = RunOptions(seed=3, extra={"method": "matrix_product_state", "chop_threshold": 1})
    (circuit,) = rotations(1)
    (limited,) = run_alone(circuit, options=RunOptions(extra={"precision": "no such thing"}))

    (result,) = run_alone(circuit, options=options)

    assert result.counts
    assert limited.counts is None
    assert limited.message


def test_a_method_that_cannot_run_a_circuit_says_so() -> None:
    (result,) = run_alone(*rotations(1), method="stabilizer")

    assert result.counts is None
    assert 'for "stabilizer" method' in result.message


def saved_twice() -> QuantumCircuit:
    circuit = QuantumCircuit(1, 1)
    for _ in range(2):
        circuit.save_statevector()
    circuit.measure(0, 0)
    return circuit


def test_why_aer_takes_a_circuit_not_is_said_in_its_own_words_and_of_that_circuit() -> None:
    good = rotations(2)
    first, refused, last = simulate([good[0], saved_twice(), good[1]], RunOptions(shots=10))
    assert refused.message == (
        'Failed to load circuits: Duplicate key "statevector" in save instruction.'
    )
    assert first.counts
    assert last.counts


class Panic(BaseException):
    """As a panic in Rust arrives: it is no Exception."""


def test_a_panic_is_one_circuits_failure() -> None:
    class Reading(Counts):
        def ready(self, circuit: QuantumCircuit, machine: Machine) -> QuantumCircuit:
            if circuit is good[1]:
                raise Panic("called unwrap on None")
            return super().ready(circuit, machine)

    good = rotations(3)
    options = RunOptions(shots=10)
    simulation = Simulation(Method("automatic"), Reading(options), options, threads=1)
    found = list(simulation.run([Pub(circuit, None) for circuit in good], start_index=0))
    assert [result.message for result in found] == ["", "Panic: called unwrap on None", ""]


@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit])
def test_who_wants_the_process_to_end_is_heard(end: type[BaseException]) -> None:
    class Reading(Counts):
        def ready(self, circuit: QuantumCircuit, machine: Machine) -> QuantumCircuit:
            raise end

    options = RunOptions(shots=10)
    simulation = Simulation(Method("automatic"), Reading(options), options, threads=1)
    with pytest.raises(end):
        list(simulation.run([Pub(rotations(1)[0], None)], start_index=0))
