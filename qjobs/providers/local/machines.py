"""The Aer simulators that circuits run on: its methods, models of devices, and given ones.

Loads Qiskit and Aer: for worker processes only.
"""

from collections.abc import Iterable
from functools import lru_cache
from types import SimpleNamespace

from qiskit import QuantumCircuit
from qiskit.providers import BackendV2
from qiskit.transpiler import Target
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel

from qjobs.model import RunOptions
from qjobs.providers.local import saving
from qjobs.providers.local.translation import Translation

NOISE_MODELS_KEPT = 8


class Machine:
    """An Aer simulator and the circuits as it takes them."""

    def __init__(self, simulator: AerSimulator, target: Target | None = None) -> None:
        self._simulator = simulator
        self._translation = Translation(target or simulator.target)

    def ready(self, circuit: QuantumCircuit, options: RunOptions) -> QuantumCircuit:
        """The circuit as it is run: itself wherever Aer takes it."""
        return self._translation.of(saving.restored(circuit), options)

    def simulator(self, circuits: Iterable[QuantumCircuit]) -> AerSimulator:
        """What runs these circuits, which are ready."""
        return self._simulator


class Method(Machine):
    """Aer without noise. Methods that measure nothing save what they compute."""

    def __init__(self, method: str) -> None:
        super().__init__(AerSimulator(method=method))
        self._computes = method if method in ("unitary", "superop") else ""

    def ready(self, circuit: QuantumCircuit, options: RunOptions) -> QuantumCircuit:
        """As of any machine; where nothing is saved, what the method computes."""
        if self._computes and not saving.saves(circuit):
            circuit = saving.save_at_the_end(circuit, self._computes)
        return super().ready(circuit, options)


class Device(Machine):
    """Aer with the noise of a device, on circuits for its qubits.

    As `AerSimulator.from_backend` has it, but only for the qubits that circuits use: the noise
    of 133 qubits takes ten seconds to work out and some more in every run.
    """

    def __init__(self, device: BackendV2) -> None:
        super().__init__(AerSimulator(), device.target)
        self._device = device
        self._noisy = lru_cache(NOISE_MODELS_KEPT)(self._with_noise)

    def simulator(self, circuits: Iterable[QuantumCircuit]) -> AerSimulator:
        """What runs these circuits: it has the noise of all qubits that they use."""
        return self._noisy(frozenset().union(*map(_used, circuits)))

    def _with_noise(self, qubits: frozenset[int]) -> AerSimulator:
        part = SimpleNamespace(
            version=self._device.version,
            operation_names=self._device.operation_names,
            target=_part(self._device.target, qubits),
            dt=self._device.dt,
        )
        noise = NoiseModel.from_backend(part)
        return AerSimulator() if noise.is_ideal() else AerSimulator(noise_model=noise)


def _used(circuit: QuantumCircuit) -> frozenset[int]:
    """The qubits that something is done to."""
    return frozenset(
        circuit.find_bit(qubit).index
        for instruction in circuit.data
        if instruction.operation.name != "barrier"
        for qubit in instruction.qubits
    )


def _part(target: Target, qubits: frozenset[int]) -> Target:
    """The target without the operations on other qubits than these."""
    part = Target(
        num_qubits=target.num_qubits, dt=target.dt, qubit_properties=target.qubit_properties
    )
    for name in target.operation_names:
        operation, everywhere = target.operation_from_name(name), target[name]
        if isinstance(operation, type):
            part.add_instruction(operation, name=name)
        else:
            # None stands for an operation without noise that may be anywhere.
            here = {
                at: properties
                for at, properties in (everywhere or {None: None}).items()
                if at is None or qubits.issuperset(at)
            }
            part.add_instruction(operation, None if None in here else here, name=name)
    return part
