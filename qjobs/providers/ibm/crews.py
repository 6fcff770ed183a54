"""The processes that transpile and weigh circuits: those of one target, started when needed."""

import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

from qjobs.providers.ibm.transpiling import Transpilation, Transpilers


class Crews:
    """Up to `processes` for each target and level in use; those of others end. For any thread.

    All of them end with this object, or with this process.
    """

    def __init__(self, *, processes: int) -> None:
        self._processes = processes
        self._mutex = threading.Lock()
        self._crews: dict[Transpilation, Transpilers] = {}
        self._users: dict[Transpilation, int] = {}
        weakref.finalize(self, _end, self._crews)

    @contextmanager
    def crew(self, transpilation: Transpilation) -> Iterator[Transpilers]:
        """The processes for circuits of one kind; they stay for the next of that kind."""
        with self._mutex:
            for idle in self._crews.keys() - self._users.keys() - {transpilation}:
                self._crews.pop(idle).close()
            crew = self._crews.get(transpilation)
            if crew is None:
                crew = Transpilers(transpilation, processes=self._processes)
                self._crews[transpilation] = crew
            self._users[transpilation] = self._users.get(transpilation, 0) + 1
        try:
            yield crew
        finally:
            with self._mutex:
                self._users[transpilation] -= 1
                if not self._users[transpilation]:
                    del self._users[transpilation]


def _end(crews: dict[Transpilation, Transpilers]) -> None:
    while crews:
        crews.popitem()[1].close()
