"""QPY files that cannot be joined by bytes, decoded by Qiskit a window at a time.

Decoded whole, a file takes eleven times its size in memory. Records are complete in
themselves in every version, so a run of them behind a header is a file that Qiskit reads.
"""

import mmap
import struct
from array import array
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from qjobs.circuits import codec, qpy, records
from qjobs.circuits.conditions import as_if_else
from qjobs.circuits.foreign import qiskit_errors
from qjobs.errors import InputError

if TYPE_CHECKING:
    from qiskit import QuantumCircuit
    from qiskit.circuit import Bit, Operation

WINDOW = 300
"""Circuits decoded at once: more are no faster, and take more memory."""


def decode_windows(path: Path, name: str) -> "Iterator[list[QuantumCircuit]]":
    """The circuits of a QPY file of any version that Qiskit reads.

    `name` is what the user calls the file. Conditions that Qiskit before 2.0 attached to
    instructions are `if_else`. Raises InputError, which names the first circuit that cannot be
    read.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            dialect, count = qpy.read_header(data[: qpy.HEADER_BYTES])
            bounds, straight = _bounds(memoryview(data), dialect, count, name)
        except ValueError:  # a version, or something in a record, that only Qiskit knows
            yield _decode_whole(data[:], name)
            return
        for start in range(0, count, WINDOW):
            ends = pairwise(bounds[start : start + WINDOW + 1])
            window = [data[from_:to] for from_, to in ends]
            yield _decode(dialect, window, straight[start : start + WINDOW], start, name)


def _decode(
    dialect: qpy.Dialect, window: Sequence[bytes], straight: bytes, start: int, name: str
) -> "list[QuantumCircuit]":
    """The circuits of records that are a part of a file, from circuit `start` on."""
    try:
        for record in window:
            qpy.check_size(record)
        plain = [
            given if known else as_if_else(given, dialect.version)
            for given, known in zip(window, straight, strict=True)
        ]
        circuits = codec.decode(qpy.whole(dialect, plain))
        with qiskit_errors("Qiskit cannot take its conditions"):
            return [
                circuit if made is given else _inlined(circuit)
                for circuit, made, given in zip(circuits, plain, window, strict=True)
            ]
    except (InputError, records.Unsliceable, struct.error, RecursionError) as error:
        if len(window) == 1:
            circuit = records.name(window[0], dialect.version)
            why = getattr(error, "message", str(error))
            raise InputError(f"{name}: circuit {start} ({circuit!r}): {why}") from error
    # Which one is it?
    return [
        circuit
        for at, record in enumerate(window)
        for circuit in _decode(dialect, [record], straight[at : at + 1], start + at, name)
    ]


def _inlined(circuit: "QuantumCircuit") -> "QuantumCircuit":
    """The circuit, where an instruction has control flow in its definition, with that in place.

    Qiskit 2 makes no such instructions, and its transpiler panics at them.
    """
    if any(map(_branching, _blocks(circuit))):
        raise ValueError("an instruction within control flow has some in its definition")
    names = _branching(circuit)
    if not names:
        return circuit
    plain = circuit.copy_empty_like()
    for instruction in circuit.data:
        if instruction.operation.name not in names:
            plain.append(instruction)
            continue
        definition = _inlined(instruction.operation.definition)
        places = dict(
            zip(
                (*definition.qubits, *definition.clbits),
                (*instruction.qubits, *instruction.clbits),
                strict=True,
            )
        )
        for inner in definition.data:
            plain.append(
                _placed(inner.operation, places),
                [places[qubit] for qubit in inner.qubits],
                [places[clbit] for clbit in inner.clbits],
            )
        plain.global_phase += definition.global_phase
    return plain


def _placed(operation: "Operation", places: "Mapping[Bit, Bit]") -> "Operation":
    """An operation with its condition on the bits that are in the places of its own."""
    from qiskit.circuit import Clbit, IfElseOp
    from qiskit.circuit.classical import expr

    if not isinstance(operation, IfElseOp):
        return operation
    target, value = operation.condition
    if isinstance(target, Clbit):
        return IfElseOp((places[target], value), *operation.blocks)
    if value >> len(target):
        raise ValueError("a register cannot have the value of a condition")
    # The circuit around it need not have such a register.
    bits = [
        expr.lift(places[bit]) if value >> at & 1 else expr.logic_not(places[bit])
        for at, bit in enumerate(target)
    ]
    return IfElseOp(reduce(expr.logic_and, bits), *operation.blocks)


def _branching(circuit: "QuantumCircuit") -> set[str]:
    """The names of the instructions that have control flow in their definition."""
    from qiskit.circuit import Instruction

    return {
        instruction.operation.name
        for instruction in circuit.data
        if type(instruction.operation) is Instruction
        and (definition := instruction.operation.definition)
        and (any(_blocks(definition)) or _branching(definition))
    }


def _blocks(circuit: "QuantumCircuit") -> "Iterator[QuantumCircuit]":
    """All blocks of a circuit's control flow, and the blocks in these."""
    for instruction in circuit.data:
        for block in getattr(instruction.operation, "blocks", ()):
            yield block
            yield from _blocks(block)


def _decode_whole(data: bytes, name: str) -> "list[QuantumCircuit]":
    """The circuits of a file that cannot be taken apart."""
    try:
        circuits = codec.decode(data)
        with qiskit_errors("Qiskit cannot read the QPY data"):
            lost = [_was_conditional(circuit) for circuit in circuits]
    except InputError as error:
        raise InputError(f"{name}: {error.message}", hint=error.hint) from error
    for index, circuit in enumerate(circuits):
        if lost[index]:
            raise InputError(
                f"{name}: circuit {index} ({circuit.name!r}) has conditions that Qiskit 2 misreads"
                " in a file as old as this",
                hint="write it again from Qiskit 1, without pulse calibrations",
            )
    return circuits


def _was_conditional(circuit: "QuantumCircuit") -> bool:
    """Whether a condition on an instruction is lost, or an `if_else` that Qiskit has made of it."""
    from qiskit.circuit import Clbit, ControlFlowOp, Instruction

    for instruction in circuit.data:
        operation = instruction.operation
        condition = getattr(operation, "condition", None)
        if condition is not None and not isinstance(operation, ControlFlowOp):
            return True
        if isinstance(condition, tuple):
            # One that was written as such has the bits of its condition.
            target, _ = condition
            bits = {target} if isinstance(target, Clbit) else set(target)
            if not bits.issubset(instruction.clbits):
                return True
        definition = operation.definition if type(operation) is Instruction else None
        inside = [*getattr(operation, "blocks", ()), *([definition] if definition else [])]
        if any(map(_was_conditional, inside)):
            return True
    return False


def bounds_of(path: Path, name: str, *, hint: str) -> "array[int]":
    """Where each record of a QPY file starts, and the last one ends; nothing is decoded.

    Raises InputError, also where only Qiskit can tell.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            dialect, count = qpy.read_header(data[: qpy.HEADER_BYTES])
            bounds, _ = _bounds(memoryview(data), dialect, count, name)
        except ValueError as error:
            raise InputError(
                f"{name} has no heads that can be read without Qiskit: {error}", hint=hint
            ) from error
    return bounds


def _bounds(
    data: memoryview, dialect: qpy.Dialect, count: int, name: str
) -> "tuple[array[int], bytes]":
    """Where each record starts, and the last one ends; of each, 1 if nothing is in it to convert.

    Raises records.Unsliceable.
    """
    straight = bytearray()
    with data:
        bounds = array("q", [len(dialect.header(0)) + 8 * count * dialect.has_table])
        try:
            for _ in range(count):
                walk = records.walk(data, bounds[-1], dialect.version)
                bounds.append(walk.at)
                straight.append(walk.straight)
        except records.CutShort as error:
            raise InputError(
                f"{name} is cut short: circuit {len(bounds) - 1} of {count}"
            ) from error
        if bounds[-1] != len(data):
            raise InputError(f"{name} goes on for {len(data) - bounds[-1]} bytes after its end")
    return bounds, bytes(straight)
