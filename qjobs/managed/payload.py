"""The circuits of a job as the Qobj that the predecessor sent.

The form is QASM Qobj 1.3.0 of https://arxiv.org/abs/1809.03452, with the instruction names and
the experiment headers of Qiskit's assembler.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from qjobs.model import RunOptions

if TYPE_CHECKING:
    from qiskit import QuantumCircuit
    from qiskit.circuit import CircuitInstruction

SCHEMA_VERSION = "1.3.0"


def make_qobj(
    circuits: "Sequence[QuantumCircuit]", *, qobj_id: str, backend_name: str, options: RunOptions
) -> dict[str, Any] | None:
    """The Qobj of a job; None if its circuits need more than Qobj can say, such as loops."""
    from qiskit.circuit import ControlFlowOp

    if any(isinstance(step.operation, ControlFlowOp) for one in circuits for step in one.data):
        return None
    config: dict[str, Any] = {
        "shots": options.shots,
        "memory": options.memory,
        "memory_slots": max((circuit.num_clbits for circuit in circuits), default=0),
        "n_qubits": max((circuit.num_qubits for circuit in circuits), default=0),
        "parameter_binds": [],
        **options.extra,
    }
    if options.seed is not None:
        config["seed_simulator"] = options.seed
    return {
        "qobj_id": qobj_id,
        "schema_version": SCHEMA_VERSION,
        "type": "QASM",
        "header": {"backend_name": backend_name},
        "config": config,
        "experiments": [_experiment(circuit) for circuit in circuits],
    }


def _experiment(circuit: "QuantumCircuit") -> dict[str, Any]:
    sizes = {"memory_slots": circuit.num_clbits, "n_qubits": circuit.num_qubits}
    return {
        "header": {
            "name": circuit.name,
            **sizes,
            "qreg_sizes": [[register.name, register.size] for register in circuit.qregs],
            "creg_sizes": [[register.name, register.size] for register in circuit.cregs],
            "qubit_labels": _labels(circuit.qregs),
            "clbit_labels": _labels(circuit.cregs),
            "global_phase": float(circuit.global_phase),
            "metadata": circuit.metadata or {},
        },
        "config": dict(sizes),
        "instructions": [_instruction(circuit, step) for step in circuit.data],
    }


def _labels(registers: Sequence[Any]) -> list[list[Any]]:
    """The bits by register and position, as in the headers."""
    return [[register.name, place] for register in registers for place in range(register.size)]


def _instruction(circuit: "QuantumCircuit", step: "CircuitInstruction") -> dict[str, Any]:
    found: dict[str, Any] = {"name": step.operation.name}
    for key, bits in (("qubits", step.qubits), ("memory", step.clbits)):
        if bits:
            found[key] = [circuit.find_bit(bit).index for bit in bits]
    parameters = [_number(value) for value in getattr(step.operation, "params", ())]
    if parameters:
        found["params"] = parameters
    label = getattr(step.operation, "label", None)
    return found | ({"label": label} if label else {})


def _number(value: Any) -> Any:
    """A parameter as a plain value: a complex number is a pair, an array is nested lists."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_number(item) for item in value]
    if isinstance(value, complex):
        return [value.real, value.imag]
    if isinstance(value, Mapping | str | int | float):
        return value
    return float(value)
