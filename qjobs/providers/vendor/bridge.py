"""Our side of the border: a process in which a vendor's code runs, and calls into it.

Vendors' code may hang, crash or retry for ever: every call has its time, after which the
process is not used any more, and ended as soon as the other calls in it are over, at the
latest when their time is. The next call starts another process. If we die, it brings the
submits in progress to their end; see `serving`.
"""

import os
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from qjobs import files, paths
from qjobs.children.child import Child, Died, Expired
from qjobs.children.frames import Frame
from qjobs.errors import (
    AuthError,
    JobRefused,
    NoneAccepted,
    NotAccepted,
    NotNow,
    PendingLimit,
    ProviderError,
    QjobsError,
    RateLimited,
    TooLarge,
    UnknownBackend,
    UsageError,
)

LARGEST_LOG_BYTES = 1 << 20
STARTING_S = 60.0  # for Python and Qiskit to be there
PROGRAM = Path(__file__).with_name("main.py")

_ERRORS: Mapping[str, type[QjobsError]] = {
    kind.code: kind
    for kind in (
        AuthError, JobRefused, NoneAccepted, NotAccepted, NotNow, PendingLimit, ProviderError,
        RateLimited, TooLarge, UnknownBackend, UsageError,
    )
}  # fmt: skip


class Bridge:
    """Calls into a process that is started by the first one. Any thread may call.

    `python` is the interpreter, `opening` gives the first message, `log` is the file for
    whatever is printed there. The vendor's package may take `timeout_s` until it is open.
    """

    def __init__(
        self, python: str, opening: Callable[[], Mapping[str, Any]], *, log: Path, timeout_s: float
    ) -> None:
        self._python = python
        self._opening = opening
        self._log = log
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._process: Process | None = None

    def call(
        self, method: str, body: bytes = b"", *, timeout_s: float, **fields: Any
    ) -> tuple[Any, bytes]:
        """Have a method of the service done; the value and the bytes of its reply.

        Raises what it raised, or ProviderError: the process died, or the time is over.
        """
        reply = self._opened().ask({**fields, "method": method}, body, timeout_s=timeout_s)
        return reply.fields["value"], reply.body

    def greeting(self) -> Mapping[str, Any]:
        """What the other side is: `qpy`, the newest version that it reads, and `qiskit`."""
        return self._opened().greeting

    def _opened(self) -> "Process":
        """The process, a new one if there is none that can be used."""
        with self._lock:
            if self._process is None or not self._process.usable:
                # Before anything is started: it may raise.
                opening = self._opening()
                child = _start(self._python, self._log)
                # Its end of the pipe is closed along with us.
                weakref.finalize(self, child.leave)
                process = Process(child, self._log)
                process.greet(opening, timeout_s=self._timeout_s)
                self._process = process
            return self._process


def _start(python: str, log: Path) -> Child:
    try:
        files.make_folder(log.parent)
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError as error:
        raise ProviderError(f"cannot write {log}: {error.strerror}") from error
    try:
        if os.fstat(descriptor).st_size > LARGEST_LOG_BYTES:
            os.ftruncate(descriptor, 0)
        return Child(
            [python, str(PROGRAM)],
            printed=descriptor,
            apart=True,  # Ctrl-C is for us: a submit in progress is finished
            # Qiskit would fork a process that has threads, for a list of circuits to transpile.
            env={**paths.variables(), "QISKIT_PARALLEL": "FALSE"},
        )
    except OSError as error:
        raise ProviderError(
            f"cannot start {python}: {error.strerror}", hint="look at `python` in the config file"
        ) from error
    finally:
        os.close(descriptor)


class _Waiting:
    """Somebody who waits for a reply."""

    def __init__(self) -> None:
        self.answered = threading.Event()
        self.reply: Frame | None = None


class Process:
    """A process, the requests in it, and the thread that hears its replies."""

    def __init__(self, child: Child, log: Path) -> None:
        self.greeting: Mapping[str, Any] = {}
        self._child = child
        self._log = log
        self._lock = threading.Lock()
        self._waiting: dict[int, _Waiting] = {}
        self._last = -1
        self._retired = False
        self._death: Died | None = None

    @property
    def usable(self) -> bool:
        """Whether a further request may be sent."""
        return self._death is None and not self._retired

    def greet(self, opening: Mapping[str, Any], *, timeout_s: float) -> None:
        """Open the service. Raises what keeps it from being opened."""
        try:
            self.greeting = self.ask(opening, b"", timeout_s=STARTING_S).fields["value"]
            self.ask({"method": "open"}, b"", timeout_s=timeout_s)
        except BaseException:
            self._child.leave()
            raise

    def ask(self, fields: Mapping[str, Any], body: bytes, *, timeout_s: float) -> Frame:
        """Send a request and wait for its reply. Raises the error that it tells of."""
        until = time.monotonic() + timeout_s
        waiting = _Waiting()
        with self._lock:
            self._last = number = self._last + 1
            self._waiting[number] = waiting
            if self._death is not None:
                waiting.answered.set()
            if number == 0:  # not before: an old Python answers this call before it has heard it
                threading.Thread(target=self._hear, daemon=True, name="qjobs-bridge").start()
        request = {**fields, "call": number, "timeout_s": timeout_s}
        answered = False
        try:
            with suppress(Expired):
                self._child.send(request, body, limit_s=timeout_s)
                answered = waiting.answered.wait(max(0.0, until - time.monotonic()))
            if not answered:
                self._retired = True
                raise ProviderError(
                    f"the provider's package did not answer within {timeout_s:g} s",
                    hint=f"see {self._log}; timeout_s in the config file sets the limit",
                )
        finally:
            self._drop(number)
        if waiting.reply is None:
            raise ProviderError(
                f"the process of the provider's package {self._death}", hint=f"see {self._log}"
            )
        if "error" in waiting.reply.fields:
            raise _raised(waiting.reply.fields)
        return waiting.reply

    def _drop(self, number: int) -> None:
        """Forget a request; the last one in a retired process ends it."""
        with self._lock:
            del self._waiting[number]
            if self._retired and not self._waiting:
                self._child.kill()

    def _hear(self) -> None:
        """Give each reply to whoever waits for it, until the process ends."""
        try:
            while True:
                for reply in self._child.hear():
                    with self._lock:
                        waiting = self._waiting.get(reply.fields.get("call", -1))
                        if waiting is not None:
                            waiting.reply = reply
                            waiting.answered.set()
        except Died as death:
            with self._lock:
                self._death = death
                for waiting in self._waiting.values():
                    waiting.answered.set()
        finally:
            self._child.end()


def _raised(fields: Mapping[str, Any]) -> QjobsError:
    kind = _ERRORS.get(fields["error"], ProviderError)
    if fields["error"] == "old_python":
        return ProviderError(
            f"the provider's Python is {fields['message']}: at least 3.11 is needed",
            hint="name another `python` in the config file",
        )
    if issubclass(kind, NotNow):
        return kind(fields["message"], hint=fields["hint"], retry_after_s=fields["retry_after_s"])
    return kind(fields["message"], hint=fields.get("hint", ""))
