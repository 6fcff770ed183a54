"""What an object of this process gives for random sweeps is what they come to."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qiskit.primitives import StatevectorSampler
from qiskit.providers.basic_provider import BasicSimulator
from qiskit_aer import AerSimulator
from support.exact import branches, check_counts, probabilities
from support.random_circuits import NUMBERS, PARAMETERS, Draw

from qjobs.circuits import codec
from qjobs.circuits.slices import CircuitSlice
from qjobs.circuits.sweep import Sweep
from qjobs.contract import ProviderContext
from qjobs.model import JobStatus, RunOptions, Slice
from qjobs.providers.held.provider import HeldProvider

pytestmark = [
    pytest.mark.slow,
    # SciPy's, as Qiskit raises matrices to powers.
    pytest.mark.filterwarnings("ignore::scipy.sparse.SparseEfficiencyWarning"),
]

SHOTS = 500
ROWS = np.random.default_rng(7).uniform(-3, 3, (2, len(PARAMETERS)))


@pytest.mark.parametrize(
    ("kind", "dynamic"),
    [(AerSimulator, True), (BasicSimulator, False), (StatevectorSampler, False)],
)
def test_counts_of_random_sweeps_are_right(tmp_path: Path, kind: Any, dynamic: bool) -> None:
    circuits = [Draw(number, dynamic=dynamic).circuit(measured=True) for number in NUMBERS]
    np.save(tmp_path / "values.npy", ROWS)
    (tmp_path / "c.qpy").write_bytes(codec.encode(circuits))
    part = CircuitSlice(
        tmp_path / "c.qpy",
        Slice(0, len(circuits) * len(ROWS)),
        Sweep(tmp_path / "values.npy", ("a", "b", "c"), len(ROWS)),
    )
    provider = HeldProvider(ProviderContext(tmp_path / "held", {"backend": kind()}))

    job = provider.submit(part, backend="", options=RunOptions(shots=SHOTS, seed=1), tag="t-0-1")

    until = time.monotonic() + 100 + 20 * len(NUMBERS)
    while not (status := provider.statuses([job])[job]).final:
        assert time.monotonic() < until
        time.sleep(0.02)
    assert status is JobStatus.DONE, provider.error_message(job)
    rows = [(circuit, row) for circuit in circuits for row in ROWS]
    for (circuit, row), result in zip(rows, provider.result(job).circuits(), strict=True):
        assert result.counts is not None, result.message
        expected = branches(circuit, dict(zip(PARAMETERS, row, strict=True)))
        check_counts(result.counts, probabilities(expected), SHOTS)
