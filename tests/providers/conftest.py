"""Circuits for the tests of providers, written once a session."""

from pathlib import Path

import pytest
from contract import MEASURED, scattered, steady


@pytest.fixture(scope="session")
def circuit_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """QPY containers by name: `steady` holds six circuits, `scattered` several."""
    from qiskit import QuantumCircuit, qpy

    def endless(index: int) -> QuantumCircuit:
        """Runs for many minutes on any simulator, but fits into its memory."""
        circuit = QuantumCircuit(22, 22, name=f"endless-{index}")
        for layer in range(2000):
            for qubit in range(22):
                circuit.rx(0.1 + layer + index, qubit)
                circuit.cx(qubit, (qubit + 1) % 22)
        circuit.measure(range(22), range(22))
        return circuit

    def broken(index: int) -> QuantumCircuit:
        """Needs more memory than any machine has."""
        circuit = QuantumCircuit(60, 60, name=f"broken-{index}")
        for qubit in range(60):
            circuit.rx(0.1 + index, qubit)
            circuit.t(qubit)
            circuit.cx(qubit, (qubit + 7) % 60)
        circuit.measure(range(60), range(60))
        return circuit

    folder = tmp_path_factory.mktemp("circuits")
    files = {}
    counts = {steady: 6, scattered: len(MEASURED), endless: 1, broken: 1}
    for make, count in counts.items():
        files[make.__name__] = folder / f"{make.__name__}.qpy"
        with files[make.__name__].open("wb") as file:
            qpy.dump([make(index) for index in range(count)], file)
    return files
