"""The failed circuits of jobs that are DONE, as facts tell of them, a piece at a time."""

from qjobs import spans
from qjobs.model import Failed, Slice

MOST_RUNS = 1000
"""Of failed circuits in one piece."""


def pieces(failed: Failed) -> list[str]:
    """The circuits in words, in pieces. A comma at the end says that more follow."""
    return list(spans.in_pieces(failed.circuits, MOST_RUNS))


def learn(
    known: Failed | None, so_far: Failed | None, part: Slice, piece: str, reason: str
) -> tuple[Failed | None, Failed | None] | None:
    """What is known of the failed circuits of a slice, and of what so far, after one more piece.

    The second is what has been told while the last piece is missing. None if the piece says
    nothing new, or what cannot be.
    """
    try:
        runs = spans.read(piece.removesuffix(","))
    except ValueError:
        return None
    told = Failed(tuple(runs), reason if runs else "")
    before = known or so_far or Failed()
    # What each circuit said that had failed before is gone, too.
    renewed = told.gone and not before.gone
    if spans.without(runs, [part]):
        return None
    if known and not renewed and not spans.without(runs, known.circuits):
        return None
    now = Failed(
        spans.joined([*before.circuits, *runs]),
        told.reason if renewed else before.reason or told.reason,
    )
    return (None, now) if piece.endswith(",") else (now, None)
