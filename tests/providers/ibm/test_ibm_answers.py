"""What comes back of random circuits, after the transpiler and the client, is what is right.

The service is the stand-in: what is tried is what is made of circuits, values and observables on
the way there, and of the results on the way back.
"""

import json
import time
from pathlib import Path

import numpy as np
import pytest
from support.exact import branches, check_counts, expectation, probabilities
from support.ibm_client import BACKEND
from support.random_circuits import NUMBERS, PARAMETERS, Draw, observables

from qjobs.circuits import codec
from qjobs.circuits.slices import CircuitSlice
from qjobs.circuits.sweep import Sweep
from qjobs.contract import ProviderContext
from qjobs.model import JobStatus, RunOptions, Slice
from qjobs.providers.ibm.provider import IbmProvider
from qjobs.results import CircuitResult

pytestmark = [
    pytest.mark.slow,
    # SciPy's, as Qiskit raises matrices to powers.
    pytest.mark.filterwarnings("ignore::scipy.sparse.SparseEfficiencyWarning"),
]

SHOTS = 1000
PRECISION = 0.05
ROWS = np.random.default_rng(7).uniform(-3, 3, (2, len(PARAMETERS)))


def run(
    tmp_path: Path, circuits: list, *, options: RunOptions, asked: list | None = None
) -> list[CircuitResult]:
    """Sweep circuits in one job; with observables, for their values."""
    provider = IbmProvider(ProviderContext(tmp_path / "ibm", {"settle_s": "1"}))
    (tmp_path / "c.qpy").write_bytes(codec.encode(circuits))
    np.save(tmp_path / "values.npy", ROWS)
    path = None
    if asked is not None:
        path = tmp_path / "observables.json"
        path.write_text(json.dumps(asked))
    part = CircuitSlice(
        tmp_path / "c.qpy",
        Slice(0, len(circuits) * len(ROWS)),
        Sweep(tmp_path / "values.npy", ("a", "b", "c"), len(ROWS)),
        path,
    )
    job = provider.submit(part, backend=BACKEND, options=options, tag="qj-0123456789ab-0-1")
    until = time.monotonic() + 100 + 20 * len(NUMBERS)
    while not (status := provider.statuses([job], backend=BACKEND)[job]).final:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert status is JobStatus.DONE
    return [*provider.result(job, backend=BACKEND).circuits()]


def ends(circuits: list) -> list:
    return [
        branches(circuit, dict(zip(PARAMETERS, row, strict=True)))
        for circuit in circuits
        for row in ROWS
    ]


def test_counts_of_random_sweeps_are_right(start_standin, tmp_path: Path) -> None:
    start_standin()
    circuits = [Draw(number, dynamic=False).circuit(measured=True) for number in NUMBERS]

    results = run(tmp_path, circuits, options=RunOptions(shots=SHOTS))

    for result, expected in zip(results, ends(circuits), strict=True):
        assert result.counts is not None, result.message
        check_counts(result.counts, probabilities(expected), SHOTS)


@pytest.mark.parametrize("width", [4, 7])
def test_expectation_values_of_random_sweeps_are_right(
    start_standin, tmp_path: Path, width: int
) -> None:
    """Also of circuits that are as wide as the device, and are laid out all the same."""
    start_standin()
    circuits = [
        # The stand-in takes its time.
        Draw(number, width=width, dynamic=False).circuit(measured=False)
        for number in NUMBERS[: len(NUMBERS) // 3]
    ]
    # No projectors: the client takes none as long as it corrects readout errors.
    asked = observables(width=width, letters="IXYZ")[-3:]

    results = run(tmp_path, circuits, options=RunOptions(precision=PRECISION), asked=asked)

    for result, expected in zip(results, ends(circuits), strict=True):
        assert result.evs is not None, result.message
        right = [expectation(expected, observable) for observable in asked]
        np.testing.assert_allclose(result.evs, right, atol=6.5 * PRECISION)
