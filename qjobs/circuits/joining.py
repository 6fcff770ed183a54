"""QPY files of one dialect become one, by bytes, in a single pass over the data.

While the bytes pass by, a second thread computes their sha256, and this one looks for
circuits without a measurement and for parameters; a third has the disk write early, so that the
last flush is short.
"""

import hashlib
import os
import threading
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple, Self

from qjobs.circuits import records
from qjobs.circuits.qpy import HEADER_BYTES, Container, Dialect, encode_offsets, first_record
from qjobs.errors import InputError, StateUnwritable

_BUFFER_BYTES = 1 << 20
_BUFFERS = 4
_FLUSH_BYTES = 8 << 20
_MEASURE = b"Measure"
"""The class name that QPY stores for a measurement, at whatever depth of a circuit it is."""
_OVERLAP = len(_MEASURE) - 1
_FIRST = 10
# How QPY begins a value that is a parameter, or an element of a vector of them: its kind, and the
# first bytes of a length. An expression has a list of its parameters that begin so, too.
_SYMBOLS = tuple(bytes((kind, *bytes(_OVERLAP))) for kind in b"pv")
_MANY_LETTERS = 2000
_FRONT_BYTES = 1 << 16


class Part(NamedTuple):
    """A QPY file to join; errors call it `name`. Its sha256 is computed if it is `hashed`.

    `decoded` says that it is known what parameters its circuits have.
    """

    path: Path
    name: str
    circuits: int
    hashed: bool = False
    decoded: bool = False


@dataclass(frozen=True, slots=True)
class Unmeasured:
    """Circuits without a measurement: how many, and the indices of the first of them."""

    count: int
    first: tuple[int, ...]

    def __str__(self) -> str:
        more = self.count - len(self.first)
        shown = ", ".join(map(str, self.first))
        plural = "" if self.count == 1 else "s"
        return f"circuit{plural} {shown}" + (f" and {more} more" if more else "")


@dataclass(frozen=True, slots=True)
class Joined:
    """What was seen while joining: the sha256 of each hashed part, and circuits unmeasured.

    `suspect` is the first circuit of a part not decoded that seems to have parameters, None if
    none does.
    """

    sha256: tuple[str, ...]
    unmeasured: Unmeasured
    suspect: int | None


def join(
    parts: Sequence[Part],
    destination: Path,
    *,
    dialect: Dialect,
    copied: Callable[[Part], object],
    buffer_bytes: int = _BUFFER_BYTES,
) -> Joined:
    """Write the circuits of all parts, which are of that dialect, to one file, and flush it.

    The file is readable by its owner only; the folder is not flushed. `copied` is called
    after each part. Raises InputError for a part that is damaged or changed meanwhile, and
    StateUnwritable if the file cannot be written; it is then incomplete.
    """
    circuits = sum(part.circuits for part in parts)
    scan = _Scan()
    symbols = _Symbols()
    with _Output(destination) as output, _Hasher(buffer_bytes) as hasher:
        output.write_at(dialect.header(circuits), 0)
        position, index = first_record(circuits), 0
        for part in parts:
            with Container.open(part.path, name=part.name) as container:
                if (container.dialect, len(container)) != (dialect, part.circuits):
                    raise InputError(f"{part.name} was changed while it was read")
                offsets = container.offsets()
                shift = position - offsets[0]
                output.write_at(encode_offsets(offsets[:-1], shift), HEADER_BYTES + 8 * index)
                if part.hashed:
                    hasher.start(container, offsets[0])
                else:
                    hasher.stop()
                scan.start(offsets, index)
                symbols.start(None if part.decoded else container, offsets, index)
                _copy(container, offsets, output, shift, hasher, (scan, symbols))
            index += part.circuits
            position = offsets[-1] + shift
            copied(part)
    return Joined(hasher.sha256(), Unmeasured(scan.count, tuple(scan.first)), symbols.first)


def _copy(
    container: Container,
    offsets: "array[int]",
    output: "_Output",
    shift: int,
    hasher: "_Hasher",
    searches: "Sequence[_Scan | _Symbols]",
) -> None:
    at, end = offsets[0], offsets[-1]
    overlap = bytes(_OVERLAP)
    while at < end:
        buffer = hasher.buffer()
        # The last bytes of the buffer before stand in front: a word may lie across the two.
        buffer[:_OVERLAP] = overlap
        view = memoryview(buffer)[_OVERLAP:][: end - at]
        size = container.read_into(view, at)
        if not size:
            raise InputError(f"{container.name} was cut short while it was read")
        hasher.take(buffer, size)
        output.write_at(view[:size], at + shift)
        for search in searches:
            search.see(buffer, at - _OVERLAP, size + _OVERLAP)
        overlap = bytes(buffer[size : size + _OVERLAP])
        at += size


class _Scan:
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
        low = bisect_right(offsets, base + _OVERLAP) - 1
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


class _Symbols:
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
        low = bisect_left(self._offsets, _OVERLAP - shift)
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
    """As `bytes.find`, but as fast as one letter can be found, where that is rare as usual."""
    letter = symbol[:1]
    at = start - 1
    last = end - _OVERLAP  # what begins behind it is whole in the next buffer
    for _ in range(_MANY_LETTERS):
        at = buffer.find(letter, at + 1, last)
        if at < 0 or (not buffer[at + 1] and buffer.startswith(symbol, at)):
            return at
    return buffer.find(symbol, at + 1, end)


class _Hasher:
    """Computes sha256 in a thread of its own, and lends out the buffers to read into."""

    def __init__(self, buffer_bytes: int) -> None:
        self._free: SimpleQueue[bytearray] = SimpleQueue()
        self._full: SimpleQueue[tuple[hashlib._Hash, bytearray, int] | None] = SimpleQueue()
        for _ in range(_BUFFERS):
            self._free.put(bytearray(_OVERLAP + buffer_bytes))
        self._digests: list[hashlib._Hash] = []
        self._hashing = False
        self._thread = threading.Thread(target=self._work, name="sha256", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._full.put(None)
        self._thread.join()

    def start(self, container: Container, end: int) -> None:
        """Begin the sha256 of a file, whose bytes up to `end` are not copied."""
        digest = hashlib.sha256()
        for at in range(0, end, _BUFFER_BYTES):
            digest.update(container.read(at, min(_BUFFER_BYTES, end - at)))
        self._digests.append(digest)
        self._hashing = True

    def stop(self) -> None:
        """What comes now is not hashed."""
        self._hashing = False

    def buffer(self) -> bytearray:
        """A buffer that nobody else uses; give it back with `take`."""
        return self._free.get()

    def take(self, buffer: bytearray, size: int) -> None:
        """Hash what was read. The buffer may still be read until the next call of `buffer`."""
        if self._hashing:
            self._full.put((self._digests[-1], buffer, size))
        else:
            self._free.put(buffer)

    def sha256(self) -> tuple[str, ...]:
        """The sums, one for each `start`. Call it after the `with` block."""
        return tuple(digest.hexdigest() for digest in self._digests)

    def _work(self) -> None:
        while (item := self._full.get()) is not None:
            digest, buffer, size = item
            digest.update(memoryview(buffer)[_OVERLAP : _OVERLAP + size])
            self._free.put(buffer)


class _Output:
    """A new file, flushed in the background while it grows, and wholly on leaving."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._unflushed = 0
        self._due = threading.Semaphore(0)
        self._closing = False
        self._thread = threading.Thread(target=self._flush, name="flush", daemon=True)

    def __enter__(self) -> Self:
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
            self._fd = os.open(self._path, flags, 0o600)
        except OSError as error:
            raise self._unwritable(error) from error
        self._thread.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._closing = True
        self._due.release()
        self._thread.join()
        try:
            if kind is None:
                os.fsync(self._fd)
        except OSError as error:
            raise self._unwritable(error) from error
        finally:
            os.close(self._fd)

    def write_at(self, data: bytes | memoryview, position: int) -> None:
        """Write all of the data at a position."""
        view = memoryview(data)
        self._unflushed += len(view)
        try:
            while view:
                written = os.pwrite(self._fd, view, position)
                view = view[written:]
                position += written
        except OSError as error:
            raise self._unwritable(error) from error
        if self._unflushed >= _FLUSH_BYTES:
            self._unflushed = 0
            self._due.release()

    def _flush(self) -> None:
        while self._due.acquire() and not self._closing:
            with suppress(OSError):  # the last flush will meet it again and say so
                os.fdatasync(self._fd)

    def _unwritable(self, error: OSError) -> StateUnwritable:
        return StateUnwritable(f"cannot write {self._path}: {error.strerror}")
