"""Scans that find measurements and parameters in records while their bytes pass by.

Both scans get all bytes of a file in order, a buffer at a time. A word may lie across two
buffers: so each begins with the last `OVERLAP_BYTES` of the one before.
"""

from array import array
from bisect import bisect_left, bisect_right
from itertools import repeat

from qjobs.circuits import records
from qjobs.circuits.qpy import Container

_MEASURE = b"Measure"
"""The class name that QPY stores for a measurement, at whatever depth of a circuit it is."""
OVERLAP_BYTES = len(_MEASURE) - 1
_FIRST = 10
# How QPY begins a value that is a parameter, or an element of a vector of them: its kind, and the
# first bytes of a length. An expression has a list of its parameters that begin so, too.
_SYMBOLS = tuple(bytes((kind, *bytes(OVERLAP_BYTES))) for kind in b"pv")
_MANY_LETTERS = 2000
_FRONT_BYTES = 1 << 16


class MeasurementScan:
    """Finds records that do not contain the word Measure. A gate's label may hold it too."""

    def __init__(self) -> None:
        self.count = 0
        self.first: list[int] = []
        self._offsets = array("q")
        self._index = 0
        self._measured = False  # whether the record at the start of the buffer was seen to measure

    def start(self, offsets: "array[int]", index: int) -> None:
        """Go on with a part with these records, the first of which is circuit `index`."""
        self._offsets = offsets
        self._index = index
        self._measured = False

    def see(self, buffer: bytearray, base: int, size: int) -> None:
        """Search `size` bytes that stand at `base` in the file, in order."""
        offsets = self._offsets
        low = bisect_right(offsets, base + OVERLAP_BYTES) - 1
        high = bisect_left(offsets, base + size)
        starts = [offset - base for offset in offsets[low:high]]
        starts[0] = max(starts[0], 0)
        # Measurements come last in most circuits: searched from there, few bytes are read.
        found = list(map(buffer.rfind, repeat(_MEASURE), starts, [*starts[1:], size]))
        if self._measured:
            found[0] = 0
        if high < len(offsets) and offsets[high] == base + size:
            self._measured = False
        else:  # the last record goes on in the next buffer
            self._measured = found.pop() >= 0
        if -1 in found:
            missing = [low + i for i, at in enumerate(found) if at < 0]
            self.count += len(missing)
            self.first += [self._index + i for i in missing[: _FIRST - len(self.first)]]


class ParameterScan:
    """Finds the first record that seems to hold a parameter; only Qiskit can tell for sure.

    The parameter of a loop looks the same but is none of the circuit's. What is not seen is a
    parameter that is nothing but the global phase of a circuit within a circuit.
    """

    def __init__(self) -> None:
        self.first: int | None = None
        self._container: Container | None = None
        self._offsets = array("q")
        self._index = 0

    def start(self, container: Container | None, offsets: "array[int]", index: int) -> None:
        """Go on with a part with these records, the first of which is circuit `index`."""
        self._container = container
        self._offsets = offsets
        self._index = index

    def see(self, buffer: bytearray, base: int, size: int) -> None:
        """Search `size` bytes that stand at `base` in the file, in order."""
        if self._container is None or self.first is not None:
            return
        found = [self._find_phase(buffer, base, size)]
        found += [self._find(symbol, buffer, base, size) for symbol in _SYMBOLS]
        self.first = min((self._index + at for at in found if at is not None), default=None)

    def _find_phase(self, buffer: bytearray, base: int, size: int) -> int | None:
        # The first bytes were in the buffer before, as far as these records are concerned.
        shift = records.PHASE_AT - base
        low = bisect_left(self._offsets, OVERLAP_BYTES - shift)
        high = bisect_left(self._offsets, size - shift, hi=len(self._offsets) - 1)
        kinds = bytes([buffer[offset + shift] for offset in self._offsets[low:high]])
        if kinds.count(kinds[:1]) == len(kinds) and kinds[:1] not in records.SYMBOLIC:
            return None  # all the same, as usual
        return next((low + i for i, kind in enumerate(kinds) if kind in records.SYMBOLIC), None)

    def _find(self, symbol: bytes, buffer: bytearray, base: int, size: int) -> int | None:
        at = 0
        while (at := _find(symbol, buffer, at, size)) >= 0:
            record = bisect_right(self._offsets, base + at) - 1
            if record >= 0:
                operations = self._operations(record)
                if base + at >= operations:
                    return record
                at = min(operations - base, size)
            else:
                at += 1
        return None

    def _operations(self, record: int) -> int:
        """Where the names of a record end, in which any letters may stand."""
        assert self._container is not None
        start, end = self._offsets[record : record + 2]
        data = self._container.read(start, min(end - start, _FRONT_BYTES))
        try:
            return start + records.find_operations(data, self._container.dialect.version)
        except records.Unsliceable:
            return start  # more names than anybody gives: to be on the safe side


def _find(symbol: bytes, buffer: bytearray, start: int, end: int) -> int:
    """Like `bytes.find`, but fast when the first byte is rare, as it usually is."""
    letter = symbol[:1]
    at = start - 1
    last = end - OVERLAP_BYTES  # what begins behind it is whole in the next buffer
    for _ in range(_MANY_LETTERS):
        at = buffer.find(letter, at + 1, last)
        if at < 0 or (not buffer[at + 1] and buffer.startswith(symbol, at)):
            return at
    return buffer.find(symbol, at + 1, end)
