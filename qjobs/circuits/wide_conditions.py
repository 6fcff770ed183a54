"""Conditions on numbers that QPY cannot hold become conditions on each bit, which it can.

QPY keeps the number that a register is compared with in eight bytes. That the whole register is
compared in one expression is no way out: Aer computes these in eight bytes, too.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qiskit import QuantumCircuit
    from qiskit.circuit import ClassicalRegister

MOST = 2**63 - 1


def narrow(circuit: "QuantumCircuit") -> "QuantumCircuit":
    """A circuit that does the same without such a condition; the same one if it has none."""
    from qiskit.circuit import ControlFlowOp

    old = list(circuit.data)
    new = [
        each.replace(operation=_narrow(each.operation))
        if isinstance(each.operation, ControlFlowOp)
        else each
        for each in old
    ]
    if all(a.operation is b.operation for a, b in zip(new, old, strict=True)):
        return circuit
    made = circuit.copy_empty_like()
    for instruction in new:
        made.append(instruction)
    return made


def _narrow(operation: Any) -> Any:
    from qiskit.circuit import IfElseOp, WhileLoopOp

    old = operation.blocks
    blocks = [narrow(block) for block in old]
    condition = getattr(operation, "condition", None)
    if isinstance(condition, tuple) and int(condition[1]) > MOST:
        kind = IfElseOp if isinstance(operation, IfElseOp) else WhileLoopOp
        return kind(_every_bit(*condition), *blocks, label=operation.label)
    if any(new is not block for new, block in zip(blocks, old, strict=True)):
        return operation.replace_blocks(blocks)
    return operation


def _every_bit(register: "ClassicalRegister", value: int) -> Any:
    """The condition that every bit of a register is as in a number."""
    from qiskit.circuit.classical import expr

    parts = [
        expr.lift(bit) if value >> at & 1 else expr.logic_not(bit)
        for at, bit in enumerate(register)
    ]
    while len(parts) > 1:  # in pairs, so that it is nested no deeper than need be
        pairs = zip(parts[::2], parts[1::2], strict=False)
        parts = [expr.logic_and(*pair) for pair in pairs] + parts[len(parts) & ~1 :]
    return parts[0]
