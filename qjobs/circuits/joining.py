"""QPY files of one dialect become one, by bytes, in a single pass over the data.

While the bytes pass by, this thread scans them, a second one computes their sha256, and a third
has the disk write early, so that the last flush is short.
"""

import hashlib
import os
import threading
from array import array
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple, Self

from qjobs import files
from qjobs.circuits.qpy import HEADER_BYTES, Container, Dialect, encode_offsets, first_record
from qjobs.circuits.scanning import OVERLAP_BYTES, MeasurementScan, ParameterScan
from qjobs.errors import InputError, StateUnwritable

_BUFFER_BYTES = 1 << 20
_BUFFERS = 4
_FLUSH_BYTES = 8 << 20


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


@dataclass(frozen=True, slots=True)
class Joined:
    """What was seen while joining: the sha256 of each hashed part, and circuits unmeasured.

    `whole` is the sha256 of the file that was written. `suspect` is the first circuit of a part
    not decoded that seems to have parameters, None if none does.
    """

    sha256: tuple[str, ...]
    whole: str
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
    as_it_was = False
    measurements = MeasurementScan()
    parameters = ParameterScan()
    with _Output(destination) as output, _Hasher(buffer_bytes) as hasher:
        output.write_at(dialect.header(circuits), 0)
        position, index = first_record(circuits), 0
        for part in parts:
            with Container.open(part.path, name=part.name) as container:
                if (container.dialect, len(container)) != (dialect, part.circuits):
                    raise InputError(f"{part.name} was changed while it was read")
                offsets = container.offsets()
                shift = position - offsets[0]
                table = encode_offsets(offsets[:-1], shift)
                output.write_at(table, HEADER_BYTES + 8 * index)
                if part.hashed and len(parts) == 1:
                    start = dialect.header(circuits) + table
                    as_it_was = container.read(0, offsets[0]) == start
                if part.hashed:
                    hasher.start(container, offsets[0])
                else:
                    hasher.stop()
                measurements.start(offsets, index)
                parameters.start(None if part.decoded else container, offsets, index)
                _copy(container, offsets, output, shift, hasher, (measurements, parameters))
            index += part.circuits
            position = offsets[-1] + shift
            copied(part)
    found = hasher.sha256()
    return Joined(
        found,
        found[0] if as_it_was else _digest(destination),
        Unmeasured(measurements.count, tuple(measurements.first)),
        parameters.first,
    )


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise StateUnwritable(f"cannot read back {path}: {error.strerror}") from error


def _copy(
    container: Container,
    offsets: "array[int]",
    output: "_Output",
    shift: int,
    hasher: "_Hasher",
    scans: Sequence[MeasurementScan | ParameterScan],
) -> None:
    at, end = offsets[0], offsets[-1]
    overlap = bytes(OVERLAP_BYTES)
    while at < end:
        buffer = hasher.buffer()
        # The last bytes of the buffer before stand in front: a word may lie across the two.
        buffer[:OVERLAP_BYTES] = overlap
        view = memoryview(buffer)[OVERLAP_BYTES:][: end - at]
        size = container.read_into(view, at)
        if not size:
            raise InputError(f"{container.name} was cut short while it was read")
        hasher.take(buffer, size)
        output.write_at(view[:size], at + shift)
        for scan in scans:
            scan.see(buffer, at - OVERLAP_BYTES, size + OVERLAP_BYTES)
        overlap = bytes(buffer[size : size + OVERLAP_BYTES])
        at += size


class _Hasher:
    """Computes sha256 in a thread of its own, and lends out the buffers to read into."""

    def __init__(self, buffer_bytes: int) -> None:
        self._free: SimpleQueue[bytearray] = SimpleQueue()
        self._full: SimpleQueue[tuple[hashlib._Hash, bytearray, int] | None] = SimpleQueue()
        for _ in range(_BUFFERS):
            self._free.put(bytearray(OVERLAP_BYTES + buffer_bytes))
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
            digest.update(memoryview(buffer)[OVERLAP_BYTES : OVERLAP_BYTES + size])
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
            raise files.unwritable(self._path, error) from error
        self._thread.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._closing = True
        self._due.release()
        self._thread.join()
        try:
            if kind is None:
                files.sync(self._fd)
        except OSError as error:
            raise files.unwritable(self._path, error) from error
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
            raise files.unwritable(self._path, error) from error
        if self._unflushed >= _FLUSH_BYTES:
            self._unflushed = 0
            self._due.release()

    def _flush(self) -> None:
        while self._due.acquire() and not self._closing:
            with suppress(OSError):  # the last flush will meet it again and say so
                files.sync(self._fd)
