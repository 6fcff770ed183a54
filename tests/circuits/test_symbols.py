"""Circuits with parameters are found without decoding, and their names with it."""

from pathlib import Path

import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import ClassicalRegister, Parameter, ParameterVector, QuantumRegister
from qiskit.circuit.library import PauliEvolutionGate, RXGate
from qiskit.quantum_info import SparsePauliOp
from support.sample_circuits import dump, edge_circuits, ghz

from qjobs.circuits import joining, qpy, scanning
from qjobs.circuits.gather import Gathered, gather
from qjobs.circuits.inputs import expand
from qjobs.circuits.symbols import check_columns, find_parameters, refuse_parameters
from qjobs.errors import InputError

THETA, PHI = Parameter("θ"), Parameter("phi")
VECTOR = ParameterVector("v", 3)


def rotated(angle: object) -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    circuit.rx(angle, 0)
    return circuit


def _in_a_block() -> QuantumCircuit:
    circuit = QuantumCircuit(1, 1)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.rx(THETA, 0)
    return circuit


def _in_gates() -> list[QuantumCircuit]:
    evolution = QuantumCircuit(2)
    evolution.append(PauliEvolutionGate(SparsePauliOp(["XX"]), time=THETA), [0, 1])
    controlled = QuantumCircuit(2)
    controlled.append(RXGate(THETA).control(1, annotated=True), [0, 1])
    defined = QuantumCircuit(2)
    defined.append(rotated(THETA).to_gate(), [0, 1])
    return [evolution, controlled, defined, defined.assign_parameters({THETA: PHI})]


PARAMETRISED = [
    rotated(THETA),
    rotated(VECTOR[1]),
    rotated(2 * THETA + VECTOR[2].sin()),
    rotated(THETA).assign_parameters({THETA: PHI**2}),
    QuantumCircuit(1, global_phase=THETA),
    QuantumCircuit(1, global_phase=VECTOR[0] + 1),
    _in_a_block(),
    *_in_gates(),
]


def _for_loop() -> QuantumCircuit:
    circuit = QuantumCircuit(1)
    with circuit.for_loop(range(3), loop_parameter=PHI):
        circuit.rx(PHI, 0)
    return circuit


def suspect(folder: Path, circuits: list[QuantumCircuit], version: int, buffer: int) -> int | None:
    path = folder / "in.qpy"
    path.write_bytes(dump(circuits, version))
    part = joining.Part(path, "in.qpy", len(circuits))
    dialect, _ = qpy.read_header(path.read_bytes())
    target = folder / "out.qpy"
    return joining.join(
        [part], target, dialect=dialect, copied=lambda _: None, buffer_bytes=buffer
    ).suspect


@pytest.mark.parametrize("version", [16, 17, 18])
@pytest.mark.parametrize("at", range(len(PARAMETRISED)))
def test_a_parameter_is_seen_wherever_a_circuit_has_it(
    tmp_path: Path, at: int, version: int
) -> None:
    circuit = PARAMETRISED[at]
    assert circuit.parameters
    assert suspect(tmp_path, [ghz(2), circuit, ghz(3)], version, 1 << 20) == 1


@pytest.mark.parametrize("buffer", [7, 8, 13, 31, 64, 97, 150, 233])
@pytest.mark.parametrize("at", range(len(PARAMETRISED)))
def test_a_parameter_is_seen_wherever_a_buffer_ends(tmp_path: Path, at: int, buffer: int) -> None:
    assert suspect(tmp_path, [ghz(2), PARAMETRISED[at], ghz(3)], 18, buffer) == 1


@pytest.mark.parametrize("version", [16, 17, 18])
@pytest.mark.parametrize("buffer", [7, 64, 1 << 20])
def test_circuits_without_parameters_are_not_suspected(
    tmp_path: Path, version: int, buffer: int
) -> None:
    named = ghz(2, "trotter_step").copy("trotter_step")
    registers = QuantumCircuit(name="v" * 40)
    for name in ("p", "v", "loop"):
        registers.add_register(QuantumRegister(2, f"q{name}"), ClassicalRegister(1, name))
    bound = [c.assign_parameters([0.3] * c.num_parameters) for c in PARAMETRISED[:4]]
    plain = [c for c in edge_circuits() if not c.parameters]
    circuits = [named, registers, *bound, *plain, _swaps()]
    assert suspect(tmp_path, circuits, version, buffer) is None


def _swaps() -> QuantumCircuit:
    """Many more letters p than are looked at one by one."""
    circuit = QuantumCircuit(2)
    for _ in range(2 * scanning._MANY_LETTERS):
        circuit.swap(0, 1)
    return circuit


def test_a_parameter_behind_many_letters_is_seen(tmp_path: Path) -> None:
    circuit = _swaps()
    circuit.rx(THETA, 0)
    assert suspect(tmp_path, [circuit], 18, 1 << 20) == 0


def collect(folder: Path, *files: tuple[str, bytes]) -> tuple[Path, Gathered]:
    for name, data in files:
        (folder / name).write_bytes(data)
    container = folder / "circuits.qpy"
    return container, gather(expand([str(folder / name) for name, _ in files]), container)


QASM = b"""OPENQASM 3.0; include "stdgates.inc"; input angle a; input float b; qubit q; rx(a) q;
ry(2 * b) q;"""


def test_the_names_are_qiskits_and_the_container_is_as_it_was_given(tmp_path: Path) -> None:
    data = dump([ghz(2), *PARAMETRISED, _for_loop()])
    container, gathered = collect(tmp_path, ("a.qpy", data))

    found = find_parameters(container, gathered, first_only=False)

    assert container.read_bytes() == data
    assert set(found) == {tuple(p.name for p in c.parameters) for c in PARAMETRISED}
    assert found["θ",] == 1


def test_files_that_qiskit_reads_anyway_are_not_read_twice(tmp_path: Path) -> None:
    container, gathered = collect(
        tmp_path, ("a.qasm3", b"OPENQASM 3.0; qubit q;"), ("b.qasm3", QASM)
    )
    assert gathered.suspect is None
    assert find_parameters(container, gathered, first_only=False) == {("a", "b"): 1}


def test_circuits_with_parameters_are_refused_where_there_are_no_values(tmp_path: Path) -> None:
    container, gathered = collect(tmp_path, ("a.qpy", dump([ghz(2), rotated(THETA)])))
    with pytest.raises(InputError, match=r"circuit 1 \(.*a\.qpy\) has parameters .*: θ") as raised:
        refuse_parameters(container, gathered)
    assert "--parameters" in raised.value.hint


@pytest.mark.parametrize("circuit", [_for_loop(), rotated(256.0)], ids=["loop", "number"])
def test_what_only_looks_like_a_parameter_of_the_circuit_is_none(
    tmp_path: Path, circuit: QuantumCircuit
) -> None:
    container, gathered = collect(tmp_path, ("a.qpy", dump([circuit])))
    assert gathered.suspect == 0
    refuse_parameters(container, gathered)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (["a"], r"circuit 1 \(b, .*b\.qasm3\) has parameters that t\.csv has no column for: b"),
        (["a", "bb"], "no column for: b; near ones: bb"),
        (["a", "b", "A", "c"], "columns that are no parameter of any circuit: A, c"),
    ],
)
def test_columns_and_parameters_must_match(
    tmp_path: Path, columns: list[str], message: str
) -> None:
    container, gathered = collect(
        tmp_path, ("a.qasm3", b"OPENQASM 3.0; qubit q;"), ("b.qasm3", QASM)
    )
    check_columns(container, gathered, ["b", "a"], "t.csv")
    with pytest.raises(InputError, match=message):
        check_columns(container, gathered, columns, "t.csv")


def test_values_for_circuits_without_parameters_are_a_mistake(tmp_path: Path) -> None:
    container, gathered = collect(tmp_path, ("a.qpy", dump([ghz(2)])))
    with pytest.raises(InputError, match=r"no circuit has parameters, but t\.csv has values for a"):
        check_columns(container, gathered, ["a"], "t.csv")
