"""Which file each circuit of a set came from."""

from bisect import bisect_right
from collections.abc import Sequence

from qjobs.model import JobSet, Slice, Source


class Origins:
    """The files of a set, which counts each of their circuits once a binding."""

    def __init__(self, sources: Sequence[Source], job_set: JobSet) -> None:
        self._sources = sources
        self._starts = [source.start_index for source in sources]
        self._first = job_set.start_index
        self._bindings = job_set.bindings

    def of(self, circuit: int) -> tuple[str, int]:
        """The file of a circuit and its position there, from 0; ("", record) if unknown.

        In a sweep a circuit of the file, a record, stands for one circuit of the set a row.
        """
        record = (circuit - self._first) // self._bindings
        at = bisect_right(self._starts, record) - 1
        if at < 0:
            return "", record
        source = self._sources[at]
        return source.path, source.position(record)

    def span(self, part: Slice) -> tuple[str, ...]:
        """The file of some circuits, or the first and the last one; () if unknown."""
        ends = (self.of(part.start_index)[0], self.of(part.end_index)[0])
        return tuple(dict.fromkeys(path for path in ends if path))
