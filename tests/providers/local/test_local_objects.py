"""Backends and primitives that are not Aer, made by a callable that the user names."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Clbit
from qiskit.quantum_info import Statevector
from support.local_jobs import cut, rotations, run_here, wait, write

from qjobs.errors import UnknownBackend, UsageError
from qjobs.model import JobStatus, RunOptions
from qjobs.providers.local.provider import LocalProvider
from qjobs.results import CircuitResult
from qjobs.simulators import names as backends
from qjobs.testing.contract import MEASURED, scattered, scattered_outcome

OPTIONS = RunOptions(shots=2000, seed=5, memory=True)

WRITTEN_AS_BRAKET = """
from pathlib import Path
from folder_vendor import Packed

def backend():
    return Packed("packed", Path({!r}))
"""
VENDOR = '''
from qiskit.providers import BackendV2, Options
from qiskit.providers.basic_provider import BasicSimulator
from qiskit_aer import AerSimulator


class Moody(BackendV2):
    """Takes two circuits at once, has no seed, and does not like circuits named `bad`."""

    runs = []

    def __init__(self):
        super().__init__(name="moody")
        self._inner = BasicSimulator()

    target = property(lambda self: self._inner.target)
    max_circuits = 2

    @classmethod
    def _default_options(cls):
        return Options(shots=1024)

    def run(self, circuits, **options):
        Moody.runs.append((len(circuits), options))
        if any(circuit.name == "bad" for circuit in circuits):
            raise RuntimeError("a mood")
        return self._inner.run(circuits, shots=options["shots"])


def aer():
    return AerSimulator(method="stabilizer")


def broken():
    import no_such_thing
'''


@pytest.fixture
def vendor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module that this process can import."""
    path = tmp_path / "vendor" / "moody_vendor.py"
    path.parent.mkdir()
    path.write_text(VENDOR)
    monkeypatch.syspath_prepend(path.parent)
    monkeypatch.delitem(sys.modules, "moody_vendor", raising=False)
    return path


def near(result: CircuitResult, circuit: QuantumCircuit, *, within: float = 0.06) -> bool:
    """Whether the counts may well be those of a circuit that is measured at its end."""
    bare = circuit.remove_final_measurements(inplace=False)
    expected = Statevector(bare).probabilities_dict()
    counts = result.readable_counts() or {}
    assert sum(counts.values()) == result.shots
    return all(
        abs(counts.get(key, 0) / result.shots - expected.get(key, 0)) < within
        for key in {*counts, *expected}
    )


@pytest.mark.parametrize("backend", ["basic_simulator", "qiskit.primitives:StatevectorSampler"])
def test_counts_are_those_of_the_circuits(tmp_path: Path, backend: str) -> None:
    circuits = rotations(4)
    path = write(tmp_path / "c.qpy", circuits)

    results = run_here(cut(path, 0, 4), backend=backend, options=OPTIONS, cuts=(1,))

    assert [near(*pair) for pair in zip(results, circuits, strict=True)] == [True] * 4
    for result in results:
        assert Counter(result.memory) == result.counts


@pytest.mark.parametrize(
    "backend",
    [
        "automatic", "basic_simulator", "qiskit.primitives:StatevectorSampler",
        "qiskit_aer.primitives:SamplerV2", "written_as_braket:backend",
    ],
)  # fmt: skip
def test_each_bit_of_an_outcome_is_where_the_circuit_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend: str
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "written_as_braket.py").write_text(WRITTEN_AS_BRAKET.format(str(tmp_path)))
    monkeypatch.delitem(sys.modules, "written_as_braket", raising=False)
    path = write(tmp_path / "c.qpy", [scattered(index) for index in range(len(MEASURED))])

    results = run_here(cut(path, 0, len(MEASURED)), backend=backend, options=OPTIONS)

    expected = [scattered_outcome(index) for index in range(len(MEASURED))]
    assert [result.readable_counts() for result in results] == [{one: 2000} for one in expected]
    assert [{*result.readable_memory()} for result in results] == [{one} for one in expected]


@pytest.mark.parametrize("backend", ["automatic", "qiskit.primitives:StatevectorSampler"])
def test_bits_that_are_in_no_register_are_measured_too(tmp_path: Path, backend: str) -> None:
    circuit = QuantumCircuit(QuantumRegister(2), [Clbit()], ClassicalRegister(1))
    circuit.x(0)
    circuit.measure([0, 1], [0, 1])
    path = write(tmp_path / "c.qpy", [circuit])

    (result,) = run_here(cut(path, 0, 1), backend=backend, options=OPTIONS)

    assert result.readable_counts() == {"1 0": OPTIONS.shots}


def test_seeded_counts_do_not_depend_on_the_cut_and_differ_from_circuit_to_circuit(
    tmp_path: Path,
) -> None:
    path = write(tmp_path / "c.qpy", rotations(1) * 4)
    options = RunOptions(shots=2000, seed=-3)

    whole = run_here(cut(path, 0, 4), backend="basic_simulator", options=options)
    parts = run_here(cut(path, 0, 4), backend="basic_simulator", options=options, cuts=(1, 3))

    assert [r.counts for r in parts] == [r.counts for r in whole]
    assert len({tuple(sorted((r.counts or {}).items())) for r in whole}) == 4


def test_a_backend_gets_as_many_circuits_as_it_takes_and_one_that_fails_spoils_no_other(
    tmp_path: Path, vendor: Path
) -> None:
    circuits = rotations(5)
    circuits[1].name = "bad"
    path = write(tmp_path / "c.qpy", circuits)
    options = RunOptions(shots=500, seed=1, memory=True, extra={"colour": "red"})

    results = run_here(cut(path, 0, 5), backend="moody_vendor:Moody", options=options)

    assert [result.message for result in results] == ["", "RuntimeError: a mood", "", "", ""]
    runs = sys.modules["moody_vendor"].Moody.runs
    assert [size for size, _ in runs] == [2, 1, 1, 2, 1]
    # It knows neither seed nor memory.
    assert all(options == {"shots": 500, "colour": "red"} for _, options in runs)


def test_an_aer_simulator_that_a_callable_gives_keeps_the_promise_of_aer(
    tmp_path: Path, vendor: Path
) -> None:
    bell = QuantumCircuit(2)
    bell.h(0)
    bell.cx(0, 1)
    bell.measure_all()
    path = write(tmp_path / "c.qpy", [bell] * 4)
    expected = run_here(cut(path, 0, 4), backend="stabilizer", options=OPTIONS)

    results = run_here(cut(path, 0, 4), backend="moody_vendor:aer", options=OPTIONS, cuts=(1,))

    assert results == expected


def test_a_backend_that_cannot_be_made_is_what_the_job_says(
    tmp_path: Path, vendor: Path, provider: LocalProvider
) -> None:
    path = write(tmp_path / "c.qpy", rotations(1))
    said = {}
    for name in ("moody_vendor:broken", "moody_vendor:nothing", "moody_vendor.more:thing"):
        provider.check(name, OPTIONS)
        job_id = provider.submit(cut(path, 0, 1), backend=name, options=OPTIONS, tag=name)
        assert wait(provider, [job_id]) == {job_id: JobStatus.ERROR}
        said[name] = provider.error_message(job_id)

    assert said == {
        "moody_vendor:broken": "ModuleNotFoundError: No module named 'no_such_thing'",
        "moody_vendor:nothing": "AttributeError: module 'moody_vendor' has no attribute 'nothing'",
        "moody_vendor.more:thing": "ModuleNotFoundError: No module named 'moody_vendor.more';"
        " 'moody_vendor' is not a package",
    }


def test_a_module_is_found_where_submit_found_it_and_again_after_it_was_changed(
    tmp_path: Path, vendor: Path, open_provider: Callable[..., LocalProvider]
) -> None:
    provider = open_provider(workers="1")
    path = write(tmp_path / "c.qpy", rotations(1))

    def run(tag: str) -> str:
        job_id = provider.submit(
            cut(path, 0, 1), backend="moody_vendor:Moody", options=OPTIONS, tag=tag
        )
        status = wait(provider, [job_id])[job_id]
        return status if status is JobStatus.DONE else provider.error_message(job_id)

    # The supervisor does not know of the folder: it is in no PYTHONPATH.
    assert run("first") == JobStatus.DONE
    vendor.write_text(VENDOR.replace('== "bad"', '== "circuit 0"'))
    assert run("second") == "circuit 0: RuntimeError: a mood"


@pytest.mark.parametrize(
    "name", ["a:", ":b", "a:b:c", "a b:c", "a/b:c", "..a:b", "a:1", "no_such_module_at_all:b"]
)
def test_a_name_that_can_be_no_callable_is_refused_before_anything_is_submitted(name: str) -> None:
    with pytest.raises(UnknownBackend):
        backends.check_backend(name)


def test_run_options_of_another_simulator_are_its_own_business() -> None:
    backends.check_options("basic_simulator", RunOptions(extra={"initial_statevector": "x"}))
    with pytest.raises(UsageError, match="shots is not given"):
        backends.check_options("basic_simulator", RunOptions(extra={"shots": 1}))


VENDORS = Path(os.environ.get("QJOBS_VENDOR_ENVS", ""), "local", "bin", "python")
"""A Python with qjobs and vendors' simulators, as `make_environments.py` makes it."""


@pytest.mark.slow
@pytest.mark.skipif(not VENDORS.exists(), reason="QJOBS_VENDOR_ENVS has no local")
@pytest.mark.parametrize(
    "backend",
    ["mqt.ddsim.qasm_simulator_backend:QasmSimulatorBackend", "iqm.qiskit_iqm:IQMFakeAdonis"],
)
def test_backends_of_vendors_run_in_the_workers(tmp_path: Path, backend: str) -> None:
    circuits = rotations(3)
    write(tmp_path / "c.qpy", circuits)

    ran = subprocess.run(
        [VENDORS, "-m", "qjobs", "run", "c.qpy", "-s", "2000", "--seed", "3", "--json",
         "-b", f"local:{backend}"],
        cwd=tmp_path,
        env=os.environ | {"QJOBS_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )  # fmt: skip

    assert ran.returncode == 0, ran.stderr
    shown = json.loads(ran.stdout)["circuits"]
    for entry, circuit in zip(shown, circuits, strict=True):
        # One of them has noise.
        assert near(CircuitResult(2000, hexadecimal(entry["counts"]), 3), circuit, within=0.2)


def hexadecimal(counts: dict[str, int]) -> dict[str, int]:
    return {hex(int(key, 2)): number for key, number in counts.items()}


def test_controls_on_0_are_put_in_gates_that_the_backend_has(tmp_path: Path) -> None:
    circuit = QuantumCircuit(2)
    circuit.h([0, 1])
    circuit.csx(0, 1, ctrl_state=0)
    circuit.measure_all()
    path = write(tmp_path / "c.qpy", [circuit])

    (result,) = run_here(cut(path, 0, 1), backend="basic_simulator", options=OPTIONS)

    assert result.message == ""
    assert near(result, circuit)
