"""How much a program stands for: found out before memory and time are spent on it.

Qiskit reserves memory for each bit that is declared, and builds each gate of a definition anew
wherever it is used: a few lines may stand for more than a machine can hold.
"""

import re
from collections import Counter
from collections.abc import Iterable
from operator import add, mul, sub
from typing import Any

from qjobs.circuits.qpy import MAX_BITS

MAX_OPERATIONS = 1_000_000
"""So much may gates and loops stand for, and `MOST_TIMES` what is written out."""
MOST_TIMES = 100
MAX_DEPTH = 200
"""So deep may the gates of OpenQASM 2 be defined by each other. Those of 3 meet Python's limit."""

_ARITHMETIC = {"+": add, "-": sub, "*": mul}
_GAP = r"(?:\s|//[^\n]*+)++"  # never tried in another way: that could take for ever
# Without the letter before it, for the sake of speed: what begins with letters is found fast.
_REGISTER = re.compile(rf"reg{_GAP}\w+(?:{_GAP})?\[(?:{_GAP})?(\d+)")
_COMMENT = re.compile(r"//[^\n]*")
_PHYSICAL = re.compile(r"\$(\d+)")
_GATE = re.compile(r"\bgate\s+(\w+)[^{};]*\{([^}]*)\}")
_STATEMENT = re.compile(r"(\w+)[^;]*;")
_NAME = re.compile(r"[A-Za-z_]\w*")
_DIGITS = len(str(MAX_BITS))


class Excessive(Exception):
    """A program stands for too much; how much."""


def without_comments(text: str) -> str:
    """A program in OpenQASM 2 without its comments."""
    return _COMMENT.sub("", text)


def check_registers(text: str) -> None:
    """Raise Excessive if a program in OpenQASM 2 declares too many bits."""
    if sum(map(_number, _REGISTER.findall(text))) > MAX_BITS:
        # A declaration within a comment is none, and nor is a gate whose name ends so.
        declared = re.findall(rf"\b[qc]{_REGISTER.pattern}", without_comments(text))
        _check_bits(sum(map(_number, declared)))


def _number(digits: str) -> int:
    """A number, of which the first digits are enough if it has many."""
    return int(digits.lstrip("0")[: _DIGITS + 1] or 0)


def _check_bits(bits: int) -> None:
    if bits > MAX_BITS:
        raise Excessive(f"it declares more than {MAX_BITS} bits")


def check_gates(text: str) -> None:
    """Raise Excessive if the gates that a program in OpenQASM 2 defines stand for too much."""
    code = without_comments(text)
    sizes: dict[str, int] = {}
    depths: dict[str, int] = {}
    for name, body in _GATE.findall(code):
        used = _STATEMENT.findall(body)
        sizes[name] = min(sum(1 + sizes.get(gate, 0) for gate in used), MAX_OPERATIONS + 1)
        depths[name] = 1 + max((depths.get(gate, 0) for gate in used), default=0)
    if max(depths.values(), default=0) > MAX_DEPTH:
        raise Excessive(f"its gates are nested more than {MAX_DEPTH} deep")
    if max(sizes.values(), default=0) <= MOST_TIMES:
        return
    program = _GATE.sub("", code)
    uses = Counter(_NAME.findall(program))
    written = program.count(";")
    _check_operations(written + sum(uses[name] * size for name, size in sizes.items()), written)


def _check_operations(total: int, written: int) -> None:
    most = max(MAX_OPERATIONS, MOST_TIMES * written)
    if total > most:
        raise Excessive(f"its gates and loops stand for more than {most} operations")


def check_program(program: Any, text: str) -> None:
    """Raise Excessive if a program in OpenQASM 3, parsed and as text, stands for too much."""
    walk = _Walk()
    total = walk.expand(program.statements)
    # With a physical qubit, such as $7, there are all of those before it.
    _check_bits(walk.bits + max(map(_number, _PHYSICAL.findall(text)), default=0))
    _check_operations(total, walk.written)


class _Walk:
    """Goes through the statements of a program."""

    def __init__(self) -> None:
        self.bits = 0
        self.written = 0
        self._gates: dict[str, int] = {}

    def expand(self, statements: Iterable[Any]) -> int:
        """How many operations statements stand for."""
        return sum(map(self._expand_one, statements))

    def _expand_one(self, statement: Any) -> int:
        from openqasm3 import ast

        self.written += 1
        match statement:
            case ast.QuantumGate():
                return 1 + self._gates.get(statement.name.name, 0)
            case ast.QuantumGateDefinition():
                inside = self.expand(statement.body)
                self._gates[statement.name.name] = min(inside, MAX_OPERATIONS + 1)
            case ast.QubitDeclaration():
                self.bits += 1 if statement.size is None else _value(statement.size)
            case ast.ClassicalDeclaration(type=ast.BitType()):
                size = getattr(statement.type, "size", None)
                self.bits += 1 if size is None else _value(size)
            case ast.ForInLoop():
                return 1 + _turns(statement.set_declaration) * self.expand(statement.block)
            case ast.BranchingStatement():
                return 1 + self.expand([*statement.if_block, *statement.else_block])
            case ast.WhileLoop():
                return 1 + self.expand(statement.block)
            case ast.Box():
                return 1 + self.expand(statement.body)
            case _:
                pass
        return 1


def _turns(indices: Any) -> int:
    """How often a loop goes round."""
    values = getattr(indices, "values", None)
    if values is not None:
        return len(values)
    step = 1 if indices.step is None else _value(indices.step)
    return max(0, (_value(indices.end) - _value(indices.start)) // (step or 1) + 1)


def _value(expression: Any) -> int:
    """A constant whole number, 0 if it is none: the parser will say what is wrong then."""
    from openqasm3 import ast

    if isinstance(expression, ast.IntegerLiteral):
        return int(expression.value)
    if isinstance(expression, ast.UnaryExpression) and expression.op.name == "-":
        return -_value(expression.expression)
    if isinstance(expression, ast.BinaryExpression) and expression.op.name in _ARITHMETIC:
        return int(_ARITHMETIC[expression.op.name](_value(expression.lhs), _value(expression.rhs)))
    return 0
