"""Aer's instructions that save a state, made whole again: QPY keeps only name and label of them.

Loads Qiskit and Aer: for worker processes only.
"""

from collections.abc import Mapping

from qiskit import QuantumCircuit
from qiskit.circuit import Instruction
from qiskit_aer.library.save_instructions.save_data import SaveData

PREFIX = "save_"

# What Aer gives where there are several shots: the state of one, or the mean of all. That an
# instruction was to give a value for each shot is not in QPY.
_SUBTYPES: Mapping[str, str] = {
    "save_amplitudes": "single",
    "save_amplitudes_sq": "average",
    "save_clifford": "single",
    "save_density_matrix": "average",
    "save_expval": "average",
    "save_expval_var": "average",
    "save_matrix_product_state": "single",
    "save_probabilities": "average",
    "save_stabilizer": "single",
    "save_state": "single",
    "save_statevector": "single",
    "save_superop": "single",
    "save_unitary": "single",
}

# Results hold arrays: what Aer would give as a dictionary is saved as the array of its values.
_AS_ARRAYS: Mapping[str, str] = {
    "save_probabilities_dict": "save_probabilities",
    "save_statevector_dict": "save_statevector",
}

# Of these the parameters are indices of states, which QPY writes as floating-point numbers.
_INDEXED = frozenset({"save_amplitudes", "save_amplitudes_sq"})


def saves(circuit: QuantumCircuit) -> bool:
    """Whether there is an instruction that saves something."""
    return any(name.startswith(PREFIX) for name in circuit.count_ops())


def restored(circuit: QuantumCircuit) -> QuantumCircuit:
    """The circuit with instructions that Aer can run; itself if it saves nothing."""
    if not saves(circuit):
        return circuit
    whole: QuantumCircuit = circuit.copy()
    for place, instruction in enumerate(circuit.data):
        if instruction.operation.name.startswith(PREFIX):
            whole.data[place] = instruction.replace(operation=_whole(instruction.operation))
    return whole


def save_at_the_end(circuit: QuantumCircuit, what: str) -> QuantumCircuit:
    """The circuit, not measured at its end, with its `unitary` or `superop` saved there."""
    saving: QuantumCircuit = circuit.remove_final_measurements(inplace=False)
    saving.append(SaveData(PREFIX + what, saving.num_qubits, what, params=[]), saving.qubits)
    return saving


def _whole(operation: Instruction) -> Instruction:
    name = _AS_ARRAYS.get(operation.name, operation.name)
    if isinstance(operation, SaveData) or name not in _SUBTYPES:
        return operation
    label = operation.label or name.removeprefix(PREFIX)
    parameters = operation.params
    if name in _INDEXED:
        parameters = [int(index) for index in parameters]
    return SaveData(name, operation.num_qubits, label, _SUBTYPES[name], parameters)
