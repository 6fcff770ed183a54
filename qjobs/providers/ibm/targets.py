"""A backend's target as text, and back: what the transpiler knows of a device, and no more.

The text is JSON and the same for equal targets, in whatever order their operations were added;
so its digest names a calibration, and circuits come out the same in every process that reads it.
"""

import json
import math
from collections.abc import Iterable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from qjobs.errors import ProviderError

if TYPE_CHECKING:
    from qiskit.transpiler import Target

ANGLE_BOUNDS = {"rzz": (0.0, math.pi / 2)}
"""What the client says of gates with bounds on their angles; a target does not tell them."""

_FORMAT = 1
_TIMING = ("dt", "granularity", "min_length", "pulse_alignment", "acquire_alignment")


def describe(target: "Target") -> str:
    """A target as text. Raises ProviderError for one that cannot be told."""
    description = {
        "format": _FORMAT,
        "qubits": target.num_qubits,
        "timing": {name: getattr(target, name) for name in _TIMING},
        "qubit_properties": [
            properties and [properties.t1, properties.t2, properties.frequency]
            for properties in target.qubit_properties or ()
        ],
        "operations": {name: _operation(target, name) for name in target.operation_names},
    }
    return json.dumps(description, sort_keys=True, separators=(",", ":"))


def rebuild(text: str) -> "Target":
    """The target that a text describes. Raises ValueError for the text of another version."""
    from qiskit.providers import QubitProperties
    from qiskit.transpiler import InstructionProperties, Target

    description = json.loads(text)
    if description["format"] != _FORMAT:
        raise ValueError(f"a target in format {description['format']}")
    target = Target(
        num_qubits=description["qubits"],
        qubit_properties=[
            properties and QubitProperties(*properties)
            for properties in description["qubit_properties"]
        ]
        or None,
        **description["timing"],
    )
    bounded = False
    for name, operation in sorted(description["operations"].items()):
        places = operation["places"] and {
            tuple(qubits): InstructionProperties(duration, error)
            for qubits, duration, error in operation["places"]
        }
        bounds = [ANGLE_BOUNDS[name]] if operation["bounded"] else None
        target.add_instruction(
            _instruction(name, operation), places, name=name, angle_bounds=bounds
        )
        bounded = bounded or bounds is not None
    if bounded:
        # The client has the rules by which angles are brought within their bounds. Everything
        # else does without it: to import it takes longer than to transpile 100 circuits.
        import_module("qiskit_ibm_runtime.utils.backend_converter")
    return target


def _operation(target: "Target", name: str) -> dict[str, Any]:
    operation = target.operation_from_name(name)
    if isinstance(operation, type):  # control flow, of any number of qubits
        return {"control_flow": operation.__name__, "bounded": False, "places": None}
    bounded = bool(target.gate_has_angle_bounds(name))
    if bounded and name not in ANGLE_BOUNDS:
        raise ProviderError(f"the backend has bounds for the angles of {name!r}, but which?")
    return {
        "bounded": bounded,
        "places": _places(target[name].items()),
        "qubits": operation.num_qubits,
        "clbits": operation.num_clbits,
        "parameters": [str(getattr(given, "name", given)) for given in operation.params],
    }


def _places(known: Iterable[tuple[Any, Any]]) -> list[Any] | None:
    """Where an operation is, how long it takes (s) and its error; None if it is anywhere."""
    places = [
        [list(qubits), getattr(how, "duration", None), getattr(how, "error", None)]
        for qubits, how in known
        if qubits is not None
    ]
    return sorted(places, key=lambda place: place[0]) or None


def _instruction(name: str, operation: dict[str, Any]) -> Any:
    from qiskit import circuit
    from qiskit.circuit.library import get_standard_gate_name_mapping

    if "control_flow" in operation:
        return getattr(circuit, operation["control_flow"])
    usual = get_standard_gate_name_mapping().get(name)
    if usual is not None:
        return usual
    parameters = [circuit.Parameter(parameter) for parameter in operation["parameters"]]
    if operation["clbits"]:
        return circuit.Instruction(name, operation["qubits"], operation["clbits"], parameters)
    return circuit.Gate(name, operation["qubits"], parameters)
