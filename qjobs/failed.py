"""The failed circuits of jobs that are DONE, as facts tell of them, a piece at a time."""

from qjobs import spans
from qjobs.model import Failed, Slice

MOST_RUNS = 1000
"""Of failed circuits in one piece."""


def pieces(failed: Failed) -> list[str]:
    """The circuits in words, in pieces. A comma at the end says that more follow."""
    return list(spans.in_pieces(failed.circuits, MOST_RUNS))


class FailedCircuits:
    """Which circuits of which attempts gave nothing, and which of them newer jobs have."""

    def __init__(self) -> None:
        self._failed: dict[tuple[int, int], Failed] = {}
        self._begun: dict[tuple[int, int], Failed] = {}  # of which the last piece is missing
        self._retried: dict[int, list[Slice]] = {}

    def learn(self, job: int, attempt: int, part: Slice, piece: str, reason: str) -> bool:
        """Take in a piece. False if it says nothing new, or what cannot be."""
        key = job, attempt
        try:
            runs = spans.read(piece.removesuffix(","))
        except ValueError:
            return False
        known = self._failed.get(key)
        told = Failed(tuple(runs), reason if runs else "")
        before = known or self._begun.get(key) or Failed()
        # What each circuit said that had failed before is gone, too.
        renewed = told.gone and not before.gone
        if spans.without(runs, [part]):
            return False
        if known and not renewed and not spans.without(runs, known.circuits):
            return False
        self._failed.pop(key, None)
        where = self._begun if piece.endswith(",") else self._failed
        where[key] = Failed(
            spans.joined([*before.circuits, *runs]),
            told.reason if renewed else before.reason or told.reason,
        )
        return True

    def of(self, job: int, attempt: int) -> Failed | None:
        """The failed circuits of one attempt; None while they are not, or not all, known."""
        return self._failed.get((job, attempt))

    def retry(self, job: int, part: Slice, run: str) -> Slice | None:
        """Have a new job take one run of the circuits that are the job's own; None if not."""
        try:
            (taken,) = spans.read(run)
        except ValueError:
            return None
        if spans.without([taken], self.left(job, part)):
            return None
        self._retried.setdefault(job, []).append(taken)
        return taken

    def retried(self, job: int) -> tuple[Slice, ...]:
        """The circuits of a job that newer jobs have."""
        return tuple(self._retried.get(job, ()))

    def left(self, job: int, part: Slice) -> tuple[Slice, ...]:
        """The circuits of a job's slice that were not left to newer jobs."""
        return spans.left(part, self._retried.get(job, ()))
