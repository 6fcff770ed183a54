"""What circuits take of the limits of one job, and whether they can run as they are.

The limits and the counts are those of https://quantum.cloud.ibm.com/docs/guides/job-limits.
They hold for a whole job. Instructions have to fit into a memory, so they add up over the
circuits of a job and do not depend on the shots; executions are circuits times shots.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from qjobs.circuits.fitting import Fitting
from qjobs.errors import InputError
from qjobs.model import Slice
from qjobs.providers.ibm.targets import ANGLE_BOUNDS

if TYPE_CHECKING:
    from qiskit import QuantumCircuit
    from qiskit.circuit import CircuitInstruction
    from qiskit.transpiler import Target

INSTRUCTIONS_OF_A_JOB = 26_800_000
"""For each qubit, in instructions of the control system."""

TWO_QUBIT_GATES_OF_A_JOB = 5_000_000
"""The limit of one circuit, from 2025 on; before, a job of less than 10,000 was sure to pass."""

_INITIALIZATION = 50
_ONE_QUBIT_GATE = 2
_TWO_QUBIT_GATE = 5
_CONTROL_FLOW = ("box", "for_loop", "if_else", "switch_case", "while_loop")
_INSTRUCTIONS = {
    **dict.fromkeys((*_CONTROL_FLOW, "break_loop", "continue_loop", "barrier", "store"), 0),
    **dict.fromkeys(("rz", "delay"), 1),
    **dict.fromkeys(("measure", "measure_2"), 10),
    **dict.fromkeys(("reset", "reset_2"), 17),
}
"""Whatever is not here counts as `sx` on one qubit, as `cz` on several."""

_ANGLE_TOLERANCE = 1e-10
_NAMED = 3


class Weight(NamedTuple):
    """What a circuit, or several, take of a job, and what is wrong with them.

    `instructions` are those of the busiest qubit; for several circuits their sum, as if all
    had the same busiest qubit. `misfit` says why the backend cannot run a circuit as it is.
    """

    instructions: int
    two_qubit_gates: int
    misfit: str = ""

    def excess(self) -> str:
        """Which limit of a job is passed, in words; empty if none is."""
        if self.instructions > INSTRUCTIONS_OF_A_JOB:
            return (
                f"{self.instructions} instructions on one qubit; a job may have "
                f"{INSTRUCTIONS_OF_A_JOB}"
            )
        if self.two_qubit_gates > TWO_QUBIT_GATES_OF_A_JOB:
            return (
                f"{self.two_qubit_gates} two-qubit gates; a job may have {TWO_QUBIT_GATES_OF_A_JOB}"
            )
        return ""


class Weights:
    """The circuits of a set, each run `rows` times: the weight of any slice, at once."""

    def __init__(self, circuits: Sequence[Weight], *, rows: int = 1) -> None:
        self.circuits = circuits
        self._rows = rows
        self._instructions = [0, *accumulate(weight.instructions for weight in circuits)]
        self._gates = [0, *accumulate(weight.two_qubit_gates for weight in circuits)]

    def of(self, part: Slice) -> Weight:
        """What the runs of a slice take together."""
        start, end = part.start_index, part.start_index + part.experiments_count
        return Weight(
            self._up_to(end, self._instructions) - self._up_to(start, self._instructions),
            self._up_to(end, self._gates) - self._up_to(start, self._gates),
        )

    def check_fit(self, backend: str, *, start_index: int = 0) -> None:
        """Raise InputError, naming the first few, if circuits cannot run as they are."""
        unfit = [(i, w.misfit) for i, w in enumerate(self.circuits, start_index) if w.misfit]
        if not unfit:
            return
        first = "; ".join(f"circuit {index}: {why}" for index, why in unfit[:_NAMED])
        more = f"; and {len(unfit) - _NAMED} more" if len(unfit) > _NAMED else ""
        raise InputError(
            f"{len(unfit)} of {len(self.circuits)} circuits do not fit {backend} as they are: "
            f"{first}{more}",
            hint="transpile them for this backend, or leave out --no-transpile",
        )

    def _up_to(self, run: int, sums: list[int]) -> int:
        """What all runs before one take together."""
        circuit, row = divmod(run, self._rows)
        own = sums[circuit + 1] - sums[circuit] if row else 0
        return sums[circuit] * self._rows + own * row


class Scales:
    """Weighs circuits for one target."""

    def __init__(self, target: "Target") -> None:
        self._qubits = int(target.num_qubits)
        self._bounds = {
            name: ANGLE_BOUNDS[name]
            for name in target.operation_names
            if target.gate_has_angle_bounds(name)
        }
        self._fitting = Fitting(target, out_of_bounds=self._out_of_bounds)

    def fits(self, circuit: "QuantumCircuit") -> bool:
        """Whether somebody has already made the circuit for this target.

        Such a circuit has all qubits of the target. A smaller one that happens to fit was not
        given its place by anybody.
        """
        return circuit.num_qubits == self._qubits and not self._fitting.misfit(circuit)

    def weigh(self, circuit: "QuantumCircuit") -> Weight:
        """The weight of one circuit. Its parameters need no values."""
        misfit = self._fitting.misfit(circuit)
        if circuit.num_qubits > self._qubits:
            return Weight(0, 0, misfit)
        count = _Count([0] * circuit.num_qubits)
        self._count(circuit, range(circuit.num_qubits), count, times=1)
        busiest = max(count.loads, default=0) + _INITIALIZATION
        return Weight(busiest, count.two_qubit_gates, misfit)

    def _count(
        self, circuit: "QuantumCircuit", places: Sequence[int], count: "_Count", *, times: int
    ) -> None:
        """Add a circuit whose qubits are at these places of the outermost one."""
        at = dict(zip(circuit.qubits, places, strict=True))
        # A circuit has few kinds of steps: what is slow is done once for each.
        kinds = Counter((step.name, step.qubits) for step in circuit.data)
        for (name, qubits), number in kinds.items():
            count.add(name, [at[qubit] for qubit in qubits], number * times)
        if circuit.has_control_flow_op():
            for step in circuit.data:
                place = [at[qubit] for qubit in step.qubits]
                for block in getattr(step.operation, "blocks", ()):
                    self._count(block, place, count, times=times * _passes(step))

    def _out_of_bounds(self, step: "CircuitInstruction") -> str:
        low, high = self._bounds[step.name]
        for angle in step.params:
            if isinstance(angle, float | int) and not (
                low - _ANGLE_TOLERANCE <= angle <= high + _ANGLE_TOLERANCE
            ):
                return f"the angle {angle:.4g} of {step.name} is not within {low:g} to {high:.4f}"
        return ""


class _Count:
    """Sums, as they grow."""

    def __init__(self, loads: list[int]) -> None:
        self.loads = loads
        self.two_qubit_gates = 0

    def add(self, name: str, place: Sequence[int], times: int) -> None:
        usual = _ONE_QUBIT_GATE if len(place) == 1 else _TWO_QUBIT_GATE
        each = _INSTRUCTIONS.get(name, usual)
        for qubit in place:
            self.loads[qubit] += each * times
        if len(place) == 2 and each:
            self.two_qubit_gates += times


def _passes(step: "CircuitInstruction") -> int:
    """How often the blocks of a step are run at most, as far as one can tell."""
    if step.name != "for_loop":
        return 1
    indices: Iterable[int] = step.params[0]
    return sum(1 for _ in indices)
