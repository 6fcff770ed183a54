"""Backends get no classical bits that nothing is measured into, and theirs are put in place."""

from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, transpile
from qiskit.circuit import Clbit, Parameter
from qiskit.circuit.classical import expr, types
from qiskit.primitives import BackendSamplerV2, StatevectorSampler
from qiskit.providers import BackendV2, Options
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import Statevector
from qiskit.result import Result
from qiskit.transpiler import Target
from qiskit_aer import AerSimulator
from qiskit_aer.primitives import SamplerV2

from qjobs.circuits import outcomes
from qjobs.circuits.layout import Layout
from qjobs.circuits.measured import only_measured

QUBITS = 4
SHOTS = 3
Values = Sequence[bool]


def last_written(circuit: QuantumCircuit, values: Values) -> dict[int, bool]:
    """The value of each clbit that is measured into, where each qubit has one of its own."""
    return {
        circuit.find_bit(instruction.clbits[0]).index: values[
            circuit.find_bit(instruction.qubits[0]).index
        ]
        for instruction in circuit.data
        if instruction.operation.name == "measure"
    }


def expected(circuit: QuantumCircuit, values: Values) -> str:
    """The outcome as it is to be read: the registers, the first on the right, then loose bits."""
    written = last_written(circuit, values)
    groups = [[circuit.find_bit(bit).index for bit in register] for register in circuit.cregs]
    groups.append(sorted({*range(circuit.num_clbits)}.difference(*groups)))
    texts = ["".join(str(int(written.get(bit, False))) for bit in group) for group in groups]
    return " ".join(filter(None, texts))[::-1]


# How vendors write the outcome of a circuit that they got.


def as_aer(circuit: QuantumCircuit, values: Values) -> str:
    return hex(sum(value << clbit for clbit, value in last_written(circuit, values).items()))


def as_a_number(circuit: QuantumCircuit, values: Values) -> int:
    return int(as_aer(circuit, values), 16)


def as_braket(circuit: QuantumCircuit, values: Values) -> str:
    """A character for each clbit that is measured into."""
    written = last_written(circuit, values)
    return "".join(str(int(written[clbit])) for clbit in sorted(written, reverse=True))


def as_iqm(circuit: QuantumCircuit, values: Values) -> str:
    """Those registers that are measured into."""
    written = last_written(circuit, values)
    places = [[circuit.find_bit(bit).index for bit in register] for register in circuit.cregs]
    return " ".join(
        "".join(str(int(written.get(bit, False))) for bit in bits)
        for bits in places
        if not written.keys().isdisjoint(bits)
    )[::-1]


@st.composite
def measuring(draw: st.DrawFn) -> tuple[QuantumCircuit, Values]:
    """Registers and loose bits in any order, some of them measured into, in any order."""
    values = draw(st.lists(st.booleans(), min_size=QUBITS, max_size=QUBITS))
    parts = draw(st.lists(st.tuples(st.booleans(), st.integers(1, 3)), min_size=1, max_size=4))
    circuit = QuantumCircuit(QuantumRegister(QUBITS, "q"))
    for number, (loose, size) in enumerate(parts):
        if loose:
            circuit.add_bits([Clbit() for _ in range(size)])
        else:
            circuit.add_register(ClassicalRegister(size, ("measured", "a", "b", "c")[number]))
    for qubit, value in enumerate(values):
        if value:
            circuit.x(qubit)
    clbit = st.integers(0, circuit.num_clbits - 1)
    for pair in draw(st.lists(st.tuples(st.integers(0, QUBITS - 1), clbit), min_size=1)):
        circuit.measure(*pair)
    return circuit, values


def experiment(**data: object) -> Any:
    return SimpleNamespace(
        success=True, status="DONE", shots=SHOTS, data=SimpleNamespace(to_dict=lambda: data)
    )


@pytest.mark.parametrize("written_by", [as_aer, as_a_number, as_braket, as_iqm])
@given(measuring())
def test_however_a_vendor_writes_an_outcome_its_bits_are_where_they_belong(
    written_by: Callable[..., Any], drawn: tuple[QuantumCircuit, Values]
) -> None:
    circuit, values = drawn
    ready, layout = only_measured(circuit)
    if written_by is as_iqm:  # which has no words for loose bits
        assume(all(ready.find_bit(bit).registers for bit in ready.clbits))
    outcome = written_by(ready, values)
    # Braket's memory is in hexadecimal, whatever its counts are in.
    memory = [hex(int(outcome, 2)) if written_by is as_braket else outcome] * SHOTS

    given_ = experiment(counts={outcome: SHOTS}, memory=memory)
    found = outcomes.from_result(layout, SHOTS, given_)

    assert found.readable_counts() == {expected(circuit, values): SHOTS}
    assert found.readable_memory() == [expected(circuit, values)] * SHOTS
    assert outcomes.from_result(layout, SHOTS, experiment(memory=memory)) == found
    assert found.registers == Layout.of(circuit).registers


class Packing(BackendV2):
    """Simulated; it writes outcomes as a vendor does."""

    def __init__(self, written_by: Callable[..., str]) -> None:
        super().__init__(name="packing")
        self._written_by = written_by

    @property
    def target(self) -> Target:
        return AerSimulator().target

    @property
    def max_circuits(self) -> None:
        return None

    @classmethod
    def _default_options(cls) -> Options:
        return Options(shots=1024, memory=False)

    def run(self, run_input: Any, *, shots: int, **_: object) -> Any:
        results = [
            {"shots": shots, "success": True, "data": self._data(circuit, shots)}
            for circuit in run_input
        ]
        result = Result.from_dict({"results": results, "success": True})
        return SimpleNamespace(result=lambda: result)

    def _data(self, circuit: QuantumCircuit, shots: int) -> Mapping[str, object]:
        values = [False] * circuit.num_qubits
        for instruction in circuit.data:
            if instruction.operation.name == "x":
                values[circuit.find_bit(instruction.qubits[0]).index] ^= True
        outcome = self._written_by(circuit, values)
        return {
            "counts": {outcome: shots},
            "memory": [hex(int(outcome.replace(" ", ""), 2))] * shots,
        }


SAMPLERS = [
    StatevectorSampler,
    SamplerV2,
    lambda: BackendSamplerV2(backend=AerSimulator()),
    lambda: BackendSamplerV2(backend=Packing(as_braket)),
    lambda: BackendSamplerV2(backend=Packing(as_iqm)),
]


def shapes() -> list[tuple[QuantumCircuit, Values]]:
    """A register that is not measured, an odd order, loose bits, a bit measured twice, all bits."""
    made = []
    everything = [(clbit % QUBITS, clbit) for clbit in reversed(range(7))]
    for number, pairs in enumerate(
        [[(0, 3)], [(3, 1), (0, 4), (2, 0)], [(1, 6), (3, 2)], [(0, 4), (1, 4), (2, 1)], everything]
    ):
        circuit = QuantumCircuit(
            QuantumRegister(QUBITS, "q"), ClassicalRegister(2, "a"), [Clbit()],
            ClassicalRegister(3, "b"), [Clbit()],
        )  # fmt: skip
        values = [bool(5 + number >> qubit & 1) for qubit in range(QUBITS)]
        circuit.x([qubit for qubit, value in enumerate(values) if value])
        for pair in pairs:
            circuit.measure(*pair)
        made.append((circuit, values))
    return made


@pytest.mark.parametrize("make", SAMPLERS)
@pytest.mark.parametrize(("circuit", "values"), shapes())
def test_samplers_of_every_kind_give_each_bit_its_place(
    make: Callable[[], Any], circuit: QuantumCircuit, values: Values
) -> None:
    ready, layout = only_measured(circuit)
    (pub,) = make().run([ready], shots=SHOTS).result()

    (found,) = outcomes.from_sampler(layout, pub.data, memory=True)

    assert found.readable_counts() == {expected(circuit, values): SHOTS}
    assert found.readable_memory() == [expected(circuit, values)] * SHOTS


# Outcomes that mean nothing


def one_of_three(*, one: bool = True) -> QuantumCircuit:
    circuit = QuantumCircuit(QuantumRegister(3, "q"), *map(ClassicalRegister, (1, 1, 1), "abc"))
    if one:
        circuit.x(0)
    circuit.measure(0, 1)
    return circuit


def of_control_flow(*, one: bool = True) -> QuantumCircuit:
    """Measures two of its three bits, one only if the other is 1."""
    circuit = one_of_three(one=one)
    with circuit.if_test((circuit.clbits[1], 1)):
        circuit.measure(0, 2)
    return circuit


@pytest.mark.parametrize(
    ("circuit", "outcome"),
    [
        (one_of_three(), "001"),  # of all qubits, by a vendor who measures all of them
        (one_of_three(), "0x2"),
        (one_of_three(), "11"),
        (one_of_three(), "-"),  # Azure's for a qubit that was lost
        (one_of_three(), "-1"),
        (one_of_three(), "0xg"),
        (one_of_three(), -1),
        (one_of_three(), ""),
        (one_of_three(), "1 1 1"),  # where nothing is measured
        (of_control_flow(), "11"),
        (of_control_flow(), "0x8"),
    ],
)
@pytest.mark.parametrize("kind", ["counts", "memory"])
def test_a_circuit_whose_outcomes_cannot_be_understood_fails_alone(
    circuit: QuantumCircuit, outcome: Any, kind: str
) -> None:
    _, layout = only_measured(circuit)
    given_ = experiment(**{kind: {outcome: SHOTS} if kind == "counts" else [outcome] * SHOTS})

    found = outcomes.from_result(layout, SHOTS, given_)

    assert found.failed
    assert repr(str(outcome)) in found.message
    assert "cannot be told" in found.message


def test_registers_with_spaces_between_them_are_those_of_the_circuit() -> None:
    _, layout = only_measured(one_of_three())
    twice = QuantumCircuit(2, 2)
    twice.add_register(ClassicalRegister(name="again", bits=[twice.clbits[1]]))
    twice.measure([0, 1], [0, 1])

    found = outcomes.from_result(layout, SHOTS, experiment(counts={"0 1 0": SHOTS}))
    shared = outcomes.from_result(
        only_measured(twice)[1], SHOTS, experiment(counts={"1 10": SHOTS})
    )

    assert found.readable_counts() == {"0 1 0": SHOTS}
    assert shared.readable_counts() == {"1 10": SHOTS}


def test_parts_of_shots_are_no_counts() -> None:
    given_ = experiment(counts={"1": 2.5, "0": 0.5})

    found = outcomes.from_result(only_measured(one_of_three())[1], SHOTS, given_)

    assert found.failed
    assert "counted 2.5 shots" in found.message


@pytest.mark.parametrize("data", [{"counts": {"101": SHOTS}}, {"memory": ["0x0"]}, {}])
@pytest.mark.parametrize("clbits", [0, 3])
def test_what_is_measured_though_the_circuit_does_not_is_no_outcome(
    clbits: int, data: dict[str, Any]
) -> None:
    ready, layout = only_measured(bare := QuantumCircuit(3, clbits))

    found = outcomes.from_result(layout, SHOTS, experiment(**data))

    assert ready is bare
    assert found.failed
    assert found.message == "the circuit measures nothing"


def test_registers_of_other_sizes_are_not_taken_for_those_of_the_circuit() -> None:
    other = QuantumCircuit(3)
    for name, size in (("a", 2), ("b", 1)):
        other.add_register(ClassicalRegister(size, name))
    other.measure([0, 1, 2], [0, 1, 2])
    (pub,) = StatevectorSampler().run([other], shots=SHOTS).result()

    with pytest.raises(ValueError, match="no data for some of the registers"):
        list(outcomes.from_sampler(Layout(3, (("a", 1), ("b", 2))), pub.data, memory=False))


# What a backend gets


def with_variable() -> QuantumCircuit:
    circuit = QuantumCircuit(1, 2, inputs=[expr.Var.new("unused", types.Bool())])
    circuit.measure(0, 1)
    return circuit


@pytest.mark.parametrize("circuit", [of_control_flow(), with_variable()])
def test_a_circuit_that_may_read_its_bits_is_left_alone(circuit: QuantumCircuit) -> None:
    ready, layout = only_measured(circuit)

    assert ready is circuit
    assert layout.given == circuit.num_clbits


@pytest.mark.parametrize(("one", "outcome"), [(True, "1 1 0"), (False, "0 0 0")])
def test_a_bit_that_is_only_measured_in_a_branch_has_its_place(one: bool, outcome: str) -> None:
    ready, layout = only_measured(of_control_flow(one=one))

    (result,) = AerSimulator().run(ready, shots=SHOTS).result().results

    found = outcomes.from_result(layout, SHOTS, result)
    assert found.readable_counts() == {outcome: SHOTS}


@pytest.mark.parametrize("one", [True, False])
@pytest.mark.parametrize("make", [SamplerV2, lambda: BackendSamplerV2(backend=AerSimulator())])
def test_a_sampler_takes_no_bit_for_that_of_another_register_where_there_are_branches(
    make: Callable[[], Any], one: bool
) -> None:
    circuit = QuantumCircuit(
        QuantumRegister(3, "q"), [Clbit()], a := ClassicalRegister(2, "a"), [Clbit()],
        ClassicalRegister(1, "b"), [Clbit()], name="ours", global_phase=0.5,
    )  # fmt: skip
    circuit.x([0, 2] if one else [2])
    circuit.measure([2, 0], [0, 1])
    with circuit.if_test((a, 1)):
        circuit.measure(0, 3)
        with circuit.if_test(expr.less(a, 2)):
            circuit.measure(2, 5)
    ready, layout = only_measured(circuit)

    (pub,) = make().run([outcomes.all_in_registers(ready)], shots=SHOTS).result()

    (found,) = outcomes.from_sampler(layout, pub.data, memory=True)
    assert found.readable_counts() == {"111 0 01" if one else "001 0 00": SHOTS}
    assert (ready.name, ready.global_phase) == (circuit.name, circuit.global_phase)
    assert found.registers == Layout.of(circuit).registers


def test_nothing_but_the_bits_that_are_not_measured_is_taken_away() -> None:
    angle = Parameter("angle")
    circuit = QuantumCircuit(3, 4, name="ours", global_phase=0.5, metadata={"made": "by hand"})
    circuit.h(0)
    circuit.rx(angle, 1)
    circuit.cx(0, 2)
    bare = circuit.copy()
    circuit.measure([2, 0], [3, 1])
    ready, _ = only_measured(circuit)

    assert (ready.name, ready.metadata, ready.qregs) == ("ours", circuit.metadata, circuit.qregs)
    assert [register.size for register in ready.cregs] == [ready.num_clbits] == [2]
    assert ready.parameters == circuit.parameters
    unmeasured = ready.assign_parameters([0.3]).remove_final_measurements(inplace=False)
    assert Statevector(unmeasured) == Statevector(bare.assign_parameters([0.3]))
    assert circuit.num_clbits == 4


def test_a_transpiled_circuit_keeps_where_its_qubits_are() -> None:
    circuit = QuantumCircuit(2, 3)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure([0, 1], [2, 0])
    fitted = transpile(circuit, GenericBackendV2(5, seed=1), initial_layout=[3, 1])

    ready, _ = only_measured(fitted)

    assert ready.layout == fitted.layout
    assert ready.num_clbits == 2


@pytest.mark.parametrize("registers", [[3], [1, 2]])
def test_a_circuit_that_measures_all_of_its_bits_is_itself(registers: list[int]) -> None:
    circuit = QuantumCircuit(QuantumRegister(3), *map(ClassicalRegister, registers))
    circuit.measure(range(3), [2, 0, 1])

    assert only_measured(circuit)[0] is circuit
