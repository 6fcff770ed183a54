"""A thread pool that works on a few items at a time and stops cleanly."""

import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

_SLEEP_S = 0.5
"""A signal that the kernel gives to another thread is handled once the main thread wakes up."""

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


def each(
    work: Callable[[Item], Outcome],
    items: Iterable[Item],
    *,
    width: int,
    stop: threading.Event | None = None,
) -> Iterator[Outcome]:
    """Do `work` on the items in `width` threads and yield the outcomes as they come.

    An item is only started when a thread is free for it. Once `stop` is set, or `work` has
    raised, or the caller has left the loop, no further item is started; what is in flight is
    always finished. The first exception is raised after that.

    With one thread the work is done in the caller's own. Libraries that must first be
    imported on the main thread (Qiskit) have to be imported before the call.
    """
    waiting = iter(items)
    if width <= 1:
        for item in waiting:
            if stop and stop.is_set():
                return
            yield work(item)
        return

    # Imported here: it costs 10 ms, and most commands never get this far.
    from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

    executor = ThreadPoolExecutor(width, thread_name_prefix="qjobs")
    in_flight: set[Future[Outcome]] = set()
    failures: list[BaseException] = []
    try:
        while True:
            if not failures and not (stop and stop.is_set()):
                free = islice(waiting, width - len(in_flight))
                in_flight |= {executor.submit(work, item) for item in free}
            if not in_flight:
                break
            done, in_flight = wait(in_flight, _SLEEP_S, return_when=FIRST_COMPLETED)
            failures += (error for future in done if (error := future.exception()))
            yield from (future.result() for future in done if not future.exception())
    finally:
        executor.shutdown(wait=True, cancel_futures=True)
    if failures:
        raise failures[0]


def join(thread: threading.Thread) -> None:
    """Wait for a thread; signals are handled meanwhile."""
    while thread.is_alive():
        thread.join(_SLEEP_S)


def usable_cores() -> int:
    """How many cores this process may use."""
    # Python 3.13 has os.process_cpu_count for this.
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
