"""What a fake job measured: made up, but always the same."""

import hashlib
from collections.abc import Collection

from qjobs.providers.fake.books import Entry
from qjobs.results import CircuitResult, JobResult

_CLBITS = 2
_REGISTERS = (("c", _CLBITS),)


def measure(entry: Entry, *, blank_circuits: Collection[int]) -> JobResult:
    """Pretended results: two outcomes a circuit, in numbers that add up to the shots.

    They follow from the circuit's place in the set and the seed alone, so they are the same
    however the set was cut.
    """
    indices = range(entry.start_index, entry.start_index + entry.circuits)
    return JobResult.of(
        _blank(entry.shots) if index in blank_circuits else _outcomes(entry, index)
        for index in indices
    )


def _outcomes(entry: Entry, index: int) -> CircuitResult:
    digest = hashlib.sha256(f"{entry.seed} {index}".encode()).digest()
    zeros = int.from_bytes(digest[:8]) % (entry.shots + 1)
    counts = {"0x0": zeros, "0x3": entry.shots - zeros}
    return CircuitResult(
        shots=entry.shots,
        counts={outcome: number for outcome, number in counts.items() if number},
        clbits=_CLBITS,
        registers=_REGISTERS,
        memory=("0x0",) * zeros + ("0x3",) * (entry.shots - zeros) if entry.memory else None,
    )


def _blank(shots: int) -> CircuitResult:
    return CircuitResult(
        shots=shots,
        counts=None,
        clbits=_CLBITS,
        registers=_REGISTERS,
        message="the circuit failed as its script says (blank_circuits)",
    )
