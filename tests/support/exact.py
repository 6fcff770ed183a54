"""What circuits do, worked out with Qiskit's `Statevector` alone: a second opinion on simulators.

Every outcome of a measurement is a branch with a state of its own, whose norm is the square root
of its probability. For few qubits, and few measurements.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from qiskit import ClassicalRegister, QuantumCircuit
from qiskit.circuit import Clbit, Gate, Parameter, Qubit
from qiskit.circuit.annotated_operation import AnnotatedOperation
from qiskit.circuit.classical import expr, types
from qiskit.circuit.controlflow import CASE_DEFAULT
from qiskit.quantum_info import Operator, Statevector

Values: TypeAlias = Mapping[Parameter, float]

NO_VALUES: Values = {}
NOTHING = 1e-12
LONGEST_LOOP = 50
_DO_NOTHING = frozenset({"barrier", "delay"})

_PROJECTORS = {
    "0": [[1, 0], [0, 0]],
    "1": [[0, 0], [0, 1]],
    "+": [[0.5, 0.5], [0.5, 0.5]],
    "-": [[0.5, -0.5], [-0.5, 0.5]],
    "r": [[0.5, -0.5j], [0.5j, 0.5]],
    "l": [[0.5, 0.5j], [-0.5j, 0.5]],
}


@dataclass(frozen=True)
class Branch:
    """One course of events. `leaving` is "break" or "continue" on the way out of a loop."""

    state: Statevector
    bits: tuple[int, ...]
    variables: Mapping[Any, int]
    leaving: str = ""

    @property
    def probability(self) -> float:
        return float(np.vdot(self.state.data, self.state.data).real)

    @property
    def outcome(self) -> int:
        return sum(bit << place for place, bit in enumerate(self.bits))


def branches(circuit: QuantumCircuit, values: Values = NO_VALUES) -> list[Branch]:
    """What may have happened at the end of a circuit that begins in |0...0>.

    `values` are those of its parameters.
    """
    start = Branch(Statevector.from_int(0, 2**circuit.num_qubits), (0,) * circuit.num_clbits, {})
    qubits = {qubit: index for index, qubit in enumerate(circuit.qubits)}
    clbits = {clbit: index for index, clbit in enumerate(circuit.clbits)}
    return _Block(circuit, qubits, clbits, values).run([start])


def probabilities(branches: Iterable[Branch]) -> dict[int, float]:
    """Those of the outcomes, bit 0 of which is clbit 0."""
    found: dict[int, float] = {}
    for branch in branches:
        found[branch.outcome] = found.get(branch.outcome, 0.0) + branch.probability
    return found


def measured(branches: Iterable[Branch]) -> dict[int, float]:
    """As `probabilities`, had all qubits been measured at the end into further clbits."""
    found: dict[int, float] = {}
    for branch in branches:
        for basis, amplitude in enumerate(branch.state.data):
            outcome = branch.outcome | basis << len(branch.bits)
            found[outcome] = found.get(outcome, 0.0) + float(abs(amplitude) ** 2)
    return found


def expectation(branches: Iterable[Branch], observable: Mapping[str, float]) -> float:
    """That of an observable given by its labels, over what may have happened."""
    return sum(
        float(np.vdot(branch.state.data, _applied(label, branch.state)).real) * coefficient
        for branch in branches
        for label, coefficient in observable.items()
    )


def _applied(label: str, state: Statevector) -> Any:
    for qubit, letter in enumerate(reversed(label)):
        if letter in _PROJECTORS:
            state = state.evolve(Operator(_PROJECTORS[letter]), [qubit])
        elif letter != "I":
            state = state.evolve(Operator.from_label(letter), [qubit])
    return state.data


@dataclass(frozen=True)
class _Block:
    """A circuit, or a block of one: where its bits are in the whole."""

    circuit: QuantumCircuit
    qubits: Mapping[Qubit, int]
    clbits: Mapping[Clbit, int]
    values: Values

    def run(self, branches: Iterable[Branch]) -> list[Branch]:
        found = [*branches]
        for instruction in self.circuit.data:
            found = [
                after
                for branch in found
                for after in ([branch] if branch.leaving else self._step(instruction, branch))
                if after.probability > NOTHING
            ]
        return found

    def _step(  # noqa: C901, PLR0911 - a case for each kind of operation
        self, instruction: Any, branch: Branch
    ) -> list[Branch]:
        operation = instruction.operation
        at = [self.qubits[qubit] for qubit in instruction.qubits]
        match str(operation.name):
            case name if name in _DO_NOTHING:
                return [branch]
            case "measure":
                place = self.clbits[instruction.clbits[0]]
                bits = branch.bits
                return [
                    replace(
                        self._projected(branch, at[0], value),
                        bits=(*bits[:place], value, *bits[place + 1 :]),
                    )
                    for value in (0, 1)
                ]
            case "reset":
                one = self._projected(branch, at[0], 1)
                flipped = replace(one, state=one.state.evolve(Operator.from_label("X"), at))
                return [self._projected(branch, at[0], 0), flipped]
            case "break_loop" | "continue_loop":
                return [replace(branch, leaving=operation.name.removesuffix("_loop"))]
            case "store":
                value = self._value(operation.rvalue, branch)
                return [self._stored(operation.lvalue, value, branch)]
            case "if_else":
                chosen = operation.blocks[0 if self._holds(operation.condition, branch) else 1 :]
                return self._inside(instruction, chosen[0], branch) if chosen else [branch]
            case "switch_case":
                return self._switched(instruction, branch)
            case "for_loop":
                indices, parameter, _ = operation.params
                turns = [{parameter: index} if parameter else {} for index in indices]
                return self._looped(instruction, turns, branch)
            case "while_loop":
                return self._while(instruction, branch)
            case _:
                pass
        if isinstance(operation, Gate | AnnotatedOperation) or operation.definition is None:
            return [replace(branch, state=branch.state.evolve(self._operator(operation), at))]
        return self._inside(instruction, operation.definition, branch)

    def _operator(self, operation: Any) -> Operator:
        alone = QuantumCircuit(operation.num_qubits)
        alone.append(operation.copy(), range(operation.num_qubits))
        return Operator(alone.assign_parameters({p: self.values[p] for p in alone.parameters}))

    def _inside(
        self,
        instruction: Any,
        block: QuantumCircuit,
        branch: Branch,
        more: Values = NO_VALUES,
    ) -> list[Branch]:
        qubits = [self.qubits[qubit] for qubit in instruction.qubits]
        clbits = [self.clbits[clbit] for clbit in instruction.clbits]
        return _Block(
            block,
            dict(zip(block.qubits, qubits, strict=True)),
            {**self.clbits, **dict(zip(block.clbits, clbits, strict=True))},
            {**self.values, **more},
        ).run([branch])

    def _looped(self, instruction: Any, turns: Iterable[Values], branch: Branch) -> list[Branch]:
        body = instruction.operation.blocks[0]
        found = [branch]
        for values in turns:
            found = [
                replace(after, leaving=after.leaving.removesuffix("continue"))
                for before in found
                for after in (
                    [before] if before.leaving else self._inside(instruction, body, before, values)
                )
            ]
        return [replace(after, leaving="") for after in found]

    def _while(self, instruction: Any, branch: Branch) -> list[Branch]:
        operation = instruction.operation
        running, ended = [branch], []
        for _ in range(LONGEST_LOOP):
            going = [one for one in running if self._holds(operation.condition, one)]
            ended += [one for one in running if one not in going]
            running = []
            for one in going:
                for after in self._inside(instruction, operation.blocks[0], one):
                    (ended if after.leaving == "break" else running).append(
                        replace(after, leaving="")
                    )
            if not running:
                return ended
        raise ValueError("the loop does not end")

    def _switched(self, instruction: Any, branch: Branch) -> list[Branch]:
        value = self._value(instruction.operation.target, branch)
        for labels, block in instruction.operation.cases_specifier():
            if CASE_DEFAULT in labels or value in labels:
                return self._inside(instruction, block, branch)
        return [branch]

    @staticmethod
    def _projected(branch: Branch, qubit: int, value: int) -> Branch:
        projector = Operator(_PROJECTORS[str(value)])
        return replace(branch, state=branch.state.evolve(projector, [qubit]))

    def _stored(self, target: Any, value: int, branch: Branch) -> Branch:
        if target.standalone:
            return replace(branch, variables={**branch.variables, target.var: value})
        bits = [*branch.bits]
        for place, bit in enumerate(_bits(target.var)):
            bits[self.clbits[bit]] = value >> place & 1
        return replace(branch, bits=tuple(bits))

    def _holds(self, condition: Any, branch: Branch) -> bool:
        if isinstance(condition, tuple):
            target, value = condition
            return self._value(target, branch) == int(value)
        return bool(self._value(condition, branch))

    def _value(self, node: Any, branch: Branch) -> int:  # noqa: PLR0911 - as above
        """The value of a bit, a register or an expression."""
        match node:
            case Clbit() | ClassicalRegister():
                return sum(
                    branch.bits[self.clbits[bit]] << place for place, bit in enumerate(_bits(node))
                )
            case expr.Var():
                if node.standalone:
                    return branch.variables[node.var]
                return self._value(node.var, branch)
            case expr.Value():
                return int(node.value)
            case expr.Cast():
                value = self._value(node.operand, branch)
                return int(bool(value)) if node.type == types.Bool() else value & _mask(node.type)
            case expr.Unary():
                value = self._value(node.operand, branch)
                if node.op is expr.Unary.Op.LOGIC_NOT:
                    return int(not value)
                return ~value & _mask(node.type)
            case expr.Binary():
                both = self._value(node.left, branch), self._value(node.right, branch)
                return _BINARY[node.op](*both) & _mask(node.type)
            case _:
                raise NotImplementedError(repr(node))


def _bits(target: Clbit | ClassicalRegister) -> list[Clbit]:
    return [target] if isinstance(target, Clbit) else [*target]


def _mask(type_: Any) -> int:
    return 1 if type_ == types.Bool() else (1 << type_.width) - 1


_BINARY: dict[Any, Callable[[int, int], int]] = {
    expr.Binary.Op.BIT_AND: lambda one, other: one & other,
    expr.Binary.Op.BIT_OR: lambda one, other: one | other,
    expr.Binary.Op.BIT_XOR: lambda one, other: one ^ other,
    expr.Binary.Op.LOGIC_AND: lambda one, other: int(bool(one and other)),
    expr.Binary.Op.LOGIC_OR: lambda one, other: int(bool(one or other)),
    expr.Binary.Op.EQUAL: lambda one, other: int(one == other),
    expr.Binary.Op.NOT_EQUAL: lambda one, other: int(one != other),
    expr.Binary.Op.LESS: lambda one, other: int(one < other),
    expr.Binary.Op.LESS_EQUAL: lambda one, other: int(one <= other),
    expr.Binary.Op.GREATER: lambda one, other: int(one > other),
    expr.Binary.Op.GREATER_EQUAL: lambda one, other: int(one >= other),
}


def check_counts(counts: Mapping[str, int], exact: Mapping[int, float], shots: int) -> None:
    """Assert that counts by hexadecimal outcomes may be of these probabilities.

    By Hoeffding's inequality right ones fail in one of a billion.
    """
    found = {int(outcome, 16): number for outcome, number in counts.items()}
    assert sum(found.values()) == shots
    most = math.sqrt(math.log(2e9 * len(exact)) / (2 * shots))
    for outcome in {*found, *exact}:
        probability = exact.get(outcome, 0.0)
        share = found.get(outcome, 0) / shots
        assert abs(share - probability) <= (most if probability > NOTHING else 0.0), (
            f"{outcome:b} is found in {share} of the shots, where {probability} is right"
        )


def check_values(
    values: Iterable[float],
    branches: Sequence[Branch],
    observables: Iterable[Mapping[str, float]],
    shots: int,
) -> None:
    """Assert that expectation values are right: exactly, or as means over `shots` if chance was in.

    By Hoeffding's inequality right ones fail in one of a billion.
    """
    for value, observable in zip(values, observables, strict=True):
        right = expectation(branches, observable)
        most = 1e-6
        if len(branches) > 1:
            most += math.sqrt(2 * math.log(2e9) / shots) * sum(map(abs, observable.values()))
        assert abs(value - right) <= most, f"{value} for {right}, of {observable}"
