"""Circuits through Aer, with the results that one run of all circuits of the set would give.

Loads Qiskit and Aer: for worker processes only.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import repeat
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.quantum_info import Clifford, StabilizerState
from qiskit.result.models import ExperimentResult

from qjobs.circuits import outcomes, own_gates
from qjobs.circuits.foreign import ENDS, describe
from qjobs.circuits.layout import Layout
from qjobs.circuits.seeds import seed_of
from qjobs.circuits.slices import Unread
from qjobs.circuits.sweep import Pub, assigned
from qjobs.contract import handed_on
from qjobs.model import RunOptions
from qjobs.results import CircuitResult
from qjobs.simulators import binding
from qjobs.simulators import names as backends
from qjobs.simulators.machines import Machine

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

LARGEST_RUN = 1000
"""Circuits that Aer gets at once: it holds the results of all before it gives one."""

RUN_S = 0.25
"""About how long Aer runs before it says how far it is. A run costs half a millisecond."""
_GROWTH = 4

Values: TypeAlias = "Mapping[Parameter, NDArray[float64]]"


class Reading(Protocol):
    """The reading of each circuit: counts, or expectation values."""

    def ready(self, circuit: QuantumCircuit, machine: Machine) -> QuantumCircuit:
        """The circuit as it is run, its parameters still free. Raises whatever is wrong."""

    def read(self, layout: Layout, index: int, result: ExperimentResult) -> CircuitResult:
        """Read Aer's result of the circuit with this index in the set."""


class Counts:
    """The counts of circuits, and the data that they save."""

    def __init__(self, options: RunOptions) -> None:
        self._options = options

    def ready(self, circuit: QuantumCircuit, machine: Machine) -> QuantumCircuit:
        """The circuit as the machine takes it."""
        return machine.ready(circuit, self._options)

    def read(self, layout: Layout, index: int, result: ExperimentResult) -> CircuitResult:
        """Counts, and arrays of what was saved."""
        saved = vars(result.data)
        for name, value in saved.items():
            # Their tableau: as matrices they would have 4^n elements.
            if isinstance(value, StabilizerState):
                saved[name] = value.clifford.tableau
            elif isinstance(value, Clifford):
                saved[name] = value.tableau
        return outcomes.from_result(layout, self._options.shots, result)


class Simulation:
    """Runs circuits on a machine, on `threads` threads, and reads their results.

    Where a circuit fails, its result says why. One with parameters is made ready once for all
    of its rows.
    """

    def __init__(
        self, machine: Machine, reading: Reading, options: RunOptions, *, threads: int
    ) -> None:
        self._machine = machine
        self._reading = reading
        self._options = options
        self._most = threads  # circuits in the next run
        self._run_options: dict[str, object] = {
            "max_parallel_threads": threads,
            "max_parallel_experiments": threads,
            **{name: backends.RUN_OPTIONS[name](v) for name, v in handed_on(options).items()},
            "shots": options.shots,
            "memory": options.memory,
        }

    def run(self, pubs: Iterable[Pub | Unread], *, start_index: int) -> Iterator[CircuitResult]:
        """Run circuits that are a slice of a set, which starts at this index."""
        index = start_index
        of_all = (piece for pub in pubs for piece in self._pieces(pub))
        for pieces in _runs(of_all, lambda: self._most):
            started_s = time.monotonic()
            results = self._results(pieces, index)
            if not pieces[0].message:
                self._measure(len(results), time.monotonic() - started_s)
            index += len(results)
            yield from results

    def _measure(self, circuits: int, took_s: float) -> None:
        """Choose how many circuits the next run has; they are not all alike, so it grows slowly."""
        fitting = int(circuits * RUN_S / max(took_s, RUN_S / LARGEST_RUN))
        self._most = max(1, min(fitting, self._most * _GROWTH, LARGEST_RUN))

    def _pieces(self, pub: Pub | Unread) -> "Iterator[_Piece]":
        if isinstance(pub, Unread):
            layout = Layout(pub.circuit.clbits, ())
            yield from repeat(_Piece(QuantumCircuit(), layout, 1, {}, pub.circuit.why), pub.rows)
            return
        rows = 1 if pub.values is None else len(pub.values)
        layout = Layout.of(pub.circuit)
        try:
            circuit = self._reading.ready(own_gates.set_apart(pub.circuit), self._machine)
            bound_by_aer = None if pub.values is None else binding.for_aer(circuit)
        except BaseException as error:  # Qiskit, Aer and pybind11 have no class in common
            if isinstance(error, ENDS):
                raise
            yield from self._one_by_one(pub, _Piece(pub.circuit, layout, 1, {}, describe(error)))
            return
        circuit = circuit if bound_by_aer is None else bound_by_aer
        # Some may have vanished when it was made ready.
        free = set(circuit.parameters)
        places = {p: place for place, p in enumerate(pub.circuit.parameters) if p in free}
        if pub.values is None or not places:
            yield from repeat(_Piece(circuit, layout, 1, {}), rows)
            return
        start = 0
        while start < rows:
            part = pub.values[start : start + self._most]
            start += len(part)
            values = {parameter: part[:, place] for parameter, place in places.items()}
            piece = _Piece(circuit, layout, len(part), values)
            yield from map(_assigned, piece.singles()) if bound_by_aer is None else [piece]

    def _one_by_one(self, pub: Pub, failed: "_Piece") -> "Iterator[_Piece]":
        """The rows of a circuit that cannot be made ready while its parameters are free."""
        if pub.values is None:
            yield failed
            return
        for row, values in enumerate(pub.values):
            bound = pub._replace(circuit=assigned(pub.circuit, values), values=None)
            (piece,) = self._pieces(bound)
            if row == 0 and piece.message == failed.message:
                # It is not about the parameters.
                yield from repeat(failed, len(pub.values))
                return
            yield piece

    def _results(self, pieces: "list[_Piece]", first: int) -> list[CircuitResult]:
        if pieces[0].message:
            return [self._failed(piece, piece.message) for piece in pieces]
        try:
            return self._attempt(pieces, first)
        except BaseException as error:  # as above
            if isinstance(error, ENDS):
                raise
            # A circuit that Aer does not take spoils the run for all: find out which.
            singles = [single for piece in pieces for single in piece.singles()]
            return [self._alone(single, index) for index, single in enumerate(singles, start=first)]

    def _alone(self, piece: "_Piece", index: int) -> CircuitResult:
        try:
            return self._attempt([piece], index)[0]
        except BaseException as error:  # as above
            if isinstance(error, ENDS):
                raise
            return self._failed(piece, describe(error))

    def _attempt(self, pieces: "list[_Piece]", first: int) -> list[CircuitResult]:
        run_options = dict(self._run_options)
        seed = seed_of(first, self._options)
        if seed is not None:
            run_options["seed_simulator"] = _signed(seed)
        if any(piece.values for piece in pieces):
            run_options["parameter_binds"] = [piece.values for piece in pieces]
        circuits = [piece.circuit for piece in pieces]
        result = self._machine.simulator(circuits).run(circuits, **run_options).result()
        rows = [piece for piece in pieces for _ in range(piece.rows)]
        results = outcomes.experiments(result, len(rows))
        return [
            self._advised(piece, self._reading.read(piece.layout, index, result))
            for index, (piece, result) in enumerate(zip(rows, results, strict=True), first)
        ]

    def _advised(self, piece: "_Piece", result: CircuitResult) -> CircuitResult:
        """The result; of one that failed, with what else could run its circuit."""
        if not result.failed:
            return result
        instead = self._machine.instead(piece.circuit, result.message)
        return replace(result, message=result.message + instead)

    def _failed(self, piece: "_Piece", message: str) -> CircuitResult:
        return outcomes.failed(piece.layout, self._options.shots, message)


class _Piece(NamedTuple):
    """A circuit that runs `rows` times, once with each row of its parameters' values.

    Without values it runs once. One that cannot be run has a `message`.
    """

    circuit: QuantumCircuit
    layout: Layout
    rows: int
    values: Values
    message: str = ""

    def singles(self) -> "Iterator[_Piece]":
        """The rows, each for itself."""
        for row in range(self.rows):
            values = {parameter: column[row : row + 1] for parameter, column in self.values.items()}
            yield self._replace(rows=1, values=values)


def _assigned(piece: _Piece) -> _Piece:
    """A piece of one row, with its values in place."""
    values = {parameter: column[0] for parameter, column in piece.values.items()}
    try:
        return piece._replace(circuit=assigned(piece.circuit, values), values={})
    except Exception as error:  # noqa: BLE001 - as above
        return piece._replace(values={}, message=describe(error))


def _runs(pieces: Iterable[_Piece], most: Callable[[], int]) -> Iterator[list[_Piece]]:
    """The pieces in runs of at most so many circuits, those that cannot be run for themselves."""
    gathered: list[_Piece] = []
    rows = 0
    for piece in pieces:
        full = rows + piece.rows > most()
        if gathered and (full or _kind(piece) != _kind(gathered[0])):
            yield gathered
            gathered, rows = [], 0
        gathered.append(piece)
        rows += piece.rows
    if gathered:
        yield gathered


def _kind(piece: _Piece) -> tuple[bool, bool]:
    # With the noise of a device, Aer 0.18.2 gives wrong counts of circuits without control flow
    # in a run whose first circuit has some.
    return bool(piece.message), not piece.message and piece.circuit.has_control_flow_op()


def _signed(seed: int) -> int:
    """The seed as Aer takes it: 64 bits, of which its sum with others keeps the lower ones."""
    return (seed + (1 << 63)) % (1 << 64) - (1 << 63)
