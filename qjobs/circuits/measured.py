"""Circuits for backends that are not ours, whose classical bits nobody can mistake.

Vendors differ in what they make of bits that nothing is measured into: Braket's outcomes have one
character for each bit that is measured, IQM's leave out the registers of which none is, and a
sampler on top of either puts what it gets into the first bits. Samplers, Qiskit's and Aer's among
them, also take the bits of a register for neighbours. An outcome does not tell which of these it
is, so a backend gets a circuit of which all of them are true, and the bits are put where they
belong afterwards.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qjobs.circuits.layout import NOWHERE, Layout

if TYPE_CHECKING:
    from qiskit import ClassicalRegister, QuantumCircuit

_NAME = "measured"


def only_measured(circuit: "QuantumCircuit") -> "tuple[QuantumCircuit, Layout]":
    """The circuit as it is to be run, and how its outcomes are to be read.

    The layout is that of `circuit`, and its `bits` are those that the backend gives. A circuit
    that measures only some of its classical bits, or whose registers are not simply one behind
    the other, comes back with the measured bits in one register, in their order. One that may
    read its bits, with control flow or conditions, keeps them all, and its registers, but one
    behind the other, unless it has variables, or bits that are in several registers. Any other
    one is itself.
    """
    layout = Layout.of(circuit)
    bits = layout.bits or tuple(range(layout.clbits))
    written = _written(circuit)
    if written is None:
        in_order = layout._replace(bits=tuple(range(layout.clbits)))
        shared = layout.clbits != circuit.num_clbits
        if not layout.bits or shared or _variables(circuit):
            return circuit, layout._replace(bits=bits)
        return _one_behind_the_other(circuit, bits), in_order
    if not layout.bits and not layout.loose and len(written) == circuit.num_clbits:
        return circuit, layout._replace(bits=bits)
    given = {clbit: place for place, clbit in enumerate(written)}
    layout = layout._replace(bits=tuple(given.get(bit, NOWHERE) for bit in bits))
    return (_with_only(circuit, written) if written else circuit), layout


def _written(circuit: "QuantumCircuit") -> list[int] | None:
    """The classical bits that are written, in order; None if they may be read as well."""
    from qiskit.circuit import ControlFlowOp, Instruction, Store

    if _variables(circuit):
        return None
    conditional = hasattr(Instruction, "condition")  # of any gate: before Qiskit 2
    written = set()
    for instruction in circuit.data:
        if not (instruction.clbits or conditional):
            continue  # most: to look at an operation takes longer than all else
        operation = instruction.operation
        condition = getattr(operation, "condition", None)
        if isinstance(operation, ControlFlowOp | Store) or condition is not None:
            return None
        written.update(instruction.clbits)
    return sorted(circuit.find_bit(clbit).index for clbit in written)


def _variables(circuit: "QuantumCircuit") -> int:
    return int(getattr(circuit, "num_identifiers", circuit.num_vars))


def _with_only(circuit: "QuantumCircuit", clbits: Sequence[int]) -> "QuantumCircuit":
    """The circuit with these classical bits alone, in one register."""
    from qiskit import ClassicalRegister

    name = _NAME
    while any(register.name == name for register in circuit.qregs + circuit.cregs):
        name += "_"
    register = ClassicalRegister(len(clbits), name)
    moved = dict(zip((circuit.clbits[clbit] for clbit in clbits), register, strict=True))
    same = _empty(circuit, register)
    same.global_phase = circuit.global_phase
    for instruction in circuit.data:
        same.append(instruction.replace(clbits=[moved[clbit] for clbit in instruction.clbits]))
    return same


def _one_behind_the_other(circuit: "QuantumCircuit", bits: Sequence[int]) -> "QuantumCircuit":
    """The circuit with its classical bits in this order, the loose ones last."""
    from qiskit import ClassicalRegister
    from qiskit.circuit import Clbit

    registers = [ClassicalRegister(register.size, register.name) for register in circuit.cregs]
    same = _empty(circuit, *registers)
    same.add_bits([Clbit() for _ in range(len(bits) - same.num_clbits)])
    moved = dict(zip(bits, same.clbits, strict=True))
    same.compose(circuit, same.qubits, [moved[bit] for bit in sorted(moved)], inplace=True)
    return same


def _empty(circuit: "QuantumCircuit", *registers: "ClassicalRegister") -> "QuantumCircuit":
    """A circuit with the qubits of this one, and other classical registers."""
    from qiskit import QuantumCircuit

    same = QuantumCircuit(
        circuit.qubits,
        *circuit.qregs,
        *registers,
        name=circuit.name,
        metadata=circuit.metadata,
    )
    # Where a transpiler put the qubits, for vendors that ask; there is no other way to keep it.
    same._layout = circuit.layout  # noqa: SLF001
    return same
