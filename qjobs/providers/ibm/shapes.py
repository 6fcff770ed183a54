"""The classical registers of circuits from their QPY, without Qiskit: it takes a circuit's gates.

The layout is documented at https://quantum.cloud.ibm.com/docs/api/qiskit/qpy#qpy-format: behind
the head of a record come its name, phase and metadata, and then its registers.
"""

import struct
from collections.abc import Iterator

from qjobs.circuits import qpy
from qjobs.circuits.layout import Layout

_HEAD = struct.Struct("!H1cHIIQIQI")  # CIRCUIT_HEADER_V12
_REGISTER = struct.Struct("!1c?IH?")  # REGISTER_V4
_CLASSICAL = b"c"
_CONTIGUOUS = 1


def layouts(data: bytes) -> list[Layout]:
    """Those of the circuits of a QPY file of version 16 or later.

    Raises ValueError for any other, and for one that is damaged where the registers are.
    """
    dialect, count = qpy.read_header(data)
    if dialect.version < qpy.OLDEST_TABLE_VERSION:
        raise ValueError(f"QPY version {dialect.version} has no table of circuits")
    try:
        starts = struct.unpack_from(f"!{count}Q", data, qpy.HEADER_BYTES)
        return [_layout(data, start, dialect.version) for start in starts]
    except (struct.error, OverflowError) as error:
        raise ValueError(f"the QPY data is damaged: {error}") from error


def _layout(data: bytes, start: int, version: int) -> Layout:
    name_bytes, _, phase_bytes, _, clbits, metadata_bytes, count, *_ = _HEAD.unpack_from(
        data, start
    )
    if clbits > qpy.MAX_BITS:
        raise ValueError(f"a circuit has {clbits} clbits")
    at = start + _HEAD.size + name_bytes + phase_bytes + metadata_bytes
    # As Qiskit reads them: those that have bits of others, or loose ones, come last.
    found = sorted(_registers(data, at, count, version), key=lambda register: not register[0])
    registers = [(name, places) for _, name, places in found]
    bits = [bit for _, places in registers for bit in places]
    bits += sorted({*range(clbits)}.difference(bits))
    return Layout(
        len(bits),
        tuple((name, len(places)) for name, places in registers),
        () if bits == [*range(len(bits))] else tuple(bits),
    )


def _registers(
    data: bytes, at: int, count: int, version: int
) -> Iterator[tuple[bool, str, tuple[int, ...]]]:
    """The classical registers: whether the bits are all its own, the name, and the bits."""
    for _ in range(count):
        kind, alone, size, name_bytes, in_circuit = _REGISTER.unpack_from(data, at)
        at += _REGISTER.size
        contiguous = False
        if version >= 18:
            (attachment,) = struct.unpack_from("!B", data, at)
            contiguous = attachment == _CONTIGUOUS
            at += 1
        name = data[at : at + name_bytes].decode()
        at += name_bytes
        if size > qpy.MAX_BITS:
            raise ValueError(f"a register has {size} bits")
        indices = struct.Struct(f"!{1 if contiguous else size}{'I' if version >= 18 else 'q'}")
        if kind != _CLASSICAL or not in_circuit:
            at += indices.size
            continue
        places = indices.unpack_from(data, at)
        at += indices.size
        if contiguous:
            places = tuple(range(places[0], places[0] + size))
        yield bool(alone), name, places
