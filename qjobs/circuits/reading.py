"""Files that Qiskit must read are shared out among worker processes; others stay as they are."""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from qjobs import pool
from qjobs.circuits.files import CircuitFile, Scratch, Task
from qjobs.circuits.joining import Part
from qjobs.circuits.qpy import Container, Dialect
from qjobs.circuits.sniff import Format

_TASK_FILES = 64
_TASK_BYTES = 4 << 20
_MAX_PROCESSES = 16

# A process is worth starting for so many bytes: about as much as it parses in the time it
# takes to import Qiskit.
_WORTH_BYTES = {
    Format.QASM2: 500_000,
    Format.QASM3: 100_000,
    Format.QASM: 100_000,
    Format.QPY: 10_000_000,
}


def read(
    files: Sequence[CircuitFile],
    scratch: Scratch,
    *,
    processes: int | None,
    answered: Callable[[], object],
) -> tuple[list[Part], Dialect]:
    """The parts that hold the circuits of all files, in order, and their one dialect.

    Fills in `sha256`, `circuits` and `parameters`, or `error`, of the files that workers read,
    and calls `answered` after each. Part `hashed` means that its file's sha256 is not known yet.
    """
    dialects = {file.dialect for file in files}
    if len(dialects) == 1 and (dialect := dialects.pop()) is not None:
        return [_copied(file) for file in files], dialect
    # Imported here: copying a QPY file needs no process, nor the modules that start one.
    from qjobs.circuits.workers import Workers

    processes = processes or _count_processes(files)
    with Workers(processes) as workers:
        steps: list[Part | Task] = []
        for native, group in groupby(files, key=lambda file: file.dialect == workers.dialect):
            run = list(group)
            steps += map(_copied, run) if native else _tasks(run, scratch, processes)
        workers.run([step for step in steps if isinstance(step, Task)], answered=answered)
    parts: list[Part] = []
    for step in steps:
        parts += [step] if isinstance(step, Part) else _written(step)
    return parts, workers.dialect


def _copied(file: CircuitFile) -> Part:
    return Part(file.path, file.name, file.circuits, hashed=not file.sha256)


def _written(task: Task) -> Iterator[Part]:
    for path in task.written():
        with Container.open(path) as container:
            yield Part(path, str(path), len(container), decoded=True)


def _tasks(files: Sequence[CircuitFile], scratch: Scratch, processes: int) -> Iterator[Task]:
    """Cut a run of files into tasks of one format, several for each process."""
    most = min(_TASK_FILES, -(-len(files) // (4 * processes)))
    task: list[CircuitFile] = []
    size = 0
    for file in files:
        full = len(task) == most or size + file.size_bytes > _TASK_BYTES
        if task and (full or file.format != task[0].format or file.format is Format.QPY):
            yield Task(task, scratch.new("part"))
            task, size = [], 0
        task.append(file)
        size += file.size_bytes
    yield Task(task, scratch.new("part"))


def _count_processes(files: Sequence[CircuitFile]) -> int:
    work = sum(file.size_bytes / _WORTH_BYTES[file.format] for file in files)
    return max(1, min(pool.usable_cores(), _MAX_PROCESSES, len(files), int(work)))
