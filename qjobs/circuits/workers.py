"""Processes that read circuits with Qiskit, so that we need not, and survive what we would not.

A file may make its reader crash, hang, or run out of memory. Then it is that file which is at
fault, and no other: what was read together with it is read again, and it alone a last time, by a
process that may take all of the memory.
"""

import selectors
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from qjobs.children.child import Died, Expired
from qjobs.circuits import bounds
from qjobs.circuits.files import Parameters, Task
from qjobs.circuits.process import Process, Processes, parameters
from qjobs.circuits.sniff import Format
from qjobs.errors import InputError
from qjobs.model import Slice

_STEP_S = 1.0


class Workers(Processes):
    """Worker processes, each with one task at a time."""

    def run(self, tasks: Sequence[Task], *, answered: Callable[[], object]) -> None:
        """Have all tasks done. `answered` is called once a file, in this thread.

        Raises StateUnwritable if what is read cannot be written.
        """
        with selectors.DefaultSelector() as selector:
            _Round(self._all, tasks, selector, answered).run()

    def find_parameters(self, container: Path, part: Slice) -> Parameters:
        """The parameters of the circuits of a container, as far as these can be read.

        Raises InputError.
        """
        return parameters(self._ask(container, part))

    def _ask(self, container: Path, part: Slice) -> Mapping[str, Any]:
        limit_s = bounds.FILE_S + bounds.BYTE_S[Format.QPY] * container.stat().st_size
        try:
            return self._all[0].ask(container, part, limit_s=limit_s)
        except Died as death:
            raise InputError(
                f"circuits {part} cannot be read: the process that read them {death}",
                hint="leave the file out that they are from",
            ) from death


class _Round:
    """The tasks of one call of `run`, those that wait and those that processes are at."""

    def __init__(
        self,
        processes: list[Process],
        tasks: Sequence[Task],
        selector: selectors.BaseSelector,
        answered: Callable[[], object],
    ) -> None:
        self._all = processes  # those that died are replaced in it
        self._waiting = deque(tasks)
        self._selector = selector
        self._answered = answered

    def run(self) -> None:
        """Hear what the processes say until none has a task any more."""
        for process in tuple(self._all):
            self._give(process)
        counted_s = time.monotonic()
        while busy := self._selector.get_map():
            for key, _ in self._selector.select(_STEP_S):
                self._hear(key.data)
            spent_s = time.monotonic() - counted_s
            if spent_s >= _STEP_S:
                counted_s += spent_s
                # While we are stopped ourselves (Ctrl-Z), the files take no time.
                for key in tuple(busy.values()):
                    self._spend(key.data, min(spent_s, 2 * _STEP_S))

    def _hear(self, process: Process) -> None:
        """Take in what a process has said; it gets the next task when it is done with its own."""
        try:
            for _ in range(process.hear()):
                self._answered()
        except Died as death:
            self._replace(process, death)
        else:
            if process.task is None:
                self._selector.unregister(process.child)
                self._give(process)

    def _spend(self, process: Process, seconds: float) -> None:
        try:
            process.spend(seconds)
        except Expired as death:
            self._replace(process, death)

    def _give(self, process: Process) -> None:
        """Have a process take the next task, if there is one."""
        if not self._waiting:
            return
        self._selector.register(process.child, selectors.EVENT_READ, process)
        try:
            process.take(self._waiting.popleft())
        except Expired as death:
            self._replace(process, death)

    def _replace(self, process: Process, death: Died) -> None:
        """Have another process in the place of one that died, and its task done in another way."""
        self._selector.unregister(process.child)
        process.child.end()
        self._all.remove(process)
        if process.task is not None:
            self._settle(process, process.task, death)
        another = Process(bounds.memory_bytes(1))
        self._all.append(another)
        another.greet()
        self._give(another)

    def _settle(self, process: Process, task: Task, death: Died) -> None:
        at, count = process.answers, len(task.files)
        task.told = max(task.told, at)
        alone = count == 1 and process.memory_bytes >= bounds.memory_bytes(1)
        if alone or (at < count and isinstance(death, Expired)):
            at = min(at, count - 1)
            task.files[at].error = InputError(
                f"{task.files[at].name} cannot be read: the process that read it {death}",
                hint="is it nested too deeply, or too large? if not, write it with qiskit.qpy.dump",
            )
            if at >= task.told:
                self._answered()
            task.cut((0, at), (at + 1, count))
        elif at < count:
            task.cut((0, at), (at, at + 1), (at + 1, count))
        else:  # it was writing what it had read
            task.cut((0, count // 2), (count // 2, count))
        # The file that it was at goes first, to the new process, and alone.
        suspect = task.files[min(at, count - 1)]
        pieces = sorted(task.pieces, key=lambda piece: piece.files[0] is not suspect)
        self._waiting.extendleft(reversed(pieces))
