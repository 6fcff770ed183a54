"""One process that reads circuits, as its parent sees it, and the task it is at: see `worker`."""

import json
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from qjobs.children import channel
from qjobs.children.lifetime import ending
from qjobs.circuits import bounds
from qjobs.circuits.files import Parameters, Task
from qjobs.circuits.qpy import Dialect
from qjobs.errors import InputError, Place, QjobsError, StateUnwritable
from qjobs.model import Slice

_READ_BYTES = 1 << 16


class Died(Exception):
    """A process ended, or was made to; how it did."""


class Expired(Died):
    """It took too long for a file, and was ended."""


class Process:
    """A process that may take so much memory, for the one thread that started it.

    Every method may raise Died; then nothing but `kill` may follow.
    """

    def __init__(self, memory_bytes: int) -> None:
        self.memory_bytes = memory_bytes
        self.task: Task | None = None
        self.answers = 0
        """How many files of the task it has answered for."""
        self._spent_s = 0.0
        self._heard = bytearray()
        # -P keeps modules in the user's folder from being taken for ours.
        command = [sys.executable, "-P", "-m", "qjobs.circuits.worker"]
        command += [str(os.getpid()), str(memory_bytes)]
        try:
            # Qiskit's Rust parser prints much that nobody needs.
            self._popen, self.output = channel.start(command, printed=subprocess.DEVNULL)
        except OSError as error:
            raise QjobsError(f"cannot start a worker process: {error.strerror}") from error
        assert self._popen.stdin is not None
        self._input = self._popen.stdin

    def greet(self) -> Dialect:
        """Wait until the process is ready; the dialect of the QPY that it writes.

        Raises QjobsError if it cannot be.
        """
        try:
            message = self._answer(bounds.START_S)
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
        self._tell(_described(task))

    def hear(self) -> int:
        """Take in what the process has said; for how many files it answered for the first time.

        Call it when there is something to read. Raises StateUnwritable, too.
        """
        assert self.task is not None
        before = max(self.answers, self.task.told)
        for line in self._read_lines():
            message = json.loads(line)
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
            raise Expired(f"took longer than {self._allowed_s():.0f} s")

    def ask(self, container: Path, part: Slice, *, limit_s: float) -> dict[str, Any]:
        """What is to be known of the circuits of a container. Raises InputError."""
        question = {
            "container": str(container),
            "start_index": part.start_index,
            "experiments_count": part.experiments_count,
        }
        self._tell(question)
        message = self._answer(limit_s)
        if "error" in message:
            raise InputError(message["error"], hint=message["hint"])
        return message

    def kill(self) -> None:
        """End it, whatever it is doing."""
        self._popen.kill()
        self._popen.wait()
        self.output.close()
        with suppress(BrokenPipeError):  # what it was not told any more
            self._input.close()

    def _allowed_s(self) -> float:
        assert self.task is not None
        # When the last file is answered for, what it has read is still to be written.
        return bounds.time_s(self.task.files[min(self.answers, len(self.task.files) - 1)])

    def _tell(self, message: Mapping[str, Any]) -> None:
        try:
            self._input.write(json.dumps(message).encode() + b"\n")
            self._input.flush()
        except BrokenPipeError as error:
            raise self._died() from error

    def _answer(self, limit_s: float) -> dict[str, Any]:
        """The one line that is the answer to what it was asked."""
        lines: list[bytes] = []
        with selectors.DefaultSelector() as selector:
            selector.register(self.output, selectors.EVENT_READ)
            while not lines:
                if not selector.select(limit_s):
                    raise Expired(f"did not answer within {limit_s:.0f} s")
                lines = self._read_lines()
        message: dict[str, Any] = json.loads(lines[0])
        return message

    def _read_lines(self) -> list[bytes]:
        data = os.read(self.output.fileno(), _READ_BYTES)
        if not data:
            raise self._died()
        self._heard += data
        *lines, rest = self._heard.split(b"\n")
        self._heard = bytearray(rest)
        return [bytes(line) for line in lines]

    def _died(self) -> Died:
        code = self._popen.wait()
        memory = f"more than {self.memory_bytes / 2**30:.1f} GiB of memory"
        if code == bounds.OUT_OF_MEMORY:
            return Died(f"needed {memory}")
        # So ends Qiskit's code in Rust that gets no more of it.
        return Died(f"{ending(code)}: {memory}?" if code == -signal.SIGABRT else ending(code))


def parameters(message: Mapping[str, Any]) -> Parameters:
    """The parameters that an answer tells of."""
    return {tuple(names): index for names, index in message["parameters"]}


def _described(task: Task) -> dict[str, Any]:
    files = [
        (str(file.path), file.name, file.packed, str(file.folder) if file.folder else None)
        for file in task.files
    ]
    return {"format": task.files[0].format, "prefix": str(task.prefix), "files": files}
