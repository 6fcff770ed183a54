"""How many circuits run side by side on some cores and some memory."""

import os
from typing import NamedTuple

from qjobs.simulators.job import SimulatorJob

_BYTES_PER_AMPLITUDE = 16


def machine_bytes() -> int:
    """All of this machine's memory."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


class Share(NamedTuple):
    """What there is to run circuits on, be it all of a machine or less."""

    cores: int
    memory_bytes: int

    def needs_bytes(self, job: SimulatorJob) -> int:
        """The memory of the job's largest state vector.

        A circuit whose state does not fit at all is one that Aer runs by another method or
        not at all: it counts as nothing.
        """
        needs = _BYTES_PER_AMPLITUDE << min(job.qubits, 60)
        return needs if needs <= self.memory_bytes else 0

    def side_by_side(self, job: SimulatorJob, wanted: int, *, each_bytes: int = 0) -> int:
        """How many of `wanted` states like the job's largest one are there at once.

        Whatever runs one takes `each_bytes` besides. The cores are then shared out as threads: all
        have work, and none has two things to do.
        """
        needs = max(1, self.needs_bytes(job) + each_bytes)
        return max(1, min(self.cores, wanted, self.memory_bytes // needs))
