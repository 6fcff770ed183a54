"""The other end of `worker`: processes that read circuits with Qiskit, so that we need not.

Messages are described in `worker`. A process has one task at a time; whatever ends the
`with` block ends the processes.
"""

import json
import os
import selectors
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from qjobs.circuits.files import Parameters, Task
from qjobs.circuits.qpy import Dialect
from qjobs.errors import InputError, Place, QjobsError
from qjobs.model import Slice


class Workers:
    """Worker processes, as a context manager; for one thread.

    Raises QjobsError if one cannot be started, and InputError, naming the file, if one dies.
    """

    def __init__(self, processes: int) -> None:
        self._all: list[_Process] = []
        try:
            for _ in range(processes):
                self._all.append(_Process())
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
            self._all.pop().kill()

    def run(self, tasks: Sequence[Task], *, answered: Callable[[], object]) -> None:
        """Have all tasks done. `answered` is called after each file, in this thread."""
        waiting = iter(tasks)
        with selectors.DefaultSelector() as selector:
            for process in self._all:
                if process.take(next(waiting, None)):
                    selector.register(process.output, selectors.EVENT_READ, process)
            while selector.get_map():
                for key, _ in selector.select():
                    process = key.data
                    for _ in range(process.hear()):
                        answered()
                    if process.task is None and not process.take(next(waiting, None)):
                        selector.unregister(process.output)

    def find_parameters(self, container: Path, part: Slice) -> Parameters:
        """The parameters of the circuits of a container, as far as these can be read.

        Raises InputError.
        """
        return _parameters(self._all[0].ask(container, part))

    def find_unreadable(self, container: Path, part: Slice) -> list[tuple[int, str, str]]:
        """The index and the name of each circuit that cannot be read, and why.

        Raises InputError.
        """
        return [
            (at, name, why) for at, name, why in self._all[0].ask(container, part)["unreadable"]
        ]


class _Process:
    """One worker process and the task it is at."""

    def __init__(self) -> None:
        self.task: Task | None = None
        self._answers = 0
        self._heard = bytearray()
        # -P keeps modules in the user's folder from being taken for ours.
        command = [sys.executable, "-P", "-m", "qjobs.circuits.worker"]
        try:
            self._popen = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # Qiskit's Rust parser writes there
            )
        except OSError as error:
            raise QjobsError(f"cannot start a worker process: {error.strerror}") from error
        assert self._popen.stdin is not None
        assert self._popen.stdout is not None
        self._input = self._popen.stdin
        self.output = self._popen.stdout

    def greet(self) -> Dialect:
        """Wait until the process is ready; the dialect of the QPY that it writes."""
        message = self._answer()
        if "dialect" not in message:
            raise QjobsError(str(message["error"]), hint="reinstall qjobs with its dependencies")
        version, qiskit, encoding = message["dialect"]
        return Dialect(version, bytes.fromhex(qiskit), bytes.fromhex(encoding))

    def take(self, task: Task | None) -> bool:
        """Start a task; False if there is none left."""
        self.task = task
        self._answers = 0
        if task is None:
            return False
        try:
            self._input.write(_encode(task))
            self._input.flush()
        except BrokenPipeError as error:
            raise self._died() from error
        return True

    def ask(self, container: Path, part: Slice) -> dict[str, Any]:
        """What is to be known of the circuits of a container."""
        question = {
            "container": str(container),
            "start_index": part.start_index,
            "experiments_count": part.experiments_count,
        }
        try:
            self._input.write(json.dumps(question).encode() + b"\n")
            self._input.flush()
        except BrokenPipeError as error:
            raise self._died() from error
        message = self._answer()
        if "error" in message:
            raise InputError(message["error"], hint=message["hint"])
        return message

    def hear(self) -> int:
        """Take in what the process has said; how many files it answered for."""
        assert self.task is not None
        before = self._answers
        for line in self._read_lines():
            message = json.loads(line)
            if "parts" in message:
                self.task.parts += map(Path, message["parts"])
                self.task = None
                break
            file = self.task.files[self._answers]
            if "error" in message:
                place = Place(*message["place"]) if message.get("place") else None
                file.error = InputError(message["error"], hint=message["hint"], place=place)
            else:
                file.sha256 = file.sha256 or message["sha256"]
                file.circuits = message["circuits"]
                file.parameters = _parameters(message)
            self._answers += 1
        return self._answers - before

    def kill(self) -> None:
        self._popen.kill()
        self._popen.wait()
        self.output.close()
        with suppress(BrokenPipeError):  # what it was not told any more
            self._input.close()

    def _answer(self) -> dict[str, Any]:
        """The one line that is the answer to what it was asked."""
        lines: list[bytes] = []
        while not lines:
            lines = self._read_lines()
        message: dict[str, Any] = json.loads(lines[0])
        return message

    def _read_lines(self) -> list[bytes]:
        data = os.read(self.output.fileno(), 1 << 16)
        if not data:
            raise self._died()
        self._heard += data
        *lines, rest = self._heard.split(b"\n")
        self._heard = bytearray(rest)
        return [bytes(line) for line in lines]

    def _died(self) -> QjobsError:
        code = self._popen.wait()
        how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
        if self.task is None:
            return QjobsError(f"a worker process {how} before it had read anything")
        reading = self.task.files[min(self._answers, len(self.task.files) - 1)]
        return InputError(
            f"{reading.name} cannot be read: the process that read it {how}",
            hint="is there enough memory and disk space? if so, leave the file out",
        )


def _parameters(message: Mapping[str, Any]) -> Parameters:
    return {tuple(names): index for names, index in message["parameters"]}


def _encode(task: Task) -> bytes:
    files = [
        (str(file.path), file.name, file.packed, str(file.folder) if file.folder else None)
        for file in task.files
    ]
    message = {"format": task.files[0].format, "prefix": str(task.prefix), "files": files}
    return json.dumps(message).encode() + b"\n"
