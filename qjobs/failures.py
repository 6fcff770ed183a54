"""The circuits of one job that gave nothing, counted as its results pass."""

from collections.abc import Iterable, Iterator

from qjobs import spans
from qjobs.results import CircuitResult

_MOST_MESSAGES = 3


class Failures:
    """How many results say that their circuit failed, and what the first of them say.

    `start_index` is what the first circuit is called; `of` says of what, if it needs saying.
    """

    def __init__(self, start_index: int, *, of: str = "") -> None:
        self.reason = ""  # what the first of them says
        self._start_index = start_index
        self._of = of
        self._positions: list[int] = []
        self._first: list[str] = []

    @property
    def count(self) -> int:
        """How many there are so far."""
        return len(self._positions)

    @property
    def runs(self) -> str:
        """Their positions in the job, from 0, as runs."""
        return spans.written(spans.runs_of(self._positions))

    def watch(self, results: Iterable[CircuitResult]) -> Iterator[CircuitResult]:
        """The results as they are, counted as they pass."""
        for position, result in enumerate(results):
            if result.failed:
                if not self._positions:
                    self.reason = result.message
                self._positions.append(position)
                if len(self._first) < _MOST_MESSAGES:
                    index = self._start_index + position
                    self._first.append(f"circuit {index}{self._of}: {result.message}")
            yield result

    @property
    def message(self) -> str:
        """The message for a job of which nothing is left."""
        rest = self.count - len(self._first)
        return "; ".join(self._first + ([f"and {rest} more"] if rest else []))
