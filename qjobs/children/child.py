"""A child process of ours, as its parent sees it: requests, answers in time, and how it ended.

The answers have a pipe of their own, which nothing else in the child can print on: see `parent`.
"""

import fcntl
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Self

from qjobs.children import frames
from qjobs.children.frames import Frame

SENDING_S = 60.0
"""For a process that has nothing to do to take a request."""
ENDING_S = 5.0
"""Between the end of the answers and that of the process, which may write a core dump."""
_READ_BYTES = 1 << 16
_FIRST_FREE = 3  # behind stdin, stdout and stderr


class Died(Exception):
    """A process ended, or was made to; the message says of what."""


class Expired(Died):
    """A process took longer than it may. It still runs."""

    def __init__(self, limit_s: float) -> None:
        super().__init__(f"took longer than {limit_s:.0f} s")


def exit_reason(code: int) -> str:
    """What a process of this return code, as `subprocess` gives it, ended of."""
    if code == -signal.SIGKILL:
        return "was killed by signal 9 (SIGKILL): out of memory?"
    if code < 0:
        return f"was killed by signal {-code} ({signal.strsignal(-code)})"
    return f"ended with exit code {code}"


class Child:
    """A process that takes requests and gives answers. To a selector it is its answers.

    Any thread may `send`, `leave` and `kill`; one at a time may do anything else. On Linux the
    thread that starts one of our modules is its parent: they end together.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        printed: int,
        apart: bool = False,
        env: Mapping[str, str] | None = None,
        reason: Callable[[int], str] = exit_reason,
    ) -> None:
        """Start a process, whose command gets the number of the pipe of its answers added.

        `printed` is where its stdout and stderr go: a descriptor, or `subprocess.DEVNULL`. One
        that is `apart` has a session of its own: Ctrl-C does not reach it, and what it started
        is killed along with it. `reason` says what a return code means. Raises OSError.
        """
        answers, theirs = os.pipe()
        # Where our own stdout is closed, a pipe may get its number, which the child's stdout takes.
        end = fcntl.fcntl(theirs, fcntl.F_DUPFD_CLOEXEC, _FIRST_FREE)
        os.close(theirs)
        try:
            self._popen = subprocess.Popen(
                [*command, str(end)],
                stdin=subprocess.PIPE,
                stdout=printed,
                stderr=printed,
                pass_fds=(end,),
                start_new_session=apart,
                env=env,
            )
        except BaseException:
            os.close(answers)
            raise
        finally:
            os.close(end)
        assert self._popen.stdin is not None
        self._requests = self._popen.stdin
        os.set_blocking(self._requests.fileno(), False)
        self._answers = os.fdopen(answers, "rb")
        self._heard = frames.Decoder()
        self._writing = threading.Lock()
        self._apart = apart
        self._reason = reason
        self._gone = False

    @classmethod
    def of(cls, module: str, *arguments: object, printed: int, **options: Any) -> Self:
        """Start a module of ours, which calls `parent.begin`. Raises OSError."""
        # -P keeps modules in the user's folder from being taken for ours.
        command = [sys.executable, "-P", "-m", module, *map(str, arguments), str(os.getpid())]
        return cls(command, printed=printed, **options)

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._popen.pid

    def fileno(self) -> int:
        """The descriptor of its answers."""
        return self._answers.fileno()

    def ask(self, fields: Mapping[str, Any], body: bytes = b"", *, limit_s: float) -> Frame:
        """Send a request and wait for its answer. Raises Died."""
        until = time.monotonic() + limit_s
        self.send(fields, body, limit_s=limit_s)
        return self._answer(until, limit_s)

    def send(
        self, fields: Mapping[str, Any], body: bytes = b"", *, limit_s: float = SENDING_S
    ) -> None:
        """Send a request. Raises Expired; then no other can be sent.

        That the process is dead is left to those who hear its answers.
        """
        until = time.monotonic() + limit_s
        rest = memoryview(frames.encode(fields, body))
        if not self._writing.acquire(timeout=limit_s):
            raise Expired(limit_s)
        # Not `select`, which takes no descriptor above 1023: a program may have many open.
        try:
            with selectors.DefaultSelector() as selector, suppress(OSError, ValueError):
                selector.register(self._requests, selectors.EVENT_WRITE)
                while rest:
                    if not selector.select(max(0.0, until - time.monotonic())):
                        raise Expired(limit_s)
                    with suppress(BlockingIOError):
                        rest = rest[os.write(self._requests.fileno(), rest) :]
        finally:
            self._writing.release()

    def answer(self, *, limit_s: float) -> Frame:
        """Wait for an answer where only one is to come. Raises Died."""
        return self._answer(time.monotonic() + limit_s, limit_s)

    def _answer(self, until: float, limit_s: float) -> Frame:
        found: list[Frame] = []
        with selectors.DefaultSelector() as selector:
            selector.register(self, selectors.EVENT_READ)
            while not found:
                if not selector.select(max(0.0, until - time.monotonic())):
                    raise Expired(limit_s)
                found = self.hear()
        return found[0]

    def hear(self) -> list[Frame]:
        """Wait until there is something to read; the answers that are whole by now. Raises Died."""
        data = os.read(self.fileno(), _READ_BYTES)
        if not data:
            raise self._died()
        try:
            return [*self._heard.feed(data)]
        except ValueError as error:
            self.kill()
            raise Died("gave an answer that cannot be read") from error

    def leave(self) -> None:
        """Send no more: the process ends when it has done what it has."""
        with self._writing, suppress(OSError):
            self._requests.close()

    def kill(self) -> None:
        """End the process, whatever it is doing."""
        if not self._apart:
            self._popen.kill()
        elif not self._gone:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._popen.pid, signal.SIGKILL)

    def end(self) -> None:
        """End the process, and close what leads to it."""
        self.kill()
        self._popen.wait()
        self._gone = True
        self._answers.close()
        self.leave()

    def _died(self) -> Died:
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(ENDING_S)
        self.kill()  # it may have left others behind
        code = self._popen.wait()
        self._gone = True
        return Died(self._reason(code))
