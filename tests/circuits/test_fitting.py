"""A circuit fits a target here where Qiskit's own pass says so, and the reason is the right one."""

from math import pi
from random import Random

import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import CircuitInstruction, ForLoopOp, IfElseOp, Measure, Parameter
from qiskit.circuit.classical import expr
from qiskit.circuit.library import CZGate, RZGate, RZZGate, SXGate
from qiskit.primitives import StatevectorEstimator, StatevectorSampler
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.transpiler import Target
from qiskit.transpiler.passes import GatesInBasis
from qiskit_aer import AerSimulator

from qjobs.circuits.fitting import Fitting, is_primitive

ANGLE = Parameter("angle")


def line() -> Target:
    """A line of qubits, of which the last is not measured; no loops."""
    target = Target(num_qubits=3)
    target.add_instruction(SXGate(), {(0,): None, (1,): None, (2,): None})
    target.add_instruction(CZGate(), {(0, 1): None, (1, 2): None})
    target.add_instruction(RZGate(Parameter("t")))  # anywhere
    target.add_instruction(Measure(), {(0,): None, (1,): None})
    target.add_instruction(RZZGate(Parameter("t")), {(0, 1): None}, angle_bounds=[(0, pi / 2)])
    target.add_instruction(IfElseOp, name="if_else")
    return target


def drawn(seed: int, *, qubits: int = 3, depth: int = 2) -> QuantumCircuit:  # noqa: C901 - flat
    """Mostly what the line has; rarely another gate, place or angle."""
    random = Random(seed)
    circuit = QuantumCircuit(qubits, 1)
    for _ in range(random.randrange(6)):
        low = random.randrange(qubits - 1)
        match random.randrange(12):
            case 0 if depth:
                block = drawn(random.randrange(1 << 30), qubits=2, depth=depth - 1)
                circuit.if_else((0, 1), block, block.copy(), [low, low + 1], [0])
            case 1:
                circuit.rzz(random.choice([0.1, 1.0, 1.5, 1.6, -0.1]), low, low + 1)
            case 2:
                circuit.measure(random.randrange(qubits), 0)
            case 3:
                circuit.barrier()
            case 4 if random.random() < 0.2:
                circuit.h(low)
            case 5 if depth and random.random() < 0.3:
                circuit.for_loop(range(3), None, QuantumCircuit(1), [low], [])
            case 6:
                circuit.rz(ANGLE, low)
            case 7:
                circuit.rzz(ANGLE, 0, 1)
            case 8 if random.random() < 0.2:
                circuit.cz(low + 1, low)
            case _:
                circuit.cz(low, low + 1)
    return circuit


def test_it_is_as_qiskit_has_it() -> None:
    found = []
    for target in (line(), GenericBackendV2(3, seed=1, control_flow=True).target):
        for seed in range(400):
            circuit = drawn(seed)
            check = GatesInBasis(target=target)
            check(circuit)

            found.append(not Fitting(target).misfit(circuit))
            assert found[-1] == check.property_set["all_gates_in_basis"], circuit

    assert 100 < sum(found) < 700


def misfit(circuit: QuantumCircuit, target: Target | None = None) -> str:
    return Fitting(target or line()).misfit(circuit)


def test_what_does_not_fit_is_said() -> None:
    circuit = QuantumCircuit(3, 1)
    circuit.barrier()
    circuit.sx([0, 1, 2])
    assert misfit(circuit) == ""

    wrong = circuit.copy()
    wrong.h(0)
    assert misfit(wrong) == "the backend has no h"
    wrong = circuit.copy()
    wrong.cz(1, 0)
    assert misfit(wrong) == "the backend has no cz on qubits 1 and 0"
    wrong = circuit.copy()
    wrong.measure(2, 0)
    assert misfit(wrong) == "the backend has no measure on qubit 2"
    wrong = circuit.copy()
    wrong.rzz(2.0, 0, 1)
    assert misfit(wrong) == "the angle of rzz is out of bounds"
    wrong = circuit.copy()
    with wrong.if_test((0, 1)), wrong.for_loop(range(2)):
        wrong.sx(0)
    assert misfit(wrong) == "the backend has no for_loop"
    assert misfit(QuantumCircuit(4)) == "it has 4 qubits, the backend 3"


def test_a_target_without_a_number_of_qubits_takes_any() -> None:
    circuit = QuantumCircuit(40)
    circuit.rz(1, 39)
    assert misfit(circuit, Target.from_configuration(basis_gates=["rz"])) == ""
    assert misfit(circuit) == "it has 40 qubits, the backend 3"
    assert Fitting(line(), free="rz".__eq__, any_width=True).misfit(circuit) == ""


def test_variables_and_remarks_may_be_anywhere() -> None:
    circuit = QuantumCircuit(3, 1)
    circuit.add_var("a", expr.lift(True))
    assert misfit(circuit) == ""
    saving = QuantumCircuit(3)
    saving.save_statevector()  # of Aer, which imports it
    assert misfit(saving) == ""


def test_what_is_free_may_be_anywhere_in_blocks_too() -> None:
    circuit = QuantumCircuit(3, 1)
    circuit.h(0)
    with circuit.for_loop(range(2)):
        circuit.h(1)
    free = {"h", "for_loop"}
    assert Fitting(line(), free=free.__contains__).misfit(circuit) == ""
    with circuit.if_test((0, 1)):
        circuit.x(1)
    assert Fitting(line(), free=free.__contains__).misfit(circuit) == "the backend has no x"


def test_bounds_may_be_others() -> None:
    def out_of_bounds(step: CircuitInstruction) -> str:
        return f"{step.name} is out of mine"

    circuit = QuantumCircuit(3)
    circuit.rz(7, 0)
    circuit.rzz(0.1, 0, 1)
    assert Fitting(line(), out_of_bounds=out_of_bounds).misfit(circuit) == "rzz is out of mine"
    outer = QuantumCircuit(3)
    outer.append(ForLoopOp(range(2), None, circuit), [0, 1, 2])
    free = Fitting(line(), out_of_bounds=out_of_bounds, free="for_loop".__eq__)
    assert free.misfit(outer) == "rzz is out of mine"


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (StatevectorSampler(), True),
        (StatevectorEstimator(), True),
        (AerSimulator(), False),
        (object(), False),
    ],
)
def test_a_primitive_takes_pubs(target: object, expected: bool) -> None:
    assert is_primitive(target) is expected
