"""A thread pool that works on a few items at a time and stops cleanly."""

import threading
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


def each(
    work: Callable[[Item], Outcome],
    items: Iterable[Item],
    *,
    width: int,
    stop: threading.Event,
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
            if stop.is_set():
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
            if not failures and not stop.is_set():
                free = islice(waiting, width - len(in_flight))
                in_flight |= {executor.submit(work, item) for item in free}
            if not in_flight:
                break
            done, in_flight = wait(in_flight, return_when=FIRST_COMPLETED)
            failures += (error for future in done if (error := future.exception()))
            yield from (future.result() for future in done if not future.exception())
    finally:
        executor.shutdown(wait=True, cancel_futures=True)
    if failures:
        raise failures[0]
