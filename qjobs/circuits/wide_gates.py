"""Gates of OpenQASM 2 with very many parameters, at a cost that grows with their length alone.

Qiskit hands all parameters of a gate to each statement of its definition. So the definition is
read as a few gates, each with the parameters that its statements name, and put together again.
"""

import re
from collections.abc import Callable, Iterator
from math import isqrt
from typing import TYPE_CHECKING

from qjobs.circuits.extent import without_comments

if TYPE_CHECKING:
    from qiskit import QuantumCircuit
    from qiskit.circuit import Instruction

MANY = 64
"""Up to so many parameters, a gate costs no more than its statements."""

_GATE = re.compile(r"\bgate\s+(\w+)\s*\(([^(){};]*)\)([^{};]*)\{([^}]*)\}")
_NAME = re.compile(r"[A-Za-z_]\w*")


def load(text: str, loads: "Callable[[str], QuantumCircuit]") -> "QuantumCircuit":
    """The circuit that `loads` gives for a program, or what it raises."""
    circuit = loads(text)  # as it was written first, for the places of what is wrong in it
    if "gate" not in text:
        return circuit
    code = without_comments(text)
    prefix = "part"
    while prefix in code:
        prefix += "_"
    parts = _Parts(prefix)
    divided = _GATE.sub(parts.divide, code)
    if not parts.count:
        return circuit
    circuit = loads(divided)
    parts.join(circuit)
    return circuit


class _Parts:
    """The gates that long definitions are divided into, whose names begin with a prefix."""

    def __init__(self, prefix: str) -> None:
        self.count = 0
        self._prefix = prefix

    def divide(self, gate: re.Match[str]) -> str:
        """The text of a gate's definition, behind those of its parts."""
        name, names, qubits, body = gate.groups()
        parameters = dict.fromkeys(_NAME.findall(names))
        if len(parameters) <= MANY:
            return gate[0]
        texts, calls = [], []
        for used, statements in _groups(body, parameters, size=isqrt(len(parameters))):
            given = f"({', '.join(used)})" if used else ""
            head = f"{self._prefix}{self.count}{given} {qubits}"
            texts.append(f"gate {head} {{ {statements} }}\n")
            calls.append(f"{head};")
            self.count += 1
        return f"{''.join(texts)}gate {name}({names}){qubits}{{ {' '.join(calls)} }}"

    def join(self, circuit: "QuantumCircuit") -> None:
        """Put the statements of parts where the parts are, at whatever depth."""
        for instruction in circuit.data:
            operation = instruction.operation
            if instruction.is_control_flow():
                for block in operation.blocks:
                    self.join(block)
            elif not instruction.is_standard_gate() and operation.definition is not None:
                self._join(operation)

    def _join(self, gate: "Instruction") -> None:
        definition = gate.definition
        if any(inner.name.startswith(self._prefix) for inner in definition.data):
            new = definition.copy_empty_like()
            for part in definition.data:
                new.compose(part.operation.definition, part.qubits, inplace=True, copy=False)
            gate.definition = new
        self.join(gate.definition)


def _groups(
    body: str, parameters: dict[str, None], *, size: int
) -> Iterator[tuple[list[str], str]]:
    """The statements of a definition in turn, in groups that name about `size` parameters."""
    used: dict[str, None] = {}
    statements: list[str] = []
    for statement in body.split(";")[:-1]:
        used |= dict.fromkeys(name for name in _NAME.findall(statement) if name in parameters)
        statements.append(f"{statement};")
        if len(used) >= size or len(statements) >= size:
            yield [*used], "".join(statements)
            used, statements = {}, []
    if statements:
        yield [*used], "".join(statements)
