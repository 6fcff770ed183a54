"""The results of circuits, read from Qiskit's result objects.

Counts are taken raw (`Result.get_counts` takes as long as a small simulation), and the
registers from the circuit: what backends say of them differs.
"""

import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from qjobs.circuits import keys
from qjobs.circuits.layout import NOWHERE, Layout
from qjobs.errors import ProviderError
from qjobs.results import CircuitResult

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from qiskit import QuantumCircuit
    from qiskit.primitives import BitArray, DataBin
    from qiskit.result import Result
    from qiskit.result.models import ExperimentResult

_OWN_PLACE = frozenset({"counts", "memory"})
_LOOSE_BITS = "loose_bits"
_NOTHING = "the circuit measures nothing"


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


def experiments(result: "Result", circuits: int) -> "Sequence[ExperimentResult]":
    """The `circuits` experiments of a result. Raises ProviderError, with its words, without."""
    found: Sequence[ExperimentResult] = result.results
    if len(found) != circuits:
        why = str(getattr(result, "status", None) or "").removeprefix("ERROR: ").strip()
        raise ProviderError(why or f"there are {len(found)} results for {circuits} circuits")
    return found


def failed(layout: Layout, shots: int, message: str) -> CircuitResult:
    """A circuit that gave nothing, and why."""
    return _outcome(layout, shots, message=message or "the backend does not say why")


def from_result(layout: Layout, shots: int, result: "ExperimentResult") -> CircuitResult:
    """One experiment of a `qiskit.result.Result`; `shots` were asked for.

    The circuit has failed if it cannot be told which of its bits the outcomes are.
    """
    if not result.success:
        return failed(layout, shots, str(result.status).removeprefix("ERROR: "))
    found = result.data.to_dict()
    arrays = {
        str(name): array
        for name, value in found.items()
        if name not in _OWN_PLACE and (array := _array(value)) is not None
    }
    memory = found.get("memory")
    counts = found.get("counts")
    if counts is None and memory and all(isinstance(shot, str | int) for shot in memory):
        counts = Counter(memory)  # of a backend that has only one outcome a shot
    if not arrays and (counts is None or not layout.given):
        return failed(layout, shots, _NOTHING)
    try:
        return _outcome(
            layout,
            result.shots if isinstance(result.shots, int) else shots,
            counts=None if counts is None else keys.hexadecimal(layout, counts),
            memory=None if memory is None else tuple(map(keys.reader(layout), memory)),
            arrays=arrays,
        )
    except keys.Ambiguous as error:
        return failed(layout, shots, str(error))


def from_sampler(layout: Layout, data: "DataBin", *, memory: bool) -> Iterator[CircuitResult]:
    """The pub of a circuit that a V2 sampler ran: one result a row of its parameter values.

    `data` has one `BitArray` a classical register, of the shape of the pub. A register that is
    not in the layout has its loose bits, see `all_in_registers`, or all that are measured, see
    `measured.only_measured`. Raises ValueError if bits are missing, or nothing is measured.
    """
    import numpy as np

    # Not the shape that `data` states: that of DDSIM's sampler is another one.
    arrays = _arrays(layout, data)
    places = None if _in_registers(layout, data) else np.array(layout.bits)
    for row in np.ndindex(*arrays[0].shape):
        bits = np.concatenate(
            [array[row].to_bool_array(order="little") for array in arrays], axis=1
        )
        if places is not None:
            bits = bits[:, places] & (places != NOWHERE)
        # One number a shot, its bits in bytes, the most significant first.
        packed = np.packbits(bits[:, ::-1], axis=1, bitorder="big")
        spare = -bits.shape[1] % 8
        found, inverse, numbers = np.unique(packed, axis=0, return_inverse=True, return_counts=True)
        names = [hex(int.from_bytes(one.tobytes(), "big") >> spare) for one in found]
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


def _in_registers(layout: Layout, data: "DataBin") -> bool:
    """Whether a sampler was given the registers of the layout, and not one of all bits."""
    return not layout.bits or any(name in data for name, _ in layout.registers)


def _arrays(layout: Layout, data: "DataBin") -> "list[BitArray]":
    """The arrays of all bits that were given, bit 0 first."""
    if not layout.given:
        raise ValueError(_NOTHING)
    if not _in_registers(layout, data):
        arrays = [*data.values()]
        sizes = [layout.given]
    else:
        names = [name for name, size in layout.registers if size]
        sizes = [size for _, size in layout.registers if size]
        if layout.loose:
            names += [name for name in data if name not in names]
            sizes.append(layout.loose)
        arrays = [data[name] for name in names if name in data]
    if [array.num_bits for array in arrays] != sizes:
        raise ValueError(f"there is no data for some of the registers {layout.registers}")
    return arrays


def _array(value: object) -> bytes | None:
    """The numbers that a simulator saved: an array, a nested list, a state, an operator."""
    numbers = getattr(value, "data", value)
    try:
        return to_npy(value if isinstance(numbers, memoryview) else numbers)
    except ValueError:
        return None
