"""One process that reads circuits, as its parent sees it, and the task it is at: see `worker`."""

import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from qjobs.children.child import Child, Died, Expired, exit_reason
from qjobs.circuits import bounds
from qjobs.circuits.files import Parameters, Task
from qjobs.circuits.qpy import Dialect
from qjobs.errors import InputError, Place, QjobsError, StateUnwritable
from qjobs.model import Slice


class Process:
    """A process that may take `memory_bytes`, for the one thread that started it.

    Every method may raise Died; then nothing but its end may follow.
    """

    def __init__(self, memory_bytes: int) -> None:
        self.memory_bytes = memory_bytes
        self.task: Task | None = None
        self.answers = 0
        """How many files of the task it has answered for."""
        self._spent_s = 0.0
        try:
            self.child = Child.of(
                "qjobs.circuits.worker",
                memory_bytes,
                printed=subprocess.DEVNULL,  # Qiskit's Rust parser prints much that nobody needs
                reason=self._exit_reason,
            )
        except OSError as error:
            raise QjobsError(f"cannot start a worker process: {error.strerror}") from error

    def greet(self) -> Dialect:
        """Wait until the process is ready; the dialect of the QPY that it writes.

        Raises QjobsError if it cannot be.
        """
        try:
            message = self.child.answer(limit_s=bounds.START_S).fields
        except Died as death:
            raise QjobsError(f"a worker process {death} before it had read anything") from death
        if "dialect" not in message:
            raise QjobsError(
                str(message["error"]), hint="reinstall qiskit-qjobs with its dependencies"
            )
        version, qiskit, encoding = message["dialect"]
        return Dialect(version, bytes.fromhex(qiskit), bytes.fromhex(encoding))

    def take(self, task: Task) -> None:
        """Start a task."""
        self.task = task
        self.answers = 0
        self._spent_s = 0.0
        self.child.send(_described(task))

    def hear(self) -> int:
        """Take in what the process has said; for how many files it answered for the first time.

        Call it when there is something to read. Raises StateUnwritable, too.
        """
        assert self.task is not None
        before = max(self.answers, self.task.told)
        for message, _ in self.child.hear():
            if "unwritable" in message:
                raise StateUnwritable(message["unwritable"])
            if "parts" in message:
                self.task.parts += map(Path, message["parts"])
                self.task = None
                break
            file = self.task.files[self.answers]
            if "error" in message:
                place = Place(*message["place"]) if message.get("place") else None
                file.error = InputError(message["error"], hint=message["hint"], place=place)
            else:
                file.sha256 = file.sha256 or message["sha256"]
                file.circuits = message["circuits"]
                file.parameters = parameters(message)
            self.answers += 1
            self._spent_s = 0.0
        return max(0, self.answers - before)

    def spend(self, seconds: float) -> None:
        """Count time that it took for the file it is at. Raises Expired when it is too much."""
        assert self.task is not None
        self._spent_s += seconds
        # The first bound is that of any file, and is looked at much more often.
        if self._spent_s > bounds.FILE_S and self._spent_s > self._allowed_s():
            raise Expired(self._allowed_s())

    def ask(self, container: Path, part: Slice, *, limit_s: float) -> Mapping[str, Any]:
        """Ask for the heads of the circuits in a container. Raises InputError."""
        question = {
            "container": str(container),
            "start_index": part.start_index,
            "experiments_count": part.experiments_count,
        }
        message = self.child.ask(question, limit_s=limit_s).fields
        if "error" in message:
            raise InputError(message["error"], hint=message["hint"])
        return message

    def _allowed_s(self) -> float:
        assert self.task is not None
        # When the last file is answered for, what it has read is still to be written.
        return bounds.time_s(self.task.files[min(self.answers, len(self.task.files) - 1)])

    def _exit_reason(self, code: int) -> str:
        memory = f"more than {self.memory_bytes / 2**30:.1f} GiB of memory"
        if code == bounds.OUT_OF_MEMORY:
            return f"needed {memory}"
        # So ends Qiskit's code in Rust that gets no more of it.
        return exit_reason(code) + (f": {memory}?" if code == -signal.SIGABRT else "")


def parameters(message: Mapping[str, Any]) -> Parameters:
    """The parameters that an answer tells of."""
    return {tuple(names): index for names, index in message["parameters"]}


def _described(task: Task) -> dict[str, Any]:
    files = [
        (str(file.path), file.label, file.packed, str(file.folder) if file.folder else None)
        for file in task.files
    ]
    return {"format": task.files[0].format, "prefix": str(task.prefix), "files": files}


class Processes:
    """Some processes, as a context manager; for one thread.

    Whatever ends the `with` block ends them. Raises QjobsError if one cannot be started.
    """

    def __init__(self, processes: int) -> None:
        self._all: list[Process] = []
        try:
            for _ in range(processes):
                self._all.append(Process(bounds.memory_bytes(processes)))
            # All must be able to start, and all write the same.
            (self.dialect,) = {process.greet() for process in self._all}
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the processes, whatever they are doing."""
        while self._all:
            self._all.pop().child.end()
