"""A slice as the primitives take it: circuits that fit the backend, values, observables."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from qjobs.circuits import codec, qpy
from qjobs.circuits.layout import Layout
from qjobs.circuits.observables import Observable
from qjobs.circuits.outcomes import all_in_registers
from qjobs.circuits.own_gates import natives, set_apart
from qjobs.circuits.placing import bare, places
from qjobs.circuits.slices import CircuitSlice
from qjobs.circuits.sweep import Pub, with_bound_phase
from qjobs.errors import JobRefused
from qjobs.model import RunOptions
from qjobs.providers.ibm.fitting import Fit
from qjobs.providers.ibm.options import JobOptions
from qjobs.providers.ibm.program import Device, Inputs

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray
    from qiskit import QuantumCircuit


class Prepared(NamedTuple):
    """A job without its tags, and the layouts of the circuits that were to be in it.

    A layout without bits stands for one result that there will not be.
    """

    inputs: Inputs
    layouts: Sequence[Layout]


def prepare(
    circuits: CircuitSlice, device: Device, options: RunOptions, job: JobOptions, *, fit: Fit
) -> Prepared:
    """Make a job of a slice. Raises InputError, JobRefused, and what the service raises."""
    if circuits.observables is not None:
        return _estimated(circuits, device, options, job, fit=fit)
    if circuits.sweep is not None:
        return _swept(circuits, device, options, job, fit=fit)
    data = fit(circuits.qpy())
    container = qpy.Container(data)
    version = container.dialect.version
    layouts = [Layout.read(record, version) for record in container.all_records()]
    inputs = None
    if all(layout.registers and not layout.loose for layout in layouts):
        # Most of the time would go into reading and writing circuits.
        inputs = device.sample_qpy(data, options, job)
    if inputs is None:
        inputs = _sample(device, map(all_in_registers, codec.decode(data)), options, job)
    return Prepared(inputs, layouts)


def _swept(
    circuits: CircuitSlice, device: Device, options: RunOptions, job: JobOptions, *, fit: Fit
) -> Prepared:
    # The client counts no parameter that only the phase has.
    fitted = map(with_bound_phase, codec.decode(fit(circuits.qpy())))
    pubs: list[tuple[Any, ...]] = []
    layouts: list[Layout] = []
    for pub, circuit in zip(circuits.pubs(), map(all_in_registers, fitted), strict=True):
        assert pub.values is not None
        rows = len(pub.values)
        # Where the transpiler did away with all parameters the client forgets how many rows
        # there are: then each is a pub of its own.
        sent = [(circuit, _values(pub, circuit))] if circuit.parameters else [(circuit,)] * rows
        pubs += sent
        layouts += [Layout.of(circuit)] * (len(sent) if circuit.clbits else rows)
    return Prepared(_sample(device, pubs, options, job), layouts)


def _estimated(
    circuits: CircuitSlice, device: Device, options: RunOptions, job: JobOptions, *, fit: Fit
) -> Prepared:
    asked = circuits.read_observables()
    pubs = list(circuits.pubs())
    # An expectation value does without them, and so may the transpiler with what is before.
    kept = natives(device.target)
    data = fit(codec.encode([bare(set_apart(pub.circuit, kept=kept)) for pub in pubs]))
    fitted = map(with_bound_phase, codec.decode(data))
    made: list[tuple[Any, ...]] = []
    layouts: list[Layout] = []
    for pub, circuit in zip(pubs, fitted, strict=True):
        sent = _estimator_pubs(pub, circuit, asked)
        made += sent
        layouts += [Layout.of(pub.circuit)] * len(sent)
    return Prepared(device.estimate(made, options, job), layouts)


def _sample(device: Device, pubs: Iterable[Any], options: RunOptions, job: JobOptions) -> Inputs:
    """Without the circuits that have no registers: the client could not read any result."""
    loud = [pub for pub in pubs if (pub[0] if isinstance(pub, tuple) else pub).cregs]
    if not loud:
        raise JobRefused("none of the circuits measures anything")
    return device.sample(loud, options, job)


def _values(pub: Pub, circuit: "QuantumCircuit") -> "NDArray[float64]":
    """The columns of the parameters that the circuit still has, in its order."""
    assert pub.values is not None
    places = {parameter.name: place for place, parameter in enumerate(pub.circuit.parameters)}
    return pub.values[:, [places[parameter.name] for parameter in circuit.parameters]]


def _estimator_pubs(
    pub: Pub, circuit: "QuantumCircuit", observables: Sequence[Observable]
) -> list[tuple[Any, ...]]:
    """Each row of values with all observables: the result has a row a row, a column each."""
    placed = _placed(pub.circuit, circuit, observables)
    if pub.values is None or not circuit.parameters:
        return [(circuit, placed)] * (1 if pub.values is None else len(pub.values))
    return [(circuit, [placed], _values(pub, circuit)[:, None, :])]


def _placed(
    original: "QuantumCircuit",
    circuit: "QuantumCircuit",
    observables: Sequence[Observable],
) -> list[dict[str, float]]:
    """Observables of a circuit's qubits as observables of the qubits that they ended on."""
    ends = places(len(next(iter(observables[0]))), original, circuit)

    def moved(label: str) -> str:
        letters = ["I"] * circuit.num_qubits
        for qubit, letter in zip(ends, reversed(label), strict=True):
            letters[qubit] = letter
        return "".join(reversed(letters))

    return [
        {moved(label): factor for label, factor in observable.items()} for observable in observables
    ]
