"""Submits jobs in the order they came in, as many at a time as a lock allows.

A thread that waits for a lock is not served in its turn. So no thread waits with a job of its
own: it takes the lock first, and then the job that has waited longest. There is never more
than one thread at the lock.
"""

import threading
from bisect import insort
from collections.abc import Generator
from contextlib import AbstractContextManager, suppress
from functools import cache, partial
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias
from weakref import WeakKeyDictionary

from qjobs.engine.sending.steps import Wait

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

Lock: TypeAlias = AbstractContextManager[Any]
"""Any lock or semaphore."""

JobSteps: TypeAlias = Generator[Wait, None, None]
"""The steps of submitting one job; between them it waits, and holds no lock."""


class _Ticket(NamedTuple):
    number: int
    steps: JobSteps
    future: "Future[None]"
    executor: "Executor"

    def drop(self) -> None:
        """Let it go no further; it is done as far as it has come."""
        if not self.future.cancel():  # it has begun, and waits
            self.future.set_result(None)


class SubmitQueue:
    """The jobs that are submitted under one lock. All methods may be called from any thread."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self._changed = threading.Condition()
        self._numbers = count()
        # What follows changes only while `_changed` is held.
        self._waiting: list[_Ticket] = []
        self._at_the_lock = 0
        self._in_flight = 0
        self._pausing = 0
        self._woken = 0

    def enqueue(
        self, steps: JobSteps, future: "Future[None]", lock: Lock, executor: "Executor"
    ) -> None:
        """Let a job follow all that were enqueued before. The future is done when it was submitted.

        Once the queue has stopped, the future is cancelled. Raises what the executor does if it
        takes no more work.
        """
        ticket = _Ticket(next(self._numbers), steps, future, executor)
        with self._changed:
            if self.stop.is_set():
                future.cancel()
                return
            self._waiting.append(ticket)
            try:
                self._call_a_thread(lock, executor)
            except BaseException:
                self._waiting.remove(ticket)
                raise

    def wake(self) -> None:
        """Let a job that waits look again: there may be news for it."""
        with self._changed:
            self._woken += 1
            self._changed.notify_all()

    def close(self) -> None:
        """Submit no further job, and wait until those that are being submitted are."""
        self.stop.set()
        with self._changed:
            self._changed.notify_all()
            for ticket in self._waiting:
                ticket.drop()
            self._waiting.clear()
            self._changed.wait_for(lambda: not self._in_flight)

    def _call_a_thread(self, lock: Lock, executor: "Executor") -> None:
        """See to it that a thread comes to the lock, if there is anything for it to do."""
        if self._waiting and not self._pausing and not self._at_the_lock:
            self._at_the_lock += 1
            try:
                thread = executor.submit(self._serve, lock, executor)
            except BaseException:
                self._at_the_lock -= 1
                raise
            thread.add_done_callback(partial(self._went, lock, executor))

    def _went(self, lock: Lock, executor: "Executor", thread: "Future[None]") -> None:
        """If the executor was shut down and let its work go, drop what it was to do."""
        if thread.cancelled():
            # Whoever shuts an executor down holds its lock meanwhile.
            threading.Thread(target=self._drop, args=(lock, executor), daemon=True).start()

    def _drop(self, lock: Lock, executor: "Executor") -> None:
        """Drop the jobs of an executor that did not come to the lock; others go on."""
        with self._changed:
            self._at_the_lock -= 1
            lost = [ticket for ticket in self._waiting if ticket.executor is executor]
            self._waiting = [ticket for ticket in self._waiting if ticket.executor is not executor]
            for ticket in lost:
                ticket.drop()
            if self._waiting:
                with suppress(RuntimeError):
                    self._call_a_thread(lock, self._waiting[0].executor)

    def _serve(self, lock: Lock, executor: "Executor") -> None:
        """Submit jobs, until another thread does or there is none."""
        while True:
            wait = None
            with lock:
                with self._changed:
                    self._at_the_lock -= 1
                    woken = self._woken
                    ticket = self._take()
                    # An executor that was shut down has us do all that it took before.
                    with suppress(RuntimeError):
                        self._call_a_thread(lock, executor)
                if ticket is not None:
                    wait = self._step(ticket)
            with self._changed:
                if wait is not None:
                    # No job is submitted for a while: the one that came first is to be the first.
                    self._changed.wait_for(
                        lambda: self.stop.is_set() or self._woken > woken,  # noqa: B023 - called here
                        wait.wait_s,
                    )
                    self._pausing -= 1
                if self._at_the_lock or self._pausing or not self._waiting:
                    return
                self._at_the_lock += 1

    def _take(self) -> _Ticket | None:
        while self._waiting and not self._pausing and not self.stop.is_set():
            ticket = self._waiting.pop(0)
            if ticket.future.running() or ticket.future.set_running_or_notify_cancel():
                self._in_flight += 1
                return ticket
        return None

    def _step(self, ticket: _Ticket) -> Wait | None:
        """Bring a job one step on; if that is not the last, it has to wait."""
        wait = None
        problem: BaseException | None = None
        try:
            wait = next(ticket.steps, None)
        except BaseException as error:  # noqa: BLE001 - it is for whoever looks at the future
            problem = error
        with self._changed:
            self._in_flight -= 1
            self._changed.notify_all()
            if wait is not None and not self.stop.is_set():
                insort(self._waiting, ticket, key=lambda waiting: waiting.number)
                self._pausing += 1
                return wait
        if problem is not None:
            ticket.future.set_exception(problem)
        else:
            ticket.future.set_result(None)
        return None


def queue_of(lock: Lock) -> SubmitQueue:
    """The queue of a lock: the same for all who share the lock."""
    queues, guard = _queues()
    with guard:
        return queues.setdefault(lock, SubmitQueue())


@cache
def _queues() -> "tuple[WeakKeyDictionary[Lock, SubmitQueue], threading.Lock]":
    """All queues there are."""
    return WeakKeyDictionary(), threading.Lock()
