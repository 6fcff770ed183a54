"""Circuits as QPY and back, by Qiskit, which is imported on the first call."""

import io
import struct
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from qjobs.circuits import annotated, records
from qjobs.circuits.foreign import qiskit_errors
from qjobs.circuits.qpy import (
    HEADER_BYTES,
    MAX_BITS,
    NEWEST_VERSION,
    Container,
    Dialect,
    check_size,
    first_record,
    read_header,
    whole,
)
from qjobs.circuits.wide_conditions import narrow
from qjobs.errors import InputError, UnreadableCircuit

if TYPE_CHECKING:
    from qiskit import QuantumCircuit


class UnreadRecord(NamedTuple):
    """A circuit of a QPY file that Qiskit cannot read: what its record still tells, and why."""

    name: str
    clbits: int
    why: str


def decode(data: bytes, *, start_index: int = 0) -> "list[QuantumCircuit]":
    """The circuits of a QPY file of any version. Qiskit is imported on the first call.

    Raises InputError if Qiskit cannot read it: UnreadableCircuit, which names the circuit, if it
    is one of those of a file with a table. `start_index` is the index of the first, for messages.
    """
    try:
        return _decode(data)
    except InputError:
        found = decode_each(data)
    read = [circuit for circuit in found if not isinstance(circuit, UnreadRecord)]
    for index, circuit in enumerate(found, start_index):
        if isinstance(circuit, UnreadRecord):
            raise UnreadableCircuit(
                f"circuit {index} ({circuit.name}): {circuit.why}", others=bool(read)
            )
    return read


def decode_each(data: bytes) -> "list[QuantumCircuit | UnreadRecord]":
    """The circuits of a QPY file, with an `UnreadRecord` in the place of each that is one.

    Raises InputError if no circuit can be told from the others: there is no table, or it is wrong.
    """
    try:
        return [*_decode(data)]
    except InputError as error:
        try:
            container = Container(data)
            found = container.all_records()
            at = container.read(HEADER_BYTES, 8)
        except InputError:
            raise error from None
        if at != first_record(len(found)).to_bytes(8):  # Qiskit reads no table that is shifted
            raise
    return [_decode_one(container.dialect, record) for record in found]


def _decode_one(dialect: Dialect, record: bytes) -> "QuantumCircuit | UnreadRecord":
    try:
        return _decode(whole(dialect, [record]))[0]
    except InputError as error:
        head = records.Head(0, 0, 0)
        with suppress(struct.error):
            head = records.read_head(record[: records.HEAD_BYTES])
        name = records.name(record, dialect.version) if head.name_bytes else ""
        return UnreadRecord(name, min(head.clbits, MAX_BITS), error.message)


def _decode(data: bytes) -> "list[QuantumCircuit]":
    from qiskit import qpy

    _check_sizes(data)
    stream = io.BytesIO(data)
    with qiskit_errors("Qiskit cannot read the QPY data"):
        circuits = list(qpy.load(stream))
        if annotated.MARK in data:
            circuits = list(map(annotated.with_their_parameters, circuits))
    if stream.tell() < len(data):
        raise InputError(f"{len(data) - stream.tell()} bytes stand behind the last circuit")
    return circuits


def _check_sizes(data: bytes) -> None:
    """Raise InputError for sizes that are absurd: Qiskit would reserve the memory, or abort."""
    try:
        dialect, circuits = read_header(data)
    except ValueError:
        return  # an old version, or nothing that Qiskit reads
    if not dialect.has_table:
        return
    try:
        table = struct.unpack_from(f"!{min(circuits, len(data))}Q", data, HEADER_BYTES)
        for at in table:
            check_size(data[at : at + records.HEAD_BYTES])
    except struct.error as error:
        raise InputError("the QPY data is cut short") from error


def encode(circuits: "Sequence[QuantumCircuit]") -> bytes:
    """Circuits as a QPY file, in the newest version that both Qiskit and this module know.

    Raises InputError if Qiskit cannot write one of them.
    """
    try:
        return _dump(circuits)
    except InputError:
        narrowed = [narrow(circuit) for circuit in circuits]
        if all(new is old for new, old in zip(narrowed, circuits, strict=True)):
            raise
        return _dump(narrowed)


def _dump(circuits: "Sequence[QuantumCircuit]") -> bytes:
    from qiskit import qpy
    from qiskit.qpy.common import QPY_VERSION

    buffer = io.BytesIO()
    with qiskit_errors("Qiskit cannot write the circuits as QPY"):
        qpy.dump(circuits, buffer, version=min(QPY_VERSION, NEWEST_VERSION))
    return buffer.getvalue()
