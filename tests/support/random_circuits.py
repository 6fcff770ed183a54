"""Circuits of everything that Qiskit's circuits may have, drawn at random, each from a number."""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import ControlledGate, Gate, Measure, Parameter, Reset
from qiskit.circuit.annotated_operation import (
    AnnotatedOperation,
    ControlModifier,
    InverseModifier,
    PowerModifier,
)
from qiskit.circuit.classical import expr
from qiskit.circuit.library import (
    DiagonalGate,
    Initialize,
    MCPhaseGate,
    MCXGate,
    PauliEvolutionGate,
    PauliGate,
    PermutationGate,
    QFTGate,
    UnitaryGate,
)
from qiskit.circuit.library.standard_gates import get_standard_gate_name_mapping
from qiskit.quantum_info import SparsePauliOp, random_statevector, random_unitary

NUMBERS = range(
    int(os.environ.get("QJOBS_RANDOM_FROM", "0")),
    int(os.environ.get("QJOBS_RANDOM_FROM", "0")) + int(os.environ.get("QJOBS_RANDOM", "12")),
)
"""Those of the circuits that tests draw; more by hand."""

PARAMETERS = tuple(Parameter(name) for name in "abc")
LETTERS = "IXYZ01+-rl"
MOST_BRANCHINGS = 4


def _loops_bind() -> bool:
    circuit, turn = QuantumCircuit(1), Parameter("turn")
    with circuit.for_loop(range(2), turn):
        circuit.rx(turn, 0)
    return not circuit.parameters


LOOPS_BIND = _loops_bind()
"""Whether the parameter of a loop is none of the circuit: to Qiskit 2.2 it is."""

_STANDARD = [gate for gate in get_standard_gate_name_mapping().values() if isinstance(gate, Gate)]
CLIFFORD = ("h", "s", "sdg", "x", "y", "z", "sx", "cx", "cy", "cz", "swap", "ecr", "dcx", "iswap")


class Draw:
    """Draws one circuit.

    It has `width` qubits in several registers, some of them idle, and two registers of clbits.
    With `dynamic` it measures, resets and decides on the way, and with `breaks` it leaves loops
    early, which no device can; without, it is one unitary. All
    angles are numbers unless it is `parametrised`. `gates` are the names of standard gates, if
    there are to be no others.
    """

    def __init__(
        self,
        number: int,
        *,
        width: int = 4,
        dynamic: bool = True,
        breaks: bool = True,
        parametrised: bool = True,
        gates: Sequence[str] = (),
    ) -> None:
        self._random = np.random.default_rng([number, width, dynamic, parametrised, len(gates)])
        self._breaks = breaks
        self._parametrised = parametrised
        self._left = MOST_BRANCHINGS if dynamic else 0
        self._gates = [gate for gate in _STANDARD if not gates or gate.name in gates]
        self._only_these = bool(gates)
        cut = int(self._random.integers(1, width))
        self._circuit = QuantumCircuit(
            QuantumRegister(cut, "low"),
            QuantumRegister(width - cut, "high"),
            ClassicalRegister(2, "z"),
            ClassicalRegister(3, "a"),
            name=f"random {number}",
        )
        some = self._random.permutation(width)[: self._random.integers(1, width + 1)]
        self._active = [int(qubit) for qubit in some]

    def circuit(self, *, measured: bool) -> QuantumCircuit:
        """It, with measurements at its end or without."""
        circuit = self._circuit
        if self._chance(0.3):
            circuit.global_phase = self._angle()
        self._fill(circuit, int(self._random.integers(4, 12)), depth=0)
        for qubit in self._active:
            # Nothing before this is at the end.
            circuit.append(self._standard([qubit]), [qubit])
        if measured:
            clbits = self._random.permutation(circuit.num_clbits).tolist()
            qubits = self._random.permutation(circuit.num_qubits).tolist()
            circuit.measure(qubits[:4], clbits[: min(4, len(qubits))])
        return circuit

    def _fill(self, circuit: QuantumCircuit, steps: int, *, depth: int) -> None:
        for _ in range(steps):
            if self._left and self._chance(0.35):
                self._branch(circuit, depth)
            elif self._chance(0.1):
                circuit.barrier(self._some(circuit, 2))
            else:
                qubits = self._some(circuit, int(self._random.integers(1, 4)))
                circuit.append(self._operation(qubits), qubits)

    # Gates

    def _operation(self, qubits: list[int]) -> Any:
        if self._only_these or self._chance(0.6):
            return self._standard(qubits)
        size = len(qubits)
        makes: list[Callable[[], Any]] = [
            lambda: UnitaryGate(random_unitary(2**size, seed=self._seed())),
            lambda: DiagonalGate(np.exp(1j * self._random.uniform(-3, 3, 2**size)).tolist()),
            lambda: PauliGate("".join(self._random.choice([*"IXYZ"], size))),
            lambda: PermutationGate(self._random.permutation(size).tolist()),
            lambda: QFTGate(size),
            lambda: PauliEvolutionGate(
                # Of terms that commute: of others Qiskit makes an approximation.
                SparsePauliOp(["X" * size, "I" * (size - 1) + "X"], [0.4, 0.7]),
                time=self._angle(),
            ),
            lambda: AnnotatedOperation(
                self._standard(qubits[1:]),
                [ControlModifier(1, int(self._random.integers(2))), InverseModifier()],
            ),
            lambda: AnnotatedOperation(self._standard(qubits, free=False), PowerModifier(2)),
            lambda: self._custom(size),
            lambda: MCXGate(size - 1, ctrl_state=int(self._random.integers(2 ** (size - 1)))),
            lambda: MCPhaseGate(self._angle(), size - 1),
            lambda: self._controlled(qubits[1:]),
        ]
        while True:
            # Some want two qubits, and some gates have no such form.
            with suppress(Exception):
                made = self._pick(makes)()
                if made.num_qubits == size:
                    return made

    def _standard(self, qubits: list[int], *, free: bool = True) -> Gate:
        fitting = [gate for gate in self._gates if gate.num_qubits == len(qubits)]
        if not fitting:
            return self._custom(len(qubits))
        gate = self._pick(fitting)
        angles = [self._angle(free=free) for _ in gate.params]
        if isinstance(gate, ControlledGate) and not self._only_these and self._chance(0.4):
            state = int(self._random.integers(2**gate.num_ctrl_qubits))
            return gate.base_class(*angles, ctrl_state=state)
        return gate.base_class(*angles) if angles else gate

    def _controlled(self, qubits: list[int]) -> Gate:
        gate = self._standard(qubits)
        if gate.name == "cu":
            raise ValueError("Qiskit cannot read back what it writes of it")
        return gate.control(1, ctrl_state=int(self._random.integers(2)), annotated=False)

    def _custom(self, size: int) -> Gate:
        body = QuantumCircuit(size, name="custom", global_phase=self._angle())
        for _ in range(3):
            qubits = self._random.permutation(size)[: self._random.integers(1, 3)].tolist()
            body.append(self._standard(qubits), qubits)
        return body.to_gate()

    def _angle(self, *, free: bool = True) -> Any:
        number = float(self._random.uniform(-3, 3))
        if not (free and self._parametrised) or self._chance(0.5):
            return number
        one, other = self._random.permutation(len(PARAMETERS))[:2]
        a, b = PARAMETERS[one], PARAMETERS[other]
        return self._pick([a, 2 * a + b, a * b - number, number - a / 2, a.sin() + b])

    # What measures, resets and decides

    def _branch(self, circuit: QuantumCircuit, depth: int) -> None:
        kinds: list[Callable[[QuantumCircuit, int], None]] = [self._measure, self._reset]
        if depth < 2:
            # No variables: Aer cannot run them.
            kinds += [self._if, self._switch, self._for, self._while] * 2
        self._pick(kinds)(circuit, depth)

    def _measure(self, circuit: QuantumCircuit, _depth: int) -> None:
        self._left -= 1
        clbit = self._pick([*self._circuit.clbits])
        circuit.append(Measure(), [self._pick(self._active)], [clbit])

    def _reset(self, circuit: QuantumCircuit, _depth: int) -> None:
        self._left -= 1
        qubit = self._pick(self._active)
        if self._chance(0.5):
            circuit.append(Reset(), [qubit])
        else:
            state = random_statevector(2, seed=self._seed())
            circuit.append(Initialize(state), [qubit])

    def _condition(self) -> Any:
        bit, other = (self._pick([*self._circuit.clbits]) for _ in range(2))
        register = self._pick([*self._circuit.cregs])
        value = int(self._random.integers(2**register.size))
        return self._pick(
            [
                (bit, int(self._random.integers(2))),
                (register, value),
                expr.logic_or(expr.logic_not(bit), other),
                expr.less(register, value),
                expr.equal(expr.bit_xor(register, value), 1),
            ]
        )

    def _if(self, circuit: QuantumCircuit, depth: int) -> None:
        self._measure(circuit, depth)
        with circuit.if_test(self._condition()) as otherwise:
            self._fill(circuit, 2, depth=depth + 1)
        if self._chance(0.5):
            with otherwise:
                self._fill(circuit, 2, depth=depth + 1)

    def _switch(self, circuit: QuantumCircuit, depth: int) -> None:
        self._measure(circuit, depth)
        with circuit.switch(self._pick([*self._circuit.cregs])) as case:
            with case(0, 2):
                self._fill(circuit, 1, depth=depth + 1)
            with case(case.DEFAULT):
                self._fill(circuit, 2, depth=depth + 1)

    def _for(self, circuit: QuantumCircuit, depth: int) -> None:
        turn = Parameter(f"turn{self._seed()}") if LOOPS_BIND else None
        by = 0.7 if turn is None else turn
        with circuit.for_loop(self._pick([range(2), (3, 1)]), turn):
            circuit.rx(by * 0.3 + self._angle(), self._pick(self._active))
            self._fill(circuit, 1, depth=2)
            if self._breaks and self._chance(0.4):
                with circuit.if_test(self._condition()):
                    self._pick([circuit.break_loop, circuit.continue_loop])()
                circuit.ry(by, self._pick(self._active))

    def _while(self, circuit: QuantumCircuit, depth: int) -> None:
        self._left -= 1
        qubit, clbit = self._pick(self._active), self._pick([*self._circuit.clbits])
        circuit.reset(qubit)
        circuit.x(qubit)
        circuit.measure(qubit, clbit)
        others = [other for other in self._active if other != qubit]
        with circuit.while_loop((clbit, 1)):
            if others:
                circuit.append(self._standard(others[:1]), others[:1])
            circuit.x(qubit)
            circuit.measure(qubit, clbit)

    # Chance

    def _some(self, circuit: QuantumCircuit, most: int) -> list[int]:
        return [int(qubit) for qubit in self._random.permutation(self._active)[:most]]

    def _chance(self, probability: float) -> bool:
        return bool(self._random.random() < probability)

    def _pick(self, things: Sequence[Any]) -> Any:
        return things[int(self._random.integers(len(things)))]

    def _seed(self) -> int:
        return int(self._random.integers(2**31))


def observables(*, width: int = 4, letters: str = LETTERS) -> list[dict[str, float]]:
    """A few, of these letters."""
    random = np.random.default_rng(width)
    chances = [0.46, *[0.54 / (len(letters) - 1)] * (len(letters) - 1)]
    return [
        {
            "".join(random.choice([*letters], width, p=chances)): float(factor)
            for factor in random.uniform(-1, 1, terms)
        }
        for terms in (1, 1, 1, 1, 1, 2, 3, 4)
    ]
