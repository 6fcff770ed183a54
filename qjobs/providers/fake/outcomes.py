"""What a fake job measured: made up, but always the same."""

import hashlib
import json
from collections.abc import Collection

from qjobs.providers.fake.books import Entry
from qjobs.results import CircuitResult, JobResult

_CLBITS = 2
_REGISTERS = (("c", _CLBITS),)


def measure(entry: Entry, *, blank_circuits: Collection[int]) -> JobResult:
    """Pretended results: two outcomes a circuit, in numbers that add up to the shots.

    They follow from the circuit's place in the set, its name and the seed alone, so they are
    the same however the set was cut.
    """
    return JobResult.of(
        _blank(entry.shots)
        if index in blank_circuits
        else _outcomes(entry, f"{entry.seed} {index} {name}")
        for index, name in enumerate(json.loads(entry.names), start=entry.start_index)
    )


def _outcomes(entry: Entry, source: str) -> CircuitResult:
    digest = hashlib.sha256(source.encode()).digest()
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
