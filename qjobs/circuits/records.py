"""Find where the record of a circuit in a QPY file ends, without Qiskit.

All lengths in a record are explicit, so its end is found by adding them up. The layout is
documented at https://quantum.cloud.ibm.com/docs/api/qiskit/qpy#qpy-format; the structures
are those of `qiskit/qpy/formats.py`, named here after their class there. All numbers are
big-endian. Nothing inside a gate is looked at: a record may have an end and still be damaged.
"""

import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

OLDEST_VERSION = 5
NEWEST_VERSION = 18

CIRCUIT_HEADER_V12 = struct.Struct("!H1cHIIQIQI")
CIRCUIT_HEADER_V2 = struct.Struct("!H1cHIIQIQ")
REGISTER = struct.Struct("!1c?IH?")
_EXPR_VAR_DECLARATION = struct.Struct("!16scH")
_PARAMETER_VECTOR = struct.Struct("!HQ16s")
CUSTOM_DEFINITION = struct.Struct("!H1cII?QIIQ")
INSTRUCTION = struct.Struct("!HHHIIBHqII")
VALUE = struct.Struct("!1cQ")
_ARGUMENT_BYTES = 5
_ANNOTATION = struct.Struct("!IQ")
_LAYOUT_V2 = struct.Struct("!?iiiIi")
_LAYOUT_V1 = struct.Struct("!?iiiI")
_LAYOUT_BIT = struct.Struct("!ii")
_U16 = struct.Struct("!H")
_U32 = struct.Struct("!I")
_U64 = struct.Struct("!Q")

_EXPRESSION_TYPE_BYTES = {b"b": 0, b"u": 4, b"f": 0, b"d": 0}
HAS_EXPRESSION = 0b10
_HAS_ANNOTATIONS = 0b1000_0000
WITH_CIRCUITS = b"qt"
"""The kinds of a value that is a circuit, or a tuple."""
HEAD_BYTES = CIRCUIT_HEADER_V12.size
"""The length of the fixed head of a record, from version 12 on; the circuit's name follows."""


class Unsliceable(ValueError):
    """A record whose end cannot be found; Qiskit may still be able to read it."""


class CutShort(Unsliceable):
    """A record that runs out of the data."""


class Register(NamedTuple):
    """A register: its `kind`, q or c, its name, and the places of its bits in the circuit.

    It is `alone` if no bit is in another as well; one that is not `in_circuit` is only that of bits
    that are.
    """

    kind: bytes
    alone: bool
    in_circuit: bool
    name: bytes
    bits: Sequence[int]


class Head(NamedTuple):
    """What the first bytes of a record say of its circuit."""

    name_bytes: int
    qubits: int
    clbits: int


PHASE_AT = 2
"""Where in the head the kind of the global phase stands, one of `SYMBOLIC` if it is no number."""
SYMBOLIC = b"pve"
"""The kinds of a value with parameters in it: a parameter, an element of a vector of them, an
expression."""


def read_head(data: bytes) -> Head:
    """Read the `HEAD_BYTES` of a record; those of older versions begin in the same way."""
    name_bytes, _, _, qubits, clbits, *_ = CIRCUIT_HEADER_V12.unpack(data)
    return Head(name_bytes, qubits, clbits)


def name(record: bytes, version: int) -> str:
    """The name of a record's circuit."""
    head = CIRCUIT_HEADER_V12 if version >= 12 else CIRCUIT_HEADER_V2
    size, *_ = _U16.unpack_from(record)
    return record[head.size : head.size + size].decode(errors="replace")


def layout_head(version: int) -> struct.Struct:
    """How the layout of a transpiled circuit begins, from version 8 on."""
    return _LAYOUT_V2 if version >= 10 else _LAYOUT_V1


def find_operations(data: bytes, version: int) -> int:
    """The position in a record, given from its start on, behind its names and registers.

    Raises CutShort if the record is longer than the data before that.
    """
    walk = Walk(data, 0, version)
    try:
        walk.front()
    except struct.error as error:
        raise CutShort from error
    return walk.at


def find_end(data: bytes | memoryview, start: int, version: int) -> int:
    """The position behind the record that starts at `start`; never beyond `data`.

    Raises as `walk`.
    """
    return walk(data, start, version).at


def walk(data: bytes | memoryview, start: int, version: int) -> "Walk":
    """Go to the end of the record that starts at `start`.

    Raises CutShort if the record runs out of the data, and Unsliceable if it holds what this
    module does not know, such as the pulse calibrations of old versions.
    """
    if not OLDEST_VERSION <= version <= NEWEST_VERSION:
        raise Unsliceable(f"records of QPY version {version} are not known")
    gone = Walk(data, start, version)
    try:
        gone.record()
    except struct.error as error:
        raise CutShort from error
    return gone


class Walk:
    """A position that moves over one record. `struct` refuses to read beyond the data.

    `straight` says that it saw no conditions on instructions, and no circuits within the circuit.
    """

    straight = True

    def __init__(self, data: bytes | memoryview, start: int, version: int) -> None:
        self.data = data
        self.at = start
        self.end = len(data)
        self.version = version

    def skip(self, size: int) -> None:
        """Go on by so many bytes. Raises CutShort."""
        self.at += size
        if size < 0 or self.at > self.end:
            raise CutShort

    def read(self, size: int) -> bytes:
        """Read so many bytes. Raises CutShort."""
        start = self.at
        self.skip(size)
        return bytes(self.data[start : self.at])

    def take(self, layout: struct.Struct) -> tuple[Any, ...]:
        """Read a structure. Raises struct.error."""
        fields = layout.unpack_from(self.data, self.at)
        self.at += layout.size
        return fields

    def times(self, count: int, least_bytes: int) -> range:
        """`count` turns, if the rest of the data has room for so many items."""
        if count * least_bytes > self.end - self.at:
            raise CutShort
        return range(count)

    def record(self) -> None:
        """Go to the end of the record."""
        instructions = self.front()
        if self.version >= 15:
            for _ in range(self.take(_U32)[0]):
                self.skip(sum(self.take(_ANNOTATION)))
        if self.version >= 18:
            for _ in range(self.take(_U16)[0]):
                self.skip(self.take(_PARAMETER_VECTOR)[0])
        self.custom_definitions()
        self.instructions(instructions)
        if self.version < 18 and self.take(_U16)[0]:
            raise Unsliceable("a circuit has pulse calibrations")
        self.layout()

    def front(self) -> int:
        """The head, the registers and the variables; how many instructions there are."""
        if self.version >= 12:
            header = self.take(CIRCUIT_HEADER_V12)
        else:
            header = (*self.take(CIRCUIT_HEADER_V2), 0)
        name, _, phase, _, _, metadata, registers, instructions, variables = header
        self.skip(name + phase + metadata)
        self.registers(registers)
        self.variables(variables)
        return int(instructions)

    def registers(self, count: int) -> None:
        """Go on behind registers, and see each of them."""
        for _ in self.times(count, REGISTER.size):
            kind, alone, size, name_bytes, in_circuit = self.take(REGISTER)
            contiguous = self.version >= 18 and self.read(1) == b"\x01"
            name = self.read(name_bytes)
            number = "I" if self.version >= 18 else "q"
            bits: Sequence[int] = self.take(struct.Struct(f"!{1 if contiguous else size}{number}"))
            if contiguous:
                bits = range(bits[0], bits[0] + size)
            self.see(Register(kind, alone, in_circuit, name, bits))

    def see(self, register: Register) -> None:
        """Take notice of a register; by default it is none."""

    def variables(self, count: int) -> None:
        """Go on behind the declarations of variables."""
        for _ in self.times(count, _EXPR_VAR_DECLARATION.size):
            _, _, name = self.take(_EXPR_VAR_DECLARATION)
            kind = bytes(self.data[self.at : self.at + 1])
            if kind not in _EXPRESSION_TYPE_BYTES:
                raise Unsliceable(f"a variable has the unknown type {kind!r}")
            self.skip(1 + _EXPRESSION_TYPE_BYTES[kind] + name)

    def custom_definitions(self) -> None:
        """Go on behind the definitions of the user's gates."""
        (count,) = self.take(_U64)
        for _ in self.times(count, CUSTOM_DEFINITION.size):
            name, _, _, _, defined, size, _, _, base = self.take(CUSTOM_DEFINITION)
            self.skip(name + (size if defined else 0) + base)
            self.straight &= not defined

    def instructions(self, count: int) -> None:
        """Go on behind instructions."""
        for _ in self.times(count, INSTRUCTION.size):
            name, label, parameters, qargs, cargs, extras, register, *_ = self.take(INSTRUCTION)
            self.skip(name + label + register)
            if extras & 0b11:
                self.straight = False
                if extras & 0b11 == HAS_EXPRESSION:
                    self.skip(self.take(VALUE)[1])
            self.skip(_ARGUMENT_BYTES * (qargs + cargs))
            for _ in range(parameters):
                kind, size = self.take(VALUE)
                if kind in WITH_CIRCUITS:
                    self.straight = False
                self.skip(size)
            if self.version >= 15 and extras & _HAS_ANNOTATIONS:
                for _ in range(self.take(_U32)[0]):
                    self.skip(self.take(_ANNOTATION)[1])

    def layout(self) -> None:
        """Go on behind the layout."""
        if self.version < 8:
            return
        exists, initial, mapping, final, registers = self.take(layout_head(self.version))[:5]
        if not exists:
            return
        self.registers(registers)
        for _ in self.times(max(initial, 0), _LAYOUT_BIT.size):
            index, name = self.take(_LAYOUT_BIT)
            if (index, name) != (-1, -1):
                self.skip(name)
        self.skip(4 * (max(mapping, 0) + max(final, 0)))
