"""Devices: the noise of a real one, on its qubits, as AerSimulator.from_backend has it."""

import subprocess
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path

import pytest
from qiskit import QuantumCircuit
from qiskit.providers import BackendV2
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_aer import AerSimulator
from support.local_jobs import cut, run_here, write

from qjobs.circuits.sweep import Pub
from qjobs.errors import UnknownBackend, UsageError
from qjobs.model import RunOptions
from qjobs.simulators import devices
from qjobs.simulators import names as backends
from qjobs.simulators.machines import DeviceMachine
from qjobs.simulators.simulation import Counts, Simulation

OPTIONS = RunOptions(shots=300, seed=7)
DEVICES = ["generic_5", "fake_manila", "fake_torino"]

needs_fakes = pytest.mark.skipif(
    find_spec("qiskit_ibm_runtime") is None, reason="qiskit-ibm-runtime is not installed"
)


def algorithms(device: BackendV2) -> list[QuantumCircuit]:
    """Circuits of all sorts, the last of them in the device's own words."""
    bell = QuantumCircuit(2)
    bell.h(0)
    bell.cx(0, 1)
    bell.measure_all()
    far = QuantumCircuit(4)
    far.h(0)
    for qubit in (3, 2, 1):
        far.cx(0, qubit)
    far.delay(2000, 1)
    far.measure_all()
    conditional = QuantumCircuit(3, 3)
    conditional.h(0)
    conditional.measure(0, 0)
    with conditional.if_test((0, 1)):
        conditional.x(1)
    conditional.cx(1, 2)
    conditional.measure([1, 2], [1, 2])
    placed = QuantumCircuit(4)
    placed.sx([2, 3])
    placed.measure_all()
    own = generate_preset_pass_manager(0, target=device.target, initial_layout=[1, 2, 3, 4]).run(
        placed
    )
    return [bell, far, conditional, bell, own]


@needs_fakes
@pytest.mark.parametrize("name", DEVICES)
def test_a_device_gives_the_counts_of_one_run_of_aers_model_of_it(
    tmp_path: Path, name: str
) -> None:
    device = devices.device(name)
    circuits = algorithms(device)
    translated = generate_preset_pass_manager(1, backend=device, seed_transpiler=OPTIONS.seed).run(
        circuits[:-1]
    )
    model = AerSimulator.from_backend(device)
    run = model.run([*translated, circuits[-1]], shots=300, seed_simulator=7).result()
    path = write(tmp_path / "c.qpy", circuits)

    for cuts in ((), (1, 4), (2,), (2, 3)):
        results = run_here(cut(path, 0, 5), backend=name, options=OPTIONS, cuts=cuts)
        assert [result.message for result in results] == [""] * 5
        assert [result.readable_counts() for result in results] == run.get_counts()
        assert len(results[0].readable_counts() or {}) > 2  # there is noise


def test_what_follows_control_flow_in_a_run_has_the_counts_that_it_has_alone() -> None:
    device = devices.device("generic_5")
    pubs = [Pub(circuit, None) for circuit in algorithms(device)[2:]]

    def counts(threads: int, *some: Pub, first: int) -> list[object]:
        # The first run has as many circuits as there are threads.
        simulation = Simulation(DeviceMachine(device), Counts(OPTIONS), OPTIONS, threads=threads)
        return [result.readable_counts() for result in simulation.run(some, start_index=first)]

    alone = [counts(1, pub, first=index)[0] for index, pub in enumerate(pubs, start=2)]
    assert counts(3, *pubs, first=2) == alone


def test_a_circuit_that_does_not_fit_a_device_fails_alone(tmp_path: Path) -> None:
    wide = QuantumCircuit(6)
    wide.h(range(6))
    wide.measure_all()
    bell = algorithms(devices.device("generic_5"))[0]
    path = write(tmp_path / "c.qpy", [bell, wide, bell])
    alone = write(tmp_path / "alone.qpy", [bell, bell, bell])

    results = run_here(cut(path, 0, 3), backend="generic_5", options=OPTIONS)

    assert [result.failed for result in results] == [False, True, False]
    assert results[1].message == "Number of qubits greater than device."
    expected = run_here(cut(alone, 0, 3), backend="generic_5", options=OPTIONS)
    assert results[2] == expected[2]


def test_a_generic_device_is_the_same_in_each_process() -> None:
    program = "from qjobs.simulators.devices import device\nprint(device('generic_3').target['cx'])"
    seen = {
        subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    }

    assert len(seen) == 1
    assert isinstance(devices.device("generic_3"), GenericBackendV2)


@needs_fakes
def test_every_fake_device_is_found_by_its_name() -> None:
    from qiskit_ibm_runtime.fake_provider import FakeProviderForBackendV2

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one of them has made-up errors
        names = {backend.name for backend in FakeProviderForBackendV2().backends()}

    assert names <= set(backends.fake_devices())
    for name in ("fake_manila", "fake_fractional", "fake_torino"):
        assert devices.device(name).name == name


@needs_fakes
def test_a_misspelt_device_is_answered_with_near_ones() -> None:
    with pytest.raises(UnknownBackend, match="near ones: fake_torino"):
        backends.check_backend("fake_tornio")


@pytest.mark.parametrize("name", ["generic_0", "generic_1000", "generic_five", "generic_"])
def test_a_generic_device_has_a_number_of_qubits_that_makes_sense(name: str) -> None:
    with pytest.raises(UnknownBackend, match="no backend"):
        backends.check_backend(name)
    backends.check_backend("generic_127")


def test_run_options_of_aer_are_those_of_a_device_too() -> None:
    backends.check_options("generic_5", RunOptions(extra={"method": "density_matrix"}))
    with pytest.raises(UsageError, match="near ones: method"):
        backends.check_options("generic_5", RunOptions(extra={"methods": "density_matrix"}))


def test_names_are_checked_without_qiskit_and_without_the_package_of_the_fakes() -> None:
    program = """
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name == "qiskit_ibm_runtime": raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Hidden())
import importlib.util
real = importlib.util.find_spec
importlib.util.find_spec = lambda name: None if name == "qiskit_ibm_runtime" else real(name)
from qjobs.errors import UnknownBackend
from qjobs.simulators import names as backends
backends.check_backend("qiskit.primitives:StatevectorSampler")
try:
    backends.check_backend("fake_torino")
except UnknownBackend as error:
    print(error.message, error.hint, "qiskit" in sys.modules)
"""
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert ran.stdout == (
        "local:fake_torino needs the package qiskit-ibm-runtime"
        " pip install 'qiskit-qjobs[ibm]' False\n"
    )
