"""OpenQASM 3 through Qiskit's full parser: within bounds, and with the place of every fault."""

import re
from typing import TYPE_CHECKING, Any

from qjobs.circuits import extent
from qjobs.circuits.foreign import describe

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

_POSITION = re.compile(r"\d+,\d+: ")


def parse(text: str) -> "QuantumCircuit":
    """Parse a program like `qasm3.loads`, within the bounds on what it may stand for.

    Raises what that raises, its message with `LINE,COLUMN: ` in front, the column from 0.
    """
    import openqasm3
    import qiskit_qasm3_import
    from qiskit.qasm3 import QASM3ImporterError

    program = openqasm3.parse(text)
    extent.check_program(program, text)
    try:
        circuit: QuantumCircuit = qiskit_qasm3_import.convert(program)
    except RecursionError:
        raise
    except Exception as error:
        node = _node_at_fault(error)
        if node is None:
            raise
        reason = _POSITION.sub("", describe(error), count=1)
        line, column = _start(node, text)
        raise QASM3ImporterError(f"{line},{column}: {reason}") from error
    return circuit


def _node_at_fault(error: BaseException) -> Any:
    """The innermost part of the program that was converted when an error was raised.

    The converter itself names a place only where it is it that raises, not where Qiskit does.
    """
    found = None
    trace = error.__traceback__
    while trace is not None:
        node = trace.tb_frame.f_locals.get("node")
        if getattr(node, "span", None) is not None:
            found = node
        trace = trace.tb_next
    return found


def _start(node: Any, text: str) -> tuple[int, int]:
    line, column = node.span.start_line, node.span.start_column
    before = text.split("\n")[: line - 1]
    row = text.split("\n")[line - 1]
    name = getattr(node, "name", "")
    # Where a part is a single token, its parser may give the position in the whole text.
    if column >= len(row) or (isinstance(name, str) and not row.startswith(name, column)):
        column -= sum(map(len, before)) + len(before)
    return line, max(0, column)
