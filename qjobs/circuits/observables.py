"""Observables from a file: each a sum of Pauli strings with real coefficients."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from qjobs.circuits.text import read_json
from qjobs.errors import InputError

MAX_CHARACTERS = 64 * 2**20
LETTERS = frozenset("IXYZ01+-rl")
"""Paulis, and the projectors on the eigenstates of Z, X and Y, as `ObservablesArray` has them."""

Observable: TypeAlias = Mapping[str, float]
"""Coefficients by strings of `LETTERS`, all of one width; the leftmost is the highest qubit."""

_MOST_TERMS = 2
_EXAMPLE = 'such a file is ["ZZ", {"XX": 0.5, "YY": -0.5}]'


def read_observables(path: str) -> tuple[Observable, ...]:
    """The observables of a JSON file: a list of strings, or of objects of string and number.

    Raises InputError, naming the file and the place in it.
    """
    found = read_json(path, most=MAX_CHARACTERS, hint=_EXAMPLE)
    if not isinstance(found, list) or not found:
        raise InputError(f"{path} is not a list of observables", hint=_EXAMPLE)
    return tuple(_observable(item, f"{path}, observable {at}") for at, item in enumerate(found))


def encode_observables(observables: Sequence[Observable]) -> bytes:
    """The file that a set keeps: a JSON list with an object of string and number for each."""
    return json.dumps([dict(observable) for observable in observables]).encode()


def check_widths(observables: Sequence[Observable], qubits: Sequence[int], source: str) -> None:
    """Raise InputError unless every observable is as wide as every circuit.

    `qubits` are the widths of the circuits, `source` is what the user calls the file.
    """
    different = {wide: index for index, wide in reversed([*enumerate(qubits)])}
    for at, observable in enumerate(observables):
        label = next(iter(observable))
        for wide, index in different.items():
            if wide != len(label):
                raise InputError(
                    f"{source}, observable {at}: {label!r} is of {len(label)} qubits, "
                    f"circuit {index} has {wide}"
                )


def _observable(item: object, where: str) -> Observable:
    terms = {item: 1.0} if isinstance(item, str) else item
    if not isinstance(terms, dict) or not terms:
        raise InputError(f"{where}: neither a string nor an object of strings", hint=_EXAMPLE)
    for label, coefficient in terms.items():
        wrong = sorted(set(label) - LETTERS)
        if wrong or not label:
            what = f"{wrong[0]!r} in {label!r} is" if wrong else "an empty string has"
            raise InputError(
                f"{where}: {what} none of the letters {' '.join(sorted(LETTERS))}",
                hint="the leftmost letter stands for the highest qubit",
            )
        if len(label) != len(next(iter(terms))):
            raise InputError(f"{where}: {label!r} is not as wide as {next(iter(terms))!r}")
        if type(coefficient) not in (int, float) or not _finite(coefficient):
            raise InputError(f"{where}: the coefficient of {label!r} is not a real number")
    return {label: float(coefficient) for label, coefficient in terms.items()}


def _finite(number: float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:  # a whole number too large for a float
        return False


def observable_label(terms: Observable) -> str:
    """A short name for an observable: `ZZ`, or `0.5 XX - 0.25 YY + ... (7 terms)`."""
    shown = ""
    for label, coefficient in list(terms.items())[:_MOST_TERMS]:
        sign = "-" if coefficient < 0 else "+"
        shown += f" {sign} " if shown else sign.strip("+")
        shown += label if abs(coefficient) == 1 else f"{abs(coefficient):g} {label}"
    return shown if len(terms) <= _MOST_TERMS else f"{shown} + ... ({len(terms)} terms)"
