"""The other end of `transpiler`: worker processes that transpile, for any number of threads."""

import hashlib
import subprocess
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple, Self

from qjobs.children.child import Child, Died
from qjobs.circuits import qpy
from qjobs.errors import JobRefused, UnreadableCircuit
from qjobs.model import Slice
from qjobs.providers.ibm.weights import Weight

if TYPE_CHECKING:
    from concurrent.futures import Future

SERVICE_QPY_VERSION = 17
"""The newest that the service reads."""

PIECE_CIRCUITS = 16
"""A slice goes to the workers in pieces of so many, so that all of them work on it."""

PIECE_BYTES = 4_000_000
LONGEST_PIECE_S = 3600.0
MOST_DEATHS = 5
_PIECES_A_PROCESS = 2


class Transpilation(NamedTuple):
    """How circuits are made to fit a backend: with the same values they come out the same.

    `target` is the text that `targets.describe` gives, `optimization_level` Qiskit's, 0 to 3.
    Layouts make circuits three times as slow to read; only observables need them.
    """

    target: str
    optimization_level: int
    seed: int
    qpy_version: int = SERVICE_QPY_VERSION
    keep_layouts: bool = False

    @property
    def calibration(self) -> str:
        """A digest of the target: equal for equal operations, places, errors and durations."""
        return hashlib.sha256(self.target.encode()).hexdigest()


class Transpiled(NamedTuple):
    """The circuits of a slice, ready to be sent, as a QPY file, and what each takes of a job."""

    qpy: bytes
    weights: tuple[Weight, ...]


class Transpilers:
    """Up to so many worker processes, as a context manager; every method is for any thread.

    A process is started when there is work for it, and replaced if it dies, a few times. Slices
    are worked on in the order they come, each by all processes. In memory are the slices that
    are called for, and nothing else.
    """

    def __init__(
        self,
        transpilation: Transpilation,
        *,
        processes: int,
        longest_piece_s: float = LONGEST_PIECE_S,
    ) -> None:
        # Imported here: it costs 10 ms, and most commands never get this far.
        from concurrent.futures import ThreadPoolExecutor

        self._transpilation = transpilation
        self._longest_piece_s = longest_piece_s
        # One thread for each process, which is its parent in the eyes of the kernel.
        self._threads = ThreadPoolExecutor(processes, thread_name_prefix="qjobs-transpile")
        self._room = threading.BoundedSemaphore(_PIECES_A_PROCESS * processes)
        self._turn = threading.Lock()
        self._mutex = threading.Lock()
        self._own = threading.local()
        self._started: set[Child] = set()
        self._deaths = 0
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the processes; calls that still wait for one raise JobRefused."""
        with self._mutex:
            self._closed = True
            for process in self._started:
                process.kill()
        self._threads.shutdown(cancel_futures=True)
        while self._started:
            self._started.pop().end()

    def transpile(self, data: bytes, *, start_index: int = 0) -> Transpiled:
        """Circuits that fit the target, in the order of a QPY file.

        One that has all of the target's qubits and already fits stays as it is. Parameters are
        kept. `start_index` is the index of the first circuit, for messages. Raises JobRefused,
        naming a circuit, if it cannot be transpiled or a worker dies of it, UnreadableCircuit if
        one cannot be read, and InputError if the file is damaged.
        """
        answers = self._ask_all("transpile", data, start_index)
        return Transpiled(qpy.joined([answer.qpy for answer in answers]), _weights(answers))

    def weigh(self, data: bytes, *, start_index: int = 0) -> tuple[Weight, ...]:
        """What each circuit of a QPY file takes of a job as it is; raises as `transpile`."""
        return _weights(self._ask_all("weigh", data, start_index))

    def _ask_all(self, request: str, data: bytes, start_index: int) -> "list[Transpiled]":
        from concurrent.futures import CancelledError

        waiting: list[Future[Transpiled]] = []
        try:
            # One call after the other: the first slice must not be ready as late as the last.
            with self._turn:
                container = qpy.Container(data)
                for part in container.runs(circuits=PIECE_CIRCUITS, size_bytes=PIECE_BYTES):
                    self._room.acquire()
                    if any(future.done() and future.exception() for future in waiting):
                        self._room.release()
                        break
                    place = Slice(start_index + part.start_index, part.experiments_count)
                    waiting.append(self._start(request, container.cut(part), place))
            return [future.result() for future in waiting]
        except CancelledError as error:
            raise _stopped() from error
        finally:
            for future in waiting:
                future.cancel()

    def _start(self, request: str, piece: bytes, place: Slice) -> "Future[Transpiled]":
        try:
            future = self._threads.submit(self._ask, request, piece, place)
        except RuntimeError as error:
            self._room.release()
            raise _stopped() from error
        future.add_done_callback(lambda _: self._room.release())
        return future

    def _ask(self, request: str, piece: bytes, place: Slice) -> Transpiled:
        """Have a piece done by this thread's process."""
        process = self._process()
        try:
            head, made = process.ask(
                {"do": request, "start_index": place.start_index},
                piece,
                limit_s=self._longest_piece_s,
            )
        except Died as death:
            self._bury(process)
            if self._closed:
                raise _stopped() from death
            raise JobRefused(
                f"circuits {place} cannot be transpiled: the process that worked on them {death}"
            ) from death
        if "others" in head:
            raise UnreadableCircuit(head["error"], others=head["others"])
        if "error" in head:
            index = head["circuit"]
            which = f"circuits {place}" if index is None else f"circuit {place.start_index + index}"
            raise JobRefused(f"{which} cannot be transpiled: {head['error']}")
        return Transpiled(made, tuple(Weight(*weight) for weight in head["weights"]))

    def _process(self) -> Child:
        """The process of this thread, a new one if need be."""
        process: Child | None = getattr(self._own, "process", None)
        if process is not None:
            return process
        with self._mutex:
            if self._closed:
                raise _stopped()
            if self._deaths >= MOST_DEATHS:
                raise JobRefused(
                    f"{self._deaths} processes that transpile have died, and no more are started: "
                    "is there enough memory?"
                )
            process = _start()
            self._started.add(process)
        settings = self._transpilation._asdict()
        target = settings.pop("target")
        try:
            head, _ = process.ask(settings, target.encode(), limit_s=self._longest_piece_s)
            reason = head.get("error", "")
        except Died as death:
            reason = f"it {death}"
        if reason:
            self._bury(process)
            raise JobRefused(f"a process that transpiles cannot start: {reason}")
        self._own.process = process
        return process

    def _bury(self, process: Child) -> None:
        self._own.process = None
        with self._mutex:
            self._deaths += 1
            self._started.discard(process)
        process.end()


def _start() -> Child:
    try:
        # What is in flight when Ctrl-C comes is finished.
        module = "qjobs.providers.ibm.transpiler"
        return Child.of(module, printed=subprocess.DEVNULL, apart=True)
    except OSError as error:
        raise JobRefused(f"a process cannot be started: {error.strerror}") from error


def _weights(answers: Iterable[Transpiled]) -> tuple[Weight, ...]:
    return tuple(weight for answer in answers for weight in answer.weights)


def _stopped() -> JobRefused:
    return JobRefused("transpiling was stopped")
