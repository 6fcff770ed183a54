"""Which qubits an observable is about in a circuit that a backend's transpiler has rearranged."""

from typing import TYPE_CHECKING

from qjobs.errors import InputError

if TYPE_CHECKING:
    from qiskit import QuantumCircuit


_LEFT_OUT = frozenset({"measure", "barrier"})


def bare(circuit: "QuantumCircuit") -> "QuantumCircuit":
    """The circuit without the measurements at its end, and without a layout.

    So a layout that it has later is that of the transpiler it went through since. Qiskit's own
    `remove_final_measurements` also removes what later conditions ask for.
    """
    from qiskit.converters import circuit_to_dag, dag_to_circuit
    from qiskit.dagcircuit import DAGOpNode

    dag = circuit_to_dag(circuit)
    for node in reversed([*dag.topological_op_nodes()]):
        # Also what has a condition on its bit comes after a measurement here.
        if node.name in _LEFT_OUT and not any(
            isinstance(after, DAGOpNode) for after in dag.successors(node)
        ):
            dag.remove_op_node(node)
    # Registers of nothing but these go too: a backend may give counts for each that there is.
    idle = {*dag.idle_wires()}
    dag.remove_cregs(*(register for register in circuit.cregs if idle.issuperset(register)))
    kept = {bit for register in dag.cregs.values() for bit in register}
    dag.remove_clbits(*(bit for bit in dag.clbits if bit in idle and bit not in kept))
    without: QuantumCircuit = dag_to_circuit(dag)
    return without


def places(
    width: int, circuit: "QuantumCircuit", transpiled: "QuantumCircuit | None" = None
) -> list[int]:
    """The qubit of each letter of an observable, the one for the lowest qubit first.

    An observable of `width` qubits is as wide as the circuit, or as the one that this was
    transpiled from. `transpiled` is what became of its `bare` form. Raises InputError if the
    observable is of neither width.
    """
    found = range(circuit.num_qubits)
    if width != circuit.num_qubits and circuit.layout is not None:
        found = circuit.layout.final_index_layout(filter_ancillas=True)
    if width != len(found):
        raise InputError(
            f"an observable of {width} qubits does not fit a circuit of {circuit.num_qubits}"
        )
    if transpiled is None or transpiled.layout is None:
        return list(found)
    ends = transpiled.layout.final_index_layout(filter_ancillas=True)
    return [ends[qubit] for qubit in found]
