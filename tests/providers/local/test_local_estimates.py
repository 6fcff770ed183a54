"""Expectation values: those of Qiskit's own estimators, whatever runs the circuits."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Parameter
from qiskit.circuit.library import QFTGate
from qiskit.primitives import StatevectorEstimator
from qiskit.quantum_info import (
    DensityMatrix,
    Pauli,
    SparseObservable,
    SparsePauliOp,
    StabilizerState,
    Statevector,
)
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_aer import AerSimulator
from support.exact import branches, expectation
from support.local_jobs import run_here, write, write_sweep

from qjobs.circuits.slices import CircuitSlice
from qjobs.errors import InputError
from qjobs.model import RunOptions, Slice
from qjobs.results import CircuitResult
from qjobs.simulators import devices, estimation

OBSERVABLES = [{"ZIZ": 1.0, "XXI": -0.5}, {"IIY": 2.0}, {"III": 3.0}, {"0+r": 1.0, "1IZ": 0.25}]
EXACT = RunOptions(seed=4, precision=0.0)


def circuits(*, measured: bool = True) -> list[QuantumCircuit]:
    made = []
    for index in range(3):
        circuit = QuantumCircuit(3)
        for qubit in range(3):
            circuit.ry(0.3 + index + 0.4 * qubit, qubit)
        circuit.cx(0, 1)
        circuit.rx(0.7, 2)
        circuit.append(QFTGate(3), range(3))
        if measured:
            circuit.measure_all()
        made.append(circuit)
    return made


def exact(observables: list[dict[str, float]] = OBSERVABLES) -> list[list[float]]:
    operators = [SparseObservable.from_list(list(entry.items())) for entry in observables]
    paulis = [SparsePauliOp.from_sparse_observable(o.as_paulis()) for o in operators]
    states = [Statevector(circuit) for circuit in circuits(measured=False)]
    return [[state.expectation_value(pauli).real for pauli in paulis] for state in states]


def estimate(
    tmp_path: Path,
    given: list[QuantumCircuit],
    *,
    observables: Any = OBSERVABLES,
    options: RunOptions = EXACT,
    **how: Any,
) -> list[CircuitResult]:
    path = tmp_path / "observables.json"
    path.write_text(json.dumps(observables))
    part = CircuitSlice(write(tmp_path / "c.qpy", given), Slice(0, len(given)), observables=path)
    return run_here(part, options=options, **how)


@pytest.mark.parametrize("backend", ["", "statevector", "density_matrix", "matrix_product_state"])
@pytest.mark.parametrize("measured", [True, False])
def test_values_of_precision_0_are_exact_and_measuring_at_the_end_changes_nothing(
    tmp_path: Path, backend: str, measured: bool
) -> None:
    results = estimate(tmp_path, circuits(measured=measured), backend=backend)

    assert [result.message for result in results] == [""] * 3
    np.testing.assert_allclose([result.evs for result in results], exact(), atol=1e-7)
    assert [result.stds for result in results] == [(0.0,) * 4] * 3
    assert all(result.counts is None and not result.failed for result in results)
    assert [result.clbits for result in results] == [3 * measured] * 3


def test_values_scatter_by_the_precision_and_by_that_of_the_shots_if_none_is_said(
    tmp_path: Path,
) -> None:
    many = circuits() * 100
    for options, expected in (
        (RunOptions(seed=1, precision=0.01), 0.01),
        (RunOptions(seed=1, shots=400), 0.05),
    ):
        results = estimate(tmp_path, many, options=options)
        errors = np.array([result.evs for result in results]) - np.array(exact() * 100)
        assert abs(errors.std() / expected - 1) < 0.1
        assert abs(errors.mean()) < expected / 5
        assert {result.stds for result in results} == {(expected,) * 4}


def test_seeded_values_do_not_depend_on_the_cut(tmp_path: Path) -> None:
    options = RunOptions(seed=-9)
    whole = estimate(tmp_path, circuits(), options=options)

    assert estimate(tmp_path, circuits(), options=options, cuts=(1, 2)) == whole
    assert estimate(tmp_path, circuits(), options=RunOptions(seed=8)) != whole
    unseeded = RunOptions()
    assert estimate(tmp_path, circuits(), options=unseeded) != estimate(
        tmp_path, circuits(), options=unseeded
    )


def test_each_row_of_a_sweep_has_its_values(tmp_path: Path) -> None:
    circuit = QuantumCircuit(2)
    circuit.ry(Parameter("a"), 0)
    circuit.cx(0, 1)
    circuit.rz(Parameter("b"), 1)
    rows = np.random.default_rng(3).uniform(-3, 3, (12, 2))
    observables = [{"ZZ": 1.0}, {"XY": 1.0, "IZ": 2.0}]
    operators = [SparsePauliOp.from_list(list(entry.items())) for entry in observables]
    expected = StatevectorEstimator().run([(circuit, [[o] for o in operators], rows)])
    path = tmp_path / "observables.json"
    path.write_text(json.dumps(observables))
    sweep = write_sweep(tmp_path / "values.npy", ("a", "b"), rows)
    part = CircuitSlice(write(tmp_path / "c.qpy", [circuit]), Slice(0, 12), sweep, path)

    results = run_here(part, options=EXACT, cuts=(5,))

    np.testing.assert_allclose(
        np.array([result.evs for result in results]).T, expected.result()[0].data.evs, atol=1e-9
    )


def test_on_a_device_the_observables_follow_the_qubits_and_see_the_noise(tmp_path: Path) -> None:
    device = devices.device("generic_5")
    translated = generate_preset_pass_manager(1, backend=device, seed_transpiler=EXACT.seed).run(
        circuits(measured=False)
    )
    model = AerSimulator.from_backend(device)
    expected = []
    for circuit in translated:
        circuit.save_density_matrix()
        matrix = DensityMatrix(model.run(circuit).result().data()["density_matrix"])
        operators = [SparsePauliOp.from_list([*entry.items()]) for entry in OBSERVABLES[:3]]
        expected.append(
            [matrix.expectation_value(o.apply_layout(circuit.layout)).real for o in operators]
        )

    results = estimate(
        tmp_path, circuits(), observables=OBSERVABLES[:3], backend="generic_5", cuts=(2,)
    )

    np.testing.assert_allclose([result.evs for result in results], expected, atol=1e-9)
    assert not np.allclose(expected, np.array(exact())[:, :3], atol=1e-3)


def test_circuits_that_were_transpiled_before_take_observables_of_either_width(
    tmp_path: Path,
) -> None:
    device = devices.device("generic_5")
    (ready,) = generate_preset_pass_manager(
        1, backend=device, seed_transpiler=3, initial_layout=[4, 0, 2]
    ).run(circuits()[:1])
    wide = SparsePauliOp.from_list([*OBSERVABLES[0].items()]).apply_layout(ready.layout)
    labels = dict(zip(wide.paulis.to_labels(), wide.coeffs.real.tolist(), strict=True))

    (result,) = estimate(
        tmp_path, [ready], observables=[OBSERVABLES[0], labels], backend="generic_5"
    )

    assert result.evs is not None
    np.testing.assert_allclose(*result.evs)


@pytest.mark.parametrize("backend", ["basic_simulator", "qiskit.primitives:StatevectorEstimator"])
def test_other_backends_and_estimators_give_values_too(tmp_path: Path, backend: str) -> None:
    options = RunOptions(seed=2, precision=0.02)

    results = estimate(tmp_path, circuits(), options=options, backend=backend)

    assert [result.message for result in results] == [""] * 3
    np.testing.assert_allclose([result.evs for result in results], exact(), atol=0.25)
    if backend == "basic_simulator":
        again = estimate(tmp_path, circuits(), options=options, backend=backend, cuts=(1,))
        assert again == results
        (refused, *_) = estimate(tmp_path, circuits(), backend=backend)
        assert "no exact expectation values" in refused.message


def test_a_sampler_gives_no_values_and_an_estimator_no_counts(tmp_path: Path) -> None:
    (result, *_) = estimate(tmp_path, circuits(), backend="qiskit.primitives:StatevectorSampler")
    assert result.message == "a sampler gives no expectation values"
    part = CircuitSlice(write(tmp_path / "c.qpy", circuits()), Slice(0, 3))
    estimator = "qiskit.primitives:StatevectorEstimator"
    (result, *_) = run_here(part, options=EXACT, backend=estimator)
    assert result.message == "an estimator gives no counts"


@pytest.mark.parametrize("backend", ["", "generic_5", "basic_simulator"])
def test_a_circuit_of_another_width_fails_alone(tmp_path: Path, backend: str) -> None:
    narrow = QuantumCircuit(2)
    given = [circuits()[0], narrow, circuits()[2]]
    options = RunOptions(seed=4)

    results = estimate(
        tmp_path, given, observables=OBSERVABLES[:3], options=options, backend=backend
    )

    assert [result.failed for result in results] == [False, True, False]
    assert results[1].message == "an observable of 3 qubits does not fit a circuit of 2"
    reference = estimate(
        tmp_path, circuits(), observables=OBSERVABLES[:3], options=options, backend=backend
    )
    assert results[::2] == reference[::2]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", r"observables\.json:1:2: not JSON"),
        ('[{"ZQ": 1}]', r"observables\.json, observable 0: 'Q' in 'ZQ'"),
        ('[{"ZZ": "much"}]', "the coefficient of 'ZZ' is not a real number"),
        ('[{"ZZ": 1, "ZZZ": 1}]', "'ZZZ' is not as wide as 'ZZ'"),
        ("[3]", "observable 0: neither a string nor an object"),
        (f'[{{"{"0" * 30}": 1}}]', "more than 4096 Pauli strings"),
    ],
)
def test_a_file_that_does_not_hold_observables_is_named(
    tmp_path: Path, text: str, said: str
) -> None:
    path = tmp_path / "observables.json"
    path.write_text(text)

    circuits = CircuitSlice(path, Slice(0, 1), observables=path)

    with pytest.raises(InputError, match=said):
        [*map(estimation.operator, circuits.read_observables())]


def spread(qubits: list[int], *, width: int) -> QuantumCircuit:
    """An entangled state of these qubits; all others stay idle."""
    circuit = QuantumCircuit(width)
    for place, qubit in enumerate(qubits):
        circuit.ry(0.3 + 0.5 * place, qubit)
        circuit.rz(0.2 + 0.3 * place, qubit)
    for one, other in pairwise(qubits):
        circuit.cx(one, other)
    circuit.rx(0.4, qubits[0])
    return circuit


def letters(width: int, **places: str) -> str:
    """A label with these letters at these qubits, `q3="X"`, and I elsewhere."""
    label = ["I"] * width
    for qubit, letter in places.items():
        label[width - 1 - int(qubit[1:])] = letter
    return "".join(label)


@pytest.mark.parametrize("backend", ["", "statevector", "density_matrix", "matrix_product_state"])
@pytest.mark.parametrize("qubits", [[2], [1, 3], [3, 1], [4, 2], [0, 4], [1, 2, 3]])
def test_idle_qubits_below_between_and_above_change_nothing(
    tmp_path: Path, backend: str, qubits: list[int]
) -> None:
    circuit = spread(qubits, width=5)
    labels = [
        letters(5, **{f"q{qubit}": letter}) for qubit in range(5) for letter in "XYZ01+-rl"
    ] + ["XYZIZ", "ZZZZZ", "IYXIX", "0ZI+1"]

    ends = branches(circuit)
    for label in labels:
        # One at a time: what another one asks for is no longer idle.
        (result,) = estimate(tmp_path, [circuit], backend=backend, observables=[{label: 1.5}])
        np.testing.assert_allclose(result.evs, [expectation(ends, {label: 1.5})], atol=1e-7)


def test_a_wide_circuit_takes_no_more_room_than_the_qubits_that_it_uses(tmp_path: Path) -> None:
    circuit = spread([17, 99, 5], width=127)
    narrow = branches(spread([0, 1, 2], width=3))
    observables = {
        letters(127, q17="X"): "IIX",
        letters(127, q5="Z", q99="Y"): "ZYI",
        "Z" * 127: "ZZZ",
        letters(127, q17="Z", q0="Z", q126="Z"): "IIZ",
    }
    idle = {letters(127, q0="X"): 0.0, letters(127, q17="X", q126="Y"): 0.0, "I" * 127: 1.0}

    (result,) = estimate(
        tmp_path, [circuit], observables=[{label: 1.0} for label in [*observables, *idle]]
    )

    expected = [expectation(narrow, {label: 1.0}) for label in observables.values()]
    np.testing.assert_allclose(result.evs, [*expected, *idle.values()], atol=1e-7)


def test_a_wide_clifford_circuit_has_the_values_of_its_stabilizers(tmp_path: Path) -> None:
    circuit = QuantumCircuit(127)
    circuit.h(3)
    for qubit in range(3, 120):
        circuit.cx(qubit, qubit + 1)
    circuit.s(50)
    circuit.y(60)
    state = StabilizerState(circuit)
    labels = [
        letters(127, q50="Z", q51="Z"),
        letters(127, q60="Z", q61="Z"),
        letters(127, q0="Z", q60="Z", q3="Z"),
        letters(127, q1="X"),
        "IIIIII" + "X" * 70 + "Y" + "X" * 47 + "III",
        "ZZZZZZ" + "Y" * 118 + "ZZZ",
    ]

    for backend in ("", "stabilizer"):
        (result,) = estimate(
            tmp_path, [circuit], backend=backend, observables=[{label: 1.0} for label in labels]
        )
        expected = [state.expectation_value(Pauli(label)) for label in labels]
        np.testing.assert_allclose(result.evs, expected, atol=1e-9)
        assert {-1, 0, 1} == {*expected}


@pytest.mark.slow
def test_far_up_on_a_wide_device_the_noise_is_that_of_the_qubits_in_use(tmp_path: Path) -> None:
    pytest.importorskip("qiskit_ibm_runtime")
    device = devices.device("fake_torino")
    neighbours = sorted(device.coupling_map.neighbors(103))
    qubits = [neighbours[0], 103, neighbours[1]]
    (circuit,) = generate_preset_pass_manager(
        1, backend=device, seed_transpiler=1, initial_layout=qubits
    ).run([spread([0, 1, 2], width=3)])
    with_state = circuit.copy()
    with_state.save_density_matrix(qubits)
    ran = AerSimulator.from_backend(device).run(with_state).result()
    state = DensityMatrix(ran.data()["density_matrix"])
    labels = ["IIX", "ZYI", "XXZ", "ZII"]
    wide = [
        letters(133, **{f"q{qubit}": label[2 - at] for at, qubit in enumerate(qubits)})
        for label in labels
    ]

    (result,) = estimate(
        tmp_path, [circuit], backend="fake_torino", observables=[{label: 1.0} for label in wide]
    )

    expected = [state.expectation_value(Pauli(label)).real for label in labels]
    np.testing.assert_allclose(result.evs, expected, atol=1e-7)
    ideal = branches(spread([0, 1, 2], width=3))
    assert not np.allclose(expected, [expectation(ideal, {o: 1.0}) for o in labels], atol=1e-4)


@pytest.mark.parametrize("backend", ["", "matrix_product_state"])
def test_a_measurement_that_decides_something_stays_and_those_at_the_end_go(
    tmp_path: Path, backend: str
) -> None:
    circuit = QuantumCircuit(QuantumRegister(3), ClassicalRegister(2, "a"))
    circuit.x(1)
    circuit.measure(1, 1)
    with circuit.if_test((circuit.clbits[1], 1)):
        circuit.x(2)
    bare = circuit.copy()
    circuit.measure_all()
    observables = [{"ZII": 1.0}, {"IZI": 1.0}, {"IIZ": 1.0}]

    (result,) = estimate(tmp_path, [circuit], backend=backend, observables=observables)

    ends = branches(bare)
    np.testing.assert_allclose(result.evs, [expectation(ends, o) for o in observables])
    assert result.evs == (-1.0, -1.0, 1.0)


@pytest.mark.parametrize("level", range(4))
def test_a_circuit_that_is_transpiled_again_keeps_the_places_of_its_observables(
    tmp_path: Path, level: int
) -> None:
    """Also where the transpiler leaves out swaps."""
    device = devices.device("generic_5")
    (circuit,) = generate_preset_pass_manager(
        1, backend=device, seed_transpiler=1, initial_layout=[4, 0, 2]
    ).run(circuits(measured=False)[:1])
    circuit.swap(0, 3)
    circuit.append(QFTGate(3), [4, 1, 0])
    labels = ["XIIIZ", "IYIIX", "0IIZI", "ZZ+YX"]

    (result,) = estimate(
        tmp_path,
        [circuit],
        observables=[{label: 1.0} for label in labels],
        options=RunOptions(precision=0.0, optimization_level=level),
    )

    ends = branches(circuit)
    np.testing.assert_allclose(
        result.evs, [expectation(ends, {label: 1.0}) for label in labels], atol=1e-7
    )
