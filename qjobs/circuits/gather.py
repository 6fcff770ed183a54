"""Circuit files of any kind, in order, become one QPY container; where each circuit is from."""

import hashlib
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from qjobs.circuits.anatomy import Numbers
from qjobs.circuits.files import CircuitFile, Parameters, Scratch, inspect
from qjobs.circuits.inputs import InputFile
from qjobs.circuits.joining import Unmeasured, join
from qjobs.circuits.picking import pick
from qjobs.circuits.reading import read
from qjobs.errors import InputError, StateUnwritable, Unreadable, UnreadableFiles
from qjobs.model import Source

_Found: TypeAlias = CircuitFile | tuple[str, InputError]
"""A file on its way into the container, or the user's name for one and why it cannot be read."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """The contents of a container: its circuits, and in their order the files they came from.

    `skipped` are files that were left out. `unmeasured` tells of circuits without a measurement.
    `parameters` are those of circuits that Qiskit has read; `suspect` is the first of the others
    that seems to have some, None if none does. `unreadable` are circuits that Qiskit cannot read,
    and `numbers` tell of all of them, where they were looked at. `fingerprint` is the same for the
    same circuits of the same files in the same order, wherever they are; `sha256` is that of the
    container.
    """

    circuits: int
    sources: tuple[Source, ...]
    skipped: tuple[Unreadable, ...]
    unmeasured: Unmeasured
    parameters: Parameters
    suspect: int | None
    fingerprint: str
    sha256: str
    unreadable: tuple[Unreadable, ...] = ()
    numbers: Numbers | None = None

    @property
    def unmeasured_circuits(self) -> str:
        """The first circuits without a measurement, and how many more there are."""
        count, first = self.unmeasured.count, self.unmeasured.first
        several = len(self.sources) > 1
        shown = ", ".join(
            f"{index} ({self.source(index).path})" if several else str(index) for index in first
        )
        more = f" and {count - len(first)} more" if count > len(first) else ""
        return f"{'circuit' if count == 1 else 'circuits'} {shown}{more}"

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
    the files done and the files in all. Raises InputError, with all files that cannot be read,
    unless `skip_invalid` and there is another one, and StateUnwritable; then nothing is left
    behind.
    """
    scratch = Scratch(destination)
    done = 0

    def step(*_: object) -> None:
        nonlocal done
        done = min(done + 1, len(inputs))
        progress(done, len(inputs))

    try:
        found = [_inspect(given, scratch) for given in inputs]
        files = [file for file in found if isinstance(file, CircuitFile)]
        if not files:
            _refuse(found, skip_invalid=skip_invalid)
        # The others are read though one is bad: the user is to hear of all that are at once.
        parts, dialect = read(files, scratch, processes=processes, answered=step)
        skipped = _refuse(found, skip_invalid=skip_invalid)
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
        skipped=skipped,
        unmeasured=joined.unmeasured,
        parameters=_parameters(files),
        suspect=joined.suspect,
        fingerprint=_fingerprint(sources),
        sha256=joined.whole,
    )


def _inspect(given: InputFile, scratch: Scratch) -> _Found:
    try:
        file = inspect(given, scratch)
        if file.chosen:
            pick(file, scratch)
    except InputError as error:
        return given.path, error
    return file


def _errors(found: Sequence[_Found]) -> Iterator[tuple[str, InputError]]:
    """The files that cannot be read, by the user's names for them, and why."""
    for file in found:
        if not isinstance(file, CircuitFile):
            yield file
        elif file.error is not None:
            yield file.name, file.error


def _refuse(found: Sequence[_Found], *, skip_invalid: bool) -> tuple[Unreadable, ...]:
    """The files that are left out; InputError with all of them if there is no leave to do so."""
    if not found:
        raise InputError("no circuit files are given")
    errors = list(_errors(found))
    unreadable = tuple(error.about(name) for name, error in errors)
    if not errors or (skip_invalid and len(errors) < len(found)):
        return unreadable
    first = errors[0][1]
    if len(found) == 1:
        first.unreadable = unreadable
        raise first
    raise UnreadableFiles(
        f"{len(errors)} of {len(found)} files cannot be read",
        hint="--skip-invalid leaves such files out" if len(errors) < len(found) else "",
        unreadable=unreadable,
    ) from first


def _sources(files: Sequence[CircuitFile], hashes: Sequence[str]) -> Iterator[Source]:
    """Where the circuits came from. `hashes` are those that were not known before joining."""
    start_index = 0
    late = iter(hashes)
    for file in files:
        if file.error is None:
            sha256 = file.sha256 or next(late)
            source = Source(file.name, sha256, file.format.value, start_index, file.circuits)
            for part in file.picked:
                yield source._replace(
                    start_index=start_index,
                    experiments_count=len(part),
                    first=part.start,
                    step=part.step,
                )
                start_index += len(part)
            if not file.picked:
                yield source
                start_index += file.circuits


def _parameters(files: Sequence[CircuitFile]) -> Parameters:
    found: dict[tuple[str, ...], int] = {}
    start_index = 0
    for file in files:
        if file.error is None:
            for names, at in file.parameters.items():
                found.setdefault(names, start_index + at)
            start_index += file.circuits
    return found


def _fingerprint(sources: Sequence[Source]) -> str:
    digest = hashlib.sha256()
    for source in sources:
        picked = f" {source.first} {source.step}" if source.first is not None else ""
        digest.update(f"{source.sha256} {source.experiments_count}{picked}\n".encode())
    return digest.hexdigest()
