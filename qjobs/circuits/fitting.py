"""Whether a target takes a circuit as it is, and whether what runs circuits takes pubs."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from inspect import signature
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from inspect import Parameter

    from qiskit import QuantumCircuit
    from qiskit.circuit import CircuitInstruction
    from qiskit.transpiler import Target

FREE = frozenset({"barrier", "store"})


class Verdict(StrEnum):
    """How a backend would take a circuit."""

    FITS = "fits"
    TRANSPILE = "must be transpiled"
    TOO_LARGE = "too large"
    UNKNOWN = "unknown"


class Judgement(NamedTuple):
    """A verdict on a circuit, and why it does not fit; `why` is empty if it does."""

    verdict: Verdict
    why: str = ""


class Fitting:
    """Compares circuits with one target: it must have each operation on the very qubits.

    Operations that are `free` by their name, and those that are no more than a remark, may be
    anywhere. A circuit has no more qubits than the target, unless it may have `any_width`.
    `out_of_bounds` says why the angles of an operation cannot be, where the target has bounds
    for them: by default as the target says.
    """

    def __init__(
        self,
        target: "Target",
        *,
        free: Callable[[str], bool] = FREE.__contains__,
        any_width: bool = False,
        out_of_bounds: "Callable[[CircuitInstruction], str] | None" = None,
    ) -> None:
        self._target = target
        self._free = free
        self._qubits = None if any_width else target.num_qubits
        self._out_of_bounds = out_of_bounds or self._as_the_target_says
        self._names = frozenset(target.operation_names)
        # Qiskit before 2.2 knows no bounds.
        bounded = getattr(target, "gate_has_angle_bounds", lambda _: False)
        self._bounded = frozenset(filter(bounded, self._names))

    def misfit(self, circuit: "QuantumCircuit") -> str:
        """Why the target cannot run a circuit as it is; empty if it can."""
        return self._too_wide(circuit) or self._misfit(circuit, range(circuit.num_qubits))

    def judge(self, circuit: "QuantumCircuit") -> Judgement:
        """How the target takes a circuit: as it is, transpiled, or not at all."""
        if why := self._too_wide(circuit):
            return Judgement(Verdict.TOO_LARGE, why)
        why = self.misfit(circuit)
        return Judgement(Verdict.TRANSPILE if why else Verdict.FITS, why)

    def _too_wide(self, circuit: "QuantumCircuit") -> str:
        if self._qubits is None or circuit.num_qubits <= self._qubits:
            return ""
        return f"it has {circuit.num_qubits} qubits, the backend {self._qubits}"

    def _misfit(self, circuit: "QuantumCircuit", places: Sequence[int]) -> str:
        """The same of a circuit whose qubits are at these places of the outermost one."""
        from qiskit.circuit.controlflow import CONTROL_FLOW_OP_NAMES

        names = circuit.count_ops().keys()
        branches = not CONTROL_FLOW_OP_NAMES.isdisjoint(names)
        if not branches and all(map(self._free, names)):
            return ""
        at = dict(zip(circuit.qubits, places, strict=True))
        # A circuit has few kinds of steps: what is slow is done once for each.
        for step in {(step.name, step.qubits): step for step in circuit.data}.values():
            why = self._misplaced(step, tuple(at[qubit] for qubit in step.qubits))
            if why:
                return why
        if branches or not self._bounded.isdisjoint(names):
            for step in circuit.data:
                why = self._out_of_bounds(step) if step.name in self._bounded else ""
                for block in getattr(step.operation, "blocks", ()):
                    why = why or self._misfit(block, [at[qubit] for qubit in step.qubits])
                if why:
                    return why
        return ""

    def _misplaced(self, step: "CircuitInstruction", place: tuple[int, ...]) -> str:
        name = step.name
        if self._free(name) or self._target.instruction_supported(name, place):
            return ""
        if getattr(step.operation, "_directive", False):
            return ""
        if name not in self._names:
            return f"the backend has no {name}"
        words = " and ".join(map(str, place))
        return f"the backend has no {name} on {'qubit' if len(place) == 1 else 'qubits'} {words}"

    def _as_the_target_says(self, step: "CircuitInstruction") -> str:
        angles = step.params
        if all(isinstance(angle, float | int) for angle in angles) and not (
            self._target.supported_angle_bound(step.name, angles)
        ):
            return f"the angle of {step.name} is out of bounds"
        return ""


def run_parameters(target: Any) -> "Mapping[str, Parameter]":
    """What the `run` of an object takes; nothing where that cannot be told."""
    try:
        return signature(target.run).parameters
    except (TypeError, ValueError, AttributeError):
        return {}


def is_primitive(target: Any) -> bool:
    """Whether an object is a V2 sampler or estimator: it takes pubs, and not circuits."""
    return "pubs" in run_parameters(target)
