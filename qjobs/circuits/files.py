"""A file of circuits before it is read: what it is, and whether its bytes will do as they are."""

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TypeAlias

from qjobs.circuits import installed, records
from qjobs.circuits.inputs import STDIN, InputFile
from qjobs.circuits.qpy import MAGIC, OLDEST_TABLE_VERSION, Container, Dialect
from qjobs.circuits.sniff import MAX_QPY_BYTES, Format, sniff
from qjobs.circuits.unpacking import Packing, contents
from qjobs.errors import InputError, StateUnwritable
from qjobs.regular import create_private

_VERSION_AT = len(MAGIC)

Parameters: TypeAlias = Mapping[tuple[str, ...], int]
"""The names of the parameters that circuits have: each group of names that occurs, and the index
of the first circuit that has it."""


@dataclass(slots=True)
class CircuitFile:
    """One input on its way into the container.

    `name` is what the user calls it; `path` is where its bytes are now. `dialect` is None if
    Qiskit must read the file. Reading it fills in `sha256` (of the bytes as they were given,
    hexadecimal), `circuits` and, if Qiskit does it, `parameters`; or `error`. If only some of its
    circuits are `chosen`, by their numbers or name, `picked` has their numbers, and these are all
    that is at `path`.
    """

    name: str
    path: Path
    format: Format
    packed: Packing = Packing.NONE
    folder: Path | None = None
    dialect: Dialect | None = None
    sha256: str = ""
    circuits: int = 0
    parameters: Parameters = field(default_factory=dict)
    error: InputError | None = None
    chosen: str = ""
    picked: Sequence[range] = ()

    @property
    def label(self) -> str:
        """The user's word for it, with the circuits that were chosen."""
        return f"{self.name}:{self.chosen}" if self.chosen else self.name

    @property
    def positions(self) -> Iterable[int]:
        """Where its circuits are in the file that the user named."""
        return chain.from_iterable(self.picked) if self.picked else range(self.circuits)

    @property
    def size_bytes(self) -> int:
        """Its size on disk; 0 if it has gone meanwhile, which its reader will say."""
        try:
            return self.path.stat().st_size
        except OSError:
            return 0


@dataclass(slots=True)
class Task:
    """Files of one format to read into QPY files whose paths begin with `prefix`.

    `Workers.run` fills in what became of each file, and the paths of the QPY files, in order. A
    task that cannot be done at once is cut into `pieces`. Its first `told` files have been read
    before, but what came of them was lost.
    """

    files: Sequence[CircuitFile]
    prefix: Path
    told: int = 0
    parts: list[Path] = field(default_factory=list)
    pieces: "list[Task]" = field(default_factory=list)

    def cut(self, *runs: tuple[int, int]) -> None:
        """Make pieces of it, of its files from one position to before another."""
        for start, end in runs:
            if start < end:
                prefix = self.prefix.with_name(f"{self.prefix.name}.{len(self.pieces)}")
                told = max(0, min(self.told, end) - start)
                self.pieces.append(Task(self.files[start:end], prefix, told))

    def written(self) -> Iterator[Path]:
        """The paths of its QPY files, those of its pieces included, in order."""
        yield from self.parts
        for piece in self.pieces:
            yield from piece.written()


class Scratch:
    """A folder beside `destination` for what is needed only until that is written."""

    def __init__(self, destination: Path) -> None:
        self._folder = destination.with_name(f"{destination.name}.{os.getpid()}.parts")
        self._count = 0

    def new(self, name: str) -> Path:
        """The path of a file that does not exist yet."""
        if not self._count:
            try:
                self._folder.mkdir(mode=0o700)
            except OSError as error:
                raise StateUnwritable(f"cannot make {self._folder}: {error.strerror}") from error
        self._count += 1
        return self._folder / f"{self._count}-{name}"

    def remove(self) -> None:
        """Remove the folder and all that is in it."""
        if self._count:
            import shutil

            shutil.rmtree(self._folder, ignore_errors=True)


def inspect(given: InputFile, scratch: Scratch) -> CircuitFile:
    """Find out what a file is; `picking.pick` then leaves of it the circuits that are chosen.

    Raises InputError if it cannot hold circuits for us.
    """
    path, folder = Path(given.path), Path(given.path).parent
    if given.data is not None:
        path = scratch.new("stream")
        with create_private(path) as stream:
            stream.write(given.data)
    format_, packed = sniff(path, given.path)
    file = CircuitFile(given.path, path, format_, packed, chosen=given.chosen)
    if format_ is Format.QPY:
        _inspect_qpy(file, scratch)
    elif given.path != STDIN:
        file.folder = folder
    return file


def _inspect_qpy(file: CircuitFile, scratch: Scratch) -> None:
    if file.packed:
        _unpack(file, scratch)
    with file.path.open("rb") as opened:
        head = opened.read(_VERSION_AT + 1)
    version = head[_VERSION_AT] if len(head) > _VERSION_AT else 0
    release = installed.qiskit_version()
    readable = installed.newest_readable_qpy(release)
    if readable is not None and version > readable:
        raise InputError(
            f"{file.name} has QPY version {version}; Qiskit {release} reads up to {readable}",
            hint="install a newer Qiskit, or write the file with qiskit.qpy.dump(version=...)",
        )
    if not OLDEST_TABLE_VERSION <= version <= records.NEWEST_VERSION:
        return
    with Container.open(file.path, name=file.name) as container:
        try:
            container.check()
        except records.Unsliceable:
            return  # Qiskit will read it, or say why not
        file.dialect = container.dialect
        file.circuits = len(container)


def _unpack(file: CircuitFile, scratch: Scratch) -> None:
    digest = hashlib.sha256()
    path = scratch.new("unpacked.qpy")
    with create_private(path) as plain:
        for piece in contents(
            file.path, file.name, packed=file.packed, max_bytes=MAX_QPY_BYTES, see=digest.update
        ):
            plain.write(piece)
    file.path = path
    file.sha256 = digest.hexdigest()
