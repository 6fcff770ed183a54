"""The jobs of a set as they come to their ends, in a `for` or an `async for`."""

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from qjobs.managed.job import ManagedJob


class Completed:
    """Managed jobs, each when it has come to its end, in the order in which they do.

    Leaving the loop stops the waiting, and nothing else.
    """

    def __init__(self, jobs: "Iterator[ManagedJob]", stop: threading.Event) -> None:
        self._jobs = jobs
        self._stop = stop

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> "ManagedJob":
        return next(self._jobs)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> "ManagedJob":
        import asyncio

        try:
            job = await asyncio.to_thread(next, self._jobs, None)
        except asyncio.CancelledError:
            self._stop.set()
            raise
        if job is None:
            raise StopAsyncIteration
        return job
