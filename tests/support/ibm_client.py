"""What the tests do with the real client: circuits for its small backend, and jobs of them."""

from typing import Any

from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit_ibm_runtime import QiskitRuntimeService, SamplerV2
from qiskit_ibm_runtime.executor_sampler import Sampler

BACKEND = "ibm_lagos"
SHOTS = 100


def bell(name: str = "bell") -> QuantumCircuit:
    """A Bell pair in the gates of `BACKEND`, in two registers of unequal size."""
    circuit = QuantumCircuit(7, name=name)
    _hadamard(circuit, 0)
    circuit.cx(0, 1)
    circuit.measure_all(add_bits=True)
    return circuit


def turned() -> QuantumCircuit:
    """One qubit turned by a parameter."""
    circuit = QuantumCircuit(7, 1, name="turned")
    _hadamard(circuit, 0)
    circuit.rz(Parameter("angle"), 0)
    _hadamard(circuit, 0)
    circuit.measure(0, 0)
    return circuit


def tangled(name: str) -> QuantumCircuit:
    """With gates between all qubits, so that chance has to choose their places."""
    circuit = QuantumCircuit(5, name=name)
    for first in range(5):
        for second in range(first):
            circuit.cx(first, second)
            circuit.h(first)
    circuit.measure_all()
    return circuit


def _hadamard(circuit: QuantumCircuit, qubit: int) -> None:
    circuit.rz(1.5707963267948966, qubit)
    circuit.sx(qubit)
    circuit.rz(1.5707963267948966, qubit)


def connect() -> QiskitRuntimeService:
    """The client as the environment points it."""
    return QiskitRuntimeService()


def submit(
    *pubs: Any, tags: list[str] | None = None, private: bool = False, mode: Any = None
) -> Any:
    """A job of the new sampler; `bell` if nothing is given."""
    sampler = Sampler(mode=mode or connect().backend(BACKEND))
    sampler.options.environment.job_tags = tags or []
    sampler.options.environment.private = private
    return sampler.run(list(pubs) or [bell()], shots=SHOTS)


def submit_as_before(*pubs: Any) -> Any:
    """A job of the old sampler."""
    sampler = SamplerV2(mode=connect().backend(BACKEND))
    return sampler.run(list(pubs), shots=SHOTS)


def counts(job: Any) -> list[dict[str, int]]:
    """What a job measured, a circuit after the other."""
    return [result.join_data().get_counts() for result in job.result(timeout=60, poll_interval=0.1)]


OUTCOMES = ["000", "001", "100", "101"]


def numbered() -> list[QuantumCircuit]:
    """Circuits that measure their own index, in the gates of the device.

    Between the two bits is one that nothing is measured into.
    """
    made = []
    for index in range(len(OUTCOMES)):
        circuit = QuantumCircuit(2, 3, name=f"c{index}")
        for bit in range(2):
            if index >> bit & 1:
                circuit.x(bit)
        circuit.measure([0, 1], [0, 2])
        made.append(circuit)
    return made
