"""Aer's instructions that save a state, made whole again: QPY keeps only name and label of them.

Loads Qiskit and Aer: for worker processes only.
"""

from collections.abc import Mapping

from qiskit import QuantumCircuit
from qiskit.circuit import CircuitInstruction, Instruction
from qiskit_aer.library.save_instructions.save_data import SaveData

from qjobs.circuits.placing import bare

PREFIX = "save_"
EXPECTATIONS = frozenset({"save_expval", "save_expval_var"})

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


def saves_a_state(circuit: QuantumCircuit) -> bool:
    """Whether more is saved than expectation values: what may show the global phase."""
    return any(name.startswith(PREFIX) for name in {*circuit.count_ops()} - EXPECTATIONS)


def restored(circuit: QuantumCircuit) -> QuantumCircuit:
    """The circuit with instructions that Aer can run; itself if it saves nothing."""
    if not saves(circuit):
        return circuit
    whole: QuantumCircuit = circuit.copy()
    for place, instruction in enumerate(circuit.data):
        if instruction.name.startswith(PREFIX):
            operation = _whole(instruction.operation)
            instruction = instruction.replace(operation=operation)  # noqa: PLW2901
            whole.data[place] = _widened(instruction, circuit)
    return whole


def save_at_the_end(circuit: QuantumCircuit, what: str) -> QuantumCircuit:
    """The circuit, not measured at its end, with its `unitary` or `superop` saved there."""
    saving: QuantumCircuit = bare(circuit)
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


def _widened(instruction: CircuitInstruction, circuit: QuantumCircuit) -> CircuitInstruction:
    """An expectation value of some qubits as one of all, with I for the others.

    Of some of them, Aer gets it wrong where it drops idle qubits below or between.
    """
    operation = instruction.operation
    if operation.name not in EXPECTATIONS or not isinstance(operation, SaveData):
        return instruction
    at = [circuit.find_bit(qubit).index for qubit in instruction.qubits]
    parameters = []
    for label, coefficients in operation.params:
        letters = ["I"] * circuit.num_qubits
        for qubit, letter in zip(at, reversed(label), strict=True):
            letters[qubit] = letter
        parameters.append(("".join(reversed(letters)), coefficients))
    subtype = operation._subtype  # noqa: SLF001 - nothing else tells it
    wide = SaveData(operation.name, circuit.num_qubits, operation.label, subtype, parameters)
    return CircuitInstruction(wide, circuit.qubits)
