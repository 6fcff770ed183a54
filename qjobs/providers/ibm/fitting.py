"""Circuits as a backend takes them: as they are where they fit its target, else transpiled."""

import threading
from typing import TYPE_CHECKING

from qjobs.circuits import qpy
from qjobs.errors import JobRefused
from qjobs.model import RunOptions
from qjobs.providers.ibm.program import Device

if TYPE_CHECKING:
    from qiskit import QuantumCircuit
    from qiskit.transpiler import Target

_ANYWHERE = frozenset({"barrier"})
_one_at_a_time = threading.Lock()  # there is one interpreter; and it takes a lot of memory


def fit(data: bytes, device: Device, options: RunOptions) -> bytes:
    """The circuits of a QPY file so that they fit: the same bytes if all of them do.

    They are decoded, checked, and those that do not fit transpiled, in the calling thread.
    Raises JobRefused if Qiskit cannot do it.
    """
    from qiskit.exceptions import QiskitError
    from qiskit.transpiler import generate_preset_pass_manager

    target = device.target
    circuits = qpy.decode(data)
    unfit = [index for index, circuit in enumerate(circuits) if misfit(circuit, target)]
    if not unfit:
        return data
    with _one_at_a_time:
        # Not kept: a pass manager that is shared by threads gives wrong circuits in silence.
        manager = generate_preset_pass_manager(
            options.optimization_level, target=target, seed_transpiler=options.seed
        )
        try:
            for index in unfit:  # one by one: with a list it would fork
                circuits[index] = manager.run(circuits[index])
        except QiskitError as error:
            raise JobRefused(f"Qiskit cannot transpile a circuit: {error.message}") from error
    return qpy.encode(circuits)


def misfit(circuit: "QuantumCircuit", target: "Target") -> str:
    """Why the circuit cannot run on the target as it is; empty if it can."""
    if circuit.num_qubits > target.num_qubits:
        return f"it has {circuit.num_qubits} qubits, the backend {target.num_qubits}"
    return _misfit(circuit, target, {qubit: at for at, qubit in enumerate(circuit.qubits)})


def _misfit(circuit: "QuantumCircuit", target: "Target", places: dict[object, int]) -> str:
    # Each operation is looked up once: a circuit has few kinds, on few places.
    for name, qubits in {(step.name, step.qubits) for step in circuit.data}:
        at = tuple(places[qubit] for qubit in qubits)
        if name not in _ANYWHERE and not target.instruction_supported(name, at):
            return f"the backend has no {name} on {', '.join(map(str, at))}"
    for step in circuit.data if circuit.has_control_flow_op() else ():
        for block in getattr(step.operation, "blocks", ()):
            inner = dict(zip(block.qubits, (places[qubit] for qubit in step.qubits), strict=True))
            if found := _misfit(block, target, inner):
                return found
    return ""
