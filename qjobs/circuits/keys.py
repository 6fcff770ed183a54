"""Outcomes as backends write them: numbers, hexadecimal text, or a character for each bit."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from qjobs.circuits.layout import Layout

_LONGEST_SHOWN = 100


class Ambiguous(ValueError):
    """An outcome does not tell which bits of the circuit it has."""


def hexadecimal(layout: Layout, counts: Mapping[Any, Any]) -> Mapping[str, int]:
    """Counts keyed as Aer keys them, whatever the vendor does. Raises Ambiguous."""
    # Aer's are taken as they are: going through them all would take a part of simulating them.
    if not layout.bits and all(type(key) is str and key.startswith("0x") for key in counts):
        return counts
    read = reader(layout)
    merged: dict[str, int] = {}
    for key, number in counts.items():
        if int(number) != number:
            raise Ambiguous(f"the backend counted {number} shots, which is no whole number")
        name = read(key)
        merged[name] = merged.get(name, 0) + int(number)
    return merged


def reader(layout: Layout) -> Callable[[object], str]:
    """A function that makes the backend's outcomes hexadecimal as ours, or raises Ambiguous."""
    in_order = layout.bits in ((), tuple(range(layout.clbits)))

    @cache  # for memory, where few outcomes are repeated many times
    def read(key: object) -> str:
        if isinstance(key, str) and _has_registers(layout, key):
            return hex(int(key.replace(" ", ""), 2))
        number = _number(layout, key)
        return hex(number if in_order else layout.arranged(number))

    return read


def width(key: object) -> int:
    """The least number of bits that an outcome may have."""
    if isinstance(key, str) and not key.startswith("0x"):
        return len(key.replace(" ", ""))
    return _value(key).bit_length()


def _has_registers(layout: Layout, key: str) -> bool:
    """Whether the spaces of an outcome are those between the registers of the circuit."""
    groups = key.split(" ")
    sizes = [size for _, size in layout.registers] + [layout.loose] * bool(layout.loose)
    if len(groups) == 1 or [len(group) for group in reversed(groups)] != sizes:
        return False
    bits = key.replace(" ", "")
    return {*bits} <= {"0", "1"} and not int(bits, 2) & layout.unwritten


def _number(layout: Layout, key: object) -> int:
    """The bits that the backend gave, as one number."""
    bits = key.replace(" ", "") if isinstance(key, str) else ""
    if bits and not bits.startswith("0x"):
        if len(bits) == layout.given and {*bits} <= {"0", "1"}:
            return int(bits, 2)
    elif 0 <= (number := _value(key)) < 1 << layout.given:
        return number
    raise Ambiguous(
        f"the backend gave the outcome {str(key)[:_LONGEST_SHOWN]!r}, and the circuit measures"
        f" into {layout.given} of its bits: which of them it has cannot be told"
    )


def _value(key: Any) -> int:
    """A number, or -1 for what is none."""
    try:
        return int(key, 16) if isinstance(key, str) else int(key)
    except ValueError:
        return -1
