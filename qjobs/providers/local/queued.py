"""A job of the queue as a value, and the files that it needs."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from qjobs import files
from qjobs.circuits.slices import CircuitSlice
from qjobs.circuits.sweep import Sweep
from qjobs.errors import InputError, QjobsError
from qjobs.model import RunOptions, Slice
from qjobs.store.folder import CIRCUITS, OBSERVABLES, PARAMETERS, SetFolder


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
        """Its path. Raises InputError if it is gone, or not what was submitted."""
        path = Path(self.path)
        try:
            now = self.of(path)
        except OSError as error:
            raise InputError(f"cannot read {path}: {error.strerror}") from error
        if now != self and not _is_as_planned(now):
            raise InputError(f"{path} was changed after the job was submitted")
        return path


@lru_cache(16)
def _is_as_planned(file: StampedFile) -> bool:
    """Whether a file of a set is what was planned by its sha256: a copy has another time."""
    path = Path(file.path)
    try:
        job_set = SetFolder(path.parent).job_set
        planned = {
            CIRCUITS: job_set.circuits_sha256,
            PARAMETERS: job_set.parameters_sha256,
            OBSERVABLES: job_set.observables_sha256,
        }.get(path.name, "")
        return bool(planned) and files.sha256(path)[0] == planned
    except QjobsError:
        return False


@dataclass(frozen=True, slots=True)
class QueuedJob:
    """What there is to run: circuits of a container, how, and on which backend.

    `size_bytes` and `modified_ns` are the container's when the job was accepted, `qubits`
    the width of the widest circuit. `sweep` and `observables` are JSON, empty if there are
    none: the file, as a StampedFile, and for a sweep its names and rows. `folder` is where the
    package of a `package.module:callable` was, `mark` says who named that (see `marks`), `first` is
    the number of the container's first circuit. `definition` is that of a backend of the config
    file, else empty: JSON of the file, the digest, and the folders of the packages.
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
    definition: str = ""

    @property
    def names_code(self) -> bool:
        """Whether running it imports what somebody has named."""
        return bool(self.definition) or ":" in self.backend

    def with_files(self, change: Callable[[str], str]) -> "QueuedJob":
        """The same job with other paths of its files."""
        sweep, observables = self.sweep, self.observables
        if sweep:
            (path, *stamp), *rest = json.loads(sweep)
            sweep = json.dumps([[change(path), *stamp], *rest])
        if observables:
            path, *stamp = json.loads(observables)
            observables = json.dumps([change(path), *stamp])
        return replace(self, file=change(self.file), sweep=sweep, observables=observables)

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
