"""What the provider gives for random circuits is what they come to by Qiskit's `Statevector`."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import Pauli, StabilizerState
from support.exact import Branch, branches, check_counts, check_values, probabilities
from support.local_jobs import wait, write, write_sweep
from support.random_circuits import CLIFFORD, NUMBERS, PARAMETERS, Draw, observables

from qjobs.circuits.slices import CircuitSlice
from qjobs.model import JobStatus, RunOptions, Slice
from qjobs.providers.local.provider import LocalProvider
from qjobs.results import CircuitResult

pytestmark = [
    pytest.mark.slow,
    # SciPy's, as Qiskit raises matrices to powers.
    pytest.mark.filterwarnings("ignore::scipy.sparse.SparseEfficiencyWarning"),
]

SHOTS = 500
ROWS = np.random.default_rng(7).uniform(-3, 3, (2, len(PARAMETERS)))

SILENT = '''
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit_aer import AerSimulator


def line():
    """A device without noise: what runs on it has to be laid out."""
    edges = [[at, at + 1] for at in range(6)]
    device = GenericBackendV2(7, coupling_map=edges, control_flow=True, seed=1)
    simulator = AerSimulator.from_backend(device)
    simulator.set_options(noise_model=None)
    return simulator
'''


@pytest.fixture
def run(
    open_provider: Callable[..., LocalProvider], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., list[CircuitResult]]:
    """Sweeps circuits on a backend, in one job; with observables, for their values."""
    (tmp_path / "silent_device.py").write_text(SILENT)
    monkeypatch.syspath_prepend(tmp_path)

    def run(
        circuits: list[QuantumCircuit], backend: str, asked: list[dict[str, float]] | None = None
    ) -> list[CircuitResult]:
        sweep = write_sweep(tmp_path / "values.npy", ("a", "b", "c"), ROWS)
        path = None
        if asked is not None:
            path = tmp_path / "observables.json"
            path.write_text(json.dumps(asked))
        whole = Slice(0, len(circuits) * len(ROWS))
        part = CircuitSlice(write(tmp_path / "c.qpy", circuits), whole, sweep, path)
        options = RunOptions(seed=5, shots=SHOTS, precision=None if asked is None else 0.0)
        provider = open_provider()
        job = provider.submit(part, backend=backend, options=options, tag="answers")
        assert wait(provider, [job], timeout_s=100 + 20 * len(NUMBERS))[job] is JobStatus.DONE, (
            provider.error_message(job)
        )
        return [*provider.result(job).circuits()]

    return run


KINDS: dict[str, dict[str, bool]] = {
    "all": {},
    "as devices can": {"breaks": False},
    "unitary": {"dynamic": False},
}


@cache
def drawn(kind: str, *, measured: bool) -> list[QuantumCircuit]:
    return [Draw(number, **KINDS[kind]).circuit(measured=measured) for number in NUMBERS]


@cache
def ends(kind: str, *, measured: bool) -> list[list[Branch]]:
    """What may have come of these circuits, with each row of values."""
    return [
        branches(circuit, dict(zip(PARAMETERS, row, strict=True)))
        for circuit in drawn(kind, measured=measured)
        for row in ROWS
    ]


SIMULATORS = [
    ("", "all"),
    ("density_matrix", "all"),
    ("matrix_product_state", "all"),
    ("silent_device:line", "as devices can"),
]


@pytest.mark.parametrize(
    ("backend", "kind"),
    [
        *SIMULATORS,
        ("basic_simulator", "unitary"),
        ("qiskit.primitives:StatevectorSampler", "unitary"),
    ],
)
def test_counts_of_random_sweeps_are_right(
    run: Callable[..., list[CircuitResult]], backend: str, kind: str
) -> None:
    results = run(drawn(kind, measured=True), backend)

    for result, expected in zip(results, ends(kind, measured=True), strict=True):
        assert result.counts is not None, result.message
        check_counts(result.counts, probabilities(expected), SHOTS)


@pytest.mark.parametrize(
    ("backend", "kind"), [*SIMULATORS, ("qiskit.primitives:StatevectorEstimator", "unitary")]
)
def test_expectation_values_of_random_sweeps_are_right(
    run: Callable[..., list[CircuitResult]], backend: str, kind: str
) -> None:
    results = run(drawn(kind, measured=False), backend, observables())

    for result, expected in zip(results, ends(kind, measured=False), strict=True):
        assert result.evs is not None, result.message
        check_values(result.evs, expected, observables(), SHOTS)


def test_expectation_values_of_wide_clifford_circuits_are_those_of_their_stabilizers(
    run: Callable[..., list[CircuitResult]],
) -> None:
    circuits = [
        Draw(number, width=90, dynamic=False, parametrised=False, gates=CLIFFORD).circuit(
            measured=False
        )
        for number in NUMBERS
    ]
    # Some that are not 0: stabilizers of the circuits themselves.
    asked = []
    for circuit in circuits[:6]:
        tableau = StabilizerState(circuit).clifford
        asked += [{tableau.to_labels(mode="S")[row][1:]: 1.0} for row in (0, 40, 89)]

    results = run(circuits, "stabilizer", asked)

    for result, circuit in zip(results[:: len(ROWS)], circuits, strict=True):
        state = StabilizerState(circuit)
        expected = [state.expectation_value(Pauli(label)) for (label,) in asked]
        np.testing.assert_allclose(result.evs, expected, atol=1e-9)
