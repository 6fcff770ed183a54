"""The classical bits of a circuit: where each bit of an outcome comes from."""

import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Self

from qjobs.circuits import records
from qjobs.circuits.qpy import MAX_BITS, check_size

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

NOWHERE = -1
"""In the place of a classical bit that a backend does not give, because nothing is measured into
it: it is 0."""


class Layout(NamedTuple):
    """The classical bits of a circuit: how many, and its registers (name, size) in order.

    `bits` tells for each bit of an outcome, the registers one after the other and then the
    loose ones, which one it is of those that the backend gives, or `NOWHERE`; it is empty where
    they are in the same order. Backends give the clbits of the circuit that they get.
    """

    clbits: int
    registers: tuple[tuple[str, int], ...]
    bits: tuple[int, ...] = ()

    @classmethod
    def of(cls, circuit: "QuantumCircuit") -> Self:
        """That of a circuit."""
        registers = [
            (register.name, [circuit.find_bit(bit).index for bit in register])
            for register in circuit.cregs
        ]
        return cls._of(registers, circuit.num_clbits)

    @classmethod
    def read(cls, record: bytes, version: int) -> Self:
        """That of the circuit of a QPY record, without Qiskit: it takes a circuit's gates to read.

        Raises ValueError or InputError for one that is damaged up to its registers.
        """
        walk = _Registers(record, 0, version)
        try:
            check_size(record)
            walk.front()
        except struct.error as error:
            raise records.CutShort("the record of a circuit is cut short") from error
        # As Qiskit reads them: those that have bits of others, or loose ones, come last.
        found = sorted(walk.found, key=lambda register: not register.alone)
        registers = [(register.name.decode(), [*register.bits]) for register in found]
        return cls._of(registers, records.read_head(record[: records.HEAD_BYTES]).clbits)

    @classmethod
    def _of(cls, registers: Sequence[tuple[str, list[int]]], clbits: int) -> Self:
        bits = [bit for _, places in registers for bit in places]
        bits += sorted({*range(clbits)}.difference(bits))
        return cls(
            len(bits),
            tuple((name, len(places)) for name, places in registers),
            () if bits == [*range(len(bits))] else tuple(bits),
        )

    @property
    def loose(self) -> int:
        """How many bits are in no register."""
        return max(0, self.clbits - sum(size for _, size in self.registers))

    @property
    def given(self) -> int:
        """How many bits of an outcome the backend gives."""
        return max(self.bits, default=self.clbits - 1) + 1

    @property
    def unwritten(self) -> int:
        """The bits that the backend does not give, as a number that has them alone."""
        return sum(1 << place for place, bit in enumerate(self.bits) if bit == NOWHERE)

    def arranged(self, number: int) -> int:
        """An outcome as the backend gives it, with the bits as they are here."""
        return sum(
            (number >> bit & 1) << place for place, bit in enumerate(self.bits) if bit != NOWHERE
        )


class _Registers(records.Walk):
    """Finds the classical registers of a circuit."""

    def __init__(self, record: bytes, start: int, version: int) -> None:
        super().__init__(record, start, version)
        self.found: list[records.Register] = []

    def see(self, register: records.Register) -> None:
        if len(register.bits) > MAX_BITS:
            raise ValueError(f"a register has {len(register.bits)} bits")
        if register.kind == b"c" and register.in_circuit:
            self.found.append(register)
