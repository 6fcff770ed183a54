"""Operations with modifiers (`ctrl @`, `inv @`, `pow @`) in circuits that were read from QPY.

Qiskit's reader forgets to tell the circuit of their parameters: nothing would ever be assigned.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qiskit import QuantumCircuit
    from qiskit.circuit import Operation

MARK = b"annotated"
"""What is in the bytes of each circuit that has one."""


def with_their_parameters(circuit: "QuantumCircuit") -> "QuantumCircuit":
    """The circuit as it was before it was written."""
    own: QuantumCircuit = circuit.copy_empty_like()
    # They become known as they are put in.
    own.data = [
        instruction.replace(operation=_whole(instruction.operation)) for instruction in circuit.data
    ]
    return own


def _whole(operation: "Operation") -> "Operation":
    from qiskit.circuit import AnnotatedOperation, Gate, Instruction

    if isinstance(operation, AnnotatedOperation):
        operation.base_op = _whole(operation.base_op)
    elif blocks := getattr(operation, "blocks", ()):
        return operation.replace_blocks(map(with_their_parameters, blocks))
    elif type(operation) in (Gate, Instruction) and operation.definition is not None:
        operation.definition = with_their_parameters(operation.definition)
    return operation
