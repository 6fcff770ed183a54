"""Keep a use-case within a time, whatever hangs: of what is left, a provider gets no more.

A call that does not come back is left behind in a thread of its own, which does not keep the
process from ending. What it would have said is looked up another time, as after a crash.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

from qjobs.engine.workspace import Workspace
from qjobs.errors import NotNow, OutOfTime

if TYPE_CHECKING:
    from qjobs.contract import Provider

Outcome = TypeVar("Outcome")

_THREAD = "qjobs-left-behind"
_KEPT_ON = "qjobs-to-the-end"
_GRACE_S = 1.0
"""Beyond the deadline, so that a last look comes to its end where nothing hangs."""


class Deadline:
    """A moment; there is none if `timeout_s` is None."""

    def __init__(
        self, timeout_s: float | None, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._monotonic = monotonic
        self._at = None if timeout_s is None else monotonic() + timeout_s

    def left_s(self, grace_s: float = 0.0) -> float | None:
        """Seconds until `grace_s` after the deadline, at least 0; None without a deadline."""
        return None if self._at is None else max(0.0, self._at + grace_s - self._monotonic())

    @property
    def over(self) -> bool:
        """Whether the moment has come."""
        return self.left_s() == 0

    @contextmanager
    def sets(self, stop: threading.Event) -> Iterator[None]:
        """While the block lasts, the moment sets `stop`."""
        left_s = self.left_s()
        if left_s is None:
            yield
            return
        timer = threading.Timer(min(left_s, threading.TIMEOUT_MAX), stop.set)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


def within(workspace: Workspace, deadline: Deadline) -> Workspace:
    """Bound a workspace: a provider that has not answered a second after the deadline is OutOfTime.

    What was sent by then may have been accepted; what would be sent after the deadline is not:
    NotNow.
    """
    if deadline.left_s() is None:
        return workspace
    bounded: dict[int, Provider] = {}

    def load(name: str, **settings: str) -> "Provider":
        # On the thread that asks: it may be the first to import Qiskit.
        provider = workspace.load_provider(name, **settings)
        if isinstance(provider, _Bounded):
            return provider
        if id(provider) not in bounded:
            bounded[id(provider)] = cast("Provider", _Bounded(name, provider, deadline))
        return bounded[id(provider)]

    return workspace._replace(load_provider=load)


def to_the_end(provider: "Provider", work: "Callable[[Provider], Outcome]") -> Outcome:
    """Do work with a provider that must not be torn, as an answer is that comes only once.

    It is not begun after the deadline. If it has not ended by then, OutOfTime is raised, and it
    goes on: the process stays until it has ended, or for as long as it is given by `kept_on`.
    """
    if not isinstance(provider, _Bounded):
        return work(provider)
    return cast("Outcome", provider.to_the_end(work))


def left_behind() -> bool:
    """Whether there are calls that nobody waits for any more."""
    return any(thread.name == _THREAD for thread in threading.enumerate())


def kept_on() -> "list[threading.Thread]":
    """List the threads that `to_the_end` left running: the process must not end before them."""
    return [thread for thread in threading.enumerate() if thread.name == _KEPT_ON]


class _Bounded:
    """Has the methods of a provider, as attributes: it is asked which of the contract it has."""

    def __init__(self, name: str, provider: "Provider", deadline: Deadline) -> None:
        self._name = name
        self._deadline = deadline
        self._provider = provider
        for attribute in dir(provider):
            if not attribute.startswith("_"):
                value = getattr(provider, attribute, None)
                setattr(
                    self, attribute, self._bound(attribute, value) if callable(value) else value
                )

    def _bound(self, method: str, work: Callable[..., Any]) -> Callable[..., Any]:
        match method:
            case "prepare":
                return partial(self._prepare, work)
            case "submit":
                return partial(self._send, work)
            case "close_session":
                return partial(self._ask, work, least_s=_GRACE_S)
            case _:
                return partial(self._ask, work)

    def _prepare(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        try:
            return partial(self._send, self._ask(work, *args, **kwargs))
        except OutOfTime as error:
            raise NotNow(error.message) from error

    def _send(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if self._deadline.over:
            raise NotNow("the time is up")
        return self._ask(work, *args, **kwargs)

    def to_the_end(self, work: "Callable[[Provider], Any]") -> Any:
        """See the function of this name."""
        return self._in_time(partial(work, self._provider), kept_on=True)

    def _ask(
        self, work: Callable[..., Any], *args: Any, least_s: float = 0.0, **kwargs: Any
    ) -> Any:
        return self._in_time(partial(work, *args, **kwargs), kept_on=False, least_s=least_s)

    def _in_time(self, work: Callable[[], Any], *, kept_on: bool, least_s: float = 0.0) -> Any:
        left_s = max(self._deadline.left_s(_GRACE_S) or 0.0, least_s)
        came = threading.Event()
        outcome: list[Any] = []
        failures: list[BaseException] = []

        def run() -> None:
            try:
                outcome.append(work())
            except BaseException as error:  # noqa: BLE001 - it is raised where it was asked for
                failures.append(error)
            came.set()

        if left_s:
            name = _KEPT_ON if kept_on else _THREAD
            threading.Thread(target=run, name=name, daemon=not kept_on).start()
            came.wait(min(left_s, threading.TIMEOUT_MAX))
        if failures:
            raise failures[0]
        if outcome:
            return outcome[0]
        raise OutOfTime(f"the time is up, and {self._name} has not answered")
