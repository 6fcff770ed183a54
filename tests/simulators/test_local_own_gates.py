"""A gate of the user's runs by its definition, though its name may be that of another."""

import io
from math import pi

import numpy as np
import pytest
from qiskit import QuantumCircuit, qpy
from qiskit.circuit import Gate, Instruction
from qiskit.circuit.library import UnitaryGate, get_standard_gate_name_mapping
from qiskit.primitives import StatevectorSampler
from qiskit.providers.basic_provider import BasicSimulator
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import Operator, SparsePauliOp, Statevector
from qiskit_aer import AerSimulator

from qjobs.circuits import own_gates
from qjobs.circuits.sweep import Pub
from qjobs.model import RunOptions
from qjobs.results import CircuitResult
from qjobs.simulators.estimation import Estimates
from qjobs.simulators.machines import Device, Machine, Method
from qjobs.simulators.objects import Runner
from qjobs.simulators.simulation import Counts, Simulation

OPTIONS = RunOptions(shots=50, seed=1)
NAMES = (
    "iswap", "ecr", "p", "x", "cx", "rz", "u", "swap", "ccx", "id", "mcx", "unitary", "pauli",
    "diagonal", "kraus", "multiplexer", "initialize", "measure", "reset", "barrier", "delay",
    "if_else", "while_loop", "save_state", "save_statevector", "set_statevector", "roerror",
    "qft", "permutation", "mine",
)  # fmt: skip


def as_read(circuit: QuantumCircuit) -> QuantumCircuit:
    """The circuit as a job reads it from its container."""
    buffer = io.BytesIO()
    qpy.dump(circuit, buffer)
    buffer.seek(0)
    (read,) = qpy.load(buffer)
    return read


def own(name: str, qubits: int = 2) -> Gate:
    """A gate that flips the second qubit, or the only one."""
    definition = QuantumCircuit(qubits, name=name)
    definition.x(qubits - 1)
    return definition.to_gate()


def measured(gate: Gate) -> QuantumCircuit:
    """A circuit that gives 1 on the last qubit of a gate, and 0 on the others."""
    circuit = QuantumCircuit(gate.num_qubits, gate.num_qubits)
    circuit.append(gate, range(gate.num_qubits))
    circuit.measure(range(gate.num_qubits), range(gate.num_qubits))
    return as_read(circuit)


def counted(machine: Machine, circuits: list[QuantumCircuit]) -> list[CircuitResult]:
    simulation = Simulation(machine, Counts(OPTIONS), OPTIONS, threads=1)
    return list(simulation.run([Pub(circuit, None) for circuit in circuits], start_index=0))


@pytest.mark.parametrize(
    "method", ["automatic", "stabilizer", "density_matrix", "matrix_product_state"]
)
def test_it_runs_by_its_definition_on_every_method(method: str) -> None:
    results = counted(Method(method), [measured(own(name)) for name in NAMES])
    assert [result.message for result in results] == [""] * len(NAMES)
    assert [result.counts for result in results] == [{"0x2": 50}] * len(NAMES)


def test_it_runs_by_its_definition_on_a_device() -> None:
    device = GenericBackendV2(3, ["ecr", "p", "x", "sx", "rz", "id"], seed=1)  # with noise
    for name in ("ecr", "p", "sx", "id", "iswap", "measure"):
        (result,) = counted(Device(device), [measured(own(name))])
        assert result.counts
        assert result.counts.get("0x2", 0) > 40, (name, result.message)


@pytest.mark.parametrize("target", [BasicSimulator(), StatevectorSampler()])
def test_it_runs_by_its_definition_on_what_is_not_aers(target: object) -> None:
    pubs = [Pub(measured(own(name)), None) for name in NAMES]
    results = list(Runner(target, OPTIONS, None).run(pubs, start_index=0))
    assert [result.message for result in results] == [""] * len(NAMES)
    assert [result.counts for result in results] == [{"0x2": 50}] * len(NAMES)


def test_its_expectation_values_are_those_of_its_definition() -> None:
    options = RunOptions(shots=1, seed=1, precision=0.0)
    reading = Estimates(options, [SparsePauliOp("ZI"), SparsePauliOp("IZ")])
    for name in NAMES:
        simulation = Simulation(Method("automatic"), reading, options, threads=1)
        (result,) = simulation.run([Pub(measured(own(name)), None)], start_index=0)
        assert result.evs == pytest.approx((-1, 1)), name


@pytest.mark.parametrize("name", ["iswap", "p", "x", "measure"])
def test_it_does_so_at_any_depth(name: str) -> None:
    random = np.random.default_rng(len(name))
    inner = QuantumCircuit(1, name=name)
    inner.ry(random.uniform(0, pi), 0)
    outer = QuantumCircuit(2, name="outer")
    outer.h([0, 1])
    outer.append(inner.to_gate(), [1])
    outer.cx(1, 0)
    circuit, same = QuantumCircuit(3), QuantumCircuit(3)
    for made, gate in ((circuit, outer.to_gate()), (same, UnitaryGate(flat(outer, inner)))):
        made.append(gate, [2, 0])
        made.append(gate.control(1, ctrl_state=0, annotated=True), [0, 1, 2])
        made.append(gate.power(2, annotated=True), [1, 2])
    expected = Statevector(same).probabilities()
    apart = Method("automatic").ready(own_gates.set_apart(as_read(circuit)), OPTIONS)
    apart.save_probabilities()
    found = AerSimulator().run(apart).result().data(0)["probabilities"]
    np.testing.assert_allclose(found, expected, atol=1e-9)


def flat(outer: QuantumCircuit, inner: QuantumCircuit) -> np.ndarray:
    whole = QuantumCircuit(2)
    whole.h([0, 1])
    whole.compose(inner, [1], inplace=True)
    whole.cx(1, 0)
    return Operator(whole).data


def test_it_does_so_within_control_flow_and_with_classical_bits() -> None:
    definition = QuantumCircuit(1, 1, name="measure")
    definition.x(0)
    definition.measure(0, 0)
    circuit = QuantumCircuit(2, 2)
    circuit.append(definition.to_instruction(), [0], [0])
    with circuit.if_test((0, 1)):
        circuit.append(own("iswap"), [0, 1])
    circuit.measure(1, 1)
    read = as_read(circuit)
    for made in (read, own_gates.unrolled(read)):
        (result,) = counted(Method("automatic"), [made])
        assert (result.counts, result.message) == ({"0x3": 50}, "")


def test_what_is_not_the_users_stays_as_it_is() -> None:
    circuit = QuantumCircuit(4, 4)
    for name, gate in get_standard_gate_name_mapping().items():
        if name not in ("measure", "reset", "delay"):
            bound = gate.base_class(*np.linspace(0.1, 0.4, len(gate.params)))
            circuit.append(bound, range(gate.num_qubits))
    circuit.initialize([1, 0], 0)
    circuit.append(Gate("opaque", 2, []), [0, 1])
    circuit.append(Instruction("save_state", 4, 0, []), range(4))
    circuit.measure_all(add_bits=False)
    with circuit.if_test((0, 1)):
        circuit.x(0)
    assert own_gates.set_apart(circuit) is circuit
    read = as_read(circuit)
    assert own_gates.set_apart(read) is read
    assert own_gates.unrolled(read) is read


class ISwap(Gate):
    """Somebody's own."""

    def __init__(self) -> None:
        super().__init__("iswap", 2, [])

    def _define(self) -> None:
        self.definition = own("iswap").definition


def test_a_class_of_the_users_is_told_from_qiskits_of_that_name() -> None:
    circuit = QuantumCircuit(2, 2)
    circuit.append(ISwap(), [0, 1])
    circuit.measure([0, 1], [0, 1])
    (result,) = counted(Method("automatic"), [circuit])
    assert result.counts == {"0x2": 50}


def test_what_a_target_has_of_its_own_keeps_its_name() -> None:
    target = GenericBackendV2(2).target
    assert own_gates.natives(target) == frozenset()
    target.add_instruction(ISwap(), name="theirs")
    assert own_gates.natives(target) == {"theirs"}
    circuit = as_read(measured(own("theirs")))
    assert own_gates.set_apart(circuit, kept={"theirs"}) is circuit
