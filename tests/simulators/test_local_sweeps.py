"""A sweep gives what one run of all its bound circuits would give."""

from pathlib import Path

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.circuit.library import efficient_su2
from qiskit_aer import AerSimulator
from support.local_jobs import run_here, write, write_sweep

from qjobs.circuits.slices import CircuitSlice
from qjobs.model import RunOptions, Slice
from qjobs.simulators.simulation import LARGEST_RUN

ROWS = 9
OPTIONS = RunOptions(shots=40, seed=77, memory=True)


def parametrised() -> list[QuantumCircuit]:
    """Circuits that use all, some and none of three parameters, and one that computes with them."""
    a, b, c = (Parameter(name) for name in "abc")
    made = []
    for angles in ((a, b, c), (c, c, a), (0.4, 0.5, 0.6), (a + 2 * b, b * c, -a)):
        circuit = QuantumCircuit(3, global_phase=angles[0])
        for qubit, angle in enumerate(angles):
            circuit.ry(angle, qubit)
        circuit.cx(0, 1)
        circuit.measure(1, 1) if circuit.clbits else circuit.measure_all()
        made.append(circuit)
    conditional = QuantumCircuit(2, 2)
    conditional.ry(a, 0)
    conditional.measure(0, 0)
    with conditional.if_test((0, 1)):
        conditional.rx(b, 1)
    conditional.measure(1, 1)
    return [*made, conditional]


def table(rows: int) -> np.ndarray:
    return np.random.default_rng(1).uniform(-3, 3, (rows, 3))


@pytest.mark.parametrize(
    ("rows", "cuts"),
    [(ROWS, ()), (ROWS, (1, 5, 9, 10, 20, 30)), (ROWS, range(1, 45)), (LARGEST_RUN // 3, (7,))],
)
def test_each_row_has_the_counts_of_one_run_of_all_bound_circuits(
    tmp_path: Path, rows: int, cuts: tuple[int, ...]
) -> None:
    circuits = parametrised()
    values = table(rows)
    # The columns of the table are in no order of the circuits.
    sweep = write_sweep(tmp_path / "values.npy", ("c", "a", "b"), values)
    named = [dict(zip("cab", row, strict=True)) for row in values]
    bound = [
        circuit.assign_parameters({p: row[p.name] for p in circuit.parameters})
        for circuit in circuits
        for row in named
    ]
    run = AerSimulator().run(bound, seed_simulator=77, shots=40, memory=True).result()
    part = CircuitSlice(write(tmp_path / "c.qpy", circuits), Slice(0, len(bound)), sweep)

    results = run_here(part, options=OPTIONS, cuts=cuts)

    assert [result.readable_counts() for result in results] == run.get_counts()
    assert [result.readable_memory() for result in results] == [
        run.get_memory(index) for index in range(len(bound))
    ]


def test_a_circuit_that_must_be_translated_is_so_once_and_its_rows_do_not_depend_on_the_cut(
    tmp_path: Path,
) -> None:
    ansatz = efficient_su2(3, reps=1)
    ansatz = QuantumCircuit(3).compose(ansatz)
    block = QuantumCircuit(3, name="block").compose(ansatz)
    circuit = QuantumCircuit(3)
    circuit.append(block.to_instruction(), range(3))
    circuit.measure_all()
    values = np.random.default_rng(2).uniform(-3, 3, (20, circuit.num_parameters))
    names = tuple(parameter.name for parameter in circuit.parameters)
    sweep = write_sweep(tmp_path / "values.npy", names, values)
    part = CircuitSlice(write(tmp_path / "c.qpy", [circuit]), Slice(0, 20), sweep)
    whole = run_here(part, options=OPTIONS)

    assert [r.counts for r in run_here(part, options=OPTIONS, cuts=(3, 17))] == [
        r.counts for r in whole
    ]
    exact = (
        AerSimulator()
        .run([circuit.decompose(reps=3).assign_parameters(row) for row in values], shots=100_000)
        .result()
        .get_counts()
    )
    many = run_here(part, options=RunOptions(shots=100_000))
    for mine, theirs in zip(many, exact, strict=True):
        counts = mine.readable_counts()
        assert counts is not None
        assert all(abs(counts.get(key, 0) - theirs[key]) < 1500 for key in theirs)


def test_a_circuit_of_a_sweep_that_fails_leaves_the_others_as_they_are(
    tmp_path: Path,
) -> None:
    good = parametrised()[0]
    opaque = QuantumCircuit(1, 1)
    with opaque.box():
        opaque.ry(Parameter("a"), 0)
    opaque.measure(0, 0)
    sweep = write_sweep(tmp_path / "values.npy", ("a", "b", "c"), table(ROWS))
    mixed = write(tmp_path / "mixed.qpy", [good, opaque, good])
    alone = write(tmp_path / "alone.qpy", [good, good, good])

    results = run_here(CircuitSlice(mixed, Slice(0, 3 * ROWS), sweep), options=OPTIONS)

    reference = run_here(CircuitSlice(alone, Slice(0, 3 * ROWS), sweep), options=OPTIONS)
    assert [result.failed for result in results] == [False] * 9 + [True] * 9 + [False] * 9
    assert results[:9] == reference[:9]
    assert results[18:] == reference[18:]
    assert "box" in results[9].message
