"""Circuit files of any kind, in order, become one QPY container; where each circuit is from."""

import hashlib
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from qjobs.circuits.files import CircuitFile, Parameters, Scratch, inspect
from qjobs.circuits.inputs import InputFile
from qjobs.circuits.joining import Unmeasured, join
from qjobs.circuits.reading import read
from qjobs.errors import InputError, StateUnwritable
from qjobs.model import Source

_ERRORS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that was left out because it cannot be read, and why."""

    path: str
    error: InputError


@dataclass(frozen=True, slots=True)
class Gathered:
    """What a container holds: its circuits, and in their order the files they came from.

    `unmeasured` tells of circuits without a measurement. `parameters` are those of circuits that
    Qiskit has read; `suspect` is the first of the others that seems to have some, None if none
    does. `fingerprint` is the same for the same files in the same order, wherever they lie;
    `sha256` is the container's.
    """

    circuits: int
    sources: tuple[Source, ...]
    skipped: tuple[Skipped, ...]
    unmeasured: Unmeasured
    parameters: Parameters
    suspect: int | None
    fingerprint: str
    sha256: str

    def source(self, index: int) -> Source:
        """The file that a circuit came from."""
        behind = bisect_right(self.sources, index, key=lambda source: source.start_index)
        return self.sources[behind - 1]


def _no_progress(done: int, total: int) -> None:
    """Tell nobody."""


def gather(
    inputs: Sequence[InputFile],
    destination: Path,
    *,
    skip_invalid: bool = False,
    processes: int | None = None,
    progress: Callable[[int, int], object] = _no_progress,
) -> Gathered:
    """Write the circuits of all inputs, in order, to a new QPY file at `destination`.

    The file is flushed, and its owner's only; its folder, which must exist, is not flushed.
    QPY of one dialect is copied by bytes; all else is read by `processes` worker processes
    (None: one a core, if there is work for them). `progress` is called in this thread with
    the files done and the files in all. Raises InputError, naming the first files that cannot
    be read, unless `skip_invalid` and there is another one, and StateUnwritable; then nothing
    is left behind.
    """
    scratch = Scratch(destination)
    done = 0

    def step(*_: object) -> None:
        nonlocal done
        done = min(done + 1, len(inputs))
        progress(done, len(inputs))

    try:
        found = [_inspect(given, scratch) for given in inputs]
        _refuse(found, skip_invalid=skip_invalid)
        files = [file for file in found if isinstance(file, CircuitFile)]
        parts, dialect = read(files, scratch, processes=processes, answered=step)
        _refuse(found, skip_invalid=skip_invalid)
        joined = join(parts, destination, dialect=dialect, copied=step)
    except BaseException as error:
        destination.unlink(missing_ok=True)
        if isinstance(error, OSError):
            where = destination.parent
            raise StateUnwritable(f"cannot write in {where}: {error.strerror}") from error
        raise
    finally:
        scratch.remove()
    sources = tuple(_sources(files, joined.sha256))
    return Gathered(
        circuits=sum(source.experiments_count for source in sources),
        sources=sources,
        skipped=tuple(_skipped(found)),
        unmeasured=joined.unmeasured,
        parameters=_parameters(files, sources),
        suspect=joined.suspect,
        fingerprint=_fingerprint(sources),
        sha256=joined.whole,
    )


def _inspect(given: InputFile, scratch: Scratch) -> CircuitFile | Skipped:
    try:
        return inspect(given, scratch)
    except InputError as error:
        return Skipped(given.path, error)


def _skipped(found: Sequence[CircuitFile | Skipped]) -> Iterator[Skipped]:
    for file in found:
        if isinstance(file, Skipped):
            yield file
        elif file.error is not None:
            yield Skipped(file.name, file.error)


def _refuse(found: Sequence[CircuitFile | Skipped], *, skip_invalid: bool) -> None:
    """Raise InputError if there are files that cannot be read, and no leave to skip them."""
    if not found:
        raise InputError("no circuit files are given")
    unusable = list(_skipped(found))
    if not unusable or (skip_invalid and len(unusable) < len(found)):
        return
    first = unusable[0].error
    if len(found) == 1:
        raise first
    shown = "; ".join(file.error.message for file in unusable[:_ERRORS_SHOWN])
    more = len(unusable) - _ERRORS_SHOWN
    raise InputError(
        f"{len(unusable)} of {len(found)} files cannot be read: {shown}"
        + (f"; and {more} more" if more > 0 else ""),
        hint="" if skip_invalid else "--skip-invalid leaves such files out",
    ) from first


def _sources(files: Sequence[CircuitFile], hashes: Sequence[str]) -> Iterator[Source]:
    """Where the circuits came from. `hashes` are those that were not known before joining."""
    start_index = 0
    late = iter(hashes)
    for file in files:
        if file.error is None:
            sha256 = file.sha256 or next(late)
            yield Source(file.name, sha256, file.format.value, start_index, file.circuits)
            start_index += file.circuits


def _parameters(files: Sequence[CircuitFile], sources: Sequence[Source]) -> Parameters:
    found: dict[tuple[str, ...], int] = {}
    good = (file for file in files if file.error is None)
    for file, source in zip(good, sources, strict=True):
        for names, position in file.parameters.items():
            found.setdefault(names, source.start_index + position)
    return found


def _fingerprint(sources: Sequence[Source]) -> str:
    digest = hashlib.sha256()
    for source in sources:
        digest.update(f"{source.sha256} {source.experiments_count}\n".encode())
    return digest.hexdigest()
