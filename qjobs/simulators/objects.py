"""Circuits on a backend or a primitive that is not Aer: any object that keeps Qiskit's contracts.

Loads Qiskit: for worker processes only.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import count, groupby, islice, repeat
from typing import Any, NamedTuple

from qiskit import QuantumCircuit
from qiskit.primitives import BackendEstimatorV2, BaseEstimatorV2

from qjobs.circuits import outcomes, own_gates
from qjobs.circuits.fitting import Judgement, Verdict, is_primitive
from qjobs.circuits.foreign import ENDS, describe
from qjobs.circuits.layout import Layout
from qjobs.circuits.measured import only_measured
from qjobs.circuits.placing import bare
from qjobs.circuits.seeds import seed_of
from qjobs.circuits.slices import Unread
from qjobs.circuits.sweep import Pub
from qjobs.contract import TRANSPILE, handed_on
from qjobs.errors import InputError
from qjobs.model import RunOptions
from qjobs.results import CircuitResult
from qjobs.simulators import estimation
from qjobs.simulators.estimation import Observable
from qjobs.simulators.simulation import LARGEST_RUN
from qjobs.simulators.translation import Translation

SEEDS = 1 << 31
"""Backends hand their seed to generators that take 31 bits, or 32."""


class _Single(NamedTuple):
    """A circuit that runs once, and its number in the set."""

    circuit: QuantumCircuit
    number: int


class Runner:
    """Runs circuits on a backend, a V2 sampler or a V2 estimator.

    With a seed that the backend takes, each circuit is a run of its own with a seed of its
    own, for what backends make of one seed for many circuits differs: so its counts do not
    depend on how the set is cut. One that takes no seed gives other counts each time. Where a
    circuit fails, its result says why.
    """

    def __init__(
        self, target: object, options: RunOptions, observables: Sequence[Observable] | None
    ) -> None:
        self._target: Any = target
        self._options = options
        self._observables = observables
        self._takes = _options_of(target)
        as_they_are = options.extra.get(TRANSPILE) is False
        described = None if as_they_are else getattr(target, "target", None)
        self._translation = None if described is None else Translation(described)
        self._natives = frozenset() if described is None else own_gates.natives(described)
        self._ask: Callable[[list[_Single]], list[CircuitResult]] = (
            self._count if observables is None else self._estimate
        )

    def run(self, pubs: Iterable[Pub | Unread], *, start_index: int) -> Iterator[CircuitResult]:
        """Run circuits that are a slice of a set, which starts at this index."""
        number = start_index
        for unread, group in groupby(pubs, key=lambda pub: isinstance(pub, Unread)):
            if unread:
                for pub in group:
                    assert isinstance(pub, Unread)
                    number += pub.rows
                    yield from repeat(pub.failed(self._options.shots), pub.rows)
                continue
            bound = (c for pub in group if not isinstance(pub, Unread) for c in pub.bound())
            singles = map(_Single, bound, count(number))
            # A simulator of Aer's needs them apart, see `simulation`.
            for _, alike in groupby(singles, key=lambda one: one.circuit.has_control_flow_op()):
                while some := list(islice(alike, self._largest_run())):
                    number += len(some)
                    yield from self._results(some)

    def _largest_run(self) -> int:
        if self._observables is not None or (self._seeded() and not is_primitive(self._target)):
            return 1
        most = getattr(self._target, "max_circuits", None)
        return min(most or LARGEST_RUN, LARGEST_RUN)

    def _seeded(self) -> bool:
        return self._options.seed is not None and "seed_simulator" in self._takes

    def _results(self, singles: list[_Single]) -> list[CircuitResult]:
        try:
            return self._ask(singles)
        except BaseException as error:  # vendors raise anything
            if isinstance(error, ENDS):
                raise
            if len(singles) == 1:
                layout = Layout.of(singles[0].circuit)
                return [outcomes.failed(layout, self._options.shots, describe(error))]
            return [result for single in singles for result in self._results([single])]

    def _count(self, singles: list[_Single]) -> list[CircuitResult]:
        if isinstance(self._target, BaseEstimatorV2):
            raise InputError("an estimator gives no counts")
        measured = [only_measured(single.circuit) for single in singles]
        layouts = [layout for _, layout in measured]
        circuits = [self._ready(self._apart(circuit)) for circuit, _ in measured]
        shots, memory = self._options.shots, self._options.memory
        if is_primitive(self._target):
            ready = [(outcomes.all_in_registers(circuit),) for circuit in circuits]
            pubs = self._target.run(ready, shots=shots).result()
            return [
                result
                for layout, pub in zip(layouts, pubs, strict=True)
                for result in outcomes.from_sampler(layout, pub.data, memory=memory)
            ]
        keywords: dict[str, Any] = {"shots": shots, **handed_on(self._options)}
        if memory and "memory" in self._takes:
            keywords["memory"] = True
        if self._seeded():
            keywords["seed_simulator"] = self._seed(singles[0])
        result = self._target.run(circuits, **keywords).result()
        results = outcomes.experiments(result, len(circuits))
        return [
            outcomes.from_result(layout, shots, result)
            for layout, result in zip(layouts, results, strict=True)
        ]

    def _estimate(self, singles: list[_Single]) -> list[CircuitResult]:
        (single,) = singles
        ready = self._ready(bare(self._apart(single.circuit)))
        wanted = [
            estimation.placed(observable, single.circuit, ready)
            for observable in self._observables or ()
        ]
        precision = estimation.precision(self._options)
        data = self._estimator(single).run([(ready, wanted)], precision=precision).result()[0].data
        return [
            estimation.estimated(
                Layout.of(single.circuit), self._options, data.evs.tolist(), data.stds.tolist()
            )
        ]

    def _estimator(self, single: _Single) -> BaseEstimatorV2:
        if isinstance(self._target, BaseEstimatorV2):
            return self._target
        if is_primitive(self._target):
            raise InputError("a sampler gives no expectation values")
        if not estimation.precision(self._options):
            raise InputError("a backend that counts gives no exact expectation values")
        seed = {"seed_simulator": self._seed(single)} if self._seeded() else {}
        return BackendEstimatorV2(backend=self._target, options=seed)

    def _apart(self, circuit: QuantumCircuit) -> QuantumCircuit:
        """The circuit in which no gate of the user's passes for one of the target's."""
        if self._translation is None:
            return own_gates.unrolled(circuit)
        return own_gates.set_apart(circuit, kept=self._natives)

    def _ready(self, circuit: QuantumCircuit) -> QuantumCircuit:
        if self._translation is None:
            return circuit
        return self._translation.of(circuit, self._options)

    def _seed(self, single: _Single) -> int:
        seed = seed_of(single.number, self._options)
        assert seed is not None
        return seed % SEEDS


def judge(target: object) -> Callable[[QuantumCircuit], Judgement]:
    """What tells of a circuit how an object takes it, by the target that it has."""
    described = getattr(target, "target", None)
    if described is None:
        return lambda _: Judgement(Verdict.UNKNOWN, "the backend does not describe itself")
    translation, kept = Translation(described), own_gates.natives(described)
    return lambda circuit: translation.judge(own_gates.set_apart(circuit, kept=kept))


def takes(target: object) -> list[str]:
    """Which of `seed` and `memory` a target takes: primitives give all outcomes unasked."""
    if is_primitive(target):
        return ["memory"]
    names = {"seed": "seed_simulator", "memory": "memory"}
    return [word for word, name in names.items() if name in _options_of(target)]


def _options_of(target: object) -> Collection[str]:
    return vars(getattr(target, "options", None) or _Nothing()).keys()


class _Nothing:
    """Has no attributes."""
