"""Conditions that Qiskit before 2.0 attached to instructions (`c_if`) become `if_else`, in bytes.

Newer ones have no such conditions and read them in ways of their own: on a gate of the user's
they are dropped without a word, and from QPY 13 the block of the `if_else` that Qiskit 2.4 makes
of them is on the wrong qubits. An `if_else` that stands there as such is read as it should be.

The layout is that of `records`; a block is a record within a parameter, with bits of its own.
"""

import struct
from collections.abc import Iterable, Sequence

from qjobs.circuits import records

NEWEST_VERSION = 13
"""The last version that a Qiskit with such conditions wrote."""

_CONDITION = 0b01
_CONTROL_FLOW = (b"IfElseOp", b"WhileLoopOp")
"""Their condition is their own."""
_CIRCUIT, _TUPLE, _NOTHING = b"q", b"t", b"z"
_SINGLE_BIT = b"\0"
_ARGUMENT = struct.Struct("!1cI")
_COUNT = struct.Struct("!Q")
_MAX_BYTES = 2**30
_PAULI_EVOLUTION = b"###PauliEvolutionGate_"


def as_if_else(record: bytes, version: int) -> bytes:
    """The record of a circuit without such conditions: itself if there are none.

    What they are on may be at any depth: in blocks, in definitions of the user's instructions.
    Raises records.Unsliceable if something in the record is not known.
    """
    if version > NEWEST_VERSION:
        return record
    rewriter = _Rewriter(record, version)
    try:
        rewriter.record()
    except struct.error as error:
        raise records.CutShort from error
    return rewriter.rewritten()


class _Rewriter(records.Walk):
    """Walks over a record and notes what is to be replaced."""

    def __init__(self, record: bytes, version: int) -> None:
        super().__init__(record, 0, version)
        self._record = record
        self._pieces: list[bytes] = []
        self._size = 0
        self._kept = 0  # where the first byte stands that is not in the pieces yet
        self._clbits: dict[bytes, Sequence[int]] = {}
        self._definitions: dict[bytes, tuple[bytes, bytes]] = {}

    def rewritten(self) -> bytes:
        if not self._pieces:
            return self._record
        return b"".join((*self._pieces, self._record[self._kept :]))

    def see(self, register: records.Register) -> None:
        if register.kind == b"c":
            self._clbits.setdefault(register.name, register.bits)

    def custom_definitions(self) -> None:
        (count,) = self.take(_COUNT)
        for _ in self.times(count, records.CUSTOM_DEFINITION.size):
            start = self.at
            head = list(self.take(records.CUSTOM_DEFINITION))
            name = self.read(head[0])
            given = self.read(head[5]) if head[4] else b""
            base = self.read(head[8])
            made = given
            if given and not name.startswith(_PAULI_EVOLUTION):
                made = as_if_else(given, self.version)
            head[5] = len(made)
            entry = records.CUSTOM_DEFINITION.pack(*head) + name + made + base
            self._definitions[name] = entry, base
            if made is not given:
                self._replace(start, entry)

    def instructions(self, count: int) -> None:
        for _ in self.times(count, records.INSTRUCTION.size):
            self._instruction()

    def _instruction(self) -> None:
        start = self.at
        head = self.take(records.INSTRUCTION)
        name_bytes, label_bytes, parameter_count, qubits, clbits, extras, register_bytes, *_ = head
        name, label = self.read(name_bytes), self.read(label_bytes)
        register = self.read(register_bytes)
        if extras & 0b11 == records.HAS_EXPRESSION:
            self.skip(self.take(records.VALUE)[1])
        places = self.at
        self.skip(_ARGUMENT.size * (qubits + clbits))
        parameters_at = self.at
        given = [self._value() for _ in self.times(parameter_count, records.VALUE.size)]
        made = [(kind, self._converted(kind, data)) for kind, data in given]
        if extras & 0b11 == _CONDITION and name not in _CONTROL_FLOW:
            arguments = [at for _, at in _ARGUMENT.iter_unpack(self._record[places:parameters_at])]
            bits = arguments[qubits:]
            bits += [bit for bit in self._condition_bits(register) if bit not in bits]
            bare = records.INSTRUCTION.pack(*head[:5], 0, 0, 0, *head[8:]) + name + label
            instruction = bare + _arguments(range(qubits), range(clbits)) + _values(made)
            block = self._block(name, qubits, len(bits), instruction)
            self._replace(start, _if_else(register, head[7], block, arguments[:qubits], bits))
        elif any(new is not old for (_, new), (_, old) in zip(made, given, strict=True)):
            self._replace(start, self._record[start:parameters_at] + _values(made))

    def _converted(self, kind: bytes, data: bytes) -> bytes:
        """A parameter whose blocks, if there are any, are converted; itself if nothing is."""
        if kind == _CIRCUIT:
            return as_if_else(data, self.version)
        if kind != _TUPLE:
            return data
        inner = _Rewriter(data, self.version)
        (count,) = inner.take(_COUNT)
        given = [inner._value() for _ in inner.times(count, records.VALUE.size)]
        made = [(kind, self._converted(kind, data)) for kind, data in given]
        if all(new is old for (_, new), (_, old) in zip(made, given, strict=True)):
            return data
        return data[: _COUNT.size] + _values(made)

    def _condition_bits(self, register: bytes) -> Sequence[int]:
        """The classical bits that a condition is on, as the circuit counts them."""
        try:
            if register.startswith(_SINGLE_BIT):
                return [int(register[1:])]
            bits = self._clbits[register]
        except (KeyError, ValueError) as error:
            raise records.Unsliceable("a condition is on something unknown") from error
        if min(bits, default=0) < 0:
            raise records.Unsliceable("a condition is on bits that the circuit does not have")
        return bits

    def _block(self, name: bytes, qubits: int, clbits: int, instruction: bytes) -> bytes:
        """The record of a circuit of that instruction alone, with the definitions that it needs."""
        entries: dict[bytes, bytes] = {}
        while name in self._definitions and name not in entries:
            entries[name], base = self._definitions[name]
            if base:  # an instruction, which it controls or modifies
                size, *_ = records.INSTRUCTION.unpack_from(base)
                name = base[records.INSTRUCTION.size :][:size]
        head = (0, b"f", 8, qubits, clbits, 2, 0, 1)
        if self.version >= 12:
            front = records.CIRCUIT_HEADER_V12.pack(*head, 0)
        else:
            front = records.CIRCUIT_HEADER_V2.pack(*head)
        layout = b""
        if self.version >= 8:
            layout = bytes(records.layout_head(self.version).size)
        no_calibrations = b"\0\0"
        return b"".join((
            front, bytes(8), b"{}", _COUNT.pack(len(entries)), *entries.values(), instruction,
            no_calibrations, layout,
        ))  # fmt: skip

    def _value(self) -> tuple[bytes, bytes]:
        kind, size = self.take(records.VALUE)
        return kind, self.read(size)

    def _replace(self, start: int, new: bytes) -> None:
        """Have these bytes in the place of those from `start` to here."""
        self._pieces += [self._record[self._kept : start], new]
        self._kept = self.at
        self._size += len(new)
        # A definition may be needed in many blocks, and blocks in definitions.
        if self._size > _MAX_BYTES:
            raise records.Unsliceable("its conditions cannot be written as if_else")


def _if_else(
    register: bytes, value: int, block: bytes, qubits: Sequence[int], clbits: Sequence[int]
) -> bytes:
    name = _CONTROL_FLOW[0]
    head = records.INSTRUCTION.pack(
        len(name), 0, 2, len(qubits), len(clbits), _CONDITION, len(register), value, 0, 0
    )
    blocks = _values([(_CIRCUIT, block), (_NOTHING, b"")])
    return head + name + register + _arguments(qubits, clbits) + blocks


def _arguments(qubits: Iterable[int], clbits: Iterable[int]) -> bytes:
    return b"".join(
        _ARGUMENT.pack(kind, at) for kind, bits in ((b"q", qubits), (b"c", clbits)) for at in bits
    )


def _values(values: Iterable[tuple[bytes, bytes]]) -> bytes:
    return b"".join(records.VALUE.pack(kind, len(data)) + data for kind, data in values)
