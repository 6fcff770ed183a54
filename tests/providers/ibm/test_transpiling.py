"""Circuits are made to fit by processes of their own, and weighed; the same however it is done."""

import io
import json
import os
import random
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from math import pi
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit, transpile
from qiskit import qpy as qiskit_qpy
from qiskit.circuit import ForLoopOp, Gate, IfElseOp, Parameter
from qiskit.circuit.library import CZGate, Measure, RXGate, RZGate, RZZGate, SXGate, XGate
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.transpiler import InstructionProperties, Target

from qjobs.circuits import codec, qpy
from qjobs.errors import InputError, JobRefused, ProviderError, UnreadableCircuit
from qjobs.model import Slice
from qjobs.providers.ibm import transpiling
from qjobs.providers.ibm.targets import describe, rebuild
from qjobs.providers.ibm.transpiling import Transpilation, Transpilers
from qjobs.providers.ibm.weights import Scales, Weight, Weights


def line_target(qubits: int = 5, *, error: float = 0.01, reverse: bool = False) -> Target:
    """A line of qubits with `cz` from each to the next only, and control flow."""
    gates = {
        "cz": (CZGate(), [(qubit, qubit + 1) for qubit in range(qubits - 1)]),
        "measure": (Measure(), [(qubit,) for qubit in range(qubits)]),
        "rz": (RZGate(Parameter("angle")), [(qubit,) for qubit in range(qubits)]),
        "sx": (SXGate(), [(qubit,) for qubit in range(qubits)]),
        "x": (XGate(), [(qubit,) for qubit in range(qubits)]),
    }
    target = Target(num_qubits=qubits, dt=1e-9)
    for name in sorted(gates, reverse=reverse):
        gate, places = gates[name]
        known = {
            place: InstructionProperties(1e-8, error) for place in sorted(places, reverse=reverse)
        }
        target.add_instruction(gate, known)

    target.add_instruction(IfElseOp, name="if_else")
    target.add_instruction(ForLoopOp, name="for_loop")
    return target


def random_circuit(seed: int, qubits: int = 4, *, steps: int = 20) -> QuantumCircuit:
    choose = random.Random(seed)
    circuit = QuantumCircuit(qubits, qubits, name=f"random-{seed}")
    for _ in range(steps):
        first, second = choose.sample(range(qubits), 2)
        circuit.u(*(choose.uniform(0, 6) for _ in range(3)), first)
        circuit.cx(first, second)
    circuit.measure(range(qubits), range(qubits))
    return circuit


def transpilation(target: Target | None = None, **settings: object) -> Transpilation:
    given = {"optimization_level": 1, "seed": 7} | settings
    return Transpilation(describe(target or line_target()), **given)  # type: ignore[arg-type]  # the tests give what they name


@pytest.fixture(scope="module")
def two() -> Iterator[Transpilers]:
    with Transpilers(transpilation(), processes=2) as transpilers:
        yield transpilers


# Targets as text


def test_a_target_survives_as_text() -> None:
    text = describe(GenericBackendV2(5, control_flow=True, seed=3).target)
    assert describe(rebuild(text)) == text


def test_the_calibration_does_not_depend_on_the_order_in_which_a_target_was_made() -> None:
    there, back = transpilation(line_target()), transpilation(line_target(reverse=True))
    assert there.calibration == back.calibration


def test_another_error_rate_is_another_calibration() -> None:
    before, after = transpilation(line_target()), transpilation(line_target(error=0.02))
    assert before.calibration != after.calibration


def test_an_operation_that_qiskit_does_not_have_survives() -> None:
    target = line_target()
    target.add_instruction(Gate("spin", 1, [Parameter("t")]), {(0,): None})
    assert rebuild(describe(target)).operation_from_name("spin").num_qubits == 1


def test_unknown_bounds_of_angles_are_no_guess() -> None:
    target = line_target()
    target.add_instruction(RXGate(Parameter("t")), {(0,): None}, angle_bounds=[(0, 1)])
    with pytest.raises(ProviderError, match="bounds for the angles of 'rx'"):
        describe(target)


# Weights


def scales() -> Scales:
    return Scales(line_target())


def test_instructions_are_counted_as_the_service_counts_them() -> None:
    circuit = QuantumCircuit(3, 1)
    circuit.x(0)
    circuit.rz(0.5, 0)
    circuit.cz(0, 1)
    circuit.barrier()
    circuit.cz(0, 1)
    circuit.measure(0, 0)
    assert scales().weigh(circuit) == Weight(50 + 2 + 1 + 5 + 5 + 10, 2)


def test_steps_inside_of_blocks_count_with_every_pass_of_a_loop() -> None:
    circuit = QuantumCircuit(2, 1)
    with circuit.for_loop(range(7)):
        circuit.cz(0, 1)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(1)
    assert scales().weigh(circuit) == Weight(50 + 7 * 5 + 2, 7)


def _step(qubits: int, name: str, *place: int) -> QuantumCircuit:
    circuit = QuantumCircuit(qubits)
    getattr(circuit, name)(*place)
    return circuit


def _in_a_block() -> QuantumCircuit:
    circuit = QuantumCircuit(5, 1)
    body = QuantumCircuit(2)
    body.cz(1, 0)
    circuit.if_else((circuit.clbits[0], 1), body, None, [2, 4], [])
    return circuit


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: QuantumCircuit(6), "it has 6 qubits, the backend 5"),
        (lambda: _step(5, "h", 0), "the backend has no h"),
        (lambda: _step(5, "cz", 1, 0), "the backend has no cz on qubits 1 and 0"),
        (lambda: _step(5, "cz", 0, 2), "the backend has no cz on qubits 0 and 2"),
        (_in_a_block, "the backend has no cz on qubits 4 and 2"),
    ],
)
def test_it_is_said_why_a_circuit_does_not_fit(
    make: Callable[[], QuantumCircuit], reason: str
) -> None:
    assert scales().weigh(make()).misfit == reason


@pytest.mark.parametrize(
    ("angle", "fits"), [(0.1, True), (pi / 2, True), (2.0, False), (-0.1, False)]
)
def test_angles_have_to_be_within_their_bounds(angle: float, fits: bool) -> None:
    target = line_target()
    target.add_instruction(RZZGate(Parameter("t")), {(0, 1): None}, angle_bounds=[(0, pi / 2)])
    circuit = QuantumCircuit(2)
    circuit.rzz(angle, 0, 1)
    circuit.rzz(Parameter("later"), 0, 1)
    assert bool(Scales(target).weigh(circuit).misfit) is not fits


@given(
    st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), min_size=1, max_size=6),
    st.integers(1, 4),
    st.data(),
)
def test_the_weight_of_a_slice_is_that_of_its_runs(
    pairs: list[tuple[int, int]], rows: int, data: st.DataObject
) -> None:
    weights = [Weight(*pair) for pair in pairs]
    runs = [weight for weight in weights for _ in range(rows)]
    start = data.draw(st.integers(0, len(runs) - 1))
    count = data.draw(st.integers(1, len(runs) - start))
    part = runs[start : start + count]
    assert Weights(weights, rows=rows).of(Slice(start, count)) == Weight(
        sum(weight.instructions for weight in part),
        sum(weight.two_qubit_gates for weight in part),
    )


def test_a_passed_limit_is_named() -> None:
    assert not Weight(26_800_000, 5_000_000).excess()
    assert "instructions on one qubit" in Weight(26_800_001, 0).excess()
    assert "two-qubit gates" in Weight(0, 5_000_001).excess()


def test_the_first_circuits_that_do_not_fit_are_named() -> None:
    fine, bad = Weight(50, 0), Weight(50, 0, "the backend has no h")
    Weights([fine, fine]).check_fit("ibm:x")
    with pytest.raises(InputError) as caught:
        Weights([fine, bad, fine, bad, bad, bad]).check_fit("ibm:x", start_index=10)
    assert caught.value.message == (
        "4 of 6 circuits do not fit ibm:x as they are: circuit 11: the backend has no h; "
        "circuit 13: the backend has no h; circuit 14: the backend has no h; and 1 more"
    )


# Pieces


@pytest.fixture(scope="module")
def files() -> dict[int, bytes]:
    circuits = [random_circuit(seed, steps=seed) for seed in range(9)]
    made = {}
    for version in (16, 17, 18):
        # Version 16 says where a record is in the stream, others where it is in the file.
        buffer = io.BytesIO(before := b"before it")
        buffer.seek(len(before))
        qiskit_qpy.dump(circuits, buffer, version=version)
        made[version] = buffer.getvalue()[len(before) :]
    return made


@pytest.mark.parametrize("version", [16, 17, 18])
@settings(max_examples=20, deadline=None)
@given(circuits=st.integers(1, 10), size_bytes=st.integers(1, 10_000))
def test_what_is_cut_can_be_read_and_joined(
    files: dict[int, bytes], version: int, circuits: int, size_bytes: int
) -> None:
    data = files[version]
    container = qpy.Container(data)
    runs = list(container.runs(circuits=circuits, size_bytes=size_bytes))
    pieces = [container.cut(run) for run in runs]
    decoded = [codec.decode(piece) for piece in pieces]
    assert [len(part) for part in decoded] == [run.experiments_count for run in runs]
    assert max(map(len, decoded)) <= circuits
    assert all(
        len(part) == 1 or len(piece) - qpy.first_record(len(part)) <= size_bytes
        for part, piece in zip(decoded, pieces, strict=True)
    )
    assert list(chain.from_iterable(decoded)) == codec.decode(data)
    assert codec.decode(qpy.joined(pieces)) == codec.decode(data)


@given(st.integers(0, 5000), st.integers(0, 255))
def test_a_damaged_file_is_refused_or_cut(files: dict[int, bytes], at: int, byte: int) -> None:
    damaged = bytearray(files[18][: max(at, 20)])
    damaged[at % len(damaged)] = byte
    try:
        container = qpy.Container(bytes(damaged))
        for run in container.runs(circuits=2, size_bytes=10_000):
            container.cut(run)
    except InputError as error:
        assert "the QPY data" in error.message  # noqa: PT017 - or it is cut


# Transpiling


def test_circuits_come_out_fitting_and_in_order(two: Transpilers) -> None:
    circuits = [random_circuit(seed) for seed in range(40)]
    made = two.transpile(codec.encode(circuits))
    assert [circuit.name for circuit in codec.decode(made.qpy)] == [c.name for c in circuits]
    assert made.weights == tuple(scales().weigh(circuit) for circuit in codec.decode(made.qpy))
    assert not any(weight.misfit for weight in made.weights)


def test_circuits_are_those_that_qiskit_makes(two: Transpilers) -> None:
    circuits = [random_circuit(seed) for seed in range(5)]
    expected = transpile(
        circuits,
        target=rebuild(describe(line_target())),
        optimization_level=1,
        seed_transpiler=7,
        num_processes=1,
    )
    assert codec.decode(two.transpile(codec.encode(circuits)).qpy) == expected


def test_circuits_are_the_same_however_they_are_cut_and_by_whom(two: Transpilers) -> None:
    circuits = [random_circuit(seed) for seed in range(40)]
    with Transpilers(transpilation(line_target(reverse=True)), processes=1) as one:
        expected = one.transpile(codec.encode(circuits)).qpy
    slices = [codec.encode(circuits[start : start + 7]) for start in range(0, 40, 7)]
    with ThreadPoolExecutor(8) as threads:
        made = [done.qpy for done in threads.map(two.transpile, slices)]
    assert qpy.joined(made) == expected


@pytest.mark.slow
def test_another_seed_gives_other_circuits(two: Transpilers) -> None:
    data = codec.encode([random_circuit(seed) for seed in range(10)])
    with Transpilers(transpilation(seed=8), processes=1) as other:
        assert other.transpile(data).qpy != two.transpile(data).qpy


def test_a_circuit_made_for_the_target_stays_as_it_is(two: Transpilers) -> None:
    wasteful = QuantumCircuit(5)
    for _ in range(4):
        wasteful.x(3)
    small = QuantumCircuit(2)
    small.x(0)
    made = codec.decode(two.transpile(codec.encode([wasteful, small])).qpy)
    assert made[0] == wasteful
    assert made[1].num_qubits == 5


def test_parameters_are_kept(two: Transpilers) -> None:
    circuit = QuantumCircuit(2)
    circuit.rx(Parameter("a"), 0)
    circuit.cx(0, 1)
    circuit.ry(Parameter("b"), 1)
    (made,) = codec.decode(two.transpile(codec.encode([circuit])).qpy)
    assert [parameter.name for parameter in made.parameters] == ["a", "b"]


@pytest.mark.slow
def test_layouts_are_kept_where_they_are_wanted(two: Transpilers) -> None:
    data = codec.encode([random_circuit(0)])
    with Transpilers(transpilation(keep_layouts=True), processes=1) as keeping:
        (kept,) = codec.decode(keeping.transpile(data).qpy)
    (dropped,) = codec.decode(two.transpile(data).qpy)
    assert kept == dropped
    assert kept.layout.final_index_layout()
    assert dropped.layout is None


def test_weighing_changes_nothing_and_sends_nothing_back(two: Transpilers) -> None:
    circuits = [random_circuit(seed) for seed in range(20)]
    assert two.weigh(codec.encode(circuits)) == tuple(scales().weigh(c) for c in circuits)


def test_the_circuit_that_cannot_be_transpiled_is_named(two: Transpilers) -> None:
    opaque = QuantumCircuit(1)
    opaque.append(Gate("mystery", 1, []), [0])
    data = codec.encode([random_circuit(seed) for seed in range(17)] + [opaque])
    with pytest.raises(JobRefused, match=r"circuit 117 cannot be transpiled: .*mystery"):
        two.transpile(data, start_index=100)
    assert two.transpile(codec.encode([random_circuit(0)]))


def test_calls_that_fail_leave_room_for_others(two: Transpilers) -> None:
    failing = codec.encode([QuantumCircuit(9)] * 100)
    for _ in range(5):
        with pytest.raises(JobRefused):
            two.transpile(failing)
    assert two.transpile(codec.encode([random_circuit(0)]))


def test_a_circuit_that_is_too_wide_is_named(two: Transpilers) -> None:
    with pytest.raises(JobRefused, match=r"circuit 3 cannot be transpiled: .*qubits"):
        two.transpile(codec.encode([QuantumCircuit(9)]), start_index=3)


def test_what_is_no_qpy_is_refused(two: Transpilers) -> None:
    with pytest.raises(InputError, match="the QPY data is not a whole QPY file"):
        two.transpile(b"QISKIT is not enough")


# Processes


def process_ids(transpilers: Transpilers) -> list[int]:
    return [process.pid for process in transpilers._started]


def wait_for_end(process_id: int) -> bool:
    try:
        handle = os.pidfd_open(process_id)
    except ProcessLookupError:
        return True
    with os.fdopen(handle):
        return bool(select.select([handle], [], [], 30)[0])


@pytest.mark.slow
def test_a_dead_process_fails_its_circuits_and_is_replaced() -> None:
    data = codec.encode([random_circuit(seed) for seed in range(3)])
    with Transpilers(transpilation(), processes=1) as transpilers:
        expected = transpilers.transpile(data)
        (victim,) = process_ids(transpilers)
        os.kill(victim, signal.SIGKILL)
        with pytest.raises(JobRefused, match=r"circuits 6-8 .* killed by signal 9"):
            transpilers.transpile(data, start_index=6)
        assert transpilers.transpile(data) == expected


@pytest.mark.slow
def test_processes_are_not_replaced_for_ever() -> None:
    data = codec.encode([random_circuit(0)])
    with Transpilers(transpilation(), processes=1, longest_piece_s=0.001) as transpilers:
        for _ in range(transpiling.MOST_DEATHS):
            with pytest.raises(JobRefused, match="cannot start: it took longer than"):
                transpilers.transpile(data)
        with pytest.raises(JobRefused, match="5 processes that transpile have died"):
            transpilers.transpile(data)
        assert not transpilers._started


@pytest.mark.slow
def test_a_target_that_cannot_be_read_is_said() -> None:
    with (
        Transpilers(Transpilation('{"format": 99}', 1, 0), processes=1) as transpilers,
        pytest.raises(JobRefused, match="cannot start: ValueError: a target in format 99"),
    ):
        transpilers.transpile(codec.encode([QuantumCircuit(1)]))


@pytest.mark.slow
def test_no_more_processes_are_started_than_there_is_work_for() -> None:
    with Transpilers(transpilation(), processes=8) as transpilers:
        assert not transpilers._started
        transpilers.transpile(codec.encode([random_circuit(0)]))
        assert len(transpilers._started) == 1


@pytest.mark.slow
def test_closing_ends_the_processes_and_the_calls() -> None:
    data = codec.encode([random_circuit(seed, steps=100) for seed in range(400)])
    failures: list[Exception] = []

    def call() -> None:
        try:
            transpilers.transpile(data)
        except JobRefused as error:
            failures.append(error)

    transpilers = Transpilers(transpilation(), processes=1)
    transpilers.transpile(codec.encode([random_circuit(0)]))
    ids = process_ids(transpilers)
    callers = [threading.Thread(target=call) for _ in range(3)]
    for caller in callers:
        caller.start()
    transpilers.close()
    for caller in callers:
        caller.join()
    assert [str(failure) for failure in failures] == ["transpiling was stopped"] * 3
    assert all(wait_for_end(process_id) for process_id in ids)


def test_ctrl_c_does_not_reach_the_processes(two: Transpilers) -> None:
    two.transpile(codec.encode([random_circuit(0)]))
    assert all(os.getsid(process_id) != os.getsid(0) for process_id in process_ids(two))


_DIES = """
import os, signal, sys
from qjobs.providers.ibm.transpiling import Transpilation, Transpilers
target, data = (open(path, "rb").read() for path in sys.argv[1:])
transpilers = Transpilers(Transpilation(target.decode(), 1, 7), processes=1)
transpilers.transpile(data)
print(*(process.pid for process in transpilers._started), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.slow
def test_processes_die_with_their_parent(tmp_path: Path) -> None:
    target, data = tmp_path / "target", tmp_path / "circuits.qpy"
    target.write_text(describe(line_target()))
    data.write_bytes(codec.encode([random_circuit(0)]))
    command = [sys.executable, "-c", _DIES, str(target), str(data)]
    parent = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    assert parent.returncode == -signal.SIGKILL
    assert wait_for_end(int(parent.stdout))


def test_our_side_loads_nothing_slow() -> None:
    check = (
        "import sys, qjobs.providers.ibm.transpiling\n"
        "print(*{'qiskit', 'numpy', 'concurrent.futures'} & set(sys.modules))"
    )
    seen = subprocess.run([sys.executable, "-c", check], stdout=subprocess.PIPE, check=True)
    assert not seen.stdout.strip()


def imported_by_a_process(target: Target) -> str:
    """What a process says it imported to be ready for a target."""
    text = describe(target).encode()
    settings = transpilation(target)._asdict() | {"bytes": len(text)}
    del settings["target"]
    done = subprocess.run(
        [
            *(sys.executable, "-X", "importtime", "-m", "qjobs.providers.ibm.transpiler"),
            *(str(os.getpid()), "1"),
        ],
        input=json.dumps(settings).encode() + b"\n" + text,
        capture_output=True,
        check=True,
    )
    assert json.loads(done.stdout) == {"ready": True, "bytes": 0}
    return done.stderr.decode()


@pytest.mark.slow
def test_a_process_does_without_the_client() -> None:
    assert "qiskit_ibm_runtime." not in imported_by_a_process(line_target())


@pytest.mark.slow
def test_a_process_loads_the_client_for_angles_with_bounds() -> None:
    target = line_target()
    bounds = [(0, pi / 2)]
    target.add_instruction(RZZGate(Parameter("t")), {(0, 1): None}, angle_bounds=bounds)
    assert "qiskit_ibm_runtime." in imported_by_a_process(target)


# What the client's own backends give


@pytest.mark.slow
@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_circuits_for_a_device_are_those_that_qiskit_makes_for_it(level: int) -> None:
    from qiskit.transpiler import generate_preset_pass_manager
    from qiskit_ibm_runtime.fake_provider import FakeTorino
    from qiskit_ibm_runtime.utils.utils import is_isa_circuit

    backend = FakeTorino()
    circuits = [random_circuit(seed, 3 + seed) for seed in range(8)]
    with Transpilers(transpilation(backend.target, optimization_level=level), processes=2) as two:
        made = two.transpile(codec.encode(circuits))
    manager = generate_preset_pass_manager(level, backend=backend, seed_transpiler=7)
    assert codec.decode(made.qpy) == [manager.run(circuit) for circuit in circuits]
    ours = Scales(backend.target)
    for circuit in [*circuits, *codec.decode(made.qpy)]:
        assert bool(ours.weigh(circuit).misfit) is bool(is_isa_circuit(circuit, backend.target))


@pytest.mark.slow
def test_angles_are_brought_within_their_bounds() -> None:
    target = line_target()
    places = {(qubit, qubit + 1): None for qubit in range(4)}
    target.add_instruction(RZZGate(Parameter("t")), places, angle_bounds=[(0, pi / 2)])
    circuits = []
    for angle in (-2.0, 0.3, 2.0, 4.0):
        circuit = QuantumCircuit(2)
        circuit.rzz(angle, 0, 1)
        circuits.append(circuit)
    with Transpilers(transpilation(target), processes=1) as one:
        made = one.transpile(codec.encode(circuits))
    assert not any(weight.misfit for weight in made.weights)


@pytest.mark.slow
@pytest.mark.parametrize("request_", ["transpile", "weigh"])
def test_a_circuit_that_cannot_be_read_is_named(two: Transpilers, request_: str) -> None:
    circuits = [random_circuit(seed) for seed in range(20)]
    circuits[18].sdg(0)
    data = codec.encode(circuits).replace(b"SdgGate", b"No_Gate")
    with pytest.raises(UnreadableCircuit, match=r"circuit 118 \(random-18\): ") as caught:
        getattr(two, request_)(data, start_index=100)
    assert caught.value.others


@pytest.mark.slow
def test_a_gate_called_like_one_of_the_targets_runs_by_its_definition(two: Transpilers) -> None:
    definition = QuantumCircuit(2, name="cz")
    definition.x(1)
    circuit = QuantumCircuit(5, 2)
    circuit.append(definition.to_gate(), [0, 1])
    circuit.measure([0, 1], [0, 1])
    (made,) = codec.decode(two.transpile(codec.encode([circuit])).qpy)
    assert dict(made.count_ops()) == {"x": 1, "measure": 2}
    weighed = two.weigh(codec.encode([circuit]))
    assert "own_cz" in weighed[0].misfit
