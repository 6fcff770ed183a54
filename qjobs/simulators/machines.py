"""The Aer simulators that circuits run on: its methods, models of devices, and given ones.

Loads Qiskit and Aer: for worker processes only.
"""

import math
import re
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from types import SimpleNamespace

from qiskit import QuantumCircuit
from qiskit.providers import BackendV2
from qiskit.transpiler import Target
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel

from qjobs.circuits import own_gates
from qjobs.circuits.fitting import Judgement
from qjobs.contract import TRANSPILE
from qjobs.errors import InputError
from qjobs.model import RunOptions
from qjobs.simulators import saving
from qjobs.simulators.translation import Translation

NOISE_MODELS_KEPT = 8

# What Aer's methods get wrong without a word (0.17.2 to 0.18.2): a matrix product state reads
# amplitudes, and is initialized, in the order that gates have left its qubits in.
_WRONG: Mapping[str, frozenset[str]] = {
    "superop": frozenset({"diagonal"}),
    "matrix_product_state": frozenset({"initialize", "save_amplitudes", "save_amplitudes_sq"}),
}

_TOO_LARGE = re.compile(r"Insufficient memory .*max memory: (\d+)M", re.DOTALL)
"""What Aer says of a circuit, with the MB that there are."""

_ROUNDING = 1e-12  # of an angle that was computed


class Machine:
    """An Aer simulator and the circuits as it takes them."""

    def __init__(self, simulator: AerSimulator, target: Target | None = None) -> None:
        self._simulator = simulator
        self._wrong = _WRONG.get(simulator.options.method, frozenset())
        target = target or simulator.target
        right = _part(target, without=self._wrong) if self._wrong else target
        self._translation = Translation(right, of_aer=True)

    def ready(self, circuit: QuantumCircuit, options: RunOptions) -> QuantumCircuit:
        """The circuit as it is run: itself wherever Aer takes it, and does it right.

        Raises InputError for what is wrong on this machine and cannot be put another way.
        """
        as_it_is = options.extra.get(TRANSPILE) is False
        for name in self._wrong.intersection(circuit.count_ops()):
            if as_it_is or name.startswith(saving.PREFIX):
                raise InputError(
                    f"{self._simulator.options.method} gives wrong values for {name}: use another"
                    f" method, or {'have it transpiled' if as_it_is else 'save the state vector'}"
                )
        restored = saving.restored(circuit)
        return restored if as_it_is else self._translation.of(restored, options)

    def simulator(self, circuits: Iterable[QuantumCircuit]) -> AerSimulator:
        """The simulator for these circuits, which are ready."""
        return self._simulator

    def takes(self, circuit: QuantumCircuit) -> bool:
        """Whether it runs the circuit as it is."""
        return self._translation.takes(circuit)

    def judge(self, circuit: QuantumCircuit) -> Judgement:
        """How it takes the circuit: what `ready` would make of it."""
        return self._translation.judge(saving.restored(own_gates.set_apart(circuit)))

    def instead(self, circuit: QuantumCircuit, refusal: str) -> str:
        """Say what runs a circuit that Aer refused for want of memory; empty if nobody knows."""
        return ""


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

    def instead(self, circuit: QuantumCircuit, refusal: str) -> str:
        """Say which other methods, as backends, take the circuit, if what is wanting is memory."""
        found = _TOO_LARGE.search(refusal)
        if found is None or self._computes:
            return ""
        others = []
        # As many bytes as two numbers of 8 bytes for each of the 2^n amplitudes.
        if 16 << circuit.num_qubits <= int(found[1]) << 20 and _method("statevector").takes(
            circuit
        ):
            others.append("statevector")
        if _method("stabilizer").takes(circuit) and _turns_by_quarters(circuit):
            others.append("stabilizer")
        if _method("matrix_product_state").takes(circuit):
            others.append("matrix_product_state (if it is weakly entangled)")
        return f"; other backends take it: {', '.join(others)}" if others else ""


def _turns_by_quarters(circuit: QuantumCircuit) -> bool:
    """Whether all its rz are Clifford gates, the one kind of which only the angle tells."""
    return all(
        all(map(_turns_by_quarters, getattr(step.operation, "blocks", ())))
        and (step.name != "rz" or _is_quarter(step.params[0]))
        for step in circuit.data
    )


def _is_quarter(angle: object) -> bool:
    return isinstance(angle, float | int) and abs(math.remainder(angle, math.pi / 2)) < _ROUNDING


@cache
def _method(name: str) -> Method:
    return Method(name)


class DeviceMachine(Machine):
    """Aer with the noise of a device, on circuits for its qubits.

    As `AerSimulator.from_backend` has it, but only for the qubits that circuits use: the noise
    of 133 qubits takes ten seconds to work out and some more in every run.
    """

    def __init__(self, device: BackendV2) -> None:
        super().__init__(AerSimulator(), device.target)
        self._device = device
        self._noisy = lru_cache(NOISE_MODELS_KEPT)(self._with_noise)

    def simulator(self, circuits: Iterable[QuantumCircuit]) -> AerSimulator:
        """The simulator for these circuits, with the noise of all qubits that they use."""
        return self._noisy(frozenset().union(*map(used_qubits, circuits)))

    def _with_noise(self, qubits: frozenset[int]) -> AerSimulator:
        part = SimpleNamespace(
            version=self._device.version,
            operation_names=self._device.operation_names,
            target=_part(self._device.target, qubits=qubits),
            dt=self._device.dt,
        )
        noise = NoiseModel.from_backend(part)
        return AerSimulator() if noise.is_ideal() else AerSimulator(noise_model=noise)


def used_qubits(circuit: QuantumCircuit) -> frozenset[int]:
    """The qubits that something is done to: all others are in |0>, on any machine."""
    return frozenset(
        circuit.find_bit(qubit).index
        for instruction in circuit.data
        if instruction.name != "barrier" and not instruction.name.startswith(saving.PREFIX)
        for qubit in instruction.qubits
    )


def _part(
    target: Target, *, qubits: frozenset[int] | None = None, without: frozenset[str] = frozenset()
) -> Target:
    """The target without operations on other qubits than these, or of these names."""
    part = Target(
        num_qubits=target.num_qubits, dt=target.dt, qubit_properties=target.qubit_properties
    )
    for name in target.operation_names:
        if name in without:
            continue
        operation, everywhere = target.operation_from_name(name), target[name]
        if isinstance(operation, type):
            part.add_instruction(operation, name=name)
        else:
            # None stands for an operation without noise that may be anywhere.
            here = {
                at: properties
                for at, properties in (everywhere or {None: None}).items()
                if at is None or qubits is None or qubits.issuperset(at)
            }
            part.add_instruction(operation, None if None in here else here, name=name)
    return part
