"""The values of a sweep's parameters, circuit by circuit, as they were submitted."""

from collections.abc import Mapping
from functools import cached_property

from qjobs import files
from qjobs.circuits.sweep import Sweep
from qjobs.errors import InputError, NotFound, StateDamaged
from qjobs.model import Slice
from qjobs.store.folder import SetFolder

_VALUES_AT_ONCE = 16_384
_HINT = "put it back from a backup, or remove it: the results are known without it"


class SweepValues:
    """The rows of values of a set. Few are in memory at a time, however many there are."""

    def __init__(self, folder: SetFolder) -> None:
        self._folder = folder
        self._job_set = folder.job_set
        self._rows_at_once = max(_VALUES_AT_ONCE // max(len(self._job_set.parameters), 1), 1)
        self._first = 0
        self._block: list[list[float]] = []

    def binding(self, circuit: int) -> int | None:
        """The row that a circuit runs with; None where the set has no parameters."""
        if not self._job_set.parameters:
            return None
        return (circuit - self._job_set.start_index) % self._job_set.bindings

    def of(self, circuit: int) -> Mapping[str, float] | None:
        """The values of the row that a circuit runs with, by the names of the parameters.

        None where the set has no parameters, or the values are lost. Raises StateDamaged if
        they are not those that were planned.
        """
        row = self.binding(circuit)
        if row is None or self._sweep is None:
            return None
        if not self._first <= row < self._first + len(self._block):
            self._first = row - row % self._rows_at_once
            self._block = self._read(self._sweep, self._first)
        return dict(zip(self._job_set.parameters, self._block[row - self._first], strict=True))

    def ranges(self) -> Mapping[str, tuple[float, float]] | None:
        """The lowest and the highest value of each parameter; None as for `of`."""
        if not self._job_set.parameters or self._sweep is None:
            return None
        low = high = self._read(self._sweep, 0)[0]
        for first in range(0, self._sweep.rows, self._rows_at_once):
            columns = list(zip(*self._read(self._sweep, first), strict=True))
            low = [min(one, *column) for one, column in zip(low, columns, strict=True)]
            high = [max(one, *column) for one, column in zip(high, columns, strict=True)]
        return dict(zip(self._job_set.parameters, zip(low, high, strict=True), strict=True))

    @cached_property
    def _sweep(self) -> Sweep | None:
        """The table, if it is there. Raises StateDamaged unless it is the one that was planned."""
        path, expected = self._folder.parameters_path, self._job_set.parameters_sha256
        try:
            found, _ = files.sha256(path)
        except NotFound:
            return None
        if expected and found != expected:
            raise StateDamaged(f"{path} does not hold the values that were submitted", hint=_HINT)
        return Sweep(path, self._job_set.parameters, self._job_set.bindings)

    def _read(self, sweep: Sweep, first: int) -> list[list[float]]:
        rows = Slice(first, min(self._rows_at_once, sweep.rows - first))
        try:
            found: list[list[float]] = sweep.values(rows).tolist()
        except InputError as error:
            raise StateDamaged(error.message, hint=_HINT) from error
        return found
