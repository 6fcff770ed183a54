"""The results of a job, the same whichever provider ran it.

A job's result travels and is stored as JSON Lines, one circuit a line, so that a provider's
bytes can be kept without being decoded, and a large result read without holding it whole.
Counts are kept as the raw hexadecimal outcomes that backends give: a key is the classical
bits as one number, bit 0 the least significant (Qiskit's order). Formatting them by
register costs as much as a small simulation, so it is done when somebody reads them.
"""

import json
import re
from binascii import a2b_base64, b2a_base64
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Any, Self, TypedDict

from qjobs.errors import ResultDamaged

_MOST_BITS = 1_000_000
_MOST_SHOTS = 2**63 - 1
_MOST_CHARACTERS = 2**31
"""Of all outcomes of a circuit as bit strings: more than this nobody can have meant."""

_OUTCOMES = re.compile(r"(?:0x[0-9a-fA-F]+ )*")
_ABOUT = b',"job":'
_NO_COUNTS = re.compile(rb'"counts"\s*:\s*null')


@dataclass(frozen=True, slots=True)
class CircuitResult:
    """The result of one circuit: counts, expectation values or arrays; none if it failed.

    `counts` maps hexadecimal outcomes (`0x1f`) to numbers of shots. `evs` are the expectation
    values of the set's observables, in their order, `stds` their standard errors. `arrays`
    holds what a simulator saved, such as `statevector`, each in NumPy's .npy format. Where the
    circuit failed, `message` says why. `memory` holds one hexadecimal outcome a shot, if it
    was asked for. `clbits` is the number of classical bits; `registers` are the classical
    registers (name, size) in the order of the circuit. Bits beyond the registers are loose.
    """

    shots: int
    counts: Mapping[str, int] | None
    clbits: int
    registers: tuple[tuple[str, int], ...] = ()
    memory: tuple[str, ...] | None = None
    message: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    evs: tuple[float, ...] | None = None
    stds: tuple[float, ...] | None = None
    arrays: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """Whether there is nothing to show for the circuit."""
        return self.counts is None and self.evs is None and not self.arrays

    def outcome(self, hexadecimal: str) -> str:
        """The bit string that Qiskit's `Result.get_counts` would key this outcome with.

        As `qiskit.result.postprocess.format_counts_memory`: padded to the classical bits,
        the registers separated by spaces, the first register on the right. Loose bits, which
        that function drops, stand in front as if they were one more register.
        """
        bits = format(int(hexadecimal, 16), f"0{self.clbits}b")
        if not self.registers or self.registers[0][1] == self.clbits:
            return bits
        parts = []
        end = len(bits)
        for _, size in self.registers:
            parts.append(bits[end - size : end])
            end -= size
        if end:
            parts.append(bits[:end])
        return " ".join(reversed(parts))

    def readable_counts(self) -> dict[str, int] | None:
        """`counts` keyed as Qiskit keys them."""
        if self.counts is None:
            return None
        return {self.outcome(key): number for key, number in self.counts.items()}

    def readable_memory(self) -> list[str] | None:
        """`memory` as Qiskit writes it, one outcome a shot."""
        return None if self.memory is None else [self.outcome(shot) for shot in self.memory]


class About(TypedDict, total=False):
    """Data about the whole job, in the words of Qiskit's `Result`.

    `time_taken` is in seconds, `date` when it ended, as the backend writes it.
    """

    time_taken: float
    date: str
    header: dict[str, Any]


@dataclass(frozen=True, slots=True)
class JobResult:
    """The results of a job's circuits, in the order of its slice, as JSON Lines.

    `path` is the file that they are from, if that is known. What is told `about` the job as a
    whole stands in the last line, behind what that circuit gave.
    """

    body: bytes
    path: str = field(default="", compare=False)

    @classmethod
    def of(cls, circuits: Iterable[CircuitResult], about: About | None = None) -> Self:
        """Encode results, in the order of the slice."""
        return cls(b"".join(_encode(circuit) for circuit in circuits)).telling(about)

    def telling(self, about: About | None) -> Self:
        """The same results with data about the whole job, of which they tell nothing yet."""
        if not (self.body and about):
            return self
        told = _ABOUT + json.dumps(about, separators=(",", ":")).encode() + b"}\n"
        return replace(self, body=self.body[:-2] + told)

    @property
    def about(self) -> About:
        """Read the data about the whole job; empty if it makes no sense."""
        last = self.body[self.body.rfind(b"\n", 0, -1) + 1 :]
        if _ABOUT not in last:
            return {}
        try:
            found = json.loads(last)["job"]
        except (ValueError, TypeError, KeyError, RecursionError):
            return {}
        if not isinstance(found, dict):
            return {}
        about: About = {}
        time_taken, date, header = map(found.get, ("time_taken", "date", "header"))
        if isinstance(time_taken, int | float) and isfinite(time_taken):
            about["time_taken"] = time_taken
        if isinstance(date, str):
            about["date"] = date
        if isinstance(header, dict):
            about["header"] = header
        return about

    def circuits(self) -> Iterator[CircuitResult]:
        """Decode the results one by one. Raises ResultDamaged where a line is not a result."""
        return (self.decode(index, line) for index, line in enumerate(self.lines()))

    def lines(self) -> Iterator[bytes]:
        """The results one by one, not decoded."""
        return iter(self.body.splitlines())

    def decode(self, index: int, line: bytes) -> CircuitResult:
        """The result of the circuit at that position. Raises ResultDamaged if it is none."""
        try:
            return _decode(line)
        except (ValueError, MemoryError) as error:
            # A file has one line in front.
            place = f"{self.path}:{index + 2}" if self.path else f"line {index + 1} of a result"
            raise ResultDamaged(
                f"{place} is not the result of a circuit: {str(error) or 'too large'}",
                hint="remove the file to have the result fetched again" if self.path else "",
            ) from error

    def failed(self) -> tuple[list[int], str]:
        """The positions of the circuits that gave nothing, and what the first of them says.

        Raises ResultDamaged where a line is not a result.
        """
        positions: list[int] = []
        reason = ""
        for position, line in enumerate(self.lines()):
            # To take all results apart is slow, and nearly always needless.
            if _NO_COUNTS.search(line):
                circuit = self.decode(position, line)
                if circuit.failed:
                    reason = reason if positions else circuit.message
                    positions.append(position)
        return positions, reason

    def __len__(self) -> int:
        return self.body.count(b"\n")


def _encode(circuit: CircuitResult) -> bytes:
    fields: dict[str, Any] = {
        "shots": circuit.shots,
        "counts": circuit.counts,
        "clbits": circuit.clbits,
        "registers": circuit.registers,
    }
    if circuit.memory is not None:
        fields["memory"] = circuit.memory
    if circuit.evs is not None:
        fields["evs"], fields["stds"] = circuit.evs, circuit.stds
    if circuit.arrays:
        fields["arrays"] = {
            name: b2a_base64(array, newline=False).decode()
            for name, array in circuit.arrays.items()
        }
    if circuit.message:
        fields["message"] = circuit.message
    if circuit.metadata:
        fields["metadata"] = dict(circuit.metadata)
    return json.dumps(fields, separators=(",", ":")).encode() + b"\n"


def _decode(line: bytes) -> CircuitResult:
    """One result, none of whose numbers could make somebody run out of memory."""
    try:
        fields = json.loads(line)
        clbits = _bounded("clbits", fields["clbits"], _MOST_BITS)
        counts = None if fields["counts"] is None else {**fields["counts"]}
        memory = tuple(fields["memory"]) if "memory" in fields else None
        _check_outcomes([*(counts or ()), *(memory or ())], clbits)
        _check_numbers(counts or {})
        return CircuitResult(
            shots=_bounded("shots", fields["shots"], _MOST_SHOTS),
            counts=counts,
            clbits=clbits,
            registers=tuple(
                (str(name), _bounded("a register", size, _MOST_BITS))
                for name, size in fields["registers"]
            ),
            memory=memory,
            message=str(fields.get("message", "")),
            metadata=fields.get("metadata", {}),
            evs=_numbers(fields.get("evs")),
            stds=_numbers(fields.get("stds")),
            arrays={
                str(name): a2b_base64(array, strict_mode=True)
                for name, array in fields.get("arrays", {}).items()
            },
        )
    except (KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error


def _bounded(what: str, value: object, most: int) -> int:
    number = int(value)  # type: ignore[call-overload]  # TypeError is for the caller
    if not 0 <= number <= most:
        raise ValueError(f"{what} must be a number from 0 to {most:,}")
    return int(number)


def _check_outcomes(outcomes: list[str], clbits: int) -> None:
    """Raise ValueError unless they are hexadecimal, and not too long to be written as bits."""
    longest = max(map(len, outcomes), default=0)
    if longest > _MOST_BITS // 4 or max(clbits, 4 * longest) * len(outcomes) > _MOST_CHARACTERS:
        raise ValueError("its outcomes have too many bits")
    if not _OUTCOMES.fullmatch(" ".join([*outcomes, ""])):
        raise ValueError("its outcomes are not all hexadecimal numbers")


def _check_numbers(counts: Mapping[str, float]) -> None:
    numbers = counts.values()
    if not {*map(type, numbers)} <= {int, float}:
        raise ValueError("its counts are not all numbers")
    if numbers and not (min(numbers) >= 0 and max(numbers) <= _MOST_SHOTS):
        raise ValueError(f"its counts are not all from 0 to {_MOST_SHOTS:,}")
    if not all(map(isfinite, numbers)):
        raise ValueError("its counts are not all numbers")


def _numbers(values: list[float] | None) -> tuple[float, ...] | None:
    return None if values is None else tuple(map(float, values))
