"""Jobs are what the client itself would send, made without asking anybody."""

import io
import json
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit, transpile
from qiskit import qpy as qiskit_qpy
from qiskit_ibm_runtime import Session
from qiskit_ibm_runtime.fake_provider import FakeLagosV2
from qiskit_ibm_runtime.json import RuntimeDecoder
from qiskit_ibm_runtime.quantum_program.params_converters import QUANTUM_PROGRAM_PARAMS_CONVERTERS

from qjobs.circuits import codec
from qjobs.circuits.layout import Layout
from qjobs.errors import JobRefused, ProviderError, UsageError
from qjobs.model import RunOptions
from qjobs.providers.ibm.account import known_client
from qjobs.providers.ibm.known_jobs import Call, KnownJobs
from qjobs.providers.ibm.options import JobOptions
from qjobs.providers.ibm.program import Device, load_primitives
from qjobs.providers.ibm.pubs import _placed
from qjobs.providers.ibm.settings import Settings
from qjobs.tags import set_tag_of

OPTIONS = RunOptions(shots=321, seed=3)


@pytest.fixture(scope="module")
def device() -> Device:
    fake = FakeLagosV2()
    folder = Path(fake.dirname)
    configuration = json.loads((folder / fake.conf_filename).read_text())
    properties = json.loads((folder / fake.props_filename).read_text())
    return Device(load_primitives(), configuration, lambda: properties, instance="crn:test")


def native(name: str, angle: float = 0.5) -> QuantumCircuit:
    circuit = QuantumCircuit(7, 2, name=name)
    circuit.rz(angle, 0)
    circuit.cx(0, 1)
    circuit.measure([0, 1], [0, 1])
    return circuit


def decoded(device: Device, body: str) -> Any:
    """The program in a body, by the client's own code."""
    params = json.loads(body, cls=RuntimeDecoder)["params"]
    converter = QUANTUM_PROGRAM_PARAMS_CONVERTERS[params["schema_version"]]
    return converter.decoder(converter.model(**params))[0]


def test_a_job_of_bytes_is_the_job_that_the_sampler_makes(device: Device) -> None:
    circuits = [native(f"n{number}", number) for number in range(3)]
    job = JobOptions(max_execution_time=60, private=True, session="s-1")

    inputs = device.sample_qpy(codec.encode(circuits), OPTIONS, job)
    assert inputs is not None
    ours = device.body(inputs, job, tags=["a", "b"])
    theirs = device.body(device.sample(circuits, OPTIONS, job), job, tags=["a", "b"])

    bodies = [json.loads(body) for body in (ours, theirs)]
    for body in bodies:
        assert body["params"]["quantum_program"]["circuits"].pop("b64_data")
    assert bodies[0] == bodies[1]
    assert {name: bodies[0][name] for name in ("tags", "cost", "private", "session_id")} == {
        "tags": ["a", "b"],
        "cost": 60,
        "private": True,
        "session_id": "s-1",
    }
    program = decoded(device, ours)
    assert program.shots == 321
    assert [item.circuit for item in program.items] == circuits


def test_what_the_client_changes_itself_is_left_to_it(device: Device) -> None:
    job = JobOptions(primitive=(("twirling.enable_measure", True),))
    circuits = [native("n")]

    assert device.sample_qpy(codec.encode(circuits), OPTIONS, job) is None
    assert device.sample(circuits, OPTIONS, job).program == "executor"


def test_an_older_qpy_is_sent_as_it_is(device: Device) -> None:
    file = io.BytesIO()
    qiskit_qpy.dump([native("old")], file, version=16)

    inputs = device.sample_qpy(file.getvalue(), OPTIONS, JobOptions())

    assert inputs is not None
    program = decoded(device, device.body(inputs, JobOptions(), tags=[]))
    assert [item.circuit for item in program.items] == [native("old")]


def test_a_session_of_the_caller_is_not_used(device: Device) -> None:
    with Session(backend=FakeLagosV2()):
        inputs = device.sample([native("n")], OPTIONS, JobOptions())

    assert "session_id" not in device.body(inputs, JobOptions(), tags=[])


def test_no_warning_of_the_client_is_seen(device: Device) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        device.sample([native("n")], OPTIONS, JobOptions(max_execution_time=5))


def test_circuits_that_the_client_refuses_are_refused(device: Device) -> None:
    boxed = QuantumCircuit(7, 1)
    with boxed.box():
        boxed.x(0)
    boxed.measure(0, 0)

    with pytest.raises(JobRefused):
        device.sample([boxed], OPTIONS, JobOptions())


def test_an_option_of_the_wrong_kind_is_refused(device: Device) -> None:
    with pytest.raises(UsageError, match=r"twirling\.enable_gates"):
        device.check(JobOptions(primitive=(("twirling.enable_gates", "perhaps"),)))
    with pytest.raises(UsageError):
        device.check(JobOptions(primitive=(("resilience.zne", 1),)))


# Observables


@given(st.permutations(range(4)), st.sampled_from(["ZIII", "IXYI", "0+-1", "XYZI"]))
@settings(max_examples=20, deadline=None)
def test_observables_follow_the_qubits(order: list[int], label: str) -> None:
    original = QuantumCircuit(4)
    original.h(0)
    original.cx(0, 3)
    target = FakeLagosV2().target
    circuit = transpile(
        original, target=target, initial_layout=[order[q] for q in range(4)], seed_transpiler=1
    )

    (placed,) = _placed(original, circuit, [{label: 2.0}])

    ((found, factor),) = placed.items()
    ends = circuit.layout.final_index_layout()
    assert factor == 2.0
    assert len(found) == 7
    assert [found[::-1][ends[qubit]] for qubit in range(4)] == list(label[::-1])
    assert sum(letter != "I" for letter in found) == sum(letter != "I" for letter in label)


def test_observables_of_a_circuit_that_fitted_stay() -> None:
    circuit = native("a")
    assert _placed(circuit, circuit, [{"ZIIIIII": 1.0}]) == [{"ZIIIIII": 1.0}]


# Settings, and what is kept


def test_settings_are_read_and_wrong_ones_are_named() -> None:
    assert Settings.read({"settle_s": "2.5", "account": "work"})[:1] == ("work",)
    assert Settings.read({}).submits_per_minute == 5
    assert Settings.read({"settle_s": ""}) == Settings.read({})
    for value in ("many", "-1", "0", "nan", "1e99", 0, []):
        with pytest.raises(UsageError, match="connections"):
            Settings.read({"connections": value})


def call(tag: str, layouts: list[Layout] | None = None) -> Call:
    return Call(
        tag, set_tag_of(tag), "ibm_x", "crn:x", "executor", 1.5, "d", 9, True, layouts or []
    )


def test_what_is_kept_is_what_was_given(tmp_path: Path) -> None:
    layouts = [Layout(3, (("a", 1), ("ü", 2)), (2, 0, 1))] * 3 + [Layout(0, ())]
    given_ = call("qj-set-1-2-3", layouts)

    KnownJobs(tmp_path).intend(given_)
    KnownJobs(tmp_path).accept(given_.tag, "j1")

    again = KnownJobs(tmp_path)
    assert again.of_job("j1") == given_._replace(job_id="j1")
    assert again.of_jobs(["j1", "j2"])["j1"].series == "qj-set-1"
    assert again.tagged("other") is None
    assert again.knows_backend("ibm_x")
    assert not again.knows_backend("ibm_y")


def test_many_processes_may_start_at_once(tmp_path: Path) -> None:
    program = f"""
from pathlib import Path
from qjobs.providers.ibm.known_jobs import Call, KnownJobs
import sys
for number in range(20):
    tag = f"t-{{sys.argv[1]}}-{{number}}"
    calls = KnownJobs(Path({str(tmp_path)!r}))
    calls.intend(Call(tag, "t", "b", "i", "p", 0.0, "d", 1, False))
    calls.accept(tag, tag)
"""
    processes = [
        subprocess.Popen([sys.executable, "-c", program, str(number)], stderr=subprocess.PIPE)
        for number in range(4)
    ]

    assert [process.communicate(timeout=60)[1] for process in processes] == [b""] * 4
    assert KnownJobs(tmp_path).jobs_in("t") == 80


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "calls.sqlite").write_bytes(b"not a database at all" * 100)

    with pytest.raises(ProviderError, match=r"calls\.sqlite"):
        KnownJobs(tmp_path).tagged("t")


# The client


def test_another_build_of_the_client_is_named() -> None:
    def use() -> None:
        with known_client():
            import qiskit_ibm_runtime.no_such_module  # noqa: F401  # it cannot be

    with pytest.raises(ProviderError, match="not built as qjobs knows it") as caught:
        use()
    assert "0.51" in caught.value.hint


def test_looking_at_jobs_loads_no_primitive_and_leaves_the_client_whole() -> None:
    program = """
import sys
from pathlib import Path
from qjobs.providers.ibm.provider import IbmProvider
from qjobs.contract import ProviderContext
IbmProvider(ProviderContext(Path("none")))
print("qiskit_ibm_runtime.executor_sampler" in sys.modules)
import qiskit_ibm_runtime
from qiskit_ibm_runtime import QiskitRuntimeService
print(type(qiskit_ibm_runtime), qiskit_ibm_runtime.SamplerV2.__name__, qiskit_ibm_runtime.api)
try:
    qiskit_ibm_runtime.no_such_thing
except AttributeError as error:
    print(error)
"""
    outcome = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=120
    )

    first, second, third = outcome.stdout.splitlines()
    assert first == "False"
    assert second.startswith("<class 'module'> SamplerV2 <module 'qiskit_ibm_runtime.api'")
    assert "no_such_thing" in third
