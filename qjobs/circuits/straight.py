"""Straight-line OpenQASM 3 through Qiskit's Rust parser, which is tens of times faster.

That parser is experimental: it lacks much, and what it makes of the rest is its own affair.
So it gets only programs in which every statement has one of a few shapes, for which the
tests show that the circuit equals the one from the full parser.
"""

import math
import re
import warnings
from typing import TYPE_CHECKING

from qjobs.circuits.qpy import MAX_BITS

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

PARAMETERS = {
    **dict.fromkeys(("p", "phase", "rx", "ry", "rz", "u1", "cp", "cphase", "crx", "cry", "crz"), 1),
    **dict.fromkeys(("x", "y", "z", "h", "s", "sdg", "t", "tdg", "sx"), 0),
    **dict.fromkeys(("cx", "CX", "cy", "cz", "ch", "swap", "ccx", "cswap"), 0),
    "u2": 2,
    "u3": 3,
    "cu": 4,
}
"""Gates of stdgates.inc, and how many parameters each has."""

# Words that are keywords to the full parser only; it changes names that begin otherwise.
_NAME = r"(?!(?:im|durationof)\b)[a-z]\w*"
_BIT = rf"{_NAME}\[(?:0|[1-9]\d{{0,5}})\]"
_BITS = rf"{_BIT}(?:\s*,\s*{_BIT})*"
_HEADER = re.compile(
    r"""\s*OPENQASM\s+3(?:\.[01])?\s*;\s*include\s+(['"])stdgates\.inc\1\s*;""", re.ASCII
)
_SHAPES = re.compile(
    rf"""\s*(?:
      (?:qubit|bit)\[(?P<size>[1-9]\d{{0,5}})\]\s+{_NAME}
    | {_BIT}\s*=\s*measure\s+{_BIT}
    | barrier\s+{_BITS}
    | (?P<gate>CX|{_NAME})(?:\s*\((?P<parameters>[^()]*)\))?\s+(?P<qubits>{_BITS})
    )\s*""",
    re.VERBOSE | re.ASCII,
)
_NUMBER = r"\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?"
_ANGLE = re.compile(
    rf"\s*(?P<sign>-?)\s*(?:(?P<plain>{_NUMBER})"
    rf"|(?:(?P<times>{_NUMBER})\s*\*\s*)?pi(?:\s*/\s*(?P<over>{_NUMBER}))?)\s*",
    re.ASCII,
)


def parse(text: str) -> "QuantumCircuit | None":
    """The circuit of a straight-line program; None if it is not one or has a fault."""
    plain = _simplify(text)
    if plain is None:
        return None
    from qiskit import qasm3

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it is experimental
        try:
            return qasm3.loads_experimental(plain)
        except BaseException as error:
            # A panic in Rust is no Exception. The full parser will say what is wrong.
            if isinstance(error, (KeyboardInterrupt, SystemExit)):
                raise
            return None


def _simplify(text: str) -> str | None:
    """The program with every angle as one number; None if it is not straight-line."""
    text = re.sub(r"//[^\r\n]*", "", text)
    header = _HEADER.match(text)
    # These are blanks to us, but not to the full parser.
    if header is None or "\v" in text or "\f" in text:
        return None
    statements = ['OPENQASM 3.0;\ninclude "stdgates.inc"']
    bits = 0
    *body, rest = text[header.end() :].split(";")
    if rest.strip():
        return None
    for statement in body:
        shape = _SHAPES.fullmatch(statement)
        if shape is None:
            return None
        bits += int(shape["size"] or 0)
        if shape["gate"] is None:
            statements.append(statement)
            continue
        qubits = "".join(shape["qubits"].split()).split(",")
        if len(set(qubits)) < len(qubits):  # an error that the Rust parser lets pass
            return None
        angles = shape["parameters"]
        values = [] if angles is None else [_fold(angle) for angle in angles.split(",")]
        if PARAMETERS.get(shape["gate"]) != len(values) or None in values:
            return None
        if angles is None:
            statements.append(statement)
        else:
            start, end = shape.span("parameters")
            statements.append(statement[:start] + ", ".join(map(str, values)) + statement[end:])
    return ";".join(statements) + ";\n" if bits <= MAX_BITS else None


def _fold(angle: str) -> str | None:
    """The number that an angle is, such as `-3*pi/4`, as the full parser computes it."""
    match = _ANGLE.fullmatch(angle)
    if match is None:
        return None
    sign = -1.0 if match["sign"] else 1.0
    if match["plain"] is not None:
        value = sign * float(match["plain"])
    else:
        value = sign * float(match["times"] or 1) * math.pi
        over = float(match["over"] or 1)
        if not over:
            return None
        value /= over
    return repr(value) if math.isfinite(value) else None
