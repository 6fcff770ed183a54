"""What a circuit is made of: by Qiskit's own counts or, without Qiskit, as its record begins."""

import struct
from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Self

from qjobs.circuits import records
from qjobs.circuits.codec import UnreadRecord
from qjobs.model import Slice

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

FRONT_BYTES = 1 << 16
"""The front of a record is rarely longer."""


class Register(NamedTuple):
    """A register: its kind, `q` or `c`, its name and its size in bits."""

    kind: str
    name: str
    size: int

    def __str__(self) -> str:
        return f"{self.name}[{self.size}]"


class Anatomy(NamedTuple):
    """A circuit in numbers; None is what is not known, and `why` says that it cannot be read.

    `depth`, `size` and `two_qubit_gates` are Qiskit's `depth()`, `size()` and
    `num_nonlocal_gates()`: barriers do not count, control flow counts once as a whole, and gates
    of more than two qubits count as one. `parameters` are the names of those without a value.
    """

    name: str
    qubits: int | None = None
    clbits: int | None = None
    registers: Sequence[Register] | None = None
    depth: int | None = None
    size: int | None = None
    two_qubit_gates: int | None = None
    parameters: Sequence[str] | None = None
    why: str = ""

    @classmethod
    def of(cls, circuit: "QuantumCircuit | UnreadRecord") -> Self:
        """That of a circuit which was decoded, or could not be."""
        if isinstance(circuit, UnreadRecord):
            return cls(circuit.name, why=circuit.why)
        return cls(
            circuit.name,
            circuit.num_qubits,
            circuit.num_clbits,
            [
                Register(kind, register.name, register.size)
                for kind, registers in (("q", circuit.qregs), ("c", circuit.cregs))
                for register in registers
            ],
            circuit.depth(),
            circuit.size(),
            circuit.num_nonlocal_gates(),
            [parameter.name for parameter in circuit.parameters],
        )

    @classmethod
    def of_record(cls, record: bytes, version: int) -> Self:
        """As much of it as the front of a record tells. Raises CutShort if that is longer."""
        front = _Front(record, 0, version)
        try:
            front.front()
            head = records.read_head(record[: records.HEAD_BYTES])
        except struct.error as error:
            raise records.CutShort from error
        name = records.name(record, version)
        return cls(name, head.qubits, head.clbits, sorted(front.seen, key=_quantum_first))

    @classmethod
    def sent(cls, fields: Sequence[object]) -> Self:
        """That which a worker has sent as JSON."""
        found = cls(*fields)  # type: ignore[arg-type]  # our own worker wrote them
        return found._replace(registers=found.registers and [Register(*r) for r in found.registers])


class Numbers:
    """The widths, depths and gates on several qubits of many circuits, in little memory."""

    def __init__(self) -> None:
        self._columns = tuple(array("q") for _ in range(3))

    def add(self, found: Anatomy) -> None:
        """Take in the next circuit."""
        numbers = found.qubits, found.depth, found.two_qubit_gates
        for column, number in zip(self._columns, numbers, strict=True):
            column.append(-1 if number is None else number)

    def highest(self, part: Slice) -> tuple[int | None, ...]:
        """The highest width, depth and number of gates in a slice; None where not known."""
        start, end = part.start_index, part.end_index + 1
        found = (max(column[start:end]) for column in self._columns)
        return tuple(None if number < 0 else number for number in found)


def _quantum_first(register: Register) -> bool:
    return register.kind == "c"


class _Front(records.Walk):
    """Goes over the front of a record and keeps the circuit's registers."""

    def __init__(self, data: bytes, start: int, version: int) -> None:
        super().__init__(data, start, version)
        self.seen: list[Register] = []

    def see(self, register: records.Register) -> None:
        if register.in_circuit:
            name = register.name.decode(errors="replace")
            kind = "c" if register.kind == b"c" else "q"  # or `a`: ancillas are qubits
            self.seen.append(Register(kind, name, len(register.bits)))
