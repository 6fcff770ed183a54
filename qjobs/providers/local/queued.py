"""A job of the queue as a value, and the files that it needs."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

from qjobs.circuits.slices import CircuitSlice
from qjobs.circuits.sweep import Sweep
from qjobs.errors import InputError
from qjobs.model import RunOptions, Slice


class StampedFile(NamedTuple):
    """A file that a job needs, as it was when the job was accepted."""

    path: str
    size_bytes: int
    modified_ns: int

    @classmethod
    def of(cls, path: Path) -> "StampedFile":
        """A file as it is now. Raises OSError."""
        now = path.stat()
        return cls(str(path.absolute()), now.st_size, now.st_mtime_ns)

    def unchanged(self) -> Path:
        """Its path. Raises InputError if it is gone or was changed."""
        path = Path(self.path)
        try:
            now = self.of(path)
        except OSError as error:
            raise InputError(f"cannot read {path}: {error.strerror}") from error
        if now != self:
            raise InputError(f"{path} was changed after the job was submitted")
        return path


@dataclass(frozen=True, slots=True)
class QueuedJob:
    """What there is to run: circuits of a container, how, and on which backend.

    `size_bytes` and `modified_ns` are the container's when the job was accepted, `qubits`
    the width of the widest circuit. `sweep` and `observables` are JSON, empty if there are
    none: the file, as a StampedFile, and for a sweep its names and rows. `folder` is where the
    package of a `package.module:callable` was, `mark` says who named that (see `marks`), `first` is
    the number of the container's first circuit.
    """

    job_id: str
    backend: str
    file: str
    size_bytes: int
    modified_ns: int
    start_index: int
    experiments_count: int
    qubits: int
    options: str
    sweep: str = ""
    observables: str = ""
    folder: str = ""
    first: int = 0
    mark: str = ""

    def circuits(self) -> CircuitSlice:
        """The circuits, as a slice of their set. Raises InputError if a file was changed."""
        sweep = observables = None
        if self.sweep:
            file, names, rows = json.loads(self.sweep)
            sweep = Sweep(StampedFile(*file).unchanged(), tuple(names), rows)
        if self.observables:
            observables = StampedFile(*json.loads(self.observables)).unchanged()
        return CircuitSlice(
            StampedFile(self.file, self.size_bytes, self.modified_ns).unchanged(),
            Slice(self.start_index, self.experiments_count),
            sweep,
            observables,
            first=self.first,
        )

    @property
    def run_options(self) -> RunOptions:
        """How the circuits are to be run."""
        return RunOptions(**json.loads(self.options))

    @staticmethod
    def encode_options(options: RunOptions) -> str:
        """Run options as they stand in the queue."""
        return json.dumps(asdict(options) | {"extra": dict(options.extra)})
