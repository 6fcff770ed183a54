"""The classical bits of a circuit: where each bit of an outcome comes from."""

from typing import TYPE_CHECKING, NamedTuple, Self

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
        bits = [circuit.find_bit(bit).index for register in circuit.cregs for bit in register]
        bits += sorted({*range(circuit.num_clbits)}.difference(bits))
        return cls(
            len(bits),
            tuple((register.name, register.size) for register in circuit.cregs),
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
