"""A user's own gates run by their definitions, whatever they are called.

Engines, targets and the transpiler know operations by their names alone: a gate of the user's that
is called `iswap` would run as theirs. So it gets a name that nobody knows before one of them sees
it. Without a definition the name is all there is, and stays: in QPY, Aer's instructions are so.
"""

from collections.abc import Container, Mapping
from copy import copy
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qiskit import QuantumCircuit
    from qiskit.circuit import ControlFlowOp, Instruction, Operation
    from qiskit.transpiler import Target

PREFIX = "own_"
_KNOWN = frozenset({"qiskit", "qiskit_aer"})


def set_apart(circuit: "QuantumCircuit", *, kept: Container[str] = ()) -> "QuantumCircuit":
    """The circuit with its own gates renamed, at any depth; itself if it has none.

    Those whose names are `kept` are the engine's and stay.
    """
    renamed: dict[int, Operation] = {}
    for place, instruction in enumerate(circuit.data):
        if not instruction.is_standard_gate():
            operation = instruction.operation
            new = _renamed(operation, kept)
            if new is not operation:
                renamed[place] = new
    return _with(circuit, renamed)


def natives(target: "Target") -> frozenset[str]:
    """The names of a target's operations that neither Qiskit nor Aer has."""
    from qiskit.circuit import Gate, Instruction

    found = {name: target.operation_from_name(name) for name in target.operation_names}
    return frozenset(
        name
        for name, operation in found.items()
        if name not in _standard()
        and (type(operation) in (Gate, Instruction) or _package(operation) not in _KNOWN)
    )


def _package(operation: object) -> str:
    """Where the class of an operation is from."""
    kind = operation if isinstance(operation, type) else type(operation)
    # The classes that Qiskit makes of its singletons name no module.
    modules = [str(base.__module__) for base in kind.__mro__ if base.__module__]
    return modules[0].partition(".")[0]


def unrolled(circuit: "QuantumCircuit") -> "QuantumCircuit":
    """The circuit with its own gates replaced by their definitions; itself if it has none."""
    circuit = set_apart(circuit)
    while any(name.startswith(PREFIX) for name in circuit.count_ops()):
        circuit = circuit.decompose([f"{PREFIX}*"])
    branching = {
        place: instruction.operation
        for place, instruction in enumerate(circuit.data)
        if instruction.is_control_flow()
    }
    plain = {
        place: _with_blocks(operation, [unrolled(block) for block in operation.blocks])
        for place, operation in branching.items()
    }
    return _with(circuit, {p: new for p, new in plain.items() if new is not branching[p]})


def _renamed(operation: "Operation", kept: Container[str]) -> "Operation":
    from qiskit.circuit import AnnotatedOperation, ControlFlowOp, Gate, Instruction

    if isinstance(operation, ControlFlowOp):
        blocks = [set_apart(block, kept=kept) for block in operation.blocks]
        return _with_blocks(operation, blocks)
    if isinstance(operation, AnnotatedOperation):
        base = _renamed(operation.base_op, kept)
        if base is operation.base_op:
            return operation
        return AnnotatedOperation(base, operation.modifiers)
    if not isinstance(operation, Instruction) or not _is_own(operation, kept):
        return operation
    name = PREFIX + operation.name
    if type(operation) in (Gate, Instruction):
        new = copy(operation)
        new.name, new.params = name, [*operation.params]
    elif isinstance(operation, Gate):
        new = Gate(name, operation.num_qubits, operation.params, label=operation.label)
    else:
        bits = operation.num_qubits, operation.num_clbits
        new = Instruction(name, *bits, operation.params, label=operation.label)
    new.definition = set_apart(operation.definition, kept=kept)
    return new


def _is_own(operation: "Instruction", kept: Container[str]) -> bool:
    from qiskit.circuit import ControlledGate, Gate, Instruction

    if operation.name in kept:
        return False
    # What is not Qiskit's is of one of these classes to the letter when it was read from QPY. A
    # class of somebody's may be that of a vendor's engine, unless its name is one of Qiskit's.
    if type(operation) not in (Gate, Instruction, ControlledGate):
        standard = _standard().get(operation.name)
        foreign = _package(operation) not in _KNOWN
        if not foreign or standard is None or isinstance(operation, standard):
            return False
    return operation.definition is not None


@cache
def _standard() -> "Mapping[str, type[Instruction]]":
    """The classes of Qiskit's standard gates by their names."""
    from qiskit.circuit.library import get_standard_gate_name_mapping

    gates = get_standard_gate_name_mapping()
    return {name: gate.base_class for name, gate in gates.items()}


def _with(circuit: "QuantumCircuit", operations: "Mapping[int, Operation]") -> "QuantumCircuit":
    """The circuit with other operations in some places; itself if there are none."""
    if not operations:
        return circuit
    # To set one in place, Qiskit 2.6 panics where it has blocks.
    new = circuit.copy_empty_like()
    for place, instruction in enumerate(circuit.data):
        operation = operations.get(place)
        new.append(instruction.replace(operation=operation) if operation else instruction)
    return new


def _with_blocks(operation: "ControlFlowOp", blocks: "list[QuantumCircuit]") -> "ControlFlowOp":
    if all(new is old for new, old in zip(blocks, operation.blocks, strict=True)):
        return operation
    return operation.replace_blocks(blocks)
