"""Results that the provider gives only once: they are read when there is room, and never lost."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from qjobs import paths
from qjobs.circuits import qpy
from qjobs.engine.report import JobReport
from qjobs.errors import InputError, NoRoom, NotFound, ResultsUnkept, StateError, StateUnwritable
from qjobs.model import Slice
from qjobs.results import JobResult
from qjobs.store import once
from qjobs.store.folder import SetFolder
from qjobs.store.results import encode, read

_UNKNOWN_CLBITS = 512
_CIRCUIT_BYTES = 1024  # what there is besides the outcomes; and for each bit, if it is a register
_REGISTER_BYTES = 64
_NUMBER_BYTES = 26
_SLACK = 1.1


@dataclass(frozen=True, slots=True)
class OnceKeeper:
    """Keeps such results of one set. Safe in many threads.

    Those that find no room go to a folder `elsewhere`; `saved` are the files that did so before.
    A result takes no more than `most_bytes`, where the user says so.
    """

    folder: SetFolder
    elsewhere: Sequence[Path]
    most_bytes: int | None = None
    saved: Sequence[Path] = ()
    lacking: list[NoRoom] = field(default_factory=list)
    unkept: dict[Path, bytes] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: SetFolder, elsewhere: Sequence[Path]) -> Self:
        """The keeper of one set. Raises UsageError if the user names a wrong size of results."""
        saved = [*once.kept_elsewhere(_name(folder), elsewhere)]
        return cls(folder, elsewhere, paths.most_result_bytes(), saved)

    def keep(self, job: JobReport, ask: Callable[[JobReport], JobResult]) -> str:
        """Have a result asked for when there is room for it, and write it there.

        If that fails all the same, it is kept wherever there is a place; later it is taken from
        there. Returns what there is to say; `check` raises for what was not read, or not kept.
        """
        if self.lacking or self.unkept:
            return ""
        results = self.folder.results
        saved = self._saved(job)
        data = saved.read_bytes() if saved else b""
        size_bytes = len(data) or self.most_bytes
        if size_bytes is None:
            size_bytes = most_bytes(self.folder, job.slice)
        try:
            with once.room(results, job.index, job.attempt, size_bytes) as room:
                if room:
                    data = data or encode(job.job_id, ask(job))
                    room.fill(data)
        except StateUnwritable as error:
            return self._rescue(job, error, data, saved)
        if saved:
            with suppress(OSError):
                saved.unlink()
        return ""

    def _rescue(
        self, job: JobReport, error: StateUnwritable, data: bytes, saved: Path | None
    ) -> str:
        """Keep what was read, if it was, in another place."""
        if data:
            saved = saved or once.keep_elsewhere(_name(self.folder, job), data, self.elsewhere)
            if saved is None:
                self.unkept[self.folder.results.path(job.index, job.attempt)] = data
                return ""
            where = f"; its results are in {saved} until there is room"
        elif isinstance(error, NoRoom):
            self.lacking.append(error)
            return ""
        else:
            where = ""
        return f"job {job.index} ({job.job_id}): {error.message}{where}"

    def check(self) -> None:
        """Raise ResultsUnkept, or NoRoom."""
        again = f"qjobs result {self.folder.job_set.set_id}"
        if self.unkept:
            raise ResultsUnkept(
                f"results that cannot be had again could be written nowhere: "
                f"{', '.join(map(str, self.unkept))}",
                hint=f"make room, save what is on stdout there, and run: {again}",
                files=self.unkept,
            )
        for error in self.lacking:
            error.hint = (
                f"nothing was read; make room there, or set QJOBS_RESULT_BYTES to what a job's "
                f"results surely take at most, then run: {again}"
            )
            raise error

    def _saved(self, job: JobReport) -> Path | None:
        """Where a result of the job was kept for want of room."""
        for path in self.saved:
            with suppress(StateError, NotFound):
                ours = path.name.startswith(f"{_name(self.folder, job)}-")
                if ours and len(read(path)) == job.slice.experiments_count:
                    return path
        return None


def _name(folder: SetFolder, job: JobReport | None = None) -> str:
    """How the files of a set, or of a job, are called where others have theirs."""
    name = f"qjobs-{folder.job_set.set_id}"
    return f"{name}-{job.index}-{job.attempt}" if job else name


def most_bytes(folder: SetFolder, part: Slice) -> int:
    """The size that the file of a job's results can have at most, with some slack.

    It follows from the widths of the circuits, and the shots. Where circuits are not here, each
    is taken for one of 512 bits, with memory if that is not known either.
    """
    job_set = folder.job_set
    if job_set.observables:
        each = _CIRCUIT_BYTES + 2 * _NUMBER_BYTES * job_set.observables
        return int(_SLACK * part.experiments_count * each)
    memory = job_set.options.memory or job_set.recovered
    stored = job_set.stored(part)
    first, last = (at // job_set.bindings for at in (stored.start_index, stored.end_index))
    try:
        with qpy.Container.open(folder.circuits_path) as container:
            found = container.clbits(Slice(first, last - first + 1))
    except InputError:
        found = [_UNKNOWN_CLBITS] * (last - first + 1)
    clbits = [
        found[at // job_set.bindings - first]
        for at in range(stored.start_index, stored.end_index + 1)
    ]
    return int(
        _SLACK * sum(_circuit_bytes(n, job_set.options.shots, memory=memory) for n in clbits)
    )


def _circuit_bytes(clbits: int, shots: int, *, memory: bool) -> int:
    outcome = clbits // 4 + len('"0x0",')
    different = min(shots, 1 << min(clbits, 64))
    size = different * (outcome + len(f":{shots}")) + (shots * outcome if memory else 0)
    return size + _CIRCUIT_BYTES + _REGISTER_BYTES * clbits
