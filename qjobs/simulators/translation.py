"""Circuits in the words of a target: as they are where it takes them so, else transpiled.

Loads Qiskit: for worker processes only.
"""

from collections.abc import Mapping

from qiskit import QuantumCircuit
from qiskit.circuit import Qubit
from qiskit.circuit.controlflow import CONTROL_FLOW_OP_NAMES
from qiskit.transpiler import PassManager, Target, generate_preset_pass_manager

from qjobs.model import RunOptions
from qjobs.simulators import saving

_ALWAYS_TAKEN = frozenset({"measure", "barrier", "delay"})
"""What every method of Aer takes, whether its target says so or not."""


class Translation:
    """Into the words of one target, which may be Aer's own."""

    def __init__(self, target: Target, *, of_aer: bool = False) -> None:
        self._target = target
        self._of_aer = of_aer
        self._anywhere = target.build_coupling_map() is None
        self._known = _ALWAYS_TAKEN | frozenset(target.operation_names)
        self._pass_managers: dict[tuple[int, int | None], PassManager] = {}

    def of(self, circuit: QuantumCircuit, options: RunOptions) -> QuantumCircuit:
        """The circuit itself if the target takes it: so it runs as the backend alone would."""
        if self._knows(circuit) if self._anywhere else self._fits(circuit):
            return circuit
        # The seed of the first circuit for all: how they are cut into jobs changes nothing.
        key = (options.optimization_level, options.seed)
        if key not in self._pass_managers:
            self._pass_managers[key] = generate_preset_pass_manager(
                options.optimization_level, target=self._target, seed_transpiler=options.seed
            )
        return self._pass_managers[key].run(circuit)

    def _knows(self, circuit: QuantumCircuit) -> bool:
        names = _operations(circuit)
        return self._known.issuperset(map(_as_aer_knows, names) if self._of_aer else names)

    def _fits(self, circuit: QuantumCircuit) -> bool:
        if circuit.num_qubits > self._target.num_qubits:
            return False
        return self._has_all(circuit, {qubit: at for at, qubit in enumerate(circuit.qubits)})

    def _has_all(self, circuit: QuantumCircuit, places: Mapping[Qubit, int]) -> bool:
        """Whether the target has each operation on its qubits, which are at these places."""
        for instruction in circuit.data:
            name = instruction.operation.name
            at = tuple(places[qubit] for qubit in instruction.qubits)
            if name == "barrier" or name.startswith(saving.PREFIX):
                continue
            if name in CONTROL_FLOW_OP_NAMES:
                if name not in self._known:
                    return False
                for block in getattr(instruction.operation, "blocks", ()):
                    if not self._has_all(block, dict(zip(block.qubits, at, strict=True))):
                        return False
            elif not self._target.instruction_supported(name, at):
                return False
        return True


def _operations(circuit: QuantumCircuit) -> set[str]:
    """The names of all operations, of those in blocks too."""
    names = set(circuit.count_ops())
    if not names.isdisjoint(CONTROL_FLOW_OP_NAMES):
        for instruction in circuit.data:
            for block in getattr(instruction.operation, "blocks", ()):
                names |= _operations(block)
    return names


def _as_aer_knows(name: str) -> str:
    # Aer itself takes care of controls on 0, which Qiskit names with a suffix: `cx_o0`. But it has
    # all qubits except the last for controls, of two targets one.
    return name if name.startswith("cswap_o") else name.partition("_o")[0]
