"""Circuits of a job side by side in several processes give what one process gives."""

import json
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from support.exact import branches, check_counts, probabilities
from support.local_jobs import rotations, write, write_sweep

from qjobs.children.child import exit_reason
from qjobs.circuits.slices import CircuitSlice
from qjobs.model import RunOptions, Slice
from qjobs.results import JobResult
from qjobs.simulators import ending, parts
from qjobs.simulators.ending import Ended
from qjobs.simulators.job import SimulatorJob
from qjobs.simulators.making import make_job
from qjobs.simulators.sharing import Share

pytestmark = pytest.mark.slow

CORES = 3
SHARE = Share(CORES, 8 << 30)
TOO_WIDE = 60


def too_wide() -> QuantumCircuit:
    """No machine has the memory for its state."""
    circuit = QuantumCircuit(TOO_WIDE)
    for qubit in range(TOO_WIDE):
        circuit.rx(0.1, qubit)
        circuit.t(qubit)
        circuit.cx(qubit, (qubit + 7) % TOO_WIDE)
    circuit.measure_all()
    return circuit


def in_one_process(job: SimulatorJob) -> tuple[Ended, JobResult]:
    kept: list[bytes] = []
    ended = ending.end(job, threads=1, keep=kept.append)
    return ended, JobResult(b"".join(kept))


def side_by_side(
    job: SimulatorJob, share: Share = SHARE, beat: Callable[[], object] = bool
) -> tuple[Ended, JobResult]:
    kept: list[bytes] = []
    ended = parts.end(job, share, keep=kept.append, died=exit_reason, beat=beat, beat_s=0.05)
    return ended, JobResult(b"".join(kept))


def lines(result: JobResult) -> list[dict[str, object]]:
    """The results, without what is said about the whole job."""
    found = [json.loads(line) for line in result.lines()]
    for line in found:
        line.pop("job", None)
    return found


def sweep(folder: Path) -> CircuitSlice:
    a, b = Parameter("a"), Parameter("b")
    circuits = []
    for shift in (0.2, 0.9):
        circuit = QuantumCircuit(2)
        circuit.ry(a + shift, 0)
        circuit.cx(0, 1)
        circuit.rx(b, 1)
        circuit.measure_all()
        circuits.append(circuit)
    values = np.random.default_rng(4).uniform(-3, 3, (20, 2))
    rows = write_sweep(folder / "values.npy", ("a", "b"), values)
    return CircuitSlice(write(folder / "c.qpy", circuits), Slice(3, 31), rows)


def plain(folder: Path) -> CircuitSlice:
    return CircuitSlice(write(folder / "c.qpy", rotations(40)), Slice(2, 37))


@pytest.mark.parametrize("given", [plain, sweep])
@pytest.mark.parametrize("backend", ["aer", "statevector", "generic_3", "basic_simulator"])
def test_order_seeds_and_answers_are_those_of_one_process(
    tmp_path: Path, given: Callable[[Path], CircuitSlice], backend: str
) -> None:
    options = RunOptions(shots=50, seed=7, memory=True)
    job = make_job("j", given(tmp_path), backend=backend, options=options)

    ended, result = side_by_side(job)
    alone, expected = in_one_process(job)

    assert ended == alone == Ended(failed="")
    assert lines(result) == lines(expected)
    assert len(result) == job.experiments_count
    assert {*result.about} == {*expected.about} == {"time_taken", "date"}


def test_each_circuit_has_its_own_answer(tmp_path: Path) -> None:
    circuits = rotations(25)
    whole = CircuitSlice(write(tmp_path / "c.qpy", circuits), Slice(0, 25))
    job = make_job("j", whole, backend="aer", options=RunOptions(shots=2000, seed=5))

    _, result = side_by_side(job)

    for circuit, one in zip(circuits, result.circuits(), strict=True):
        check_counts(one.counts or {}, probabilities(branches(circuit)), 2000)


def test_circuits_that_fail_are_counted_in_the_whole_job(tmp_path: Path) -> None:
    circuits = rotations(30)
    for index in (4, 5, 6, 7, 17, 29):
        circuits[index] = too_wide()
    whole = CircuitSlice(write(tmp_path / "c.qpy", circuits), Slice(1, 29))
    job = make_job("j", whole, backend="statevector", options=RunOptions(shots=10, seed=5))

    ended, result = side_by_side(job)
    alone, expected = in_one_process(job)

    assert ended == alone
    assert ended.failed == "3-6,16,28"
    assert lines(result) == lines(expected)


def test_a_job_all_of_whose_circuits_fail_has_a_message_and_keeps_nothing(tmp_path: Path) -> None:
    whole = CircuitSlice(write(tmp_path / "c.qpy", [too_wide()] * 13), Slice(0, 13))
    job = make_job("j", whole, backend="statevector", options=RunOptions(shots=10))

    ended, result = side_by_side(job)

    assert (ended, result) == in_one_process(job)
    assert ended.message.startswith("circuit 0: ")
    assert ended.message.endswith("; and 10 more")


def test_a_file_that_was_changed_is_what_the_job_s_message_is_about(tmp_path: Path) -> None:
    job = make_job("j", plain(tmp_path), backend="aer", options=RunOptions())
    write(Path(job.file), rotations(41))

    ended, result = side_by_side(job)

    assert (ended, result) == in_one_process(job)
    assert "was changed" in ended.message


def test_a_process_that_is_killed_ends_the_job_and_the_others_with_it(tmp_path: Path) -> None:
    job = make_job("j", plain(tmp_path), backend="aer", options=RunOptions(shots=10))

    def children() -> list[int]:
        tasks = Path(f"/proc/{os.getpid()}/task").glob("*/children")
        return [
            int(pid)
            for task in tasks
            for pid in task.read_text().split()
            if b"qjobs.simulators.part" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]

    seen: list[int] = []

    def kill_one() -> None:
        if not seen and (found := children()):
            seen.extend(found)
            os.kill(found[0], signal.SIGKILL)

    ended, result = side_by_side(job, beat=kill_one)

    assert ended.message == "the process that ran its circuits " + exit_reason(-signal.SIGKILL)
    assert not result.body
    assert len(seen) == CORES
    assert not children()


@pytest.mark.parametrize(
    ("cores", "memory_bytes", "circuits", "at_once", "threads"),
    [
        (8, 64 << 30, 100, 8, 1),
        (8, 64 << 30, 2, 2, 4),
        (8, 64 << 30, 1, 1, 8),
        (8, 10 << 30, 100, 2, 4),  # a state of 28 qubits takes 4 GiB
        (8, 1 << 30, 100, 3, 2),  # it does not fit: Aer runs it by another method, or not
        (1, 64 << 30, 100, 1, 1),
    ],
)
def test_as_many_run_at_once_as_there_are_cores_and_memory_for(
    tmp_path: Path, cores: int, memory_bytes: int, circuits: int, at_once: int, threads: int
) -> None:
    job = make_job("j", plain(tmp_path), backend="aer", options=RunOptions())
    wide = replace(job, qubits=28)

    share = Share(cores, memory_bytes)

    assert share.side_by_side(wide, circuits, each_bytes=300 << 20) == at_once
    assert cores // at_once == threads
