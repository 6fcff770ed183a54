"""Keep a use-case within a time, whatever hangs: of what is left, a provider gets no more.

A call that does not come back is left behind in a thread of its own, which does not keep the
process from ending. What it would have said is looked up another time, as after a crash.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from qjobs.engine.workspace import Workspace
from qjobs.errors import NotNow, OutOfTime

if TYPE_CHECKING:
    from qjobs.contract import Provider

_THREAD = "qjobs-left-behind"
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
        """How long it is until then, or until so much later, at least 0."""
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
    """The same, with providers that give no answer a second after the deadline: OutOfTime.

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


def patient(provider: "Provider") -> "Provider":
    """The same provider, but what it is asked for in time is waited for, however long it takes.

    An answer that comes only once would be lost with whoever did not wait for it.
    """
    return cast("Provider", provider.patient()) if isinstance(provider, _Bounded) else provider


def left_behind() -> bool:
    """Whether there are calls that nobody waits for any more."""
    return any(thread.name == _THREAD for thread in threading.enumerate())


class _Bounded:
    """Has the methods of a provider, as attributes: it is asked which of the contract it has."""

    def __init__(
        self, name: str, provider: "Provider", deadline: Deadline, *, waits: bool = False
    ) -> None:
        self._name = name
        self._deadline = deadline
        self._waits = waits
        self.patient = partial(_Bounded, name, provider, deadline, waits=True)
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

    def _ask(
        self, work: Callable[..., Any], *args: Any, least_s: float = 0.0, **kwargs: Any
    ) -> Any:
        left_s = max(self._deadline.left_s(_GRACE_S) or 0.0, least_s)
        came = threading.Event()
        outcome: list[Any] = []
        failures: list[BaseException] = []

        def run() -> None:
            try:
                outcome.append(work(*args, **kwargs))
            except BaseException as error:  # noqa: BLE001 - it is raised where it was asked for
                failures.append(error)
            came.set()

        if left_s and self._waits:
            return work(*args, **kwargs)
        if left_s:
            threading.Thread(target=run, name=_THREAD, daemon=True).start()
            came.wait(min(left_s, threading.TIMEOUT_MAX))
        if failures:
            raise failures[0]
        if outcome:
            return outcome[0]
        raise OutOfTime(f"the time is up, and {self._name} has not answered")
