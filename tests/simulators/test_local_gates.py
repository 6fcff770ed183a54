"""Sweeps and expectation values of every gate of Qiskit's that has parameters, in all its forms."""

import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Gate, Parameter, library
from qiskit.circuit.annotated_operation import (
    AnnotatedOperation,
    ControlModifier,
    InverseModifier,
    PowerModifier,
)
from qiskit.circuit.library import standard_gates
from qiskit.quantum_info import Pauli, SparsePauliOp
from support.exact import Branch, branches, check_counts, expectation, measured
from support.local_jobs import run_here, write, write_sweep
from support.random_circuits import LOOPS_BIND

from qjobs.circuits import codec
from qjobs.circuits.slices import CircuitSlice
from qjobs.errors import InputError
from qjobs.model import RunOptions, Slice

# SciPy's, as Qiskit raises matrices to powers.
pytestmark = pytest.mark.filterwarnings("ignore::scipy.sparse.SparseEfficiencyWarning")

WIDTH = 5
LABELS = ("IIIIZ", "IIIXI", "IIYII", "IZZXX", "IYXZI", "XIIII", "l1-+0")
NAMES = ("a", "b", "c", "d")
A, B, C, D = (Parameter(name) for name in NAMES)
TURN = Parameter("turn")
ROWS = np.random.default_rng(5).uniform(-3, 3, (2, len(NAMES)))
SHOTS = 2000

# What else the constructors of gates want.
ARGUMENTS: Mapping[str, Any] = {
    "data": np.array([[0.3, 0.1j], [-0.1j, -0.2]]),
    "num_ctrl_qubits": 2,
    "num_qubits": 2,
    "operator": SparsePauliOp(["XY", "ZZ"], [0.3, 0.7]),
    "pauli": Pauli("XY"),
}


@cache
def gates() -> dict[str, Callable[..., Gate]]:
    """Each class of gates that takes angles, as a function of them. Those of a new Qiskit too."""
    found: dict[str, Callable[..., Gate]] = {}
    for kind in {**vars(library), **vars(standard_gates)}.values():
        if not inspect.isclass(kind) or not issubclass(kind, Gate):
            continue
        taken = inspect.signature(kind.__init__).parameters.values()
        angles = [p.name for p in taken if "Parameter" in str(p.annotation)]
        if angles:
            needed = [p.name for p in taken if p.default is p.empty and p.name in ARGUMENTS]
            found[kind.__name__] = _made(kind, angles, needed)
    return found


def _made(kind: type[Gate], angles: list[str], needed: list[str]) -> Callable[..., Gate]:
    def made(*values: Any) -> Gate:
        given = {name: ARGUMENTS[name] for name in needed}
        return kind(**given, **dict(zip(angles, values, strict=False)))

    return made


def forms(make: Callable[..., Gate]) -> Iterator[QuantumCircuit]:
    """The gate in every way that it may stand in a circuit."""
    gate = make(A, B, C, D)
    ways = {
        "bare": gate,
        "expressions": make(2 * A + B, B * C - 1, C.sin() - D, A / 3),
        "inverse": AnnotatedOperation(gate, InverseModifier()),
        "annotated": AnnotatedOperation(gate, [ControlModifier(1, 0), InverseModifier()]),
        "power": AnnotatedOperation(gate, PowerModifier(2)),
        "custom": custom(gate),
        "conditioned": gate,
        "looped": gate,
        **{f"controlled {state}": controlled(gate, state) for state in (0, 1)},
    }
    for name, operation in ways.items():
        if operation is None:
            continue
        circuit = QuantumCircuit(WIDTH, 1, name=name)
        # Qubits below, between and above stay idle.
        qubits = range(1, 1 + operation.num_qubits)
        for qubit in qubits:
            circuit.u(0.7 + qubit, 0.3 * qubit, 0.2, qubit)
        circuit.barrier()
        if name == "conditioned":
            circuit.x(0)
            circuit.measure(0, 0)
            with circuit.if_test((0, 0)) as otherwise:
                circuit.x(1)
            with otherwise:
                circuit.append(operation, qubits)
        elif name == "looped":
            with circuit.for_loop(range(2), TURN if LOOPS_BIND else None):
                circuit.rx((TURN if LOOPS_BIND else 1.0) * 0.3 + A, 1)
                circuit.append(operation, qubits)
        else:
            circuit.append(operation, qubits)
        for qubit in qubits:
            circuit.ry(0.4 + qubit, qubit)
        yield circuit


def custom(gate: Gate) -> Gate:
    body = QuantumCircuit(gate.num_qubits, global_phase=A)
    body.append(gate, range(gate.num_qubits))
    return body.to_gate(label="custom")


def controlled(gate: Gate, state: int) -> Gate | None:
    try:
        return gate.control(1, ctrl_state=state, annotated=False)
    except Exception:  # noqa: BLE001 - some can only be annotated
        return None


@cache
def swept(name: str) -> list[QuantumCircuit]:
    """The forms of a gate that QPY can hold: it has no MSGate, and no CUGate with more controls."""
    found = []
    for circuit in forms(gates()[name]):
        with suppress(InputError):
            codec.decode(codec.encode([circuit]))
            found.append(circuit)
    return found


@cache
def exact(name: str) -> list[list[Branch]]:
    """What the forms come to with each row of values."""
    return [
        branches(circuit, dict(zip((A, B, C, D), row, strict=True)))
        for circuit in swept(name)
        for row in ROWS
    ]


def skip_if_qpy_has_none(name: str) -> None:
    if not swept(name):
        pytest.skip("Qiskit cannot read back what it writes of it")


def part(tmp_path: Path, circuits: list[QuantumCircuit], **more: Any) -> CircuitSlice:
    sweep = write_sweep(tmp_path / "values.npy", NAMES, ROWS)
    whole = Slice(0, len(circuits) * len(ROWS))
    return CircuitSlice(write(tmp_path / "c.qpy", circuits), whole, sweep, **more)


@pytest.mark.parametrize(
    "backend",
    [
        "",
        pytest.param("density_matrix", marks=pytest.mark.slow),
        pytest.param("matrix_product_state", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("name", gates())
def test_each_gate_with_parameters_has_the_values_that_it_should(
    tmp_path: Path, name: str, backend: str
) -> None:
    skip_if_qpy_has_none(name)
    path = tmp_path / "observables.json"
    path.write_text(json.dumps([{label: 1.0} for label in LABELS]))

    results = run_here(
        part(tmp_path, swept(name), observables=path),
        backend=backend,
        options=RunOptions(seed=3, precision=0.0),
    )

    assert [result.message for result in results] == [""] * len(results)
    expected = [[expectation(ends, {label: 1.0}) for label in LABELS] for ends in exact(name)]
    np.testing.assert_allclose([result.evs for result in results], expected, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", gates())
def test_each_gate_with_parameters_has_the_counts_that_it_should(tmp_path: Path, name: str) -> None:
    skip_if_qpy_has_none(name)
    circuits = []
    for circuit in swept(name):
        circuits.append(circuit.copy())
        circuits[-1].measure_all()

    results = run_here(part(tmp_path, circuits), options=RunOptions(seed=3, shots=SHOTS))

    for ends, result in zip(exact(name), results, strict=True):
        assert result.counts is not None, result.message
        check_counts(result.counts, measured(ends), SHOTS)


def test_nearly_all_forms_are_tried() -> None:
    missing = {name for name in gates() if len(swept(name)) < 7}
    assert missing <= {"MSGate"}
    assert len(gates()) > 25
