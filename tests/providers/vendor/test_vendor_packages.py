"""Real packages of vendors, each in an environment of its own, some with an older Qiskit.

make_environments.py makes them; the variable QJOBS_VENDOR_ENVS says where they are.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qjobs.circuits.slices import CircuitSlice
from qjobs.contract import ProviderContext
from qjobs.errors import UsageError
from qjobs.model import RunOptions
from qjobs.providers.vendor.provider import QiskitProvider
from qjobs.testing.contract import scattered_outcome

pytestmark = pytest.mark.slow

OPTIONS = RunOptions(shots=200)
APOLLO = "iqm.qiskit_iqm:IQMFakeApollo"


@pytest.fixture
def python() -> Callable[[str], str]:
    """The interpreter of an environment; without one the test is skipped."""

    def python(environment: str) -> str:
        path = Path(os.environ.get("QJOBS_VENDOR_ENVS", ""), environment, "bin", "python")
        if not path.exists():
            pytest.skip(f"QJOBS_VENDOR_ENVS has no {environment}")
        return str(path)

    return python


@pytest.mark.parametrize(
    ("environment", "simulator", "recoded"),
    [
        ("iqm", APOLLO, False),
        ("iqm-older", APOLLO, True),
        ("qiskit-1", "qiskit_aer:AerSimulator", True),
        ("mqt", "mqt.ddsim.qasm_simulator_backend:QasmSimulatorBackend", False),
    ],
)
def test_circuits_run_in_an_environment_of_their_own(
    python: Callable[[str], str],
    make: Callable[..., QiskitProvider],
    circuits: CircuitSlice,
    home: Path,
    environment: str,
    simulator: str,
    *,
    recoded: bool,
) -> None:
    provider = make(python=python(environment), arguments={"simulator": simulator})
    provider.check("calm", OPTIONS)

    job_id = provider.submit(circuits, backend="calm", options=OPTIONS, tag="qj-a-0-1")

    # Another process, of another environment, reads them as well.
    results = list(make().result(job_id, backend="calm").circuits())
    counts = [circuit.readable_counts() for circuit in results]
    assert [max(found, key=found.__getitem__) for found in counts if found] == ["1 01", "1"]
    assert [sum(found.values()) for found in counts if found] == [200, 200]
    assert (home / "acme" / "recoder.log").exists() == recoded


@pytest.mark.parametrize(
    ("environment", "simulator"),
    [
        ("braket", "qiskit_braket_provider:BraketLocalBackend"),
        ("iqm", APOLLO),
        ("qiskit-1", "qiskit_aer:AerSimulator"),
        ("mqt", "mqt.ddsim.qasm_simulator_backend:QasmSimulatorBackend"),
    ],
)
def test_each_bit_of_an_outcome_is_where_the_circuit_has_it(
    python: Callable[[str], str],
    make: Callable[..., QiskitProvider],
    scattered_circuits: CircuitSlice,
    environment: str,
    simulator: str,
) -> None:
    provider = make(python=python(environment), arguments={"simulator": simulator})

    job_id = provider.submit(scattered_circuits, backend="calm", options=OPTIONS, tag="qj-a-0-1")

    found = provider.result(job_id, backend="calm").circuits()
    counts = [circuit.readable_counts() or {} for circuit in found]
    # Some are noisy.
    expected = [scattered_outcome(index) for index in range(len(counts))]
    assert [max(one, key=one.__getitem__) for one in counts] == expected


@pytest.mark.parametrize(
    ("environment", "factory", "backend", "listed", "hint"),
    [
        ("iqm", APOLLO, "", 1, f"local:{APOLLO}"),
        (
            "mqt", "mqt.ddsim:DDSIMProvider", "qasm_simulator", 9,
            "local:mqt.ddsim.qasm_simulator_backend:QasmSimulatorBackend",
        ),
        ("qiskit-1", "qiskit_aer:AerProvider", "aer_simulator", 2, "local:qiskit_aer"),
    ],
)  # fmt: skip
def test_jobs_that_would_end_with_the_process_are_refused_with_what_to_use(
    python: Callable[[str], str],
    home: Path,
    environment: str,
    factory: str,
    backend: str,
    listed: int,
    hint: str,
) -> None:
    table: dict[str, Any] = {"factory": factory, "python": python(environment)}
    provider = QiskitProvider(ProviderContext(home / "acme", table))

    assert len(provider.backends()) >= listed
    with pytest.raises(UsageError, match="cannot be fetched by their ids") as caught:
        provider.check(backend, OPTIONS)
    assert hint in caught.value.hint
