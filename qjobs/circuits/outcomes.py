"""What Qiskit's result objects say of each circuit, in our words.

Counts are taken raw (`Result.get_counts` takes as long as a small simulation), and the
registers from the circuit: what backends say of them differs.
"""

import io
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from qjobs.results import CircuitResult

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from qiskit import QuantumCircuit
    from qiskit.primitives import BitArray, DataBin
    from qiskit.result.models import ExperimentResult

_OWN_PLACE = frozenset({"counts", "memory"})
_LOOSE_BITS = "loose_bits"


class Layout(NamedTuple):
    """The classical bits of a circuit: how many, and its registers (name, size) in order.

    `bits` tells for each bit of an outcome, the registers one after the other and then the
    loose ones, which clbit it is; it is empty where that is the order of the circuit.
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

    def arranged(self, outcome: str) -> str:
        """An outcome of the circuit's clbits, in hexadecimal, with the bits as they are here."""
        number = int(outcome, 16)
        return hex(sum((number >> bit & 1) << place for place, bit in enumerate(self.bits)))


def all_in_registers(circuit: "QuantumCircuit") -> "QuantumCircuit":
    """The circuit with its loose bits in one more register, for a V2 sampler gives no others."""
    from qiskit import ClassicalRegister

    loose = [bit for bit in circuit.clbits if not circuit.find_bit(bit).registers]
    if not loose:
        return circuit
    name = _LOOSE_BITS
    while any(register.name == name for register in circuit.cregs):
        name += "_"
    same = circuit.copy()
    same.add_register(ClassicalRegister(name=name, bits=loose))
    return same


def failed(layout: Layout, shots: int, message: str) -> CircuitResult:
    """A circuit that gave nothing, and why."""
    return _outcome(layout, shots, message=message or "the backend does not say why")


def from_result(layout: Layout, shots: int, result: "ExperimentResult") -> CircuitResult:
    """One experiment of a `qiskit.result.Result`; `shots` were asked for."""
    if not result.success:
        return failed(layout, shots, str(result.status).removeprefix("ERROR: "))
    found = result.data.to_dict()
    arrays = {
        str(name): array
        for name, value in found.items()
        if name not in _OWN_PLACE and (array := _array(value)) is not None
    }
    if found.get("counts") is None and not arrays:
        return failed(layout, shots, "the circuit measures nothing")
    counts = found.get("counts")
    memory = found.get("memory")
    return _outcome(
        layout,
        result.shots if isinstance(result.shots, int) else shots,
        counts=None if counts is None else _hexadecimal(layout, counts),
        memory=None if memory is None else tuple(_outcome_key(layout, shot) for shot in memory),
        arrays=arrays,
    )


def from_sampler(layout: Layout, data: "DataBin", *, memory: bool) -> Iterator[CircuitResult]:
    """The pub of a circuit that a V2 sampler ran: one result a row of its parameter values.

    `data` has one `BitArray` a classical register, of the shape of the pub; the register that is
    not in the layout has its loose bits. See `all_in_registers`. Raises ValueError if bits are
    missing.
    """
    import numpy as np

    # Not the shape that `data` states: that of DDSIM's sampler is another one.
    arrays = _arrays(layout, data)
    shape = arrays[0].shape if arrays else data.shape
    for row in np.ndindex(*shape):
        bits = np.concatenate(
            [array[row].to_bool_array(order="little") for array in arrays], axis=1
        )
        # One number a shot, its bits in bytes, the most significant first.
        packed = np.packbits(bits[:, ::-1], axis=1, bitorder="big")
        spare = -bits.shape[1] % 8
        keys, inverse, numbers = np.unique(packed, axis=0, return_inverse=True, return_counts=True)
        names = [hex(int.from_bytes(key.tobytes(), "big") >> spare) for key in keys]
        yield _outcome(
            layout,
            len(bits),
            counts=dict(zip(names, numbers.tolist(), strict=True)),
            memory=tuple(names[key] for key in inverse.ravel().tolist()) if memory else None,
        )


def to_npy(value: Any) -> bytes:
    """An array in NumPy's .npy format. Raises ValueError if it does not hold numbers."""
    import numpy as np

    array = np.asarray(value)
    if array.dtype.kind not in "biufc":
        raise ValueError(f"not numbers: {array.dtype}")
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def from_npy(data: bytes) -> "NDArray[Any]":
    """The array of a .npy file. Raises ValueError."""
    from math import prod

    import numpy as np

    # NumPy takes the memory for the shape that is stated before it reads a number.
    buffer = io.BytesIO(data)
    heads = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    read_head = heads.get(np.lib.format.read_magic(buffer))
    if read_head is None:
        raise ValueError("its version is unknown")
    shape, _, dtype = read_head(buffer)
    if prod(shape) * dtype.itemsize != len(data) - buffer.tell():
        raise ValueError(f"it does not hold as many numbers as its shape {shape} has")
    buffer.seek(0)
    return np.lib.format.read_array(buffer, allow_pickle=False)


def _outcome(
    layout: Layout,
    shots: int,
    *,
    counts: Mapping[str, int] | None = None,
    memory: tuple[str, ...] | None = None,
    arrays: Mapping[str, bytes] | None = None,
    message: str = "",
) -> CircuitResult:
    return CircuitResult(
        shots=shots,
        counts=counts,
        clbits=layout.clbits,
        registers=layout.registers,
        memory=memory,
        message=message,
        arrays=arrays or {},
    )


def _arrays(layout: Layout, data: "DataBin") -> "list[BitArray]":
    """Those of all classical bits, bit 0 first."""
    names = [name for name, _ in layout.registers]
    if layout.loose:
        names += [name for name in data if name not in names]
    arrays = [data[name] for name in names if name in data]
    if not arrays or sum(array.num_bits for array in arrays) != layout.clbits:
        raise ValueError(f"there is no data for some of the registers {layout.registers}")
    return arrays


def _hexadecimal(layout: Layout, counts: Mapping[Any, Any]) -> Mapping[str, int]:
    """Counts keyed as Aer keys them, whatever the vendor does."""
    # Aer's are taken as they are: going through them all would take a part of simulating them.
    if not layout.bits and all(type(key) is str and key.startswith("0x") for key in counts):
        return counts
    merged: dict[str, int] = {}
    for key, number in counts.items():
        name = _outcome_key(layout, key)
        merged[name] = merged.get(name, 0) + int(number)
    return merged


def _outcome_key(layout: Layout, key: object) -> str:
    """An outcome given as hexadecimal text, as bits, or as a number."""
    if not isinstance(key, str):
        key = hex(int(key))  # type: ignore[call-overload]  # a number of any kind
    elif not key.startswith("0x"):
        key = hex(int(key.replace(" ", ""), 2))
    return layout.arranged(key) if layout.bits else key


def _array(value: object) -> bytes | None:
    """What a simulator saved, if it is numbers: an array, a nested list, a state, an operator."""
    numbers = getattr(value, "data", value)
    try:
        return to_npy(value if isinstance(numbers, memoryview) else numbers)
    except ValueError:
        return None
