"""Circuits in the words of a target: as they are where it takes them so, else transpiled.

Loads Qiskit: for worker processes only.
"""

from qiskit import QuantumCircuit
from qiskit.transpiler import PassManager, Target, generate_preset_pass_manager

from qjobs.circuits.fitting import FREE, Fitting, Judgement
from qjobs.model import RunOptions
from qjobs.simulators import saving

_ALWAYS_TAKEN = frozenset({"measure", "barrier", "delay"})
"""What every method of Aer takes, whether its target says so or not."""


class Translation:
    """Into the words of one target, which may be Aer's own."""

    def __init__(self, target: Target, *, of_aer: bool = False) -> None:
        self._target = target
        self._of_aer = of_aer
        # Then its names are all that it says: Aer's circuits may have more qubits.
        self._anywhere = target.build_coupling_map() is None
        self._known = _ALWAYS_TAKEN | frozenset(target.operation_names)
        self._fitting = Fitting(
            target,
            free=self._is_free,
            any_width=self._anywhere,
            out_of_bounds=lambda _: "",  # Aer takes any angle
        )
        self._pass_managers: dict[tuple[int, int | None], PassManager] = {}

    def of(self, circuit: QuantumCircuit, options: RunOptions) -> QuantumCircuit:
        """The circuit itself if the target takes it: so it runs as the backend alone would."""
        if self.takes(circuit):
            return circuit
        # The seed of the first circuit for all: how they are cut into jobs changes nothing.
        key = (options.optimization_level, options.seed)
        if key not in self._pass_managers:
            self._pass_managers[key] = generate_preset_pass_manager(
                options.optimization_level, target=self._target, seed_transpiler=options.seed
            )
        return self._pass_managers[key].run(circuit)

    def takes(self, circuit: QuantumCircuit) -> bool:
        """Whether the target takes the circuit as it is."""
        return not self._fitting.misfit(circuit)

    def judge(self, circuit: QuantumCircuit) -> Judgement:
        """How the target takes the circuit; see `of`."""
        return self._fitting.judge(circuit)

    def _is_free(self, name: str) -> bool:
        if self._anywhere:
            return (_as_aer_knows(name) if self._of_aer else name) in self._known
        return name in FREE or name.startswith(saving.PREFIX)


def _as_aer_knows(name: str) -> str:
    # Aer itself takes care of controls on 0, which Qiskit names with a suffix: `cx_o0`. But it has
    # all qubits except the last for controls, of two targets one.
    return name if name.startswith("cswap_o") else name.partition("_o")[0]
